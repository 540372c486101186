"""The two-world oracle: `make worlds`, or this file: [--server 15|18] [--random N] [--gateway | --raw] [-v] [words].

Every case runs in two databases that differ only in secrets whose masks are equal. Any difference in what the client
sees is a leak. Printed together, because either alone says little: leaks, and what was answered, refused, failed.
Harmless cases must be answered; where they touch nothing masked, as the server answers the client's own text.

A line of a file is one case: `-- …` are remarks, `@extended,binary ` at its beginning says how it is sent (or
`@raw`: outside of a transaction; `@volatile`: not compared with the unmasked run), ` ;; ` separates steps. Each case
has a connection of its own and is rolled back.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

HERE = Path(__file__).parent
for folder in (HERE, HERE.parents[1] / "live"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from rawwire import Client, Message  # noqa: E402
from world import World, worlds  # noqa: E402

from targets import Answer, Raw, Redefined, Rewriting, Session, conversation, described  # noqa: E402
from tidewaiter.demo.postgres import Binaries  # noqa: E402

OPTIONS = {
    "application_name": "oracle",
    "options": "-c search_path=public -c timezone=UTC -c max_parallel_workers_per_gather=0",
}
TIDY = 100
"""Cases after which the worlds are tidied up: plans show how large tables are, which is no secret of the rewrite's."""
TRIES = 5
_TOKEN = re.compile(rb"tok_[a-z2-7]{26}")
_NOISE = re.compile(
    rb"(actual time=[0-9.]+\.\.[0-9.]+|(Planning|Execution) Time: [0-9.]+ ms|Memory: \d+kB|shared hit=\d+"
    rb"|tw[0-9a-f]{6}q|decision [0-9a-f]{12}/[0-9]+)"
)


@dataclass(frozen=True)
class Case:
    """One line of a file."""

    file: str
    line: int
    steps: tuple[str, ...]
    flags: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass
class Tally:
    """What became of the cases, by outcome."""

    outcomes: dict[str, list[str]] = field(default_factory=dict)

    def add(self, outcome: str, case: Case, detail: str = "") -> None:
        """Count a case."""
        self.outcomes.setdefault(outcome, []).append(f"{case}: {' ;; '.join(case.steps)[:200]}  {detail}")

    def count(self, outcome: str) -> int:
        """How many cases had an outcome."""
        return len(self.outcomes.get(outcome, ()))


