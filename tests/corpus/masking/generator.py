# ruff: noqa: E501 - SQL
"""Random statements over the worlds' tables: seeded, mostly valid, made to mention masked columns everywhere."""

from __future__ import annotations

import random
from collections.abc import Iterator

TABLES = {
    "customers": [
        "id",
        "name",
        "email",
        "ssn",
        "salary",
        "dob",
        "balance",
        "joined",
        "notes",
        "card",
        "phone",
        "ref",
        "pub",
        "city",
    ],
    "orders": ["id", "customer_id", "total", "status", "note", "placed"],
    "payments": ["id", "customer_id", "iban", "paid", "amount"],
    "people": ["id", "name", "badge"],
    "staff": ["id", "name", "pay", "boss", "mail", "mail_digest"],
    "v_plain": ["id", "name", "email", "ssn"],
    "v_renamed": ["x", "y"],
    "v_count": ["city", "n", "low"],
    "m_plain": ["id", "ssn"],
    "v_filter": ["id", "name"],
    "v_names": ["id", "name", "pub"],
    "hired": ["id", "name", "code", "wage", "note", "changed"],
    "wages": ["id", "person", "amount", "owner", "code"],
    "offers": ["id", "owner", "wage", "bid", "code", "label", "spread", "digest"],
    "members": ["id", "nick", "mail", "extra", "bio"],
    "homes": ["id", "who", "addr", "tags", "moods", "code", "during", "doc", "level", "flag", "score", "ip"],
    "zones": ["id", "code", "v"],
    "things": ["id", "keeper", "secret"],
    "keepers": ["id", "name"],
    '"Odd.Table"': ['"Id"', '"na""me"', '"S.S.N"', '"größe"', '"select"'],
}
WRITTEN = {
    "customers": ("name", "pub", "city", "ssn", "notes"),
    "v_plain": ("name", "ssn"),
    "v_names": ("name", "pub"),
    "hired": ("name", "note", "code"),
    "offers": ("owner", "label"),
    "members": ("nick", "bio"),
    "staff": ("name", "mail"),
    "wages": ("person", "code"),
    "orders": ("note", "status"),
    "scratch": ("a", "b"),
    "stash": ("v",),
    "homes": ("who", "code", "moods"),
    "zones": ("v", "code"),
    "things": ("secret",),
    "keepers": ("name",),
    "owners": ("name",),
    '"Odd.Table"': ('"na""me"', '"select"'),
}
"""Text columns that writes set, masked ones among them."""
OWN = {**TABLES, "scratch": ["id", "a", "b", "n"], "stash": ["id", "v"], "owners": ["id", "name"]}
TEXT_FUNCTIONS = ("upper({})", "reverse({})", "md5({})", "length({})", "left({}, 3)", "ascii({})", "coalesce({}, 'x')",
                  "{} || 'x'", "to_json({})", "case when {} > '5' then 1 else 2 end", "row({})", "array[{}]",
                  "nullif({}, 'x')", "hashtext({})", "quote_nullable({})", "({})::varchar(3)", "json_build_object('k', {})",
                  "regexp_count({}, '[a-m0-4]')", "to_tsvector('simple', {})", "encode({}::bytea, 'hex')",
                  "json_array({})", "xmlelement(name x, {})", "{} collate \"C\"", "exists (select where {} > 'k')",
                  "lag({}) over (order by {})", "rank() over (order by {} desc)", "count(*) over (partition by {})",
                  "string_agg({}, '|') over (order by {} rows between 1 preceding and 1 following exclude current row)",
                  "generate_series(1, length({}) % 3)", "unnest(string_to_array({}, '-'))", "({})::bytea",
                  "format('%s %I', {}, 'x')", "({}) is json", "greatest({}, 'm')", "translate({}, 'abc', '123')",
                  "md5({})::uuid", "textlike({}, '4%')", "starts_with({}, 'a')")  # fmt: skip
