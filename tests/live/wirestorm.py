"""A storm of bad input on a running gateway, from connections of every kind, beside a client that behaves.

    .venv/bin/python tests/live/wirestorm.py --seconds 300 --seed 7

runs it on a deployment of its own, and prints what it did and every finding; `test_live_storm.py` runs a short one.
Each attack gets a random source of its own, made from the seed and its number, by which a finding can be played again.

What counts as a finding: an answer that is no sequence of protocol messages, an error of class XX that is not the
server's, a login without a proof, a gateway that died, wrote a traceback or recorded a defect, a ledger that does not
verify, and anything that the well-behaved client notices.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import socket
import ssl
import struct
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rawwire import (
    CANCEL,
    PROTOCOL_3_0,
    PROTOCOL_3_2,
    SSL_REQUEST,
    SYNC,
    TERMINATE,
    Client,
    Message,
    Refused,
    Scram,
    bind,
    execute,
    message,
    parse,
    query,
)  # fmt: skip
from rig import Deployment
from stormbytes import GSS_REQUEST, Dice, mutated, nul_in_a_field, parameters, script, start

KINDS = b"BCDEFHPQSXcdfp"
SILENCE_S = 0.4  # what the gateway has to say to an attack, it says at once


@dataclass
class Storm:
    """One storm. `findings` are sentences; `done` counts attacks, `heard` what the gateway answered."""

    gate: Deployment
    seed: int
    done: Counter[str] = field(default_factory=Counter)
    heard: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    slowest_direct_s: float = 0.0
    answers: int = 0
    _numbers: Iterator[int] = field(default_factory=lambda: iter(range(1 << 40)))
    slowest_at: str = ""
    _busy: set[int] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _over: threading.Event = field(default_factory=threading.Event)

    def run(self, seconds: float, attackers: int = 4) -> None:
        """Storm for so long, and tell what the well-behaved client and the gateway's own log say of it."""
        pid = self.gate.pid
        threads = [threading.Thread(target=self._attack) for _ in range(attackers)]
        threads += [threading.Thread(target=work) for work in (self._behave, self._compare)]
        for thread in threads:
            thread.start()
        self._over.wait(seconds)
        self._over.set()
        for thread in threads:
            thread.join()
        if self.gate.server is None or self.gate.server.poll() is not None or self.gate.pid != pid:
            self.findings.append(f"the gateway died: {self.gate.log()}")
            return
        for word in ("Traceback", "defect", "Error("):
            if word in self.gate.log():
                self.findings.append(f"the gateway wrote: {self.gate.log()}")
        ended = self.gate.search("--kind", "login.failed", "--kind", "session.end")
        self.findings += [f"recorded: {one}" for one in ended if "defect" in str(one) or "XX000" in str(one)]
        told = self.gate.verify()
        if not told["ok"]:
            self.findings.append(f"the ledger does not verify: {told}")

    def attack(self, number: int) -> None:
        """One attack by its number."""
        dice = Dice(f"{self.seed}/{number}")
        name, work = dice.choice(ATTACKS)
        try:
            work(self, dice)
        except Refused as told:
            self._look(number, name, [Message(b"E", f"C{told.sqlstate}\0\0".encode())])
        except (OSError, EOFError):
            self.heard["hung up"] += 1
        except Strange as finding:
            self.findings.append(f"attack {number} ({name}): {finding}")
        self.done[name] += 1

    def listen(self, dice: Dice, sock: socket.socket) -> list[Message]:
        """What the gateway says until it is silent or hangs up. Raises Strange for what is no message."""
        raw = b""
        sock.settimeout(SILENCE_S)
        with contextlib.suppress(OSError):
            while more := sock.recv(1 << 16):
                raw += more
        found = list(messages_of(raw))
        self._look(0, "", found)
        return found

    def _look(self, number: int, name: str, found: list[Message]) -> None:
        for one in found:
            self.heard[one.type.decode("latin-1")] += 1
            if one.type == b"E":
                code = one.fields["C"]
                self.heard[code] += 1
                if code.startswith("XX"):
                    raise Strange(f"{number} {name}: {one.fields}")

    def _attack(self) -> None:
        while not self._over.is_set():
            with self._lock:
                number = next(self._numbers)
            self._busy.add(number)
            try:
                self.attack(number)
            except Strange as finding:
                self.findings.append(f"attack {number}: {finding}")
            finally:
                self._busy.discard(number)

    def _behave(self) -> None:
        """The well-behaved client: every answer right, none slow."""
        try:
            with self.gate.raw("dora") as client:
                client.rows("create temp table mine (n integer primary key, t text)")
                while not self._over.is_set():
                    self.answers += 1
                    began = time.monotonic()
                    self._ask(client, self.answers)
                    took_s = time.monotonic() - began
                    if took_s > self.slowest_s:
                        self.slowest_s, self.slowest_at = took_s, f"{time.strftime('%X')}, attacks {sorted(self._busy)}"
        except (OSError, Refused, AssertionError) as error:
            self.findings.append(f"the well-behaved client at its answer {self.answers}: {error!r}")

    def _compare(self) -> None:
        """The same past the gateway, to tell what the machine is to blame for."""
        with self.gate.raw_direct() as client:
            client.rows("create temp table mine (n integer primary key, t text)")
            for n in itertools.count(1):
                if self._over.is_set():
                    return
                began = time.monotonic()
                self._ask(client, n)
                self.slowest_direct_s = max(self.slowest_direct_s, time.monotonic() - began)

    def _ask(self, client: Client, n: int) -> None:
        text = f"row {n}"
        insert = (parse("insert into mine values ($1::int, $2)"), bind(str(n).encode(), text.encode()), execute())
        told = client.ask(*insert, parse("select t from mine where n = $1"), bind(str(n).encode()), execute(), SYNC)
        rows = [one.body for one in told if one.type == b"D"]
        assert rows == [struct.pack("!Hi", 1, len(text)) + text.encode()], told
        assert client.rows("select count(*), max(n) from mine") == [[str(n), str(n)]]


