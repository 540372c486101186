"""Say which modules have no test file of their own, and which test files belong to no module.

`src/tidewaiter/a/b.py` is tested by `tests/a/test_b.py`, or `tests/a/test_a_b.py` where the shorter name is taken;
`tests/a/test_b_more.py` may add to it. A module in C, `a/_b.c`, is tested as `b.py` would be.
`tests/live` is organised by client instead.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCE, TESTS = ROOT / "src" / "tidewaiter", ROOT / "tests"


def modules() -> Iterator[tuple[Path, list[str]]]:
    """Each module, with the stems that its test file may have."""
    for path in sorted([*SOURCE.rglob("*.py"), *SOURCE.rglob("_*.c")]):
        inside = path.relative_to(SOURCE)
        if inside.suffix == ".c":
            inside = inside.with_name(inside.name[1:])
        if inside.stem != "__init__" and "migrations" not in inside.parts:
            yield inside, [f"test_{inside.stem}", f"test_{'_'.join((*inside.parent.parts, inside.stem))}"]


def complaints() -> Iterator[str]:
    """One line per module without tests and per test without a module."""
    known: dict[Path, list[str]] = {}
    for module, stems in modules():
        known.setdefault(module.parent, []).extend(stems)
        if not any((TESTS / module.parent / f"{stem}.py").exists() for stem in stems):
            yield f"src/tidewaiter/{module} has no tests/{module.parent}/{stems[0]}.py"
    seen: dict[str, Path] = {}
    for test in sorted(TESTS.rglob("*.py")):  # pytest and mypy know a file by its name alone
        if test.stem in seen and test.stem not in ("conftest", "__init__", "__main__"):
            yield f"tests/{test.relative_to(TESTS)} has the name of tests/{seen[test.stem].relative_to(TESTS)}"
        seen[test.stem] = test
    for test in sorted(TESTS.rglob("test_*.py")):
        folder = test.parent.relative_to(TESTS)
        package = "_".join(folder.parts)
        stems = [*known.get(folder, []), f"test_{package}", "test_init"]
        if folder.parts and folder.parts[0] != "live" and not test.stem.startswith(tuple(stems)):
            yield f"tests/{folder}/{test.name} belongs to no module"


def main() -> int:
    found = list(complaints())
    sys.stdout.write("\n".join(found or ["every module has its tests"]) + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
