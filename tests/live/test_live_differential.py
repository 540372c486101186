"""The same bytes to the database directly and through the gateway must bring the same bytes back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from rawwire import Client, Message, message
from rig import Deployment
from scripts import ALL, Step

BYTEWISE_LIMIT = 1500  # longer scripts take too long when each byte is a packet of its own


def play(client: Client, script: Sequence[Step], send: Callable[[Client, bytes], None] = Client.send) -> list[bytes]:
    """What the server sends, message by message; b"" where it closed the connection."""
    answers: list[bytes] = []
    with client:
        for step in script:
            send(client, step.send)
            try:
                answers.extend(map(_comparable, client.until(step.until, step.count)))
            except ConnectionError:
                return [*answers, b""]
    return answers


def bytewise(client: Client, data: bytes) -> None:
    for at in range(len(data)):
        client.send(data[at : at + 1])


def _comparable(got: Message) -> bytes:
    """The message's own bytes, but for the process id in a notification."""
    return message(got.type, b"...." + got.body[4:] if got.type == b"A" else got.body)


@pytest.mark.parametrize("datasource", ["shop", "watched"])
@pytest.mark.parametrize("name", ALL)
def test_same_bytes_as_directly(gateway: Deployment, name: str, datasource: str) -> None:
    directly = play(gateway.raw_direct(), ALL[name])
    through = play(gateway.raw("dora", datasource), ALL[name])
    assert through == directly


@pytest.mark.parametrize("name", [name for name in ALL if sum(len(step.send) for step in ALL[name]) < BYTEWISE_LIMIT])
def test_same_bytes_when_each_arrives_alone(gateway18: Deployment, name: str) -> None:
    directly = play(gateway18.raw_direct(), ALL[name])
    assert play(gateway18.raw("dora"), ALL[name], bytewise) == directly


def test_login_reports_the_server_s_own_parameters(gateway: Deployment) -> None:
    with gateway.raw_direct() as direct, gateway.raw("dora", "watched") as through:
        ours = {name: value for name, value in through.parameters.items() if name != "application_name"}
        assert ours == {name: value for name, value in direct.parameters.items() if name != "application_name"}
