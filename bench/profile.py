"""Where the microseconds of a statement go: `python -m bench.profile [--mode prepared] [--seconds 5] [--write]`.

Two views. **Sampled**: the gateway runs under `bench/sampled.py` while pgbench loads it; processor time per statement
is shared out over functions. **Alone**: the steps that every statement takes, timed by themselves in a loop
(`bench/steps.py`).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import measures, report, steps, targets
from bench.__main__ import PAGE

BEGIN = "<!-- profile: begin (written by `python -m bench.profile --write`) -->"
END = "<!-- profile: end -->"
SHOWN = 25
CLIENTS = 8

PARTS = (
    (
        "the event loop, the kernel's sockets",
        ("(loop)", "runners.", "shell.", "sampled.", "link.", "server.", "serve."),
    ),
    ("find message boundaries", ("frames.",)),
    ("parse messages", ("postgres.", "postgres_parts.", "postgres_frontend.", "postgres_backend.")),
    ("what the server owes", ("postgres_state.",)),
    ("understand and decide (cached)", ("pipeline.", "standing.", "names.", "skeleton.", "policy.", "enum.")),
    ("the session itself, and its writes to sockets", ("session.", "asks.", "answers.", "rounds.", "clock.")),
    ("make entries", ("trail.", "entry.")),
    (
        "append, seal, hash, write, sign",
        ("log.", "batch.", "seal.", "tree.", "commit.", "segments.", "files.", "note.", "keys."),
    ),
)


@dataclass(frozen=True, slots=True)
class Profile:
    """A sampled run: processor µs per statement, and samples by function and by part."""

    tps: float
    processor_us: float
    samples: int
    leaf: Mapping[str, int]


def part_of(name: str) -> str:
    """Which part of the road a function belongs to."""
    for part, prefixes in PARTS:
        if name.startswith(prefixes):
            return part
    return "everything else"


def sampled(folder: Path, mode: str, script: str, seconds: int) -> Profile:
    """Load a gateway that samples itself."""
    output = folder / "samples.json"
    program = [sys.executable, "-m", "bench.sampled", str(output)]
    with targets.upstream(folder / "postgres") as server:
        measures.scripts(folder)
        with targets.gateway(server, folder / "gateway", program) as target:
            warm = measures.throughput(folder, server.binaries, script, mode, CLIENTS, 1)
            warm(target)
            sample = measures.throughput(folder, server.binaries, script, mode, CLIENTS, seconds)(target)
    found = json.loads(output.read_text())
    return Profile(sample.value, sample.processor_us or 0.0, found["samples"], found["leaf"])


def sampled_tables(profile: Profile, what: str) -> Iterator[str]:
    """Markdown: processor time per statement by part and by function."""
    parts: Counter[str] = Counter()
    for name, count in profile.leaf.items():
        parts[part_of(name)] += count
    told = f"{report.figure(profile.tps)} statements/s with the sampler on"
    yield f"{what}: {profile.processor_us:.1f} µs of processor time per statement, {told}."
    yield from ("", "| part | share | µs per statement |", "| --- | ---: | ---: |")
    for part, count in parts.most_common():
        yield _row(part, count, profile)
    yield from ("", "| function | share | µs per statement |", "| --- | ---: | ---: |")
    for name, count in list(profile.leaf.items())[:SHOWN]:
        yield _row(f"`{name}`", count, profile)


def _row(name: str, count: int, profile: Profile) -> str:
    share = count / profile.samples
    return f"| {name} | {share:.0%} | {share * profile.processor_us:.1f} |"


def step_table(timed: Sequence[tuple[str, float]]) -> Iterator[str]:
    """Markdown: the steps by themselves."""
    yield from ("| step, by itself | µs |", "| --- | ---: |")
    for name, us in timed:
        yield f"| {name} | {us:.2f} |"


def main() -> None:
    """Sample, time, print, and with --write update docs/benchmarks.md."""
    parser = argparse.ArgumentParser(prog="python -m bench.profile", description=__doc__)
    parser.add_argument("--mode", choices=("simple", "extended", "prepared"), default="prepared")
    parser.add_argument("--script", choices=sorted(measures.SCRIPTS), default="random")
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="write the tables into docs/benchmarks.md")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tidewaiter-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL runs as another user when this runs as root
        timed = steps.all_steps(folder)
        profile = sampled(folder, given.mode, given.script, given.seconds)
    what = f"pgbench -M {given.mode}, {given.script} key, {CLIENTS} clients"
    lines = [*sampled_tables(profile, what), "", *step_table(timed)]
    print("\n".join(lines))
    if given.write:
        report.write(PAGE, {}, lines, (BEGIN, END))


if __name__ == "__main__":
    main()
