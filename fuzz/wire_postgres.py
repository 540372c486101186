"""Fuzz everything in `tidewaiter.wire` that reads bytes of a peer: a value or a refusal, nothing else.

Needs atheris (Linux or macOS, CPython as atheris supports it), which the project does not depend on:

    .venv/bin/pip install atheris
    TIDEWAITER_MYPYC=0 .venv/bin/python fuzz/wire_postgres.py -max_len=4096 -max_total_time=60 corpus/

It sees what Python code runs, and nothing of what is compiled. The first byte of an input chooses the target, so that
one corpus serves all of them. Arguments are libFuzzer's (https://llvm.org/docs/LibFuzzer.html#options); without
`corpus/` it starts from nothing and keeps nothing. A finding is a traceback and a file `crash-…`, which
`fuzz/wire_postgres.py crash-…` plays again.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]

import tidewaiter
from tidewaiter.extensions import Build

if tidewaiter.BUILD is Build.COMPILED:
    sys.exit("run it with TIDEWAITER_MYPYC=0: in compiled modules it would be blind")

# Not before: importing the package puts a finder of its own in front, past which nothing is instrumented.
with atheris.instrument_imports(include=["tidewaiter"]):
    from tidewaiter.errors import LoginRefused, ProtocolViolation, UpstreamError
    from tidewaiter.wire import auth, postgres
    from tidewaiter.wire.frames import BackendFrames, FrontendFrames

SALT = b"0123456789abcdef"
VERIFIER = ("credential", *auth.make_verifier("pencil", SALT, 1))
SALTED = auth.salted_password("pencil", SALT, auth.ITERATIONS_MIN)


def scram_server_first(data: bytes) -> object:
    """The first message of whoever connects: nobody is logged in yet."""
    binding = bytes(32) if data[:1] == b"p" else None
    return _server(binding).first(data)


def scram_server_final(data: bytes) -> object:
    """The proof: no bytes may match without the password."""
    server = _server(None)
    server.first(b"n,,n=,r=abc")
    try:
        return server.final(data)
    finally:
        assert server.matched is None


def _server(binding: bytes | None) -> auth.ScramServer:
    mechanism = auth.mechanisms(binding)[0]
    return auth.ScramServer(
        mechanism, salt=SALT, iterations=1, verifiers=[VERIFIER], server_nonce="xyz", channel_binding=binding
    )


def scram_client(data: bytes) -> None:
    """A server's two messages, separated by a line feed. Only the known salt is tried: others cost PBKDF2."""
    first, _, last = data.partition(b"\n")
    client = auth.ScramClient("", "pencil", "abc", salted_passwords=_Known())
    client.final(first)
    try:
        client.verify(last)
    finally:
        assert not client.is_verified


class _Known(dict[tuple[bytes, int], bytes]):
    """Knows the salted password for every salt, so that PBKDF2 does not eat the fuzzer's time."""

    def get(self, key: tuple[bytes, int], default: object = None) -> bytes:
        return SALTED


def frontend_frames(data: bytes) -> object:
    """Chunking changes neither what is refused nor how many bytes are handed out."""
    whole = _consumed(FrontendFrames(1 << 20), [data])
    assert _consumed(FrontendFrames(1 << 20), [data[:7], data[7:9], data[9:]]) == whole
    return whole


def _consumed(frames: FrontendFrames, chunks: list[bytes]) -> int | None:
    """Bytes of all pieces, or None when the stream was refused."""
    try:
        return sum(end - start for chunk in chunks for _, start, end, _ in frames.feed(chunk)[1])
    except ProtocolViolation:
        return None


def backend_frames(data: bytes) -> object:
    """What a server sends, in two chunks."""
    frames = BackendFrames()
    frames.feed(data[:11])
    return frames.feed(data[11:])


TARGETS: list[Callable[[bytes], object]] = [
    *[getattr(postgres, name) for name in postgres.__all__ if name.startswith("parse_") and name != "parse_complete"],
    postgres.sqlstate_of,
    scram_server_first,
    scram_server_final,
    scram_client,
    frontend_frames,
    backend_frames,
]


def one_input(data: bytes) -> None:
    """Give the rest of `data` to the target that its first byte chooses."""
    if not data:
        return
    try:
        TARGETS[data[0] % len(TARGETS)](data[1:])
    except (ProtocolViolation, LoginRefused, UpstreamError):
        return


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
