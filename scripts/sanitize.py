"""Run the tests of what is written in C under the address and the undefined behaviour sanitizer: `make sanitize`.

Each file of extensions.NATIVE is built with the sanitizers and takes its place among modules that are not compiled.
Python uses malloc for everything meanwhile, so that reading or writing past an object's end is found.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from sysconfig import get_path

import tidewaiter
from tidewaiter.extensions import NATIVE, PACKAGE, Build, module

ROOT = Path(__file__).parent.parent
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer", "-O1", "-g"]


def build(folder: Path) -> None:
    """Compile each file into the folder, under its module's name."""
    for name in NATIVE:
        target = folder / f"{module(name)}.so"
        command = ["gcc", "-shared", "-fPIC", "-std=c11", "-Wall", "-Wextra", "-Werror", *SANITIZERS]
        subprocess.run([*command, f"-I{get_path('include')}", str(PACKAGE / name), "-o", str(target)], check=True)


def take_places(folder: Path) -> None:
    """Import what was built under the names of the package's modules, and let their tests run."""
    tidewaiter.BUILD = Build.COMPILED
    for name in map(module, NATIVE):
        spec = importlib.util.spec_from_file_location(name, folder / f"{name}.so")
        assert spec is not None and spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])


def tests() -> list[str]:
    """The test files of the modules in C."""
    stems = [(Path(name).parent, Path(name).stem[1:]) for name in NATIVE]
    return [str(path) for folder, stem in stems for path in sorted((ROOT / "tests" / folder).glob(f"test_{stem}*.py"))]


def main() -> int:
    if len(sys.argv) > 1:
        import pytest
        from hypothesis import settings

        settings.register_profile("slow", deadline=None)
        settings.load_profile("slow")
        take_places(Path(sys.argv[1]))
        return pytest.main(
            [
                "-q",
                "-p",
                "no:cacheprovider",
                "-W",
                "ignore:Module already imported",
                "-k",
                "not nothing_is_kept",
                *tests(),
            ]
        )
    runtime = subprocess.run(["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True).stdout
    environment = {
        **os.environ,  # noqa: TID251 - handed on
        "LD_PRELOAD": runtime.strip(),
        "ASAN_OPTIONS": "detect_leaks=0",  # Python keeps much until it ends; the tests look for leaks by themselves
        "PYTHONMALLOC": "malloc",
        "TIDEWAITER_MYPYC": "0",
    }
    with tempfile.TemporaryDirectory(prefix="tidewaiter-sanitize-") as name:
        build(Path(name))
        return subprocess.run([sys.executable, __file__, name], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
