"""Which modules are compiled with mypyc or written in C, and whether the extensions made of them may be used.

The hot sources stay plain Python: an extension is the same file, compiled. What is written in C is written in Python
too, by the module that uses it where it can be imported. Each build leaves a record of the sources that it compiled;
extensions without a fitting record are not loaded, and the Python sources run in their place. The environment's
TIDEWAITER_MYPYC decides, for the build and for each start: `0` no extensions, `1` nothing but extensions, otherwise
extensions where they can be had. `python extensions.py` exits 0 when there is nothing to build.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from enum import Enum
from hashlib import sha256
from importlib.machinery import EXTENSION_SUFFIXES, SOURCE_SUFFIXES, FileFinder, ModuleSpec, SourceFileLoader
from pathlib import Path
from types import ModuleType

PACKAGE = Path(__file__).parent
SUFFIX = EXTENSION_SUFFIXES[0]
RECORD = "extensions.txt"  # beside this file: a digest of the sources, and the suffix of the extensions made of them
HOT = (
    "app/shelf.py",
    "ledger/batch.py",
    "ledger/commit.py",
    "ledger/entry.py",
    "ledger/log.py",
    "ledger/seal.py",
    "ledger/segments.py",
    "ledger/tree.py",
    "masking/late.py",
    "masking/plan.py",
    "model.py",
    "proxy/announced.py",
    "proxy/answers.py",
    "proxy/asks.py",
    "proxy/clock.py",
    "proxy/described.py",
    "proxy/footing.py",
    "proxy/inquiry.py",
    "proxy/masked.py",
    "proxy/meaning.py",
    "proxy/names.py",
    "proxy/outlet.py",
    "proxy/pipeline.py",
    "proxy/refusing.py",
    "proxy/rounds.py",
    "proxy/session.py",
    "proxy/standing.py",
    "proxy/trail.py",
    "proxy/veil.py",
    "proxy/weighing.py",
    "sql/skeleton.py",
    "wire/frames.py",
    "wire/postgres_authentication.py",
    "wire/postgres_backend.py",
    "wire/postgres_frontend.py",
    "wire/postgres_parts.py",
    "wire/postgres_startup.py",
    "wire/postgres_state.py",
)
"""What every statement or every row passes through; everything else would gain nothing worth the time to compile it."""

NATIVE = ("ledger/_crypto.c", "masking/_rows.c", "proxy/_lane.c", "proxy/_poller.c", "sql/_skeleton.c")
"""What is written in C: `ledger/_x.c` is the module `tidewaiter.ledger._x`, described in `ledger/_x.pyi`. Importing it
raises ModuleNotFoundError where it was not built, is not wanted, is stale, or lacks what it needs of the system; then
its importer does the same in Python, byte for byte."""
HEADERS = (
    "ledger/_append.h", "ledger/_batch.h", "ledger/_libcrypto.h", "ledger/_put.h", "masking/_blake2b.h",
    "masking/_fields.h", "masking/_moments.h", "masking/_texts.h", "proxy/_messages.h",
)  # fmt: skip
"""What that includes."""


class Build(Enum):
    """What runs: the extensions; the sources, because there are no extensions or they are not wanted; or the sources,
    because they were changed since the extensions were made."""

    COMPILED = "compiled"
    PURE = "pure"
    STALE = "stale"


def wanted() -> bool | None:
    """What TIDEWAITER_MYPYC says: no, yes, or None for where possible."""
    said = os.environ.get("TIDEWAITER_MYPYC", "")  # noqa: TID251 - decided before anything else is imported
    return said != "0" if said in ("0", "1") else None


def record() -> str:
    """What a build of the present sources with this interpreter leaves as its record."""
    digest = sha256()
    for name in HOT + NATIVE + HEADERS:
        source = (PACKAGE / name).read_bytes()
        digest.update(b"%b %d\n%b" % (name.encode(), len(source), source))
    return f"{digest.hexdigest()} {SUFFIX}\n"


def found() -> Build:
    """What lies here, whatever is wanted."""
    try:
        kept = (PACKAGE / RECORD).read_text()
    except FileNotFoundError:
        return Build.PURE
    if kept.split(" ")[-1] != f"{SUFFIX}\n":  # made by another interpreter, which is not this one's worry
        return Build.PURE
    return Build.COMPILED if kept == record() else Build.STALE


def choose() -> Build:
    """Decide what this process imports. Raises ImportError when extensions are demanded and cannot be had."""
    want = wanted()
    build = Build.PURE if want is False else found()
    if build is Build.COMPILED:
        return build
    if want:
        raise ImportError(f"TIDEWAITER_MYPYC=1, but what is here is {build.value}: build it with `make install`")
    if build is Build.STALE:
        sys.stderr.write(
            "tidewaiter: running uncompiled, as sources were changed since they were compiled; see `make compiled`\n"
        )
    sys.meta_path.insert(0, Sources)
    return build


def module(name: str) -> str:
    """Name of the module that a file of HOT or NATIVE is."""
    return f"tidewaiter.{name.rpartition('.')[0].replace('/', '.')}"


_WITHOUT_SOURCE = frozenset(map(module, NATIVE))


class Sources:
    """Finds the package's modules as Python sources only, past extensions that lie beside them."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """The source of module `name`, None for other packages. ModuleNotFoundError for what has no Python source."""
        if not name.startswith("tidewaiter.") or path is None:
            return None
        if name in _WITHOUT_SOURCE:
            raise ModuleNotFoundError(f"{name} is written in C, and no extensions are used", name=name)
        for folder in path:
            spec = FileFinder(folder, (SourceFileLoader, SOURCE_SUFFIXES)).find_spec(name)
            if spec is not None:
                return spec
        return None


if __name__ == "__main__":
    sys.exit(found() is not Build.COMPILED and wanted() is not False)
