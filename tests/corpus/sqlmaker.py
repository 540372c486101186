"""Random statements over schema.sql, seeded and mostly valid, with what the maker knows that each of them touches.

A second opinion on facts: the maker knows which column it wrote into a text because it wrote it there, not because it
parsed the text.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

Path = tuple[str, str]

NUMBER, TEXT, DATE = "integer", "text", "date"
RELATIONS: Mapping[str, Mapping[str, str]] = {
    "customers": {"id": NUMBER, "name": TEXT, "email": TEXT, "ssn": TEXT},
    "orders": {"id": NUMBER, "customer_id": NUMBER, "total": NUMBER, "status": TEXT},
    "order_lines": {"order_id": NUMBER, "line": NUMBER, "product": TEXT, "price": NUMBER},
    "payments": {"id": NUMBER, "paid_at": DATE, "amount": NUMBER},
    "payments_2026": {"id": NUMBER, "paid_at": DATE, "amount": NUMBER},
    "people": {"id": NUMBER, "name": TEXT},
    "managers": {"id": NUMBER, "name": TEXT, "level": NUMBER},
    "hr.employees": {"id": NUMBER, "name": TEXT, "salary": NUMBER, "boss": NUMBER},
    "shadow.orders": {"id": NUMBER, "pub": TEXT},
    "regions": {"code": TEXT, "name": TEXT},
    "shops": {"id": NUMBER, "region": TEXT, "name": TEXT},
    "shelves": {"shop": NUMBER, "label": TEXT},
    "notes": {"id": NUMBER, "shop": NUMBER, "label": TEXT, "body": TEXT},
    "prices": {"id": NUMBER, "amount": NUMBER, "owner": TEXT},
    "letters": {"id": NUMBER, "body": TEXT},
    "audit_trail": {"id": NUMBER, "what": TEXT},
    "members": {"id": NUMBER, "name": TEXT},
    "secrets": {"id": NUMBER, "owner": TEXT, "body": TEXT},
    "titles": {"id": NUMBER, "title": TEXT},
    "active_customers": {"id": NUMBER, "name": TEXT, "email": TEXT},
    "customer_names": {"name": TEXT},
    "customer_rows": {"id": NUMBER},
    "revenue": {"name": TEXT, "total": NUMBER},
    "revenue_copy": {"name": TEXT, "total": NUMBER},
    "order_summaries": {"id": NUMBER, "summary": TEXT},
    "open_letters": {"id": NUMBER, "body": TEXT},
    "shop_names": {"id": NUMBER, "name": TEXT},
    "all_shops": {"id": NUMBER, "name": TEXT},
}
_VIEWS = frozenset(
    ["active_customers", "customer_names", "customer_rows", "revenue", "revenue_copy", "order_summaries", "all_shops"]
)
WRITABLE = tuple(name for name in RELATIONS if name not in _VIEWS)
_CONSTANTS = {NUMBER: ("1", "2", "7", "-3"), TEXT: ("'open'", "'n'", "'a'", "'x.y'"), DATE: ("date '2026-03-04'",)}
_SAME = {
    NUMBER: ("{0} + {1}", "coalesce({0}, {1})", "abs({0})", "nullif({0}, {1})", "greatest({0}, {1})",
             "case when {0} > {1} then {0} else {1} end", "({0})::numeric", "order_total(({0})::integer)"),
    TEXT: ("{0} || {1}", "upper({0})", "coalesce({0}, {1})", "left({0}, 3)", "concat_ws(',', {0}, {1})",
           "({0})::varchar::text", "replace({0}, 'a', {1})", "md5({0})"),
    DATE: ("greatest({0}, {1})", "coalesce({0}, {1})"),
}  # fmt: skip
_CONDITIONS = {
    NUMBER: ("{0} > {1}", "{0} = {1}", "{0} between 1 and {1}", "{0} in (1, 2, {1})", "{0} is distinct from {1}",
             "{0} is null", "not ({0} < {1})"),
    TEXT: ("{0} like {1} || '%'", "{0} = {1}", "{0} ~ 'a'", "length({0}) > 2", "{0} is not null",
           "({0}, 1) = ({1}, 1)", "{0} = any (array[{1}]::text[])"),
    DATE: ("{0} > {1}", "extract(year from {0}) = 2026", "{0} is null"),
}  # fmt: skip
_AGGREGATES = ("count({})", "min({}::text)", "max({}::text)", "array_agg({}::text)", "count(distinct {})",
               "json_agg({}::text)", "count(*) filter (where {} is not null)",
               "string_agg(({})::text, ',' order by {})")  # fmt: skip
_WINDOWS = ("row_number() over (order by {})", "lag({}::text) over (partition by {})", "count({}::text) over ()",
            "rank() over (order by {} desc rows unbounded preceding)")  # fmt: skip


@dataclass
class Made:
    """A statement and what it certainly touches. `reads`: (relation, column); `writes`: (relation, insert …)."""

    text: str = ""
    reads: set[tuple[Path, str]] = field(default_factory=set)
    relations: set[Path] = field(default_factory=set)
    writes: set[tuple[Path, str]] = field(default_factory=set)
    whole: set[Path] = field(default_factory=set)
    """Relations of whose rows single columns are taken, `(t).c`: the server wants the right to all of them."""


@dataclass(frozen=True)
class _Item:
    """Something in FROM: its alias, and its columns with their types. `path` None: a subquery."""

    alias: str
    columns: Mapping[str, str]
    path: Path | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    """Column as the text calls it → as the relation does."""


class Maker:
    """One stream of statements."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.made = Made()
        self._number = 0

    def statement(self) -> Made:
        """The next statement."""
        self.made, self._number = Made(), 0
        kinds: Sequence[tuple[Callable[[], str], int]] = (
            (lambda: self.query(3), 56), (self.insert, 8), (self.update, 9), (self.delete, 7), (self.merge, 4),
            (self.with_writes, 4), (self.other, 12),
        )  # fmt: skip
        make = self.rng.choices([kind for kind, _ in kinds], [weight for _, weight in kinds])[0]
        self.made.text = make()
        return self.made

    # -- names ------------------------------------------------------------------------------------------------------
    def _name(self, letter: str) -> str:
        self._number += 1
        return f"{letter}{self._number}"

    def _chance(self, share: float) -> bool:
        return self.rng.random() < share

    def _relation(self, names: Sequence[str] = tuple(RELATIONS)) -> tuple[str, Path]:
        name = self.rng.choice(names)
        schema, _, bare = name.rpartition(".")
        path = (schema or "public", bare)
        self.made.relations.add(path)
        written = self.rng.choice((name, f"{path[0]}.{bare}", f'"{path[0]}"."{bare}"', name.upper()))
        return written, path

    def _columns(self, path: Path) -> Mapping[str, str]:
        return RELATIONS[path[1] if path[0] == "public" else ".".join(path)]

    # -- FROM -------------------------------------------------------------------------------------------------------
    def _item(self, depth: int, around: Sequence[_Item]) -> tuple[str, _Item]:
        alias = self._name("t")
        if depth and self._chance(0.15):
            names = {self._name("c"): self.rng.choice((NUMBER, TEXT)) for _ in range(self.rng.randint(1, 3))}
            is_lateral = self._chance(0.4)
            inner = self.select(depth - 1, tuple(names.values()), around if is_lateral else ())
            return f"{'lateral ' if is_lateral else ''}({inner}) as {alias}({', '.join(names)})", _Item(alias, names)
        written, path = self._relation()
        columns = self._columns(path)
        if self._chance(0.15):
            known = list(columns)
            renamed = {self._name("r"): name for name in known[: self.rng.randint(1, len(known))]}
            left = {name: name for name in known[len(renamed) :]}
            names = renamed | left
            # Columns that the maker does not list keep their place behind those that it renames.
            item = _Item(alias, {new: columns[old] for new, old in names.items()}, path, names)
            return f"{written} as {alias} ({', '.join(renamed)})", item
        sample = " tablesample system (100)" if path[1] in ("customers", "orders") and self._chance(0.1) else ""
        return f"{written} {alias}{sample}", _Item(alias, columns, path, {name: name for name in columns})

    def _from(self, depth: int, around: Sequence[_Item]) -> tuple[str, list[_Item]]:
        text, item = self._item(depth, around)
        items = [item]
        while depth and len(items) < 4 and self._chance(0.35):
            kind = self.rng.choice(("join", "left join", "right join", "full join", "cross join", ","))
            lateral_to = items if kind in ("join", "left join", "cross join", ",") else []
            more, other = self._item(depth - 1, [*around, *lateral_to])
            both = [*items, other]
            on = f" on {self._equal(both, items, other)}" if kind.endswith("join") and kind != "cross join" else ""
            text, items = f"{text} {kind} {more}{on}" if kind != "," else f"{text}, {more}", both
            if kind == "," and self._chance(0.9):
                break  # a comma binds less than JOIN: what follows would not see what went before
        return text, items

    def _equal(self, items: Sequence[_Item], left: Sequence[_Item], right: _Item) -> str:
        one, two = self.rng.choice(left), right
        for kind in (NUMBER, TEXT):
            mine = [name for name, known in one.columns.items() if known == kind]
            theirs = [name for name, known in two.columns.items() if known == kind]
            if mine and theirs:
                # Of columns as they are, so that FULL JOIN can be done by hashing.
                return (
                    f"{self._reference(one, self.rng.choice(mine), items)} = {self._reference(two, theirs[0], items)}"
                )
        return "true" if self._chance(0.5) else "1 = 1"

    def _reference(self, item: _Item, column: str, items: Sequence[_Item]) -> str:
        """A column of an item as a text may name it."""
        if item.path is not None:
            self.made.reads.add((item.path, item.names[column]))
        forms = [f"{item.alias}.{column}", f'"{item.alias}"."{column}"', f"{item.alias.upper()}.{column}"]
        if item.path is not None and column == item.names[column] and self._chance(0.1):
            forms = [f"({item.alias}).{column}"]
            self.made.whole.add(item.path)
        elif len(items) == 1 and item is items[0]:
            forms += [column, column.upper()]
        return self.rng.choice(forms)

    # -- expressions ------------------------------------------------------------------------------------------------
    def expression(self, kind: str, items: Sequence[_Item], depth: int) -> str:
        """An expression of a type over some items."""
        roll = self.rng.random()
        if depth and roll < 0.1:
            return f"({self.select(depth - 1, (kind,), items)} limit 1)"
        if depth and roll < 0.35:
            form = self.rng.choice(_SAME[kind])
            return "(" + _filled(form, lambda: self.expression(kind, items, depth - 1)) + ")"
        owners = [(item, name) for item in items for name, known in item.columns.items() if known == kind]
        if owners and roll < 0.9:
            return self._reference(*self.rng.choice(owners), items)
        return self.rng.choice(_CONSTANTS[kind])

    def condition(self, items: Sequence[_Item], depth: int) -> str:
        """Something true or false."""
        roll = self.rng.random()
        if depth and roll < 0.12:
            return f"exists ({self.select(depth - 1, (NUMBER,), items)})"
        if depth and roll < 0.24:
            kind = self.rng.choice((NUMBER, TEXT))
            return f"{self.expression(kind, items, depth - 1)} in ({self.select(depth - 1, (kind,), items)})"
        if depth and roll < 0.36:
            word = self.rng.choice(("and", "or"))
            return f"({self.condition(items, depth - 1)} {word} {self.condition(items, depth - 1)})"
        kind = self.rng.choice((NUMBER, TEXT, DATE))
        form = self.rng.choice(_CONDITIONS[kind])
        return _filled(form, lambda: self.expression(kind, items, max(depth - 1, 0)))

    # -- SELECT -----------------------------------------------------------------------------------------------------
    def query(self, depth: int) -> str:
        """A query as people write them: with CTEs, set operations, locks, or none of them."""
        kinds = tuple(self.rng.choice((NUMBER, TEXT)) for _ in range(self.rng.randint(1, 3)))
        roll = self.rng.random()
        if roll < 0.12:
            name = self._name("w")
            names = [self._name("c") for _ in kinds]
            inner = self.select(depth - 1, kinds, ())
            item = _Item(name, dict(zip(names, kinds, strict=True)))
            listed = ", ".join(self.expression(kind, [item], 1) for kind in kinds)
            kind_of = self.rng.choice(("", "materialized ", "not materialized "))
            return f"with {name} ({', '.join(names)}) as {kind_of}({inner}) select {listed} from {name}"
        if roll < 0.24:
            word = self.rng.choice(("union", "union all", "except", "intersect"))
            left, right = self.select(depth - 1, kinds, ()), self.select(depth - 1, kinds, ())
            return f"({left}) {word} ({right}) order by 1"
        if roll < 0.3:
            return f"{self.rng.choice(('explain ', 'explain (costs off) '))}{self.select(depth, kinds, ())}"
        if roll < 0.36:
            return f"copy ({self.select(depth, kinds, ())}) to stdout"
        if roll < 0.46:
            return self._whole_rows(depth)
        return self.select(depth, kinds, ())

    def select(self, depth: int, kinds: Sequence[str], around: Sequence[_Item]) -> str:
        """A SELECT whose columns have the given types. `around`: items of the queries outside."""
        text, items = self._from(depth, around)
        seen = [*items, *around]
        where = f" where {self.condition(seen, depth)}" if self._chance(0.6) else ""
        if self._chance(0.2):
            return self._grouped(text + where, kinds, items, depth)
        listed = ", ".join(self.expression(kind, seen, depth) for kind in kinds)
        if not around and self._chance(0.1):
            return self._cut(listed + ", " + self._window(items), text + where, kinds)
        order = f" order by {self._key(items)}" if depth == 3 and self._chance(0.3) else ""
        limit = f" limit {self.rng.randint(1, 9)}" if depth == 3 and self._chance(0.2) else ""
        return f"select {listed} from {text}{where}{order}{limit}"

    def _key(self, items: Sequence[_Item]) -> str:
        """Something to sort or group by. A constant would be the number of an output column."""
        key = self.expression(self.rng.choice((NUMBER, TEXT)), items, 0)
        return f"coalesce({key}, null)"

    def _cut(self, listed: str, rest: str, kinds: Sequence[str]) -> str:
        names = [self._name("k") for _ in (*kinds, "")]
        alias = self._name("z")
        wanted = ", ".join(f"{alias}.{name}" for name in names[: len(kinds)])
        return f"select {wanted} from (select {listed} from {rest}) as {alias}({', '.join(names)})"

    def _window(self, items: Sequence[_Item]) -> str:
        return _filled(self.rng.choice(_WINDOWS), lambda: self.expression(TEXT, items, 0))

    def _grouped(self, rest: str, kinds: Sequence[str], items: Sequence[_Item], depth: int) -> str:
        casts = {NUMBER: "({})::text::integer", TEXT: "({})::text", DATE: "({})::text::date"}
        made = []
        for kind in kinds:
            aggregate = self.rng.choice(_AGGREGATES if kind == TEXT else ("count({})", "count(distinct {})"))
            value = self.expression(self.rng.choice((NUMBER, TEXT)), items, 0)
            made.append(casts[kind].format(aggregate.format(value, value)))
        having = f" having count({self.expression(TEXT, items, 0)}) >= 0" if self._chance(0.3) else ""
        key = self._key(items)
        group = f" group by {self.rng.choice(('{}', 'grouping sets (({}), ())', 'cube ({})')).format(key)}"
        return f"select {', '.join(made)} from {rest}{group}{having}"

    def _whole_rows(self, depth: int) -> str:
        """Stars and rows: every column of the item."""
        text, items = self._from(depth - 1, ())
        item = self.rng.choice(items)
        if item.path is not None:
            self.made.reads.update((item.path, column) for column in item.names.values())
        form = self.rng.choice(
            ("select {a}.* from {t}", "select to_jsonb({a}) from {t}", "select count({a}) from {t}",
             "select ({a}).* from {t}", "select row({a}.*) from {t}", "select {a}::text from {t} ",
             "select x.* from {t}, lateral (select {a}.*) x", "select (select y from (select {a}.*) y) from {t}",
             "select json_agg({a}) over () from {t}", "select array(select {a}) from {t}")
        )  # fmt: skip
        if item.path in (("public", "orders"),) and "::text" in form:
            form = "select {a}.* from {t}"
        return form.format(a=item.alias, t=text)

    # -- writing ----------------------------------------------------------------------------------------------------
    def _target(self, word: str) -> tuple[str, _Item]:
        written, path = self._relation(WRITABLE)
        self.made.writes.add((path, word))
        columns = self._columns(path)
        alias = self._name("t")
        return written, _Item(alias, columns, path, {name: name for name in columns})

    def _returning(self, items: Sequence[_Item]) -> str:
        if self._chance(0.6):
            return ""
        return f" returning {self.expression(self.rng.choice((NUMBER, TEXT)), items, 1)}"

    def insert(self) -> str:
        """INSERT of values or of a query, with ON CONFLICT now and then."""
        written, item = self._target("insert")
        columns = list(item.columns)
        kinds = [item.columns[name] for name in columns]
        if self._chance(0.4):
            rest = self.select(2, kinds, ())
        else:
            rest = (
                "values ("
                + ", ".join(
                    str(self.rng.randint(100, 999)) if kind == NUMBER else self.rng.choice(_CONSTANTS[kind])
                    for kind in kinds
                )
                + ")"
            )
        conflict = self.rng.choice(("", "", " on conflict do nothing")) if item.path != ("public", "letters") else ""
        if item.path in (("public", "customers"), ("public", "orders"), ("public", "shops")) and self._chance(0.3):
            self.made.writes.add((item.path, "update"))
            conflict = f" on conflict (id) do update set {columns[-1]} = excluded.{columns[-1]}"
        return f"insert into {written} as {item.alias} ({', '.join(columns)}) {rest}{conflict}"

    def update(self) -> str:
        """UPDATE, with FROM now and then."""
        written, item = self._target("update")
        items = [item]
        rest = ""
        if self._chance(0.4):
            more, other = self._item(1, ())
            rest, items = f" from {more}", [item, other]
        name = self.rng.choice(list(item.columns))
        value = self.expression(item.columns[name], items, 2)
        where = f" where {self.condition(items, 2)}" if self._chance(0.8) else ""
        return f"update {written} as {item.alias} set {name} = {value}{rest}{where}{self._returning(items)}"

    def delete(self) -> str:
        """DELETE, with USING now and then."""
        written, item = self._target("delete")
        items = [item]
        rest = ""
        if self._chance(0.4):
            more, other = self._item(1, ())
            rest, items = f" using {more}", [item, other]
        where = f" where {self.condition(items, 2)}" if self._chance(0.8) else ""
        return f"delete from {written} as {item.alias}{rest}{where}{self._returning(items)}"

    def merge(self) -> str:
        """MERGE with up to three branches."""
        names = [name for name in WRITABLE if name not in ("letters", "open_letters")]
        written, path = self._relation(names)
        columns = self._columns(path)
        target = _Item(self._name("t"), columns, path, {name: name for name in columns})
        source_text, source = self._item(1, ())
        both = [target, source]
        clauses = []
        if self._chance(0.6):
            self.made.writes.add((path, "update"))
            name = self.rng.choice(list(columns))
            clauses.append(f"when matched and {self.condition(both, 1)} then update set {name} = "
                           f"{self.expression(columns[name], both, 1)}")  # fmt: skip
        if self._chance(0.4) or not clauses:
            self.made.writes.add((path, "delete"))
            clauses.append("when matched then delete")
        if self._chance(0.4):
            self.made.writes.add((path, "insert"))
            values = ", ".join(self.expression(kind, [source], 1) for kind in columns.values())
            clauses.append(f"when not matched then insert ({', '.join(columns)}) values ({values})")
        on = self._equal(both, [target], source)
        return f"merge into {written} as {target.alias} using {source_text} on {on} {' '.join(clauses)}"

    def with_writes(self) -> str:
        """A query around a write."""
        name = self._name("w")
        write = self.rng.choice((self.update, self.delete))()
        if " returning " not in write:
            write += " returning 1"
        return f"with {name} as ({write}) select count(*) from {name}"

    # -- everything else --------------------------------------------------------------------------------------------
    def other(self) -> str:
        """Definitions, locks, COPY, functions."""
        roll = self.rng.random()
        written, path = self._relation(WRITABLE)
        name = self.rng.choice(list(self._columns(path)))
        if roll < 0.3:
            self.made.reads.add((path, name))
            return self.rng.choice((f"copy {written} ({name}) to stdout", f"select {name} from {written} for update",
                                    f"select count(*) from {written} group by {name}", f"table {written}"))  # fmt: skip
        if roll < 0.5:
            self.made.relations.clear()
            noun = self.rng.choice(("view", "temp table", "materialized view"))
            return f"create {noun} made as {self.select(2, (TEXT,), ())}"
        text = self._definition(written, name)
        self.made.relations.clear()
        return text

    def _definition(self, written: str, name: str) -> str:
        return self.rng.choice((
            f"create index on {written} ({name})", f"truncate {written} cascade", f"drop table {written} cascade",
            f"drop view {self.rng.choice(sorted(_VIEWS - {'revenue_copy'}))} cascade", f"analyze {written} ({name})",
            f"alter table {written} add column made integer", f"alter table {written} drop column {name} cascade",
            f"alter table {written} alter column {name} drop not null", f"lock table {written} in share mode",
            f"alter table {written} rename column {name} to made", f"alter table {written} rename to made",
            f"alter table {written} disable trigger all", f"comment on table {written} is 'made'",
            f"create table made (like {written} including all)", f"alter table {written} enable row level security",
            f"create trigger made after delete on {written} for each row execute function log_change()",
            f"alter table {written} add constraint made check (true)", f"reindex table {written}",
            f"alter table {written} add foreign key ({name}) references {self._relation(('customers', 'regions'))[0]}",
            "drop schema hr cascade", "drop schema shadow cascade", "drop function check_price cascade",
            "refresh materialized view revenue_copy", "select forget_customer(1)", "select tidy()",
            "call archive('2026-01-02')",
        ))  # fmt: skip


def _filled(form: str, make: Callable[[], str]) -> str:
    """A form with as many new expressions as it has places for."""
    count = max(form.count("{}"), 1 + ("{1}" in form))
    return form.format(*(make() for _ in range(count)))


def made(seed: int, count: int) -> Iterator[Made]:
    """`count` statements of a seed."""
    maker = Maker(seed)
    for _ in range(count):
        yield maker.statement()
