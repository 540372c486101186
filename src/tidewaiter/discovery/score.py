"""What a column holds: its name, its type and its values are weighed against each other.

A name alone convicts where values cannot speak (a salary is a number); values alone convict where a checksum or a form
that nothing else has bears them out. Otherwise both must agree. Rates are shares of distinct values.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from tidewaiter.discovery import values as look
from tidewaiter.discovery.kinds import Finding, Sample, Sureness
from tidewaiter.discovery.prose import prose
from tidewaiter.discovery.words import Hints, hints
from tidewaiter.masking.forms import FLOATS, INTEGERS, MOMENTS, TEXTS, base_of

LIKELY, POSSIBLE = Sureness.LIKELY, Sureness.POSSIBLE
MOST: Final = 0.8
HALF: Final = 0.5
SOME: Final = 0.3
FEW: Final = 5  # values below which nothing is said without a name

_NUMBERS: Final = frozenset(INTEGERS) | FLOATS | {"numeric"}
_ADDRESSES: Final = frozenset({"inet", "cidr"})
_BIRTHS: Final = (1910, 2020)


class Column:
    """One column under judgement: its distinct values, stripped, and the hints of its name."""

    def __init__(self, sample: Sample) -> None:
        self.base = "text" if sample.column.is_array else base_of(sample.column)
        self.is_text = self.base in TEXTS
        values = sample.values
        if sample.column.is_array:
            values = tuple(element for value in values for element in look.elements(value))
        self.count = len(values)
        self.values = tuple(dict.fromkeys(value.strip() for value in values if value.strip()))
        self.hints: Hints = hints(sample.path[1], sample.column.name)
        self.is_read = sample.is_read

    def rate(self, holds: Callable[[str], object]) -> float:
        """The share of values for which something holds."""
        return sum(1 for value in self.values if holds(value)) / len(self.values) if self.values else 0.0

    def says(self, kind: str) -> bool:
        return kind in self.hints.strong

    def hints_at(self, kind: str) -> bool:
        return kind in self.hints.strong or kind in self.hints.weak

    def contradicts(self, kind: str) -> bool:
        return kind in self.hints.against

    def reason(self, rate: float, what: str) -> str:
        return f"{round(rate * len(self.values))} of {len(self.values)} values are {what}"


Judge = Callable[[Column], Finding | None]


def _found(kind: str, sureness: Sureness, *reasons: str) -> Finding:
    return Finding(kind, sureness, tuple(reason for reason in reasons if reason))


def _named(column: Column, kind: str) -> str:
    return "its name says so" if column.says(kind) else ("its name may mean it" if column.hints_at(kind) else "")


def _by_rate(column: Column, kind: str, rate: float, what: str, *, alone: float = MOST, named: float = SOME,
             few: int = FEW) -> Finding | None:  # fmt: skip
    """The common case: a form that hardly anything else has. `alone`: the rate that needs no name."""
    reason = column.reason(rate, what)
    if column.says(kind) and not column.contradicts(kind) and rate >= named and rate > 0:
        return _found(kind, LIKELY, reason, _named(column, kind))
    if rate < alone or not column.values:
        return None
    sureness = LIKELY if len(column.values) >= few and not column.contradicts(kind) else POSSIBLE
    return _found(kind, sureness, reason, "its name speaks against it" if column.contradicts(kind) else "")


def _email(column: Column) -> Finding | None:
    if not column.is_text:
        return None
    return _by_rate(column, "email", column.rate(lambda v: look.span(v) == "email"), "e-mail addresses")


def _secret(column: Column) -> Finding | None:
    is_named = column.says("secret") and not column.contradicts("secret")
    if column.base in ("bytea", "uuid"):
        return _found("secret", LIKELY, f"its name says so, its type is {column.base}") if is_named else None
    if column.base in _NUMBERS:
        pins = column.rate(lambda v: v.isdigit() and 3 <= len(v) <= 8)
        return (
            _found("secret", POSSIBLE, column.reason(pins, "short numbers"), "its name says so")
            if (is_named and pins >= MOST)
            else None
        )
    if not column.is_text:
        return None
    known = column.rate(lambda v: look.span(v) in ("jwt", "token", "private key") or look.is_hash(v)
                        or look.is_url_with_login(v))  # fmt: skip
    if known >= HALF:
        return _found("secret", LIKELY, column.reason(known, "tokens, keys, password hashes or logins"))
    if is_named and not column.values:
        return _found("secret", POSSIBLE, "its name says so; there are no values")
    return _named_secret(column) if is_named else _opaque(column)


def _named_secret(column: Column) -> Finding | None:
    """A few short words under such a name are kinds of secrets (`bearer`), not secrets."""
    is_drawn = column.rate(lambda v: any(c.isdigit() for c in v) or look.is_random(v)) >= HALF
    is_varied = len(column.values) >= FEW or column.count < FEW
    is_list = column.count >= 20 and len(column.values) <= FEW and max(map(len, column.values)) < 16
    if column.rate(look.is_prose) >= HALF or not (is_drawn or is_varied) or is_list:
        return None
    return _found("secret", LIKELY if is_drawn else POSSIBLE, "its name says so")


def _opaque(column: Column) -> Finding | None:
    rate = column.rate(look.is_opaque)
    if "secret" in column.hints.weak and not column.contradicts("secret"):
        rate = max(rate, column.rate(look.is_key_material))
    if rate < MOST or len(column.values) < FEW or column.contradicts("secret"):
        return None
    sureness = LIKELY if column.hints_at("secret") else POSSIBLE
    return _found("secret", sureness, column.reason(rate, "long and look random"), _named(column, "secret"))


def _card(column: Column) -> Finding | None:
    if not column.is_text and column.base not in _NUMBERS:
        return None
    return _by_rate(column, "card", column.rate(look.is_card_number), "card numbers whose check digit holds")


def _iban(column: Column) -> Finding | None:
    if not column.is_text:
        return None
    return _by_rate(
        column,
        "iban",
        column.rate(lambda v: look.span(v) == "iban"),
        "IBANs whose check digits hold",
        alone=HALF,
        few=2,
    )


def _ssn(column: Column) -> Finding | None:
    if not column.is_text and column.base not in _NUMBERS:
        return None
    dashed, bare = column.rate(look.is_dashed_ssn), column.rate(look.is_bare_ssn)
    if column.says("ssn") and max(dashed, bare) >= HALF:
        return _found("ssn", LIKELY, column.reason(max(dashed, bare), "US social security numbers"), "its name says so")
    # One in nine invented numbers of this form is out of range, so a list of real ones has none of those.
    if dashed >= 0.97 and len(column.values) >= FEW and not column.contradicts("ssn"):
        sureness = LIKELY if len(column.values) >= 30 else POSSIBLE
        return _found("ssn", sureness, column.reason(dashed, "US social security numbers"))
    return None


def _national(column: Column) -> Finding | None:
    if not column.is_text and column.base not in _NUMBERS:
        return None
    names = Counter(name for name in map(look.national, column.values) if name)
    name, hits = names.most_common(1)[0] if names else ("", 0)
    rate = hits / len(column.values) if column.values else 0.0
    if rate >= (HALF if column.hints_at("national_id") else 0.9):
        is_sure = (column.says("national_id") or len(column.values) >= 8) and not column.contradicts("national_id")
        reasons = column.reason(rate, f"valid as {name}"), _named(column, "national_id")
        return _found("national_id", LIKELY if is_sure else POSSIBLE, *reasons)
    digits = column.rate(lambda v: 5 <= len(v) <= 24 and any(c.isdigit() for c in v))
    if column.says("national_id") and not column.contradicts("national_id") and digits >= MOST:
        return _found("national_id", POSSIBLE, "its name says so", "no check digit that we know")
    return None


def _ip(column: Column) -> Finding | None:
    if column.base in _ADDRESSES:
        return _found("ip", LIKELY, f"its type is {column.base}")
    if not column.is_text:
        return None
    if column.contradicts("ip"):  # versions of four numbers are written alike
        return None
    return _by_rate(column, "ip", column.rate(lambda v: look.span(v) == "ip"), "IP addresses")


def _phone(column: Column) -> Finding | None:
    if not column.is_text and column.base not in ("int8", "numeric"):
        return None
    like = column.rate(look.is_phone_like)
    if column.says("phone") and like >= HALF and not column.contradicts("phone"):
        return _found("phone", LIKELY, column.reason(like, "telephone numbers"), "its name says so")
    grouped = column.rate(look.is_grouped_phone)
    if grouped >= MOST and len(column.values) >= FEW:
        sureness = POSSIBLE if column.contradicts("phone") else LIKELY
        return _found("phone", sureness, column.reason(grouped, "written as telephone numbers are"))
    if "phone" in column.hints.weak and like >= MOST and column.rate(lambda v: v[0] in "0+(") >= HALF:
        return _found("phone", POSSIBLE, column.reason(like, "telephone numbers"), "its name may mean it")
    return None


def _birth(column: Column) -> Finding | None:
    if column.base in ("int2", "int4") and column.says("birth"):
        rate = column.rate(lambda v: v.isdigit() and _BIRTHS[0] <= int(v) <= _BIRTHS[1])
        return _found("birth", LIKELY, column.reason(rate, "years"), "its name says so") if rate >= MOST else None
    if column.base not in MOMENTS and not column.is_text:
        return None
    years = sorted(year for year in map(look.year_of, column.values) if year is not None)
    if column.says("birth") and not column.contradicts("birth"):
        if column.base in MOMENTS or (years and len(years) >= HALF * len(column.values)):
            return _found("birth", LIKELY, f"its name says so, its type is {column.base}")
        return None
    if len(years) < max(20, MOST * len(column.values)) or column.contradicts("birth"):
        return None
    low, middle, high = (years[int(share * (len(years) - 1))] for share in (0.02, 0.5, 0.98))
    # The days of living people spread over decades and thin out at both ends; the days of business do not.
    if _BIRTHS[0] <= low <= 1970 and 1955 <= middle <= 2000 and 1985 <= high <= _BIRTHS[1] and high - low >= 30:
        sureness = LIKELY if column.hints_at("birth") or column.hints.is_of_people else POSSIBLE
        return _found("birth", sureness, f"days spread from {low} to {high}, as births do", _named(column, "birth"))
    return None


def _name(column: Column) -> Finding | None:
    if not column.is_text or not column.values:
        return None
    shaped, known = column.rate(look.is_names), column.rate(look.has_given_name)
    parts = column.rate(lambda v: len(v.split()) >= 2 or not v.isascii())
    said = column.reason(known, "with a common given name") if known else ""
    is_varied = len(column.values) >= SOME * column.count or len(column.values) >= 50
    if column.says("name") and shaped >= HALF and (is_varied or known >= SOME):
        return _found("name", LIKELY, "its name says so", said)
    if column.contradicts("name") or shaped < 0.7:
        return None
    is_personal = column.hints.is_of_people and "name" in column.hints.weak
    if known >= 0.25 and column.hints_at("name") and parts >= HALF:
        return _found("name", LIKELY, said, _named(column, "name"))
    if is_personal and is_varied and (parts >= HALF or known >= 0.25):
        return _found(
            "name", LIKELY if known >= 0.1 or parts >= MOST else POSSIBLE, "a name in a table of people", said
        )
    if is_personal and is_varied and shaped >= 0.9:
        return _found("name", POSSIBLE, "its name may mean it, in a table of people", said)
    if known >= HALF and len(column.values) >= FEW:
        return _found("name", LIKELY if parts >= MOST else POSSIBLE, said)
    return None


def _address(column: Column) -> Finding | None:
    if not column.is_text:
        return None
    rate = column.rate(look.is_street)
    said = column.reason(rate, "streets with a number")
    if column.says("address") and not column.contradicts("address"):
        numbered = column.rate(lambda v: any(c.isdigit() for c in v) and any(c.isalpha() for c in v))
        if rate >= 0.2 or numbered >= HALF or (column.values and not column.values[0].isascii() and numbered >= SOME):
            return _found("address", LIKELY, "its name says so", said)
        return _found("address", POSSIBLE, "its name says so") if column.rate(look.is_names) >= MOST else None
    numbered = column.rate(look.is_numbered_name)
    if (
        (rate >= HALF or (rate >= 0.05 and numbered >= 0.9))
        and len(column.values) >= FEW
        and not column.contradicts("address")
    ):
        is_short = column.rate(lambda v: len(v) < 80) >= MOST
        return _found("address", LIKELY if is_short else POSSIBLE, said)
    return None


def _salary(column: Column) -> Finding | None:
    if column.base in (_NUMBERS | {"money"}) and column.says("salary") and not column.contradicts("salary"):
        return _found("salary", LIKELY, f"its name says so, its type is {column.base}")
    return None


def _special(column: Column) -> Finding | None:
    if column.says("special") and not column.contradicts("special") and column.base not in MOMENTS:
        return _found("special", LIKELY if column.is_text else POSSIBLE, "its name says so")
    return None


def _prose(column: Column) -> Finding | None:
    if not column.is_text:
        return None
    return prose(column.values, column.says("free_text") and not column.contradicts("free_text"))


JUDGES: Final[Sequence[Judge]] = (
    _secret, _iban, _card, _ssn, _national, _email, _ip, _phone, _birth, _salary, _special, _address, _name, _prose,
)  # fmt: skip
"""In the order in which equally sure ones win: the narrower form first."""


def findings(sample: Sample) -> Iterator[Finding]:
    """Everything that a column may hold, in the order of JUDGES."""
    column = Column(sample)
    for judge in JUDGES:
        found = judge(column)
        if found is not None:
            yield found


def best(sample: Sample) -> Finding | None:
    """What a column of plain values holds, None for nothing that is known."""
    found = list(findings(sample))
    likely = [one for one in found if one.sureness is LIKELY]
    return next(iter(likely or found), None)
