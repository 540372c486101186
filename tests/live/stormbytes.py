"""Bytes of a storm: messages and startup packets, sound, odd and mutated."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

from rawwire import (
    COPY_DONE,
    FLUSH,
    PROTOCOL_3_0,
    PROTOCOL_3_2,
    SYNC,
    bind,
    close,
    copy_data,
    copy_fail,
    describe,
    execute,
    message,
    parse,
    query,
)  # fmt: skip

GSS_REQUEST = struct.pack("!II", 8, 80877104)
Dice = random.Random


def mutated(dice: Dice, data: bytes) -> bytes:
    """The same with some bytes, lengths or pieces changed."""
    found = bytearray(data)
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(found) + 1)
        match dice.randrange(6):
            case 0 if at < len(found):
                found[at] ^= 1 << dice.randrange(8)
            case 1:
                found[at:at] = dice.randbytes(dice.randint(1, 8))
            case 2:
                del found[at : at + dice.randint(1, 8)]
            case 3 if at + 4 <= len(found):
                struct.pack_into(
                    "!I", found, at, dice.choice((0, 1, 3, 4, 5, 255, 65_535, 1 << 20, 1 << 31, 2**32 - 1))
                )
            case 4:
                found[at:at] = b"\0"
            case _:
                found += found[at : at + 60]
    return bytes(found)


def start(dice: Dice, body: bytes, version: int | None = None) -> bytes:
    """A startup packet."""
    code = version if version is not None else dice.choice((PROTOCOL_3_0, PROTOCOL_3_0, PROTOCOL_3_2))
    return struct.pack("!II", len(body) + 8, code) + body


def parameters(dice: Dice) -> bytes:
    """Parameters of a startup packet, most of them odd."""
    user, database, noise = (
        b"user\0alice\0",
        b"database\0shop\0",
        dice.randbytes(dice.randint(1, 60)).replace(b"\0", b""),
    )
    return dice.choice(
        (
            user + user.replace(b"alice", b"dora") + database + b"\0",
            user + database + b"".join(b"p%d\0v\0" % n for n in range(dice.choice((100, 1_000, 10_000)))) + b"\0",
            user + database + b"_pq_.x\0y\0" * dice.randint(1, 50) + b"\0",
            b"user\0" + noise + b"\0" + database + b"\0",
            user + b"database\0" + noise + b"\0\0",
            user + database + b"options\0" + dice.choice((b"-c", b"-c a", b"--x=y z\\", b"-" * 5000)) + b"\0\0",
            user + database + b"replication\0" + dice.choice((b"true", b"database", b"x")) + b"\0\0",
            user + database + b"client_encoding\0" + dice.choice((b"SQL_ASCII", b"\xff", b"LATIN1")) + b"\0\0",
            dice.choice((user, database, b"")) + b"\0" + noise,
        )
    )


def script(dice: Dice) -> bytes:
    """Messages that make sense one by one."""
    name, portal = dice.choice(("", "s", "t")), dice.choice(("", "p"))
    pieces: list[Callable[[], bytes]] = [
        lambda: query(dice.choice(("select 1", "begin", "rollback", "select 1; select 2", "", ";", "selec"))),
        lambda: query("copy (select 1) to stdout"),
        lambda: query("create temp table if not exists c (n int); copy c from stdin"),
        lambda: parse(
            dice.choice(("select $1::int", "select 1", "", "selec", "begin")), name, dice.choice(((), (23,)))
        ),
        lambda: bind(b"1", portal=portal, name=name),
        lambda: bind(b"\0\0\0\1", portal=portal, name=name, formats=(1,), results=(1,)),
        lambda: bind(*[b"x"] * dice.choice((0, 2, 500)), portal=portal, name=name, formats=(0,) * dice.choice((0, 3))),
        lambda: describe(dice.choice((b"P", b"S")), name),
        lambda: execute(portal, dice.choice((0, 1, 2**31 - 1))),
        lambda: close(dice.choice((b"P", b"S")), name),
        lambda: dice.choice((copy_data(b"1\n"), copy_data(b""), COPY_DONE, copy_fail("no more"))),
        lambda: message(b"F", struct.pack("!IHHH", 1299, 0, 0, 0)),
        lambda: dice.choice((SYNC, FLUSH)),
        lambda: SYNC,
    ]
    return b"".join(dice.choice(pieces)() for _ in range(dice.randint(1, 12)))


def nul_in_a_field(dice: Dice) -> bytes:
    """One message with a NUL byte, or bytes that are no UTF-8, in one of its strings."""
    bad = dice.choice((b"a\0b", b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"a\0"))
    return dice.choice(
        (
            message(b"Q", b"select '" + bad + b"'\0"),
            message(b"P", bad + b"\0select 1\0\0\0"),
            message(b"P", b"\0select '" + bad + b"'\0\0\0"),
            message(b"B", bad + b"\0\0" + b"\0" * 6),
            message(b"B", b"\0" + bad + b"\0" + b"\0" * 6),
            message(b"D", b"S" + bad + b"\0"),
            message(b"C", b"P" + bad + b"\0"),
            message(b"E", bad + b"\0\0\0\0\0"),
            message(b"f", bad + b"\0"),
            message(b"p", bad + b"\0"),
            parse("select $1::text") + bind(bad) + execute(),
        )
    )
