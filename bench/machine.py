"""What the operating system says of a process: memory and processor time; and of the machine, in general words."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import resource
from collections.abc import Iterator
from datetime import UTC, datetime

import psutil  # type: ignore[import-untyped]  # comes with the embedded PostgreSQL of the `demo` extra


def family(pid: int) -> list[psutil.Process]:
    """The process and its descendants."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    return []


def resident_bytes(pid: int) -> int:
    """Resident memory of a process and its descendants, bytes."""
    return sum(int(process.memory_info().rss) for process in family(pid))


def processor_s(pid: int) -> float:
    """User and system time of a process and its descendants so far, seconds."""
    spent = (process.cpu_times() for process in family(pid))
    return sum(float(times.user) + float(times.system) for times in spent)


def raise_file_limit(wanted: int) -> int:
    """Allow this process and its children `wanted` open files where possible; returns what is allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
        return limit
    return soft


def description() -> Iterator[str]:
    """Lines that say what kind of machine and which versions were measured; no names, no paths."""
    memory_gib = round(psutil.virtual_memory().total / (1 << 30))
    yield f"{os.cpu_count()} cores shared by client, proxy and server, {memory_gib} GiB memory, {platform.machine()}"
    versions = (f"{name} {importlib.metadata.version(name)}" for name in ("uvloop", "asyncpg", "cedarpy", "postgast"))
    yield f"{platform.system()}, Python {platform.python_version()}, " + ", ".join(versions)


def facts(how: str) -> Iterator[str]:
    """Markdown lines: when and how it was measured, on which machine, and how busy that was."""
    hardware, software = description()
    yield f"- measured: {datetime.now(UTC):%Y-%m-%d}, {how}, medians; load average at the end {os.getloadavg()[0]:.1f}"
    yield f"- machine: {hardware}"
    yield f"- software: {software}"