class Strange(Exception):
    """Something that must not happen."""


def messages_of(raw: bytes) -> Iterator[Message]:
    """Cut an answer into messages; an N or S in front of them is skipped. Raises Strange; a cut end is no finding."""
    if raw[:1] in (b"N", b"S") and (len(raw) == 1 or raw[1:2] in b"ERNvSN"):
        if len(raw) > 1 and int.from_bytes(raw[1:5], "big") < 1 << 20:
            pass  # a notice or setting, not the answer to an encryption request
        else:
            raw = raw[1:]
    at = 0
    while at + 5 <= len(raw):
        size = int.from_bytes(raw[at + 1 : at + 5], "big")
        if raw[at : at + 1] not in b"RSKZTDCEN123GHWIVdcnstAv" or not 4 <= size < 1 << 24:
            raise Strange(f"no message at byte {at}: {raw[at : at + 60]!r}")
        if at + 1 + size > len(raw):
            return
        yield Message(raw[at : at + 1], raw[at + 5 : at + 1 + size])
        at += 1 + size


# --- attacks -------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def line(storm: Storm, dice: Dice) -> Iterator[socket.socket]:
    """A new connection, closed in one of the ways there are."""
    with socket.create_connection(("127.0.0.1", storm.gate.port), timeout=10) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield sock
        if dice.random() < 0.3:  # a reset in place of a good-bye
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def drip(dice: Dice, sock: socket.socket, data: bytes) -> None:
    """Send, sometimes in pieces."""
    if dice.random() < 0.7 or len(data) < 2:
        sock.sendall(data)
        return
    while data:
        size = dice.randint(1, max(1, len(data) // 2))
        sock.sendall(data[:size])
        data = data[size:]
        time.sleep(0.001)


def stranger(storm: Storm, dice: Dice) -> None:
    """Bytes before any login."""
    with line(storm, dice) as sock:
        body = parameters(dice)
        version = dice.choice((None, None, 0, 2 << 16, (3 << 16) + 9, (3 << 16) + 9999, 4 << 16, dice.getrandbits(32)))
        opening = dice.choice((b"", b"", SSL_REQUEST, GSS_REQUEST, GSS_REQUEST + SSL_REQUEST, SSL_REQUEST * 4))
        data = dice.choice(
            (
                dice.randbytes(dice.randint(1, 600)),
                start(dice, body, version),
                mutated(dice, start(dice, body, version)),
                opening + start(dice, body, version),
                struct.pack("!I", dice.choice((0, 7, 8, 10_000, 70_000, 1 << 31))) + body,
                bytes([0x16]) + dice.randbytes(dice.randint(1, 300)),
                start(dice, body) + script(dice),
                b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            )
        )
        drip(dice, sock, data)
        told = storm.listen(dice, sock) if opening == b"" and data[:1] != b"\x16" else []
        if any(one.type in b"ZTD" for one in told):
            raise Strange(f"let in: {told}")


def half_open(storm: Storm, dice: Dice) -> None:
    """Begin, and leave or stay a while."""
    whole = start(dice, b"user\0alice\0database\0shop\0\0")
    with line(storm, dice) as sock:
        sock.sendall(whole[: dice.randrange(len(whole) + 1)])
        time.sleep(dice.choice((0, 0, 0.01, 1.0)))


def cancels(storm: Storm, dice: Dice) -> None:
    """Keys of nobody, of every length."""
    for _ in range(dice.randint(1, 30)):
        with line(storm, dice) as sock:
            key = dice.randbytes(dice.choice((0, 1, 4, 8, 8, 8, 32, 260, 2000)))
            drip(dice, sock, struct.pack("!II", 8 + len(key), CANCEL) + key)


def in_tls(storm: Storm, dice: Dice) -> None:
    """TLS, asked for or at once, with and without ALPN, and odd things in it."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    is_direct = dice.random() < 0.5
    if dice.random() < 0.7:
        context.set_alpn_protocols(dice.choice((["postgresql"], ["http/1.1"], ["postgresql", "x"])))
    if dice.random() < 0.2:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    with line(storm, dice) as sock:
        if not is_direct:
            sock.sendall(SSL_REQUEST + (dice.randbytes(8) if dice.random() < 0.2 else b""))
            if sock.recv(1) != b"S":
                return
        with context.wrap_socket(sock, server_hostname="localhost") as inner:
            if dice.random() < 0.2:
                inner.sendall(dice.choice((SSL_REQUEST, GSS_REQUEST, dice.randbytes(100))))
            else:
                inner.sendall(start(dice, parameters(dice)) + (script(dice) if dice.random() < 0.3 else b""))
            told = storm.listen(dice, inner)
            if any(one.type in b"ZTD" for one in told):
                raise Strange(f"let in: {told}")


def wrong_proof(storm: Storm, dice: Dice) -> None:
    """A login whose SCRAM goes wrong somewhere."""
    who = storm.gate.issued["alice"]
    with line(storm, dice) as sock:
        client = Client(sock)
        user = dice.choice(("alice", "nobody", who.user))
        client.startup({"user": user, "database": "shop"}, dice.choice((PROTOCOL_3_0, PROTOCOL_3_2)))
        scram = Scram(dice.choice((who.password, "wrong", "x" * 100_000)))
        first = scram.first()
        mechanism = dice.choice(("SCRAM-SHA-256",) * 4 + ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-1", "", "\xff"))
        asked = client.receive()
        if asked.type == b"v":
            client.receive()
        opening = message(b"p", mechanism.encode("latin-1") + b"\0" + struct.pack("!I", len(first)) + first)
        match dice.randrange(4):
            case 0:
                client.send(mutated(dice, opening))
            case 1:
                client.send(message(b"p", b"x" * dice.choice((1, 1000, 70_000))))
            case 2:
                client.send(opening.replace(b"n,,", dice.choice((b"y,,", b"p=tls-server-end-point,,", b"n,a=x,"))))
            case _:
                client.send(opening)
                final = scram.final(client.sasl(11))
                wrong = dice.choice(
                    (mutated(dice, final), final[:-4] + b"AAA=", final.replace(b"r=", b"r=x"), b"", b"*")
                )
                client.send(message(b"p", wrong if wrong != final else b"c=biws"))
        told = storm.listen(dice, sock)
        if any(one.type in b"ZTD" for one in told):
            raise Strange(f"let in with a wrong proof: {told}")


def member(storm: Storm, dice: Dice) -> None:
    """Bad messages from somebody who is logged in."""
    with storm.gate.raw(dice.choice(("alice", "reporter", "mia")), protocol=PROTOCOL_3_0) as client:
        for _ in range(dice.randint(1, 4)):
            data = dice.choice(
                (
                    lambda: script(dice),
                    lambda: mutated(dice, script(dice)),
                    lambda: nul_in_a_field(dice) + SYNC,
                    lambda: message(bytes([dice.choice(KINDS)]), dice.randbytes(dice.randint(0, 80))),
                    lambda: message(bytes([dice.randrange(256)]), dice.randbytes(dice.randint(0, 20))),
                    lambda: start(dice, parameters(dice)),
                    lambda: dice.choice((SSL_REQUEST, GSS_REQUEST, TERMINATE + script(dice))),
                    lambda: (
                        dice.choice((b"Q", b"P", b"B", b"d")) + struct.pack("!I", dice.choice((0, 3, 2**30, 2**31)))
                    ),
                    lambda: dice.randbytes(dice.randint(1, 200)),
                )
            )()
            drip(dice, client.sock, data)
        told = storm.listen(dice, client.sock)
        if told and told[-1].type == b"Z" and told[-1].body == b"I" and not any(o.type in b"GH" for o in told):
            client.sock.settimeout(10)
            client.send(SYNC)  # whatever it left behind


def deaf(storm: Storm, dice: Dice) -> None:
    """Ask for much, read nothing, go."""
    with storm.gate.raw("alice") as client:
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.send(query("select repeat('x', 1000) from generate_series(1, 20000)"))
        time.sleep(dice.choice((0, 0.05, 0.5)))


ATTACKS = [
    (work.__name__, work)
    for work, weight in (
        (stranger, 6), (half_open, 2), (cancels, 1), (in_tls, 3), (wrong_proof, 3), (member, 10), (deaf, 1)
    )
    for _ in range(weight)
]  # fmt: skip


def main() -> int:
    """A storm on a deployment of its own; 1 where there are findings."""
    from rig import copy_of, lay_out

    from conftest import furnish_database
    from tidewaiter.demo.postgres import EmbeddedPostgres
    from tidewaiter.model import Secret

    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--seed", type=int, default=int(time.time()))
    options.add_argument("--attackers", type=int, default=4)
    told = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="tw-storm-") as name:
        Path(name).chmod(0o755)
        settings = {"max_connections": "120"}
        with EmbeddedPostgres(Path(name) / "pg", Secret("super"), settings=settings) as server:
            furnish_database(server)
            gate = copy_of(lay_out(Path(name) / "template", server), Path(name) / "gate", server, *LIMITS)
            gate.start()
            before = gate.resident_bytes()
            storm = Storm(gate, told.seed)
            try:
                storm.run(told.seconds, told.attackers)
                grown = (gate.resident_bytes() - before) >> 20
                print(f"seed {told.seed}: {sum(storm.done.values())} attacks {dict(storm.done)}")
                print(f"heard {dict(storm.heard.most_common())}")
                print(f"beside it {storm.answers} right answers; {grown} MiB more")
                print(f"slowest {storm.slowest_s:.3f} s at {storm.slowest_at}; direct {storm.slowest_direct_s:.3f} s")
            finally:
                gate.kill()
    for finding in storm.findings[:20]:
        print(f"FINDING {finding}")
    return 1 if storm.findings else 0


LIMITS = ("[limits]", "connections = 60", "failed_logins_per_minute = 100000")

if __name__ == "__main__":
    sys.exit(main())
