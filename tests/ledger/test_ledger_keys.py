"""Key files: made once, readable by their owner only, and every damage is named."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from ledgerkit import KEYS, ORIGIN, QuickFiles, flipped

from tidewaiter.errors import ConfigError, Conflict
from tidewaiter.ledger.keys import (
    KEK_FILE,
    SIGNER_FILE,
    VERIFIER_FILE,
    DataKeys,
    Keys,
    create_keys,
    load_kek,
)
from tidewaiter.ledger.note import Verifier
from tidewaiter.ledger.seal import Unreadable


def test_created_keys_load_again_and_belong_to_their_owner(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    made = create_keys(folder, ORIGIN)
    assert Keys.load(folder) == made
    assert made.origin == ORIGIN
    assert Verifier.parse((folder / VERIFIER_FILE).read_text().strip()) == made.verifier
    assert load_kek(folder) == made.kek
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    secret = made.kek.secret_bytes()
    assert repr(secret) not in repr(made)


def test_keys_are_never_overwritten(tmp_path: Path) -> None:
    create_keys(tmp_path, ORIGIN)
    before = (tmp_path / SIGNER_FILE).read_bytes()
    with pytest.raises(Conflict, match="never overwritten"):
        create_keys(tmp_path, ORIGIN)
    assert (tmp_path / SIGNER_FILE).read_bytes() == before


def test_origin_that_cannot_be_a_key_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot name a key"):
        create_keys(tmp_path, "two words")
    assert list(tmp_path.iterdir()) == []


def test_all_problems_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        Keys.load(tmp_path)
    assert len(error.value.problems) == 2
    assert all("No such file" in problem for problem in error.value.problems)


@pytest.mark.parametrize("name", [SIGNER_FILE, KEK_FILE])
def test_key_that_others_may_read_is_refused(tmp_path: Path, name: str) -> None:
    create_keys(tmp_path, ORIGIN)
    (tmp_path / name).chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        Keys.load(tmp_path)


@pytest.mark.parametrize("name", [SIGNER_FILE, KEK_FILE])
@pytest.mark.parametrize("raw", [b"", b"one two three\n", b"\xff\xfe", b"a b !!!!\n"])
def test_damaged_key_file_is_refused(tmp_path: Path, name: str, raw: bytes) -> None:
    create_keys(tmp_path, ORIGIN)
    (tmp_path / name).write_bytes(raw)
    with pytest.raises(ConfigError, match=name):
        Keys.load(tmp_path)


def test_data_keys_are_numbered_by_day_and_stored_wrapped(tmp_path: Path) -> None:
    keys = DataKeys(tmp_path, KEYS.kek, QuickFiles())
    made = [keys.make(day) for day in ("2026-11-22", "2026-11-22", "2026-11-23")]
    assert [key.id for key in made] == ["2026-11-22-1", "2026-11-22-2", "2026-11-23-1"]
    assert [DataKeys(tmp_path, KEYS.kek).get(key.id) for key in made] == made
    assert made[0].secret_bytes() not in b"".join(path.read_bytes() for path in tmp_path.iterdir())
    (tmp_path / "2026-11-22-1").unlink()
    assert DataKeys(tmp_path, KEYS.kek, QuickFiles()).make("2026-11-22").id == "2026-11-22-3"


def test_opened_data_key_is_kept_in_memory(tmp_path: Path) -> None:
    keys = DataKeys(tmp_path, KEYS.kek, QuickFiles())
    made = keys.make("2026-11-22")
    assert keys.get(made.id) is keys.get(made.id)


def test_shredded_and_damaged_data_keys_are_unreadable(tmp_path: Path) -> None:
    keys = DataKeys(tmp_path, KEYS.kek, QuickFiles())
    made = keys.make("2026-11-22")
    path = tmp_path / made.id
    raw = path.read_bytes()
    path.write_bytes(flipped(raw, 40))
    with pytest.raises(Unreadable, match="damaged"):
        keys.get(made.id)
    path.write_bytes(b"\xff" + raw)
    with pytest.raises(Unreadable, match="cannot be read"):
        keys.get(made.id)
    os.rename(path, tmp_path / "2026-11-22-9")
    (tmp_path / "2026-11-22-9").write_bytes(raw)
    with pytest.raises(Unreadable, match="holds 2026-11-22-1"):
        keys.get("2026-11-22-9")
    with pytest.raises(Unreadable, match="shredded"):
        keys.get(made.id)
    path.mkdir()
    with pytest.raises(Unreadable, match="Is a directory"):
        keys.get(made.id)
