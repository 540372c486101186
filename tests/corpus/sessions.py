"""Reads tests/corpus/evasions/*.sql and harmless/*.sql: sessions with the verdict that each statement gets.

A file holds blocks separated by blank lines. A block is one session of one principal: steps, each a statement and then
the line with its verdict:

    -- why this is tried                      a remark
    --@ who analyst, agent                    the principals that try it, each in its own session; default: both
    --@ path shadow, public                   what the server answers for the search_path from here on
    --@ extended | pipeline                   how the live test sends it: Parse/Bind/Execute, or all before one Sync
    --@ escaped                               statements are written with Python's escapes, \\xff is one byte
    --$ 1, abc                                parameters of the step, which makes it an extended one
    --? REASON                                the verdict is known not to be reached, and why: counted apart
    --> allow | hold | deny [RULE]            the verdict, and the rule that must be the reason
    --> any                                   whatever the verdict, no forbidden effect may follow: for steps that are
                                              either harmless or refused

In harmless/ a statement without a verdict line must be allowed.
"""

from __future__ import annotations

import codecs
from asyncio import Future
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from corpus import HERE, catalog
from tidewaiter.config import default_policies
from tidewaiter.model import Allow, Context, Hold, Kind, Principal, Verdict
from tidewaiter.policy import Policies
from tidewaiter.proxy.footing import Footing, Judges
from tidewaiter.proxy.history import History
from tidewaiter.proxy.names import Names
from tidewaiter.proxy.standing import Standing
from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.catalog_mirror import Mirror

DATASOURCE = "shop"
ANALYST = Principal("ana", Kind.USER, frozenset({"analysts"}))
WRITER = Principal("wes", Kind.USER, frozenset({"writers"}))
DBA = Principal("dee", Kind.USER, frozenset({"dba"}))
AGENT = Principal("bot", Kind.AGENT, frozenset({"agents"}), owner=ANALYST)
AGENT_OF_DBA = Principal("dot", Kind.AGENT, frozenset({"agents"}), owner=DBA)
PEOPLE = {"analyst": ANALYST, "writer": WRITER, "dba": DBA, "agent": AGENT, "agent-of-dba": AGENT_OF_DBA}
PATH: tuple[str, ...] = ("pg_catalog", "public")
STRENGTH = {"any": 0, "allow": 0, "hold": 1, "deny": 2}


@dataclass(frozen=True, slots=True)
class Step:
    """One statement of a session. `path` is the search_path that the server answers before it; None: as it was.

    `beyond`: why no analysis of the text can reach the verdict; empty when it must be reached.
    """

    text: bytes
    verdict: str
    rule: str = ""
    binds: tuple[str, ...] | None = None
    path: tuple[str, ...] | None = None
    beyond: str = ""


@dataclass(frozen=True, slots=True)
class Session:
    """One block of a file, for one principal."""

    file: str
    line: int
    who: str
    how: str
    steps: tuple[Step, ...]

    def __str__(self) -> str:
        return f"{self.file}:{self.line}-{self.who}"


@dataclass(slots=True)
class _Block:
    """A block while it is read."""

    who: tuple[str, ...] = ("analyst", "agent")
    how: str = "simple"
    is_escaped: bool = False
    beyond: str = ""
    path: tuple[str, ...] | None = None
    binds: tuple[str, ...] | None = None
    text: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    def read(self, line: str) -> None:
        """Take in one line. Raises ValueError for a directive that is not known."""
        if line.startswith("--@ "):
            self._directive(*line[4:].partition(" ")[::2])
        elif line.startswith("--$ "):
            self.binds = tuple(part.strip() for part in line[4:].split(","))
        elif line.startswith("--? "):
            self.beyond = line[4:]
        elif line.startswith("--> "):
            verdict, _, rule = line[4:].partition(" ")
            self._end_step(verdict, rule)
        elif not line.startswith("-- "):
            self.text.append(line)

    def end(self) -> None:
        """The block ends: a statement without a verdict must be allowed."""
        if any(line.strip() for line in self.text):
            self._end_step("allow", "")

    def _directive(self, word: str, rest: str) -> None:
        parts = tuple(part.strip() for part in rest.split(","))
        if word == "who":
            self.who = parts
        elif word == "path":
            self.path = parts
        elif word in ("extended", "pipeline"):
            self.how = word
        elif word == "escaped":
            self.is_escaped = True
        else:
            raise ValueError(f"unknown directive {word!r}")

    def _end_step(self, verdict: str, rule: str) -> None:
        if verdict not in STRENGTH:
            raise ValueError(f"unknown verdict {verdict!r}")
        text = "\n".join(self.text).strip("\n")
        encoded = codecs.escape_decode(text)[0] if self.is_escaped else text.encode()
        assert isinstance(encoded, bytes)
        self.steps.append(Step(encoded, verdict, rule, self.binds, self.path, self.beyond))
        self.text, self.binds, self.path, self.beyond = [], None, None, ""


