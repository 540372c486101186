"""Compiled modules and what is written in C, against the Python that they stand for: two gateways, one conversation.

Both are told the same by clients of all kinds, see twinscript.py, and have to answer the same bytes and to record the
same. What is not compared is what no two sessions share: names, keys, numbers, times, and whether an entry tells all
of a statement or two entries do, which depends on how its answer came in; and what is recorded of statements behind
one that failed, which depends on whether the gateway had heard of that when it came to them.
"""

from __future__ import annotations

import json
import re
import select
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest
from rawwire import Message, message
from rig import MASKED, Deployment, copy_of, eventually
from twinscript import CLASSIFIED, SETUP, Act, conversation

from tidewaiter.extensions import NATIVE, PACKAGE, Build, found
from tidewaiter.ledger.entry import Entry, decode
from tidewaiter.ledger.keys import load_kek
from tidewaiter.ledger.reader import LogReader

pytestmark = pytest.mark.timeout(300)  # everything is played before the first test; a busy machine takes long
SEEDS = ("kelp", "brine")
MORE = 4
WHO = (("dora", "shop"), ("alice", "shop"), (MASKED, "shop"), ("reporter", "shop"), (MASKED, "watched"))
BUILDS = {"compiled": "1", "python": "0"}
COMPILED = {Path(name).stem for name in NATIVE} | {"tidewaiter_hot__mypyc"}
ASLEEP = "select 1 from pg_stat_activity where wait_event = 'PgSleep' and query ilike '%pg_sleep(600)%'"
DECISION = re.compile(rb"decision [^/\0]+/[0-9]+")
UNSHARED = ("session", "client_address", "backend_pid", "duration_us", "intent", "estimated_rows")
"""Members that no two sessions share; estimates change with what autovacuum has counted."""
Answers = dict[str, list[bytes]]
Entries = dict[str, list[str]]


@dataclass
class Twin:
    """What one gateway loaded, answered and recorded, by conversation."""

    loaded: set[str] = field(default_factory=set)
    answers: Answers = field(default_factory=dict)
    entries: Entries = field(default_factory=dict)
    verified: bool = False


@pytest.fixture(scope="module")
def twins(workshop: Path, template: Deployment) -> Iterator[dict[str, Twin]]:
    """Both gateways after all conversations."""
    if found() is not Build.COMPILED:
        pytest.skip("nothing is compiled here")
    template.postgres.execute(SETUP, database="shop")
    gates = {name: _prepared(template, workshop / f"twin-{name}", build) for name, build in BUILDS.items()}
    played = {name: Twin() for name in gates}
    try:
        for name, gate in gates.items():
            played[name].loaded = _loaded(gate.start().pid)
        for seed in SEEDS:
            for principal, datasource in WHO:
                talk = f"{seed} {principal} {datasource}"
                for name, gate in gates.items():
                    played[name].answers[talk] = list(_play(gate, principal, datasource, conversation(talk, MORE)))
        for name, gate in gates.items():
            assert gate.stop() == 0, gate.log()
            played[name].entries = dict(zip(played[name].answers, _recorded(gate), strict=True))
            played[name].verified = gate.verify()["ok"]
        yield played
    finally:
        for gate in gates.values():
            gate.kill()
        template.postgres.execute("drop table berths", database="shop")


def _prepared(template: Deployment, folder: Path, build: str) -> Deployment:
    gate = copy_of(template, folder, template.postgres)
    with (folder / "classification.toml").open("a") as file:
        file.write(CLASSIFIED)
    gate.build = build
    return gate


def _loaded(pid: int) -> set[str]:
    """Names of the product's extensions that a process runs on."""
    mapped = {Path(line.split(maxsplit=5)[-1]) for line in Path(f"/proc/{pid}/maps").read_text().splitlines()}
    ours = (
        one for one in mapped if one.suffix == ".so" and (PACKAGE in one.parents or one.name.startswith("tidewaiter"))
    )
    return {one.name.partition(".")[0] for one in ours}


def _play(gate: Deployment, principal: str, datasource: str, acts: list[Act]) -> Iterator[bytes]:
    """What a client is told, message by message; b"" where the connection was closed."""
    with gate.raw_direct("none") as watch, gate.raw(principal, datasource) as client:
        watch.rows("delete from plain")
        yield from map(_comparable, client.greeting)
        last = b"Z"
        for act in acts:
            if act.copies and last != b"G":
                continue
            for start, end in zip((0, *act.cuts), (*act.cuts, len(act.send)), strict=True):
                client.send(act.send[start:end])
            if act.cancels:
                eventually(lambda: select.select([client.sock], [], [], 0)[0] or watch.rows(ASLEEP))
                client.cancel("127.0.0.1", gate.port)
            try:
                for got in client.until(act.until, act.count):
                    last = got.type
                    yield _comparable(got)
            except ConnectionError:
                yield b""
                return


