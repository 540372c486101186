"""Texts, and columns of mixed values, in which personal data occurs here and there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from tidewaiter.discovery.kinds import Finding, Sureness
from tidewaiter.discovery.values import introduces_somebody, is_prose, is_street
from tidewaiter.masking.spans import kinds_in

WORDS: Final = {"email": "e-mail addresses", "phone": "telephone numbers", "card": "card numbers", "iban": "IBANs",
                "ssn": "social security numbers", "ip": "IP addresses", "jwt": "tokens", "token": "tokens",
                "private key": "private keys"}  # fmt: skip
_PLAIN: Final = frozenset({"email", "iban", "jwt", "token", "private key"})
"""Kinds that are no accident in a short value: one in twenty numbers of 16 digits passes as a card."""


def prose(values: Sequence[str], is_named: bool) -> Finding | None:
    """`free_text`, when the mask of that name would find something, or people are spoken of. Best effort."""
    if not values:
        return Finding("free_text", Sureness.POSSIBLE, ("its name says so; there are no values",)) if is_named else None
    texts = [value for value in values if is_prose(value)]
    inside = Counter(kind for value in texts for kind in kinds_in(value.encode()))
    if len(texts) < 0.3 * len(values):
        return _mixed(values)
    people = sum(1 for value in texts if introduces_somebody(value)) + sum(1 for value in texts if is_street(value))
    reasons = [f"{count} of {len(values)} texts hold {WORDS[kind]}" for kind, count in inside.most_common()]
    if people:
        reasons.append(f"{people} mention names or streets, which the mask free_text does not find")
    if inside or people >= 0.05 * len(values):
        sureness = Sureness.LIKELY if inside or is_named or people >= 0.3 * len(values) else Sureness.POSSIBLE
        return Finding("free_text", sureness, tuple(reasons))
    if is_named and len(texts) >= 0.5 * len(values):
        return Finding("free_text", Sureness.POSSIBLE, ("its name says so, its values are texts",))
    return None


def _mixed(values: Sequence[str]) -> Finding | None:
    """Short values of which some are personal data: a `contact` that is an e-mail here and a number there."""
    inside = [kinds_in(value.encode()) for value in values]
    counts = Counter(kind for kinds in inside for kind in kinds)
    plain = sum(1 for kinds in inside if kinds & _PLAIN)
    share = plain / len(values)
    if not plain or (share < 0.02 and plain < 3):
        return None
    reasons = tuple(f"{count} of {len(values)} values hold {WORDS[kind]}" for kind, count in counts.most_common())
    return Finding("free_text", Sureness.LIKELY if share >= 0.2 else Sureness.POSSIBLE, reasons)
