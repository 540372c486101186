"""Take what every PostgreSQL has from the corpus's catalog, for policy tests that run without a database."""

from __future__ import annotations

import sys
from pathlib import Path

import orjson

ROOT = Path(__file__).parent.parent
CORPUS = ROOT / "tests" / "corpus" / "catalog.json"
MADE = ROOT / "src" / "tidewaiter" / "sql" / "system_catalog.json"
SYSTEM = ("pg_catalog", "information_schema")


def made() -> bytes:
    """System relations with their columns, built-in functions each once and without OIDs, and types; one row a line."""
    rows = orjson.loads(CORPUS.read_bytes())
    names = dict.fromkeys((schema, name, is_volatile) for schema, name, _, is_volatile in rows["builtins"])
    kept = {
        "relations": [row for row in rows["relations"] if row[0] in SYSTEM and row[2] != "i"],
        "builtins": [[schema, name, [], is_volatile] for schema, name, is_volatile in names],
        "types": [row for row in rows["types"] if row[0] in SYSTEM],
    }
    tables = []
    for name, table in kept.items():
        lines = ",\n".join(orjson.dumps(row).decode() for row in table)
        tables.append(f'"{name}": [\n{lines}\n]')
    return ("{\n" + ",\n".join(tables) + "\n}\n").encode()


if __name__ == "__main__":
    MADE.write_bytes(made())
    sys.stdout.write(f"{MADE.relative_to(ROOT)}: {MADE.stat().st_size} bytes\n")
