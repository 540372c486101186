"""Compile the hot modules with mypyc, and those in C, where a C compiler is; without one, or with TIDEWAITER_MYPYC=0,
leave them.

`pip install .` runs this, and so does `make install` (`build_ext --inplace`, with the development environment's mypy).
Which modules, and how it is found out later that they still fit their sources: src/tidewaiter/extensions.py.
"""

import os
import runpy
import shlex
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from sysconfig import get_config_var, get_path
from typing import Any

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import BaseError, CompileError

os.chdir(Path(__file__).parent)
KNOWN = runpy.run_path("src/tidewaiter/extensions.py")
SOURCES = [f"src/tidewaiter/{name}" for name in KNOWN["HOT"]]
# Of what is about to be compiled: a source that changes meanwhile must not pass for compiled.
RECORD: str = KNOWN["record"]()
MUST: bool | None = KNOWN["wanted"]()
# Types of other packages are not there when pip builds in isolation; the project's strict settings are `make check`'s.
MYPY = ["--config-file=", "--ignore-missing-imports"]


def say(what: str) -> None:
    """One line, also where pip is quiet about the build."""
    sys.stderr.write(f"tidewaiter: {what}\n")


def has_compiler() -> bool:
    """Whether a C file that needs Python's headers compiles."""
    command = shlex.split(os.environ.get("CC") or get_config_var("CC") or "cc")  # noqa: TID251 - as setuptools reads it
    with tempfile.TemporaryDirectory() as folder:
        probe = Path(folder) / "probe.c"
        probe.write_text("#include <Python.h>\n")
        tried = [*command, "-fsyntax-only", f"-I{get_path('include')}", str(probe)]
        try:
            return subprocess.run(tried, capture_output=True, check=False).returncode == 0
        except OSError:
            return False


def hot_extensions() -> list[Extension]:
    """The hot modules and those in C as extensions; none where they are not wanted or cannot be had."""
    if MUST is False:
        return []
    if not has_compiler():
        if MUST:
            raise SystemExit("TIDEWAITER_MYPYC=1, but there is no C compiler with Python's headers")
        say("no C compiler with Python's headers: the modules stay uncompiled, which costs about half the speed")
        return []
    from mypyc.build import mypycify

    os.environ["MYPYPATH"] = "src"  # noqa: TID251 - mypy is told this way
    try:
        made: list[Extension] = mypycify(
            [*MYPY, *SOURCES], opt_level="2", debug_level="0", multi_file=True, group_name="tidewaiter_hot"
        )
    except SystemExit:
        if MUST:
            raise
        say("mypyc refused the modules (see above): they stay uncompiled, which costs about half the speed")
        return []
    return made + [native_extension(name) for name in KNOWN["NATIVE"]]


def native_extension(name: str) -> Extension:
    """The module that is written in C. What it needs of libraries it finds when it is loaded."""
    libraries = ["dl"] if sys.platform == "linux" else []
    flags = ["-O2", "-std=c11", "-Wall", "-Wextra"]
    headers = [f"src/tidewaiter/{header}" for header in KNOWN["HEADERS"]]
    return Extension(
        KNOWN["module"](name), [f"src/tidewaiter/{name}"], depends=headers, libraries=libraries,
        extra_compile_args=flags,
    )  # fmt: skip


class BuildHot(build_ext):
    """Compiles with all processors, and leaves the record by which the extensions are found to fit."""

    def run(self) -> None:
        package = Path("src" if self.inplace else self.build_lib) / "tidewaiter"
        for old in [package / KNOWN["RECORD"], *package.rglob(f"*{KNOWN['SUFFIX']}")]:
            old.unlink(missing_ok=True)
        try:
            super().run()
        except (BaseError, CompileError) as error:
            if MUST:
                raise
            say(f"the modules stay uncompiled, which costs about half the speed: {error}")
            self.extensions = []
            return
        if self.extensions:
            (package / KNOWN["RECORD"]).write_text(RECORD)

    def build_extensions(self) -> None:
        compile_all = self.compiler.compile

        def compile_parts(sources: list[str], *given: Any, **named: Any) -> list[str]:
            with ThreadPoolExecutor(os.cpu_count()) as pool:  # the compiler is a process of its own
                parts = list(pool.map(lambda source: compile_all([source], *given, **named), sources))
            return [made for part in parts for made in part]

        self.compiler.compile = compile_parts
        super().build_extensions()


setup(ext_modules=hot_extensions(), cmdclass={"build_ext": BuildHot})
