"""The gateway's own question on the client's session."""

from __future__ import annotations

import asyncio

import pytest

from tidewaiter.errors import ProtocolViolation
from tidewaiter.proxy import probe as probes
from tidewaiter.proxy.probe import SURROUNDINGS, Interrupted, Probe, Surroundings, catalog_questions, shown_s
from tidewaiter.wire import postgres


def message(kind: bytes, body: bytes = b"") -> bytes:
    return kind + (len(body) + 4).to_bytes(4, "big") + body


NOTICE = postgres.notice_response("NOTICE", "00000", "hello")
ANSWER = (
    message(b"1")
    + message(b"2")
    + postgres.data_row([b"pg_catalog"])
    + NOTICE
    + postgres.data_row([b"public"])
    + postgres.command_complete("SELECT 2")
    + message(b"3")
    + message(b"3")
)


def nothing(message: bytes) -> None:
    raise AssertionError(f"{message!r} was sent")


@pytest.mark.parametrize("with_sync", [True, False])
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_the_answer_is_found_whatever_the_chunking(with_sync: bool, size: int) -> None:
    async def ask() -> None:
        probe = Probe(asyncio.get_running_loop().create_future(), nothing, with_sync=with_sync)
        whole = ANSWER + (postgres.ready_for_query("I") if with_sync else b"")
        passing = b""
        for at in range(0, len(whole), size):
            more, rest = probe.feed(whole[at : at + size])
            passing += more
            assert rest == b""
        assert await probe.answer == [b"pg_catalog", b"public"]
        assert passing == NOTICE

    asyncio.run(ask())


def test_what_follows_the_answer_is_given_back() -> None:
    async def ask() -> None:
        probe = Probe(asyncio.get_running_loop().create_future(), nothing, with_sync=False)
        assert probe.feed(ANSWER + b"rest") == (NOTICE, b"rest")

    asyncio.run(ask())


def test_a_refused_question_is_a_violation() -> None:
    async def ask() -> None:
        probe = Probe(asyncio.get_running_loop().create_future(), nothing, with_sync=False)
        with pytest.raises(ProtocolViolation, match="42501"):
            probe.feed(postgres.error_response("ERROR", "42501", "no"))

    asyncio.run(ask())


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_cancelled_question_fails_with_the_error_and_what_became_of_the_transaction(size: int) -> None:
    async def ask() -> None:
        probe = Probe(asyncio.get_running_loop().create_future(), nothing, with_sync=True)
        error = postgres.error_response("ERROR", "57014", "canceling statement due to user request")
        whole = message(b"1") + error + NOTICE + postgres.ready_for_query("E")
        assert b"".join(probe.feed(whole[at : at + size])[0] for at in range(0, len(whole), size)) == NOTICE
        with pytest.raises(Interrupted) as cancelled:
            await probe.answer
        assert (cancelled.value.error, cancelled.value.status) == (error, "E")

    asyncio.run(ask())


@pytest.mark.parametrize("while_reading", [False, True])
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_question_cancelled_within_a_pipeline_fails_once_the_server_has_read_a_sync(
    size: int, while_reading: bool
) -> None:
    """A statement_timeout that strikes while the server reads a message makes it go on at once, without a Sync."""

    async def ask() -> None:
        sent: list[bytes] = []
        probe = Probe(asyncio.get_running_loop().create_future(), sent.append, with_sync=False)
        error = postgres.error_response("ERROR", "57014", "canceling statement due to statement timeout")
        ready, failed = postgres.ready_for_query("E"), postgres.error_response("ERROR", "25P02", "aborted")
        whole = error + (ready + failed if while_reading else b"") + ready + NOTICE + ready
        assert b"".join(probe.feed(whole[at : at + size])[0] for at in range(0, len(whole), size)) == NOTICE
        assert sent == [2 * postgres.sync()]
        with pytest.raises(Interrupted) as cancelled:
            await probe.answer
        assert (cancelled.value.error, cancelled.value.status) == (error, "E")

    asyncio.run(ask())


def test_question_uses_its_own_names_and_flush_inside_a_pipeline() -> None:
    assert Probe.message(with_sync=True).endswith(postgres.sync())
    assert Probe.message(with_sync=False).endswith(postgres.flush())
    assert b"tidewaiter_probe" in Probe.message(with_sync=True)


def test_several_questions_end_with_the_last_close() -> None:
    async def ask() -> None:
        probe = Probe(asyncio.get_running_loop().create_future(), nothing, with_sync=False, questions=2)
        assert probe.feed(ANSWER) == (NOTICE, b"")
        assert not probe.answer.done()
        assert probe.feed(ANSWER + b"rest") == (NOTICE, b"rest")
        assert await probe.answer == [b"pg_catalog", b"public"] * 2

    asyncio.run(ask())


def test_the_catalog_is_asked_for_between_pinning_the_settings_and_putting_them_back() -> None:
    around = Surroundings.read([b"UTF8", b"read committed", b"mine, pg_catalog", b"5s", b"1s", b"on", b"4", b"5"])
    assert (around.encoding, around.isolation) == (b"UTF8", b"read committed")
    pin, ask, restore = catalog_questions(around, [("select $1", "7")])
    assert pin.values == (b"pg_catalog, pg_temp", b"0", b"0", b"off", b"0", b"1")
    assert restore.values == (b"mine, pg_catalog", b"5s", b"1s", b"on", b"4", b"5")
    assert ask.is_binary
    assert (ask.text, ask.values) == (b"select $1", (b"7",))
    assert b"search_path" in SURROUNDINGS[0].text


def test_an_answer_without_end_is_a_violation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "ANSWER_BYTES", 100)

    async def ask() -> None:
        probe = Probe(asyncio.get_running_loop().create_future(), nothing, with_sync=False)
        with pytest.raises(ProtocolViolation, match="too long"):
            probe.feed(postgres.data_row([bytes(200)]))

    asyncio.run(ask())


@pytest.mark.parametrize(
    ("shown", "seconds"),
    [(b"0", 0.0), (b"250ms", 0.25), (b"30s", 30.0), (b"5min", 300.0), (b"2h", 7200.0), (b"1d", 86_400.0)],
)
def test_a_setting_of_time_is_read_as_it_is_shown(shown: bytes, seconds: float) -> None:
    assert shown_s(shown) == pytest.approx(seconds)


@pytest.mark.parametrize("shown", [b"", b"-1", b"7", b"a while", b"1 s"])
def test_a_setting_of_time_in_another_form_is_not_guessed(shown: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        shown_s(shown)