def cases(folder: Path) -> list[Case]:
    """Every case of a folder's files."""
    found: list[Case] = []
    for path in sorted(folder.glob("*.sql")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if not line.strip() or line.startswith("--"):
                continue
            flags: frozenset[str] = frozenset()
            if line.startswith("@"):
                word, _, line = line.partition(" ")
                flags = frozenset(word[1:].split(","))
            found.append(Case(path.name, number, tuple(step.strip() for step in line.split(" ;; ")), flags))
    return found


Opener = Callable[[World], Session]


def rewriting(world: World) -> Session:
    """A session through the rewrite."""
    return Rewriting(Client.connect(*world.address, options=OPTIONS), world)


def unprotected(world: World) -> Session:
    """A session without protection: what the oracle must find leaks in."""
    return Raw(Client.connect(*world.address, options=OPTIONS))


def run(case: Case, world: World, open_session: Opener) -> list[Answer]:
    """Run a case's steps in a transaction that is rolled back; a failed step is undone by a savepoint."""
    for _ in range(TRIES):
        with contextlib.suppress(Redefined):
            return _run(case, world, open_session)
    raise AssertionError(f"{case} met a definition {TRIES} times, and nobody makes any")


def _run(case: Case, world: World, open_session: Opener) -> list[Answer]:
    session = open_session(world)
    client: Client = session.client  # type: ignore[attr-defined]
    answers: list[Answer] = []
    try:
        if "raw" not in case.flags:
            conversation(client, "begin")
        for step in case.steps:
            if "raw" not in case.flags:
                conversation(client, "savepoint step")
            answer = session.step(step, extended="extended" in case.flags, binary="binary" in case.flags)
            answers.append(answer)
            if any(one.type == b"E" for one in answer.messages) and "raw" not in case.flags:
                conversation(client, "rollback to step")
        conversation(client, "rollback")
    finally:
        session.close()
    return answers


def _labels(body: bytes) -> Iterator[bytes]:
    """The names of the columns in a RowDescription."""
    at = 2
    for _ in range(int.from_bytes(body[:2], "big")):
        end = body.index(b"\0", at)
        yield body[at : end + 1]
        at = end + 19


def visible(answers: Iterable[Answer], last: int) -> list[tuple[str, tuple[tuple[bytes, bytes], ...]]]:
    """All that a client can compare: tokens by their order of appearance, measured times left out."""
    tokens: dict[bytes, bytes] = {}

    def clean(kind: bytes, body: bytes) -> bytes:
        if kind == b"T":  # object ids of what a case made differ between servers
            body = b"".join(
                b"%d.%d:%d:%d " % (field.number, field.table_oid * (field.table_oid <= last), field.type_oid, index)
                for index, field in enumerate(described(Message(kind, body)))
            ) + b"".join(_labels(body))
        if kind == b"D" and _NOISE.search(body):  # the length before a line of EXPLAIN is of its times, too
            body = body[:2] + body[6:]
        body = _NOISE.sub(b"", body)
        return _TOKEN.sub(lambda found: tokens.setdefault(found[0], b"token %d" % len(tokens)), body)

    return [
        (
            answer.refused,
            tuple((one.type, clean(one.type, one.body)) for one in answer.messages if one.type not in b"K"),
        )
        for answer in answers
    ]


def last_of(pair: tuple[World, World]) -> int:
    """The last relation that both worlds have: later ones are made by cases."""
    return max(pair[0].catalog.relation_oids)


def outcome(answers: list[Answer]) -> tuple[str, str]:
    """refused, error or answered: of the last step, or of the first refused one."""
    for answer in answers:
        if answer.refused:
            return "refused", f"[{answer.refused}] {answer.reason}"
    for answer in answers:
        for one in answer.messages:
            if one.type == b"E" and "(masking: " in one.fields.get("M", ""):
                return "refused", str(one.fields.get("M"))
            if one.type == b"E":
                return "error", f"{one.fields.get('C')} {one.fields.get('M')} <- {answer.text[:300]}"
    return "answered", ""


def attack(found: Iterable[Case], pair: tuple[World, World], open_session: Opener) -> Tally:
    """Run attack cases in both worlds."""
    tally = Tally()
    for number, case in enumerate(found):
        if number % TIDY == TIDY - 1:
            for world in pair:
                world.tidy()
        one, other = (run(case, world, open_session) for world in pair)
        if visible(one, last_of(pair)) != visible(other, last_of(pair)):
            detail = next((f"{a.text[:400]}\n      a: {a.messages}\n      b: {b.messages}"[:1500]
                           for a, b in zip(one, other, strict=True) if a != b), "")  # fmt: skip
            tally.add("leak", case, detail)
        else:
            tally.add(*_pair(case, one))
    return tally


def _pair(case: Case, answers: list[Answer]) -> tuple[str, Case, str]:
    what, detail = outcome(answers)
    return what, case, detail


def harmless(found: Iterable[Case], pair: tuple[World, World], open_session: Opener | None = None) -> Tally:
    """Run harmless cases: answered, equal in both worlds, and right where nothing masked is touched.

    What is right is only known of the rewrite, which tells what it touches.
    """
    tally = Tally()
    for world in pair:
        world.tidy()
    for case in found:
        one, other = (run(case, world, open_session or rewriting) for world in pair)
        what, detail = outcome(one)
        if what != "answered":
            tally.add(what, case, detail)
        elif visible(one, last_of(pair)) != visible(other, last_of(pair)):
            tally.add("leak", case)
        elif open_session is None and not any(answer.touches for answer in one) and "volatile" not in case.flags:
            plain = run(case, pair[0], unprotected)
            same = rows(one) == rows(plain)
            tally.add(
                "answered" if same else "wrong",
                case,
                "" if same else f"{one[-1].text}\n   {rows(one)}\n   {rows(plain)}"[:1500],
            )
        else:
            tally.add("answered", case)
    return tally


def rows(answers: Iterable[Answer]) -> list[list[Message]]:
    """Data and tags, without what belongs to the text that was sent."""
    return [[one for one in answer.messages if one.type in b"DCd"] for answer in answers]


def report(title: str, tally: Tally, total: int, verbose: bool, bad: frozenset[str]) -> bool:
    """Print a tally; whether nothing bad is in it."""
    print(title, total, " ".join(f"{name}={len(found)}" for name, found in sorted(tally.outcomes.items())))
    for name, found in sorted(tally.outcomes.items()):
        if name in bad or verbose:
            for line in found:
                print(f"  {name.upper()} {line}")
    return not any(tally.count(name) for name in bad)


def main() -> int:
    """Run what the arguments ask for; 0 when nothing leaked and nothing harmless was refused."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--server", choices=("15", "18"), default="18")
    parser.add_argument("--random", type=int, default=0, metavar="N")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--gateway", action="store_true", help="through `tidewaiter serve`")
    parser.add_argument("--raw", action="store_true", help="without protection: the oracle must find leaks")
    parser.add_argument("-v", "--verbose", action="store_true")
    parser.add_argument("words", nargs="*", help="only cases that contain one of these")
    given = parser.parse_args()

    def chosen(found: list[Case]) -> list[Case]:
        return [case for case in found if not given.words or any(word in " ".join(case.steps) for word in given.words)]

    binaries = Binaries(Path("/usr/lib/postgresql/15/bin")) if given.server == "15" else None
    opener = unprotected if given.raw else rewriting
    with worlds(binaries) as pair, ExitStack() as stack:
        if given.gateway:
            from gateways import gateways, through

            found = stack.enter_context(gateways(pair))
            opener = partial(through, found)
        attacks = chosen(cases(HERE / "attacks"))
        good = report("attacks", attack(attacks, pair, opener), len(attacks), given.verbose, frozenset({"leak"}))
        if given.raw:
            return 0
        fine = chosen(cases(HERE / "harmless"))
        bad = frozenset({"leak", "refused", "error", "wrong"})
        told = harmless(fine, pair, opener if given.gateway else None)
        good &= report("harmless", told, len(fine), given.verbose, bad)
        if given.random:
            from generator import statements

            made = [
                Case("random", number, tuple(text.split(" ;; ")))
                for number, text in enumerate(statements(given.seed, given.random))
            ]
            good &= report("random", attack(made, pair, opener), len(made), given.verbose, frozenset({"leak"}))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
