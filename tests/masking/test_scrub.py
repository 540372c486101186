from __future__ import annotations

from tidewaiter.masking.scrub import body_of, scrub

NAMES = {"S": "ERROR", "V": "ERROR", "C": "42703", "M": 'column "x" does not exist', "P": "8", "F": "parse.c"}
VALUE = {"S": "ERROR", "V": "ERROR", "C": "22P02", "M": 'invalid input: "721-07-4426"', "W": "ssn", "n": "key"}


def test_errors_of_analysis_keep_their_text_without_positions() -> None:
    assert scrub(NAMES, is_raw=False) == {name: NAMES[name] for name in "SVCM"}


def test_errors_that_data_can_raise_keep_names_only() -> None:
    kept = scrub(VALUE, is_raw=False)
    assert "721" not in str(kept)
    assert (kept["C"], kept["n"]) == ("22P02", "key")


def test_no_text_is_kept_where_code_saw_real_values() -> None:
    assert "exist" not in scrub(NAMES, is_raw=True)["M"]
    assert body_of({"C": "42703", "M": "m"}) == b"C42703\0Mm\0\0"


def test_errors_about_messages_and_names_of_statements_keep_their_text() -> None:
    for code in ("08P01", "26000", "34000"):
        assert scrub({**NAMES, "C": code}, is_raw=False)["M"] == NAMES["M"]
    assert scrub({**NAMES, "C": "08006"}, is_raw=False)["M"] != NAMES["M"]
