"""`python -m bench`: measure direct, pgbouncer, a bare relay and the gateway in turns; print and write the tables."""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench import machine, measures, report, steps, targets
from tidewaiter.demo.postgres import EmbeddedPostgres

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
TARGETS = ("direct", "pgbouncer", "relay", "gateway")


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--seconds", type=int, default=5, help="length of each pgbench run (default 5; quick: 2)")
    parser.add_argument(
        "--rounds", type=int, default=5, help="how often each target has its turn (default 5; quick: 2)"
    )
    parser.add_argument("--connections", type=int, default=1000, help="idle connections for the memory figure")
    parser.add_argument("--targets", default=",".join(TARGETS), help="comma-separated, default all")
    parser.add_argument("--only", default="", help="only measures whose name contains this text")
    parser.add_argument("--write", action="store_true", help="write the tables into docs/benchmarks.md")
    return parser.parse_args(given)


@contextlib.contextmanager
def started(folder: Path, wanted: Sequence[str]) -> Iterator[tuple[EmbeddedPostgres, list[targets.Target]]]:
    """One PostgreSQL and the wanted targets in front of it, in TARGETS' order; stopped in reverse."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(targets.upstream(folder / "postgres"))
        found: list[targets.Target] = []
        if "direct" in wanted:
            found.append(targets.direct(server))
        if "pgbouncer" in wanted:
            bouncer = stack.enter_context(targets.pgbouncer(server, folder / "pgbouncer"))
            found += [bouncer] if bouncer else []
        if "relay" in wanted:
            found.append(stack.enter_context(targets.relay(server, folder / "relay")))
        if "gateway" in wanted:
            found.append(stack.enter_context(targets.gateway(server, folder / "gateway")))
        yield server, found


def run(folder: Path, given: argparse.Namespace) -> tuple[report.Results, dict[str, str]]:
    """Measure everything; each round gives each target its turn, in an order that rotates with the round."""
    with started(folder, given.targets.split(",")) as (server, found):
        measures.scripts(folder)
        every = measures.all_measures(folder, server.binaries, given.seconds, given.connections)
        chosen = [measure for measure in every if given.only in measure.name]
        results = report.Results([target.name for target in found], chosen)
        for turn in range(given.rounds):
            for measure in (measure for measure in chosen if measure.per_round or turn == 0):
                take_turns(results, measure, found, turn)
        return results, _facts(server, found, given)


def take_turns(results: report.Results, measure: measures.Measure, found: Sequence[targets.Target], turn: int) -> None:
    """Take one sample of each target, beginning with another one each turn."""
    first = turn % len(found)
    shown = []
    for target in (*found[first:], *found[:first]):
        sample = measure.take(target)
        if sample is not None:
            results.add(measure, target.name, sample)
            shown.append(f"{target.name} {report.figure(sample.value)}")
    print(f"round {turn + 1}: {measure.name}: {', '.join(shown)} {measure.unit}", file=sys.stderr, flush=True)


def _facts(server: EmbeddedPostgres, found: Sequence[targets.Target], given: argparse.Namespace) -> dict[str, str]:
    hardware, software = machine.description()
    facts = {
        "measured": f"{datetime.now(UTC):%Y-%m-%d}, {given.rounds} rounds, {given.seconds} s per pgbench run, medians",
        "machine": hardware,
        "software": f"{software}, PostgreSQL {server.binaries.version}",
    }
    if any(target.name == "pgbouncer" for target in found):
        said = subprocess.run(["pgbouncer", "--version"], capture_output=True, text=True, check=False).stdout
        facts["software"] += f", {said.splitlines()[0]}" if said else ""
    return facts


def main() -> None:
    """Measure, print, and with --write update docs/benchmarks.md."""
    given = arguments()
    with tempfile.TemporaryDirectory(prefix="tidewaiter-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL runs as another user when this runs as root
        results, facts = run(folder, given)
    lines = [*report.tables(results), "", *report.judging_table(steps.judging_steps())]
    print("\n".join([*(f"{name}: {value}" for name, value in facts.items()), "", *lines]))
    if given.write:
        report.write(PAGE, facts, lines)


if __name__ == "__main__":
    main()
