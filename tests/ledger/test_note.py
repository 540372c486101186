"""Signed notes and checkpoints: one text has one reading."""

from __future__ import annotations

import contextlib
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledgerkit import KEYS, ORIGIN, OTHER, flipped

from tidewaiter.ledger.note import Checkpoint, Note, Signer, Verifier, is_unfinished, split_notes

CHECKPOINT = Checkpoint(ORIGIN, 42, bytes(range(32)))
NOTE = KEYS.signer.sign(CHECKPOINT.text())


def test_published_vkey_example_of_the_go_note_package_is_read() -> None:
    text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    assert str(Verifier.parse(text)) == text


def test_published_note_of_the_go_note_package_verifies() -> None:
    verifier = Verifier.parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    signature = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    text = (
        "If you think cryptography is the answer to your problem,\n"
        "then you don't know what your problem is.\n\n— PeterNeumann " + signature + "\n"
    )
    assert Note.parse(text.encode()).is_signed_by(verifier)


def test_keys_round_trip_and_show_no_secret() -> None:
    signer = KEYS.signer
    assert Signer.parse(signer.secret_text()) == signer
    assert Verifier.parse(str(signer.verifier)) == signer.verifier
    secret = b64encode(bytes(range(32))).decode().rstrip("=")
    assert secret not in repr(signer) + repr(KEYS) + str(signer.verifier)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u00a0b", "a\u200bb"])
def test_names_that_would_be_ambiguous_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot name a key"):
        Signer.make(name, bytes(32))


def test_signer_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Signer.make("x", bytes(31))


VKEY = str(KEYS.verifier)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x+12345678", "name.id.base64"),
        (VKEY.replace("test.example", "best.example"), "does not belong"),
        (VKEY[:-4] + "!!!!", "base64"),
        ("x+12345678+" + b64encode(b"\x02" + bytes(32)).decode(), "Ed25519"),
        ("x+12345678+" + b64encode(b"\x01" + bytes(31)).decode(), "Ed25519"),
        ("x+12345678+AR==", "canonical"),
        (VKEY + "\n", "base64"),
    ],
)
def test_damaged_vkey_is_refused_with_the_reason(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Verifier.parse(text)


def test_damaged_signer_key_is_refused() -> None:
    with pytest.raises(ValueError, match=r"PRIVATE\+KEY"):
        Signer.parse(VKEY)
    wrong = KEYS.signer.secret_text().replace("test.example", "best.example")
    with pytest.raises(ValueError, match="does not belong"):
        Signer.parse(wrong)


def test_signed_checkpoint_round_trips() -> None:
    note = Note.parse(NOTE)
    assert note.is_signed_by(KEYS.verifier)
    assert not note.is_signed_by(OTHER.verifier)
    assert Checkpoint.parse(note.text) == CHECKPOINT


def test_unknown_signatures_are_ignored() -> None:
    other = OTHER.signer.sign(CHECKPOINT.text()).split(b"\n\n")[1]
    assert Note.parse(NOTE + other).is_signed_by(KEYS.verifier)


def test_every_flipped_bit_of_a_note_is_found() -> None:
    for at in range(len(NOTE)):
        for bit in range(8):
            raw = NOTE[:at] + bytes([NOTE[at] ^ 1 << bit]) + NOTE[at + 1 :]
            try:
                note = Note.parse(raw)
                Checkpoint.parse(note.text)
            except ValueError:
                continue
            assert not note.is_signed_by(KEYS.verifier), (at, bit)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"x" * 70_000, "at most"),
        (b"\xff", "utf-8"),
        (b"a\tb\n\n" + b"\xe2\x80\x94 a b\n", "control"),
        (b"text only\n", "signature lines"),
        (NOTE[:-1], "signature lines"),
        (b"a\n\nno dash\n", "signature line is"),
        ("a\n\n— na+me AAAAAAAA\n".encode(), "cannot name"),
        ("a\n\n— name AAAA\n".encode(), "key id and bytes"),
        ("a\n\n— name AAA\n".encode(), "base64"),
    ],
)
def test_malformed_note_is_refused_with_the_reason(raw: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Note.parse(raw)


ROOT = b64encode(bytes(32))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"o\n1\n" + ROOT, "three lines"),
        (b"o\n1\n" + ROOT + b"\nextension\n", "three lines"),
        (b"\n1\n" + ROOT + b"\n", "origin"),
        (b"o\n01\n" + ROOT + b"\n", "decimal"),
        (b"o\n-1\n" + ROOT + b"\n", "decimal"),
        ("o\n１\n".encode() + ROOT + b"\n", "decimal"),
        (b"o\n1\nAAAA\n", "32 bytes"),
        (b"o\n1\n" + ROOT[:-1] + b"\n", "base64"),
    ],
)
def test_malformed_checkpoint_is_refused_with_the_reason(text: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Checkpoint.parse(text)


@given(st.binary(max_size=400))
def test_any_bytes_are_a_note_or_a_value_error(raw: bytes) -> None:
    for parse in (Note.parse, Checkpoint.parse):
        with contextlib.suppress(ValueError):
            parse(raw)
    assert split_notes(raw)[1] is not None


def test_notes_are_split_and_every_cut_leaves_an_unfinished_rest() -> None:
    raw = (NOTE + b"\n") * 3
    assert split_notes(raw) == ([NOTE] * 3, b"")
    for cut in range(1, len(NOTE) + 1):
        notes, rest = split_notes(raw[:-cut])
        assert (len(notes), is_unfinished(rest)) == (2, True)
        assert b"".join(note + b"\n" for note in notes) + rest == raw[:-cut]


def test_damage_at_the_end_is_not_taken_for_an_unfinished_note() -> None:
    raw = NOTE + b"\n"
    for at in range(len(raw)):
        notes, rest = split_notes(flipped(raw, at))
        if rest:
            assert not is_unfinished(rest), at
        else:
            assert len(notes) == 1
