"""Record what a tool sends: run it against a PostgreSQL server that logs every statement, write harmless/NAME.sql.

    python tests/corpus/record.py NAME 'what it is and did' -- COMMAND …

COMMAND finds the server by libpq's variables (PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE); the database has
schema.sql. Nothing is filtered out. Statements of one structure with the same facts are written once, in the first file
that has them. Each is written for the least privileged principals that the default policies let run it, with a remark
on who is refused and by which rule; what nobody may run is written with its verdict. What needs what the session did
before is written as a session, from that on.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson
from sessions import PATH, sessions, standing, word

from corpus import HERE, catalog
from corpus import told as facts_told
from tidewaiter.demo.postgres import EmbeddedPostgres
from tidewaiter.model import Allow, Secret, Verdict
from tidewaiter.sql.facts import Scope, understand
from tidewaiter.sql.fingerprint import fingerprint

USER = "recorder"
LADDER = ("agent", "analyst", "writer", "dba")  # by what they may
MAKES = {"create", "prepare", "declare", "setting"}
LOG = {
    "logging_collector": "on", "log_destination": "jsonlog", "log_statement": "all", "log_filename": "all",
    "log_rotation_age": "0", "log_rotation_size": "0",
}  # fmt: skip
SCHEMA = f"""
create role {USER} login superuser password '{USER}'; create database shop owner {USER};
"""  # a superuser, so that nothing is missing because the server refused something before it


def recorded(command: list[str]) -> list[str]:
    """What reaches the server while a command runs, in order. Raises CalledProcessError when it fails."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with EmbeddedPostgres(Path(folder) / "server", Secret("record"), settings=LOG) as server:
            server.execute(SCHEMA)
            server.execute((HERE / "schema.sql").read_text(), database="shop")
            where = {"PGHOST": server.host, "PGPORT": str(server.port), "PGDATABASE": "shop"}
            environment = os.environ | where | {"PGUSER": USER, "PGPASSWORD": USER}
            subprocess.run(command, env=environment, check=True)
        log = (server.pgdata / "log" / "all.json").read_bytes()
    return list(_texts(log))


def _texts(log: bytes) -> Iterator[str]:
    """The statements of the tool's user; one that failed before it was logged is told with its error."""
    for line in log.splitlines():
        told = orjson.loads(line)
        if told.get("user") != USER:
            continue
        kind, _, text = told["message"].partition(": ")
        if told["error_severity"] == "LOG" and (kind == "statement" or kind.startswith("execute ")):
            yield text
        elif told["error_severity"] == "ERROR":
            sys.stderr.write(f"the server refused: {told['message']}: {told.get('statement')}\n")
            if told.get("statement") and told.get("state_code") in ("42601", "42P01", "42703", "42883"):
                yield told["statement"]


def one_block(text: str) -> str:
    """A text without its empty lines, which separate blocks; comments are indented, to be none of the file's own."""
    lines = [line.rstrip() for line in text.strip().splitlines() if line.strip()]
    return "\n".join(f" {line}" if line.startswith("--") else line for line in lines)


def shape(text: str) -> tuple[str, ...]:
    """What is the same for texts that count once: their structure, and all that is understood of them."""
    return (fingerprint(text) or one_block(text), *facts_told(understand(text, catalog(), Scope(PATH))))


def told_once(texts: list[str], elsewhere: set[tuple[str, ...]]) -> list[str]:
    """The texts, each shape once, without those of other files."""
    found: dict[tuple[str, ...], str] = {}
    for text in texts:
        if text.strip():
            found.setdefault(shape(text), one_block(text))
    return [text for key, text in found.items() if key not in elsewhere]


def written(name: str) -> set[tuple[str, ...]]:
    """Shapes of the single statements of all other files."""
    others = [one for one in sessions("harmless") if one.file != f"{name}.sql" and len(one.steps) == 1]
    return {shape(one.steps[0].text.decode()) for one in others}


@dataclass(frozen=True, slots=True)
class Told:
    """A text, and what each principal is told of it. `unknown`: why it is not understood. `makes`: it defines something
    that later texts may name."""

    text: str
    verdicts: Mapping[str, Verdict]
    unknown: tuple[str, ...]
    makes: bool

    @property
    def least(self) -> int:
        """The place in LADDER of the first who may run it."""
        return next((at for at, who in enumerate(LADDER) if isinstance(self.verdicts[who], Allow)), len(LADDER))


def judged(texts: list[str]) -> list[Told]:
    """What each is told of each text when every text before it has had its effects, whoever sent it."""
    standings = {who: standing(who) for who in LADDER}
    found = []
    for text in texts:
        told: dict[str, Verdict] = {}
        for who, now in standings.items():
            if now.path_is_stale:
                now.set_path(PATH)
            judgement = now.study(text.encode(), in_transaction=False)
            told[who] = judgement.verdict
            now.names.apply(judgement.facts.effects, is_certain=True, source=text.encode())
            now.apply(judgement.facts.effects, is_certain=True)
        effects = {effect.kind.value for effect in judgement.facts.effects}
        found.append(Told(text, told, judgement.facts.unknown, not effects.isdisjoint(MAKES)))
    return found


def blocks(texts: list[str]) -> Iterator[str]:
    """One block per text that means the same alone, by who may run it; then one session of all that does not."""
    in_order = judged(texts)
    alone = [judged([text])[0] for text in texts]
    for told in in_order:
        if told.unknown:
            sys.stderr.write(f"not understood ({'; '.join(told.unknown)}): {told.text}\n")
    is_alone = [one.verdicts == two.verdicts and not one.unknown for one, two in zip(alone, in_order, strict=True)]
    for told in sorted((told for told, fits in zip(alone, is_alone, strict=True) if fits), key=lambda one: one.least):
        yield _block(told)
    session = [told for told, fits in zip(in_order, is_alone, strict=True) if told.makes or not fits]
    if not all(is_alone):
        who = LADDER[min(max(told.least for told in session), len(LADDER) - 1)]
        remark = f"-- one session: what needs what came before it; {who} is the first who may run all of it"
        yield "\n".join([remark, f"--@ who {who}", *(_step(told, who) for told in session)])


def _block(told: Told) -> str:
    refused = [who for who in LADDER if not isinstance(told.verdicts[who], Allow)]
    lines = [f"-- {word(told.verdicts[who])} for {who}: {_why(told.verdicts[who])}" for who in refused]
    allowed = [who for who in LADDER if who not in refused]
    people = [who for who in ("analyst", "agent") if who in allowed] or allowed[:1] or [LADDER[-1]]
    written = told.text if len(refused) < len(LADDER) else _step(told, people[0])
    return "\n".join([*lines, f"--@ who {', '.join(people)}", written])


def _step(told: Told, who: str) -> str:
    verdict = told.verdicts[who]
    return f"{told.text}\n--> {word(verdict)} {getattr(verdict, 'rule', '')}".rstrip()


def _why(verdict: Verdict) -> str:
    rule, message = getattr(verdict, "rule", ""), getattr(verdict, "message", "")
    return " ".join(f"{rule}: {message}".split())


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("title")
    parser.add_argument("command", nargs="+")
    asked = parser.parse_args()
    texts = recorded(asked.command)
    lines = [f"-- {asked.title}; recorded from the server's log"]
    lines += blocks(told_once(texts, written(asked.name)))
    target = HERE / "harmless" / f"{asked.name}.sql"
    target.write_text("\n\n".join(lines) + "\n")
    sys.stdout.write(f"{target.name}: {len(texts)} recorded, {len(lines) - 1} written\n")


if __name__ == "__main__":
    main()
