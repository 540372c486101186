"""Two worlds: servers with the same public data, and secrets that differ although their masks are equal."""

# ruff: noqa: E501 - SQL
from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any

import asyncpg

from tidewaiter.config.shape import Mask
from tidewaiter.demo.postgres import Binaries, EmbeddedPostgres, bundled
from tidewaiter.masking.forms import column_mask
from tidewaiter.model import ColumnMask, Secret
from tidewaiter.sql.catalog import QUERIES, Catalog
from tidewaiter.sql.rewrite import Labels, labels_of

HERE = Path(__file__).parent
PASSWORD = "worlds"
NAMES = ["Amy", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hana", "Ian", "June", "Kai", "Lea"]
CITIES = ("Oslo", "Rome", "Lima")
connect: Callable[..., Any] = asyncpg.connect

MASKS: Mapping[tuple[str, str], Mapping[str, Mask]] = {
    ("public", "customers"): {
        "email": Mask("email"),
        "ssn": Mask("partial", MappingProxyType({"keep_first": 0, "keep_last": 4, "char": "*"})),
        "salary": Mask("bucket", MappingProxyType({"size": 10000})),
        "dob": Mask("truncate", MappingProxyType({"unit": "year"})),
        "balance": Mask("bucket", MappingProxyType({"size": 1000})),
        "joined": Mask("truncate", MappingProxyType({"unit": "month"})),
        "notes": Mask("free_text"),
        "card": Mask("token"),
        "phone": Mask("redact"),
        "ref": Mask("null"),
    },
    ("public", "payments"): {"iban": Mask("redact")},
    ("public", "people"): {"badge": Mask("redact")},
    ("public", "staff"): {"pay": Mask("null"), "mail": Mask("redact")},
    ("public", "hired"): {"code": Mask("redact"), "wage": Mask("bucket", MappingProxyType({"size": 1000}))},
    ("public", "wages"): {"amount": Mask("null"), "code": Mask("token")},
    ("public", "offers"): {"wage": Mask("bucket", MappingProxyType({"size": 1000})), "code": Mask("redact")},
    ("public", "quotas"): {"amount": Mask("null")},
    ("public", "accounts"): {"secret": Mask("redact")},
    ("public", "logins"): {"secret": Mask("redact")},
    ("public", "cases"): {"kind": Mask("null")},
    ("public", "posts"): {"code": Mask("redact")},
    ("public", "ranks"): {"code": Mask("redact")},
    ("public", "marks"): {"code": Mask("redact")},
    ("public", "homes"): {
        name: Mask("redact")
        for name in (
            "addr",
            "tags",
            "moods",
            "code",
            "during",
            "doc",
            "level",
            "raw",
            "flag",
            "score",
            "cash",
            "ip",
            "at",
            "span",
        )
    },
    ("public", "zones"): {"code": Mask("redact")},
    ("public", "levels"): {"amount": Mask("null")},
    ("public", "kept"): {"secret": Mask("redact")},
    ("public", "owned"): {"secret": Mask("redact")},
    ("public", "things"): {"secret": Mask("redact")},
    ("public", "kept_by"): {"secret": Mask("redact")},
    ("public", "late_checks"): {"secret": Mask("redact")},
    ("public", "Odd.Table"): {
        'na"me': Mask("token"),
        "S.S.N": Mask("partial", MappingProxyType({"keep_first": 0, "keep_last": 1, "char": "*"})),
        "größe": Mask("bucket", MappingProxyType({"size": 100})),
    },
    ("public", "stays"): {"secret": Mask("redact"), "during": Mask("redact")},
    ("public", "terms"): {"secret": Mask("redact")},
    ("public", "term_uses"): {"secret": Mask("redact")},
    ("public", "virtuals"): {"secret": Mask("redact"), "pay": Mask("bucket", MappingProxyType({"size": 1000}))},
    ("public", "members"): {"mail": Mask("email"), "extra": Mask("null"), "bio": Mask("free_text")},
}


def tag_of(table: str, column: str) -> str:
    """The tag of a masked column."""
    return re.sub(r"[^a-z0-9_-]", "-", f"{table}-{column}".lower())


TAGS = {tag_of(path[1], column): mask for path, masks in MASKS.items() for column, mask in masks.items()}
"""A tag of its own for each masked column."""


@dataclass(frozen=True)
class World:
    """One server, as the runner reaches it."""

    name: str
    server: EmbeddedPostgres
    catalog: Catalog
    labels: Labels

    @property
    def address(self) -> tuple[str, int, str, str, str]:
        """Host, port, user, password, database."""
        return (self.server.host, self.server.port, "app", PASSWORD, "shop")

    def tidy(self) -> None:
        """Give back what writes that were rolled back took: how many pages that is depends on how long secrets are."""
        tables = [path for path, one in self.catalog.relations.items() if one.kind == "r" and path[0] == "public"]
        names = ", ".join('"' + name.replace('"', '""') + '"' for _, name in tables)
        self.server.execute(f"vacuum (full) {names}", database="shop")


def secrets(seed: int) -> Iterator[str]:
    """INSERT statements: what is random in them is masked in such a way that the seed does not show."""
    rng = random.Random(seed)

    def hidden(size: int, letters: str = "abcdefghijklmnopqrstuvwxyz") -> str:
        return "".join(rng.choice(letters) for _ in range(size))

    for number, name in enumerate(NAMES, 1):
        ssn = f"{rng.randint(1, 899):03}-{rng.randint(1, 99):02}-{4000 + number * 7}"
        email = f"{name[0].lower()}{hidden(rng.randint(3, 9))}@mail{number % 4}.example"
        day = f"{1960 + number * 3}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
        joined = f"2024-{number:02}-{rng.randint(1, 28):02} {rng.randint(0, 23):02}:{rng.randint(0, 59):02}:00"
        card = "4" + hidden(15, "0123456789")
        notes = f"write to {hidden(6)}@{hidden(5)}.example about order {number}"
        yield (
            f"insert into customers values ({number}, '{name}', '{email}', '{ssn}', "
            f"{40000 + number % 5 * 10000 + rng.randint(0, 9999)}, '{day}', {number * 1000 + rng.randint(0, 999)}.{rng.randint(10, 99)}, "
            f"'{joined}', '{notes}', '{card}', '+{hidden(11, '0123456789')}', '{hidden(8, '0123456789abcdef')}-1111-4222-8333-"
            f"{hidden(12, '0123456789abcdef')}', 'public {number}', '{CITIES[number % 3]}')"
        )
        yield (
            f"insert into payments values ({number}, {number}, 'NO{hidden(13, '0123456789')}', "
            f"'{2025 + number % 2}-03-{number:02}', {number * 20})"
        )
        yield f"insert into {'managers' if number % 4 == 0 else 'people'} (id, name, badge) values ({number}, '{name}', '{hidden(8)}')"
        boss = "null" if number == 1 else str(number // 2)
        mail = f"{name.lower()}.{hidden(rng.randint(2, 8))}@corp.example"
        wage = 1000 * (number % 4 + 1) + rng.randint(0, 999)
        yield f"insert into hired (id, name, code, wage) values ({number}, '{name}', '{hidden(6)}', {wage})"
        owner = ("app", "all", "boss")[number % 3]
        yield (
            f"insert into offers (id, owner, wage, bid, code, label) values "
            f"({number}, '{owner}', {wage}, 0, '{hidden(6)}', 'label {number}')"
        )
        for table in ("posts", "ranks", "marks"):
            yield f"insert into {table} (id, code) values ({number}, '{hidden(1)}')"
        yield f"insert into quotas values ({number}, 'boss', {rng.randint(1, 6000)})"
        yield (f"insert into wages values ({number}, '{name}', {rng.randint(1, 99999)}, '{owner}', '{hidden(9)}')")
        yield (
            f"insert into members values ({number}, '{name}', '{name[0]}{hidden(5)}@Mail{number % 3}.example', "
            f"'k=>{hidden(4)}, n=>{number}', 'reach me at {hidden(7)}@{hidden(5)}.example', '[{number}, {number + 5})')"
        )
        yield (
            f"insert into homes values ({number}, '{name}', row('{hidden(5)}', '{hidden(4, '0123456789')}'), "
            f"array['{hidden(3)}', '{hidden(2)}'], '{rng.choice(('sad', 'ok', 'happy'))}', '{hidden(6)}', "
            f"'[2025-01-{rng.randint(1, 28):02},2025-03-01)', '{{\"k\": \"{hidden(5)}\"}}', {rng.randint(1, 9999)}, "
            f"'\\x{hidden(8, '0123456789abcdef')}', {rng.choice(('true', 'false'))}, {rng.random()}, {rng.randint(1, 999)}.5, "
            f"'10.0.{rng.randint(0, 255)}.{rng.randint(0, 255)}', '{rng.randint(0, 23):02}:10:00+00', '{rng.randint(1, 99)} days')"
        )
        yield f"insert into zones values ({number}, '{hidden(4)}', 'v{number}')"
        yield f"insert into levels values ({number}, {rng.randint(1, 2)}, 'v{number}')"
        yield f"insert into kept values ({number}, '{hidden(7)}')"
        for table in ("owned", "things"):
            yield f"insert into {table} values ({number}, {number}, '{hidden(7)}')"
        yield f"insert into kept_by values ({number}, '{hidden(7)}')"
        yield f"insert into late_checks values ({number}, '{hidden(7)}', 'n{number}')"
        yield (
            f"insert into \"Odd.Table\" values ({number}, '{hidden(5)}', '{hidden(3, '0123456789')}{number % 10}', "
            f"{number * 100 + rng.randint(0, 99)}, 's{number}')"
        )
        yield f"insert into staff (id, name, pay, boss, mail) values ({number}, '{name}', {rng.randint(1000, 90000)}, {boss}, '{mail}')"


def build(server: EmbeddedPostgres, seed: int) -> None:
    """Make the role `app` and the database `shop` of one world."""
    server.execute(f"create role app login password '{PASSWORD}'; create database shop owner app")
    lines = [
        "set role app;",
        (HERE / "schema.sql").read_text().replace("insert into orders", "-- rows\ninsert into orders", 1),
    ]
    schema, rows = lines[1].split("-- rows\n")
    script = "set role app;\n" + schema + ";\n".join(secrets(seed)) + ";\n" + rows
    script += (HERE / "schema18.sql").read_text() if server.binaries.version >= 18 else ""
    script += "reset role; grant create on schema public to app; refresh materialized view m_plain; refresh materialized view m_digest;"
    script += "refresh materialized view m_orders; analyze;"
    server.execute("grant create on schema public to app", database="shop")
    server.execute(script, database="shop")


def labels_for(catalog: Catalog) -> Labels:
    """The masks of the worlds' tables, spread over the catalog."""
    masked: dict[tuple[str, str], dict[str, ColumnMask]] = {}
    for path, masks in MASKS.items():
        if path not in catalog.columns:  # of a later PostgreSQL
            continue
        columns = {column.name: column for column in catalog.columns[path]}
        masked[path] = {name: column_mask(tag_of(path[1], name), mask, columns[name]) for name, mask in masks.items()}
    return labels_of(catalog, masked)


async def _read(server: EmbeddedPostgres) -> Catalog:
    connection = await connect(host=server.host, port=server.port, user="app", password=PASSWORD, database="shop")
    try:
        await connection.execute("set search_path = pg_catalog")
        rows = {name: [list(row) for row in await connection.fetch(query)] for name, query in QUERIES.items()}
        return Catalog.from_rows(rows)
    finally:
        await connection.close()


@contextmanager
def worlds(binaries: Binaries | None = None) -> Iterator[tuple[World, World]]:
    """Both worlds, running."""
    with ExitStack() as stack:
        made: list[World] = []
        for name, seed in (("a", 11), ("b", 23)):
            folder = stack.enter_context(TemporaryDirectory(prefix=f"tw-world-{name}-", ignore_cleanup_errors=True))
            Path(folder).chmod(0o755)
            server = EmbeddedPostgres(
                Path(folder) / "server",
                Secret("super"),
                binaries=binaries or bundled(),
                settings={"autovacuum": "off", "jit": "off", "max_parallel_workers_per_gather": "0"},
            )
            stack.enter_context(server)
            build(server, seed)
            catalog = asyncio.run(_read(server))
            made.append(World(name, server, catalog, labels_for(catalog)))
        yield made[0], made[1]