def _comparable(got: Message) -> bytes:
    """The message's own bytes, but for keys, process ids, and the names of sessions and decisions."""
    match got.type:
        case b"K":
            return message(b"K", bytes(len(got.body)))
        case b"A":
            return message(b"A", bytes(4) + got.body[4:])
        case b"S" if got.body.startswith(b"application_name\0"):
            return message(b"S", b"application_name\0")
        case b"E":
            return message(b"E", DECISION.sub(b"decision", got.body))
        case _:
            return message(got.type, got.body)


def _recorded(gate: Deployment) -> Iterator[list[str]]:
    """Of each session, in the order that they began: its statements and events, sorted."""
    reader = LogReader(gate.folder / "state" / "ledger", load_kek(gate.folder / "keys"))
    sessions: dict[str, list[dict[str, Any]]] = {}
    asked: dict[int, dict[str, Any]] = {}
    for stored in reader.frames():
        entry = decode(stored.header)
        if "session" not in entry.fields:
            continue
        told = {"kind": entry.kind, **_shared(entry)}
        if entry.kind == "outcome":
            asked[entry.fields["intent"]] |= told | {"kind": "execution"}
            continue
        body = reader.body(stored, entry)
        asked[entry.seq] = told | ({"sql": repr(body.sql), "body": repr(body)} if body else {})
        sessions.setdefault(entry.fields["session"], []).append(asked[entry.seq])
    for entries in sessions.values():
        yield sorted(json.dumps(one, sort_keys=True) for one in entries)


def _shared(entry: Entry) -> dict[str, Any]:
    return {name: value for name, value in entry.fields.items() if name not in UNSHARED}


def _parted(twins: dict[str, Twin]) -> Iterator[str]:
    """Of each conversation that was not answered alike: the seed, and where they part."""
    ours, theirs = (twins[name].answers for name in BUILDS)
    for talk in ours:
        pairs = enumerate(zip_longest(ours[talk], theirs[talk]))
        at = next((at for at, (mine, other) in pairs if mine != other), None)
        if at is not None:
            near = slice(max(at - 3, 0), at + 3)
            yield f"{talk!r} at {at}\ncompiled: {ours[talk][near]}\nin Python: {theirs[talk][near]}"


def _unlike(mine: list[str], other: list[str]) -> Iterator[str]:
    """What only one of two has recorded, and not because it skipped it, or refused what the other skipped."""
    told = {one: json.loads(one) for one in (*mine, *other)}
    skipped = {one["sql"] for one in told.values() if one.get("status") == "skipped"}
    for one in ((Counter(mine) - Counter(other)) + (Counter(other) - Counter(mine))).elements():
        is_skipped = told[one].get("status") == "skipped"
        if not is_skipped and not (told[one].get("verdict") == "deny" and told[one].get("sql") in skipped):
            yield f"{'compiled' if one in mine else 'in Python'}: {one}"


def test_one_is_compiled_and_the_other_is_not(twins: dict[str, Twin]) -> None:
    assert twins["compiled"].loaded >= COMPILED
    assert twins["python"].loaded == set()


def test_both_answer_the_same_bytes(twins: dict[str, Twin]) -> None:
    assert not (parted := list(_parted(twins))), "\n".join(parted)


def test_both_record_the_same(twins: dict[str, Twin]) -> None:
    ours, theirs = (twins[name].entries for name in BUILDS)
    unlike = [f"{talk!r}, {one}" for talk in ours for one in _unlike(ours[talk], theirs[talk])]
    assert not unlike, "\n".join(unlike)
    assert all(twin.verified for twin in twins.values())


def test_the_conversations_have_what_they_are_to_compare(twins: dict[str, Twin]) -> None:
    twin = twins["compiled"]
    types = Counter(one[:1] for answers in twin.answers.values() for one in answers)
    assert {b"%c" % kind for kind in b"TDEsGHNVn123IdC"} <= set(types), types
    entries = [json.loads(one) for entries in twin.entries.values() for one in entries]
    statuses = Counter(one.get("status", one.get("verdict")) for one in entries)
    assert {"ok", "error", "cancelled", "skipped", "deny"} <= set(statuses), statuses
