"""Fuzz what is written in C beside its twin in Python, under sanitizers of addresses and behaviour: `make fuzz`.

Needs clang, and atheris (Linux, CPython as atheris supports it), which the project does not depend on:

    .venv/bin/pip install atheris
    .venv/bin/python fuzz/native.py masked_rows -max_total_time=600 corpus/

The first argument is a target of `twins.py` or `twin_sessions.py`; the rest are libFuzzer's, as in `wire_postgres.py`.
The C is compiled for the fuzzer, which sees its branches; the Python runs uncompiled. A finding is a report of a
sanitizer, or an AssertionError, and a file `crash-…`, which plays it again in place of `corpus/`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from sysconfig import get_path

ROOT = Path(__file__).parent.parent
SANITIZERS = ["-fsanitize=fuzzer-no-link,address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"]


def build(folder: Path) -> None:
    """Compile each file of extensions.NATIVE into the folder, under its module's name."""
    from tidewaiter.extensions import NATIVE, PACKAGE, module

    for name in NATIVE:
        target = str(folder / f"{module(name)}.so")
        command = ["clang", "-shared", "-fPIC", "-std=c11", "-O1", "-g", *SANITIZERS, f"-I{get_path('include')}"]
        subprocess.run([*command, str(PACKAGE / name), "-o", target], check=True)


def main(target: str, arguments: list[str]) -> int:
    """Build, and run this file again in an environment that has the sanitizers' runtime in it."""
    import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]

    with tempfile.TemporaryDirectory(prefix="tidewaiter-fuzz-") as name:
        build(Path(name))
        environment = {
            **os.environ,  # noqa: TID251 - handed on
            "LD_PRELOAD": str(Path(atheris.path()) / "asan_with_fuzzer.so"),
            "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1",  # Python keeps much until it ends
            "PYTHONMALLOC": "malloc",  # so that reading or writing past an object's end is found
            "TIDEWAITER_MYPYC": "0",
            "TIDEWAITER_FUZZED": name,
        }
        command = [sys.executable, __file__, target, *arguments]
        return subprocess.run(command, env=environment, check=False).returncode


def fuzz(folder: Path, target: str, arguments: list[str]) -> None:
    """Let a fuzzer choose the inputs of a target."""
    import atheris

    sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests" / "proxy")]
    from sanitize import take_places

    take_places(folder)
    import twin_sessions
    import twins

    targets = {**twins.TARGETS, **twin_sessions.TARGETS}
    atheris.Setup([sys.argv[0], *arguments], targets[target])
    atheris.Fuzz()


if __name__ == "__main__":
    built = os.environ.get("TIDEWAITER_FUZZED")  # noqa: TID251 - from `main`
    if built:
        fuzz(Path(built), sys.argv[1], sys.argv[2:])
    else:
        sys.exit(main(sys.argv[1], sys.argv[2:]))
