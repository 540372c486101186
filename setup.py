"""Compile the wire modules with mypyc when asked: `TIDEWAITER_MYPYC=1 pip install .`

The pure files work without it and stay the default. A machine without a C compiler gets the pure files, too.
"""

import os
from pathlib import Path

from setuptools import Extension, setup

HOT = (
    "frames",
    "postgres_parts",
    "postgres_frontend",
    "postgres_backend",
    "postgres_authentication",
    "postgres_startup",
    "postgres_state",
)
ROOT = Path(__file__).parent


def extensions() -> list[Extension]:
    """The hot modules as optional extensions; none unless TIDEWAITER_MYPYC is set."""
    if os.environ.get("TIDEWAITER_MYPYC", "0") in ("", "0"):  # noqa: TID251 - there is no configuration at build time
        return []
    from mypyc.build import mypycify

    os.environ.setdefault("MYPYPATH", str(ROOT / "src"))  # noqa: TID251
    made: list[Extension] = mypycify([str(Path("src") / "tidewaiter" / "wire" / f"{name}.py") for name in HOT])
    for extension in made:
        extension.optional = True
    return made


setup(ext_modules=extensions())
