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
}
TEXT_FUNCTIONS = ("upper({})", "reverse({})", "md5({})", "length({})", "left({}, 3)", "ascii({})", "coalesce({}, 'x')",
                  "{} || 'x'", "to_json({})", "case when {} > '5' then 1 else 2 end", "row({})", "array[{}]",
                  "nullif({}, 'x')", "hashtext({})", "quote_nullable({})")  # fmt: skip
AGGREGATES = (
    "min({})",
    "max({})",
    "count({})",
    "count(distinct {})",
    "string_agg({}, ',' order by {})",
    "array_agg({})",
)


class Generator:
    """One stream of statements."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.number = 0

    def statement(self) -> str:
        """The next statement."""
        roll = self.rng.random()
        if roll < 0.75:
            return self.select(3)
        if roll < 0.8:
            return f"copy ({self.select(2)}) to stdout"
        if roll < 0.85:
            return f"explain {self.select(2)}"
        return self.write()

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
            return f"{left} {kind} {table} {alias} on {condition}", {**known, **mine}
        return f"{table} {alias}", {alias: TABLES[table]}

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
            return f"to_jsonb({self.rng.choice(list(known))})"
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
            return f"select {listed} from {source}{where} group by {key} order by 1" + (
                ", 2" if count > 1 and not width else ""
            )
        listed = ", ".join(self.expression(known, depth) for _ in range(count))
        if roll < 0.35 and not width:
            listed = f"{self.rng.choice(list(known))}.*"
        order = f" order by {self.column(known)}::text, 1" if self.rng.random() < 0.4 else ""
        if roll > 0.9:
            return (
                f"select {listed}::text from {source}{where}{order}"
                if count == 1 and not listed.endswith("*")
                else (f"select {listed} from {source}{where}{order}")
            )
        return f"select {listed} from {source}{where}{order}"

    def write(self) -> str:
        """A write that reads something masked."""
        known = {"customers": TABLES["customers"]}
        return self.rng.choice(
            [
                f"update customers set pub = {self.expression(known, 1)}::text where {self.condition(known, 1)} returning pub",
                f"update customers set pub = 'x' where {self.condition(known, 1)} returning {self.expression(known, 1)}",
                f"insert into stash (v) select ({self.select(1, 1)} limit 1)::text returning v",
                f"delete from payments using customers where {self.condition(known, 1)} returning payments.iban",
                f"update orders set note = {self.expression(known, 1)}::text from customers where customer_id = customers.id "
                f"and {self.condition(known, 1)} returning note",
            ]
        )


def statements(seed: int, count: int) -> Iterator[str]:
    """`count` statements of a seed."""
    generator = Generator(seed)
    for _ in range(count):
        yield generator.statement()