AGGREGATES = (
    "min({})",
    "max({})",
    "count({})",
    "count(distinct {})",
    "string_agg({}, ',' order by {})",
    "array_agg({})",
    "any_value({})",
    "json_agg({} order by {} desc)",
    "count(*) filter (where {} > 'k')",
    "percentile_disc(0.5) within group (order by {})",
    "mode() within group (order by {})",
    "rank('m') within group (order by {})",
    "bool_or({} like '%1%')",
    "xmlagg(xmlelement(name a, {}))",
    "jsonb_object_agg({}, 1)",
)


class Generator:
    """One stream of statements."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.number = 0

    def statement(self) -> str:
        """The next statement; ` ;; ` separates its steps."""
        roll = self.rng.random()
        if roll < 0.55:
            return self.select(3)
        if roll < 0.57:
            return self.recursive()
        if roll < 0.6:
            form = self.rng.choice(("", " (format csv, header)", " (format binary)"))
            return f"copy ({self.select(2)}) to stdout{form}"
        if roll < 0.65:
            return f"explain {self.rng.choice((self.select, lambda _: self.write()))(2)}"
        if roll < 0.72:
            return self.session()
        return self.write() if roll < 0.85 else self.merge()

    def recursive(self) -> str:
        """A recursive query over anything, perhaps with SEARCH or CYCLE."""
        table, alias, name = self.rng.choice(list(TABLES)), self.alias(), self.alias()
        column = f"{self.column({alias: TABLES[table]})}::text"
        clause = self.rng.choice(
            ("", " search depth first by v set o", " search breadth first by v, n set o", " cycle v set hit using way")
        )
        tail = self.rng.choice(("*", "count(*)", "max(v)", f"{name}::text"))
        order = "" if tail == "count(*)" or tail == "max(v)" else " order by 1"
        return (
            f"with recursive {name}(n, v) as (select 1, {column} from {table} {alias} union all "
            f"select n + 1, {self.rng.choice(('v', 'substr(v, 2)', f'(select max({column}) from {table} {alias})'))} "
            f"from {name} where n < 3 and {self.condition({name: ['v']}, 0)}){clause} select {tail} from {name}{order}"
        )

    def session(self) -> str:
        """Cursors, prepared statements and tables of one's own over what is masked."""
        query, name = self.select(2), self.alias()
        return self.rng.choice(
            [
                f"declare {name} scroll cursor for {query} ;; fetch 3 from {name} ;; fetch last from {name}",
                f"prepare {name} as {query} ;; execute {name} ;; explain execute {name}",
                f"prepare {name} as {self.write()} ;; execute {name}",
                f"create temp table {name} as {self.select(2, 2)} ;; table {name}",
                f"create table {name}(a, b) as {self.select(1, 2)} ;; select b from {name} order by a::text",
                f"copy {self.rng.choice(list(TABLES))} to stdout",
                f"begin ;; {self.write()} ;; {query}",
                f"create temp table {name} as {self.select(2, 1)} ;; analyze {name} ;; explain (costs off) table {name}",
                f"savepoint {name} ;; {self.write()} ;; rollback to {name} ;; {query}",
                f"prepare {name}(text) as {self.select(1)} ;; execute {name}('k') ;; deallocate {name}",
                f"set enable_hashagg = off ;; set enable_nestloop = off ;; {query}",
                f"{query}; {self.select(1)}; {self.write()}",
                f"explain (verbose, costs off) {query}",
                f"delete from {self.rng.choice(('keepers', 'owners', 'notices'))} where id = {self.rng.randint(1, 12)}",
                f"update {self.rng.choice(('keepers', 'owners'))} set id = {self.rng.randint(100, 300)} where id = 3",
            ]
        )

    def alias(self) -> str:
        """A new alias."""
        self.number += 1
        return f"a{self.number}"

    def source(self, depth: int) -> tuple[str, dict[str, list[str]]]:
        """A FROM item and the columns of its aliases."""
        roll = self.rng.random()
        alias = self.alias()
        if depth and roll < 0.2:
            columns = [f"c{n}" for n in range(self.rng.randint(1, 3))]
            inner = self.select(depth - 1, len(columns))
            return f"({inner}) {alias}({', '.join(columns)})", {alias: columns}
        table = self.rng.choice(list(TABLES))
        if depth and roll < 0.4:
            left, known = self.source(depth - 1)
            mine = {alias: TABLES[table]}
            condition = f"{self.column({**known, **mine})}::text = {self.column({**known, **mine})}::text"
            kind = self.rng.choice(("join", "left join", "full join"))
            if roll < 0.24 and " join " not in left:
                return f"({left} {kind} {table} {alias} on {condition}) as j{alias}", {
                    f"j{alias}": self.joined(known, mine)
                }
            if roll < 0.26:
                inner, name = self.select(0, 1), self.alias()
                return f"{left} cross join lateral ({inner}) {name}(c0)", {**known, name: ["c0"]}
            return f"{left} {kind} {table} {alias} on {condition}", {**known, **mine}
        return f"{table} {alias}", {alias: TABLES[table]}

    @staticmethod
    def joined(left: dict[str, list[str]], right: dict[str, list[str]]) -> list[str]:
        """The columns of a named join that only one of its sides has."""
        names = [name for columns in (*left.values(), *right.values()) for name in columns]
        return [name for name in names if names.count(name) == 1] or ["nosuch"]

    def column(self, known: dict[str, list[str]]) -> str:
        """A column of what is known."""
        alias = self.rng.choice(list(known))
        return f"{alias}.{self.rng.choice(known[alias])}"

    def expression(self, known: dict[str, list[str]], depth: int) -> str:
        """An expression of any type."""
        roll = self.rng.random()
        if depth and roll < 0.12:
            return f"({self.select(depth - 1, 1)} limit 1)"
        if roll < 0.2:
            whole = ("to_jsonb({})", "row_to_json({})", "{}", "({})::text", "hash_record({})", "{} is not null",
                     "jsonb_path_query_array(to_jsonb({}), '$.*')", "json_value(to_jsonb({}), '$.ssn')")  # fmt: skip
            return self.rng.choice(whole).replace("{}", self.rng.choice(list(known)))
        column = f"{self.column(known)}"
        return column if roll < 0.5 else self.rng.choice(TEXT_FUNCTIONS).replace("{}", f"{column}::text")

    def condition(self, known: dict[str, list[str]], depth: int) -> str:
        """A predicate."""
        column = f"{self.column(known)}::text"
        kinds = [
            f"{column} like '%{self.rng.randint(0, 9)}%'",
            f"{column} > '{self.rng.choice('0a4mz7')}'",
            f"{column} is not null",
            f"length({column}) % 2 = {self.rng.randint(0, 1)}",
            f"{column} in (select {self.expression({'s': TABLES['customers']}, 0)}::text from customers s)",
            f"{column} = any (array(select {self.column({'s': TABLES['homes']})}::text from homes s))",
            f"({column}, 'k') > ('k', {self.column(known)}::text)",
            f"{column} ~ '^[a-m0-4]'",
            f"not exists (select from orders o where o.note > {column})",
        ]
        return self.rng.choice(kinds)

    def select(self, depth: int, width: int = 0) -> str:
        """A query; `width` 0: of any number of columns."""
        source, known = self.source(depth)
        roll = self.rng.random()
        count = width or self.rng.randint(1, 4)
        where = f" where {self.condition(known, depth)}" if self.rng.random() < 0.6 else ""
        if roll < 0.25:
            key = f"{self.column(known)}::text"
            made = [key] + [
                self.rng.choice(AGGREGATES).replace("{}", f"{self.column(known)}::text") for _ in range(count)
            ]
            listed = ", ".join(made[:count])
            grouping = self.rng.choice((key, key, f"rollup ({key})", f"cube ({key})", f"grouping sets (({key}), ())"))
            return f"select {listed} from {source}{where} group by {grouping} order by 1" + (
                ", 2" if count > 1 and not width else ""
            )
        listed = ", ".join(self.expression(known, depth) for _ in range(count))
        if roll < 0.35 and not width:
            listed = f"{self.rng.choice(list(known))}.*"
        order = f" order by {self.column(known)}::text, 1" if self.rng.random() < 0.4 else ""
        if order and self.rng.random() < 0.3:
            order += self.rng.choice((" limit 3", " offset 2", " fetch first 2 rows with ties", " limit 4 for share"))
        if roll > 0.9:
            return (
                f"select {listed}::text from {source}{where}{order}"
                if count == 1 and not listed.endswith("*")
                else (f"select {listed} from {source}{where}{order}")
            )
        return f"select {listed} from {source}{where}{order}"

    def returning(self, known: dict[str, list[str]]) -> str:
        """Nothing, or what a write gives back."""
        kinds = ("", " returning *", f" returning {self.expression(known, 1)}", f" returning {self.column(known)}",
                 f" returning {next(iter(known))}.*", " returning old.*, new.*",
                 f" returning with (old as o, new as n) o.*, n.{next(iter(known.values()))[-1]}",
                 f" returning {next(iter(known))}")  # fmt: skip
        return self.rng.choice(kinds)

    def value(self, known: dict[str, list[str]]) -> str:
        """What is written: a constant, or what is read."""
        return self.rng.choice(("'x'", "default", f"{self.expression(known, 1)}::text", f"{self.column(known)}::text"))

    def write(self) -> str:
        """A write that reads something masked."""
        table, alias = self.rng.choice(list(WRITTEN)), self.alias()
        column, known = self.rng.choice(WRITTEN[table]), {alias: OWN[table]}
        own, where = f"{table} {alias}", f" where {self.condition(known, 1)}"
        source, others = self.source(1)
        both = {**known, **others}
        number = self.rng.randint(1, 200)
        return self.rng.choice(
            [
                f"update {own} set {column} = {self.value(known)}{where}{self.returning(known)}",
                f"update {own} set {column} = {self.value(both)} from {source}{where} and {self.condition(both, 1)}{self.returning(both)}",
                f"insert into {table} as {alias} (id, {column}) select {number}, {self.select_one(others, source)}{self.returning(known)}",
                f"insert into {table} as {alias} (id, {column}) values ({number}, 'x') on conflict do nothing{self.returning(known)}",
                f"insert into {table} as {alias} (id, {column}) values ({number % 12}, 'x') on conflict (id) do update set "
                f"{column} = {self.value(known)}{where}{self.returning(known)}",
                f"delete from {own}{where}{self.returning(known)}",
                f"delete from {own} using {source}{where} and {self.condition(both, 1)}{self.returning(both)}",
                f"with w as (update {own} set {column} = {self.value(known)}{where} returning *) select count(*), min({column}::text) from w",
            ]
        )

    def select_one(self, known: dict[str, list[str]], source: str) -> str:
        """The rest of a query of one text column."""
        return f"{self.expression(known, 1)}::text from {source} where {self.condition(known, 1)}"

    def merge(self) -> str:
        """A MERGE into any table."""
        table, alias = self.rng.choice(list(WRITTEN)), self.alias()
        column, known = self.rng.choice(WRITTEN[table]), {alias: OWN[table]}
        other, theirs = self.rng.choice(list(TABLES)), self.alias()
        both = {**known, theirs: TABLES[other]}
        given = self.rng.choice((f"{other} {theirs}", f"({self.select(1, 2)}) {theirs}(id, a)"))
        if given.startswith("("):
            both[theirs] = ["id", "a"]
        actions = self.rng.sample(
            [
                f"when matched and {self.condition(both, 1)} then update set {column} = {self.value(both)}",
                f"when matched and {self.condition(both, 1)} then delete",
                f"when not matched and {self.condition({theirs: both[theirs]}, 1)} then insert (id, {column}) "
                f"values ({self.rng.randint(100, 200)}, {self.column({theirs: both[theirs]})}::text)",
                f"when not matched by source and {self.condition(known, 1)} then update set {column} = {self.value(known)}",
            ],
            self.rng.randint(1, 3),
        )
        joined = f"{alias}.id::text = {theirs}.{both[theirs][0]}::text"
        if self.rng.random() < 0.4:
            joined += f" and {self.condition(both, 1)}"
        return f"merge into {table} {alias} using {given} on {joined} {' '.join(actions)}{self.returning(both)}"


def statements(seed: int, count: int) -> Iterator[str]:
    """`count` statements of a seed."""
    generator = Generator(seed)
    for _ in range(count):
        yield generator.statement()