def sessions(kind: str) -> list[Session]:
    """Every session of tests/corpus/`kind`, in the order of the files."""
    return [found for path in sorted((HERE / kind).glob("*.sql")) for found in _sessions_of(path)]


def _sessions_of(path: Path) -> Iterator[Session]:
    number = 1
    for text in path.read_text().split("\n\n"):
        lines, block = text.splitlines(), _Block()
        try:
            for line in lines:
                block.read(line)
            block.end()
        except ValueError as wrong:
            raise ValueError(f"{path.name}:{number}: {wrong}") from None
        if block.steps:
            for who in block.who:
                yield Session(path.name, number, who, block.how, tuple(block.steps))
        number += len(lines) + 1


@cache
def policies() -> Policies:
    """The default policies, and the corpus's own about its secrets."""
    texts = {**default_policies(DATASOURCE), "corpus.cedar": (HERE / "policies.cedar").read_text()}
    return Policies.parse(texts, [DATASOURCE])


class Still:
    """A catalog that never changes: what a session defines, it knows only from its own statements."""

    completed = 0

    @property
    def current(self) -> Catalog:
        return catalog()

    @property
    def settled(self) -> Catalog:
        return catalog()

    history = History()
    is_fresh = True

    def look(self) -> Future[None]:
        raise NotImplementedError

    def refresh_soon(self) -> int:
        return 1

    async def refresh(self) -> Catalog:
        return catalog()

    is_reading = False

    async def at_rest(self) -> None:
        raise AssertionError("nothing is read here")

    async def catch_up(self) -> Catalog:
        return catalog()

    async def catch_up_within(self, limit_s: float) -> None:
        return None

    mirror: Mirror | None = None


def standing(who: str) -> Standing:
    """A session's standing at its beginning."""
    footing = Footing(DATASOURCE, False, False, Still(), policies, Judges(), Context(), lambda: 0)
    found = Standing(PEOPLE[who], footing, Names())
    found.set_path(PATH)
    return found


def verdicts(session: Session) -> Iterator[tuple[Step, Verdict]]:
    """What each step gets when every step that is allowed succeeds on the server."""
    now, path = standing(session.who), PATH
    for step in session.steps:
        path = step.path or path
        if now.path_is_stale or step.path:
            now.set_path(path)
        judged = now.recall(step.text, in_transaction=False) or now.study(step.text, in_transaction=False)
        yield step, judged.verdict
        if isinstance(judged.verdict, Allow):
            now.names.apply(judged.facts.effects, is_certain=True, source=step.text)
            now.apply(judged.facts.effects, is_certain=True)
            for effect in judged.facts.effects:
                if effect.kind.value == "setting" and effect.name == "standard_conforming_strings":
                    now.parameter_changed(b"standard_conforming_strings", b"off")


def word(verdict: Verdict) -> str:
    """allow, hold or deny."""
    return "allow" if isinstance(verdict, Allow) else "hold" if isinstance(verdict, Hold) else "deny"


@dataclass(frozen=True, slots=True)
class Finding:
    """A step that got another verdict than the one written. `is_weaker`: it got through."""

    session: Session
    step: Step
    got: str
    why: str

    @property
    def is_weaker(self) -> bool:
        return STRENGTH[self.got] < STRENGTH[self.step.verdict]

    def __str__(self) -> str:
        text = self.step.text.decode("utf-8", "backslashreplace")
        wanted = f"{self.step.verdict} {self.step.rule}".rstrip()
        return f"{self.session}: {self.got} ({self.why}) instead of {wanted}: {text}"


def findings(session: Session) -> list[Finding]:
    """The steps whose verdict is not the one that is written."""
    found = []
    for step, verdict in verdicts(session):
        got = word(verdict)
        rule = "" if isinstance(verdict, Allow) else verdict.rule
        why = ", ".join(verdict.rules) if isinstance(verdict, Allow) else f"{rule}: {verdict.message}"
        if step.verdict != "any" and (got != step.verdict or (step.rule and rule != step.rule)):
            found.append(Finding(session, step, got, why))
    return found


def statements(found: Sequence[Session]) -> int:
    """How many statements the sessions hold, counting each for one principal."""
    seen = {(one.file, one.line): len(one.steps) for one in found}
    return sum(seen.values())


def beyond_analysts(found: Sequence[Session]) -> int:
    """How many of the statements are for others than analysts alone: writers, DBAs, or nobody at all."""
    people: dict[tuple[str, int], set[str]] = {}
    for one in found:
        people.setdefault((one.file, one.line), set()).add(one.who)
    return statements([one for one in found if "analyst" not in people[one.file, one.line]])
