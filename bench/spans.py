"""`python -m bench.spans`: how fast span redaction of free text is, with which engine, and how much of it is found."""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from random import Random
from time import perf_counter

import re2
from faker import Faker

from bench import machine, report
from tidewaiter.demo.data import card_number
from tidewaiter.masking.spans import DETECTORS, redact_spans

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
MARKERS = ("<!-- spans: begin (written by `python -m bench.spans --write`) -->", "<!-- spans: end -->")
TEXTS = 2_000
ROUNDS = 7
WORDS = re.findall(
    r"\S+",
    "the order came late and our customer asked for a refund of 12.50 on 2026-10-31 because part 4711 was broken",
)
HELD = (b"amy@mail.example", b"+47 22 33 44 55", b"4111 1111 1111 1111", b"10.20.30.40", b"219-09-9999")
Redact = Callable[[bytes], bytes]


def texts(size: int, share: float) -> list[bytes]:
    """Texts of about `size` bytes; a share of them hold one span."""
    pick = Random(size)
    made = []
    for number in range(TEXTS):
        words = [pick.choice(WORDS).encode() for _ in range(max(1, size // 6))]
        if number < TEXTS * share:
            words[pick.randrange(len(words))] = HELD[number % len(HELD)]
        made.append(b" ".join(words))
    pick.shuffle(made)
    return made


def _applied(text: bytes, patterns: Sequence[tuple[int, object]]) -> bytes:
    for number, pattern in patterns:
        detector = DETECTORS[number]
        name = b"[%s]" % detector.kind.encode()
        text = pattern.sub(  # type: ignore[attr-defined]
            lambda match, detector=detector, name=name: name if detector.confirms(match[0]) else match[0], text
        )
    return text


def standard_library() -> Redact:
    """Every pattern with `re`, one after another. Its time is not linear in the text for every text."""
    patterns = [(n, re.compile(one.pattern.replace(rb"\z", rb"\Z"))) for n, one in enumerate(DETECTORS)]
    return lambda text: _applied(text, patterns)


def re2_alone() -> Redact:
    """Every pattern with RE2, one after another."""
    patterns = [(n, re2.compile(one.pattern)) for n, one in enumerate(DETECTORS)]  # type: ignore[no-untyped-call]
    return lambda text: _applied(text, patterns)


def hyperscan() -> Redact | None:
    """Hyperscan looks for all patterns at once, RE2 takes what it found; None where it is not installed."""
    try:
        import hyperscan as hs  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        return None
    database = hs.Database()
    flags = hs.HS_FLAG_SINGLEMATCH | hs.HS_FLAG_ALLOWEMPTY
    database.compile(
        expressions=[one.pattern.replace(b"(?s)", b"") for one in DETECTORS],
        ids=list(range(len(DETECTORS))),
        elements=len(DETECTORS),
        flags=[flags | (hs.HS_FLAG_DOTALL if b"(?s)" in one.pattern else 0) for one in DETECTORS],
    )
    patterns = [re2.compile(one.pattern) for one in DETECTORS]  # type: ignore[no-untyped-call]

    def redact(text: bytes) -> bytes:
        found: list[int] = []
        database.scan(text, match_event_handler=lambda number, *_: found.append(number))
        return _applied(text, [(n, patterns[n]) for n in sorted(set(found))]) if found else text

    return redact


def engines() -> Iterator[tuple[str, Redact]]:
    """Name and function. The first is the product's own."""
    yield f"**google-re2 {version('google-re2')}, `Set` first: what the product does**", redact_spans
    yield "google-re2, pattern after pattern", re2_alone()
    yield f"`re` of Python {sys.version.split()[0]}, pattern after pattern", standard_library()
    scanned = hyperscan()
    if scanned is not None:
        yield f"hyperscan {version('hyperscan')} first, then google-re2", scanned


def seconds(redact: Redact, given: Sequence[bytes]) -> float:
    """Time for all texts, once."""
    began = perf_counter()
    for text in given:
        redact(text)
    return perf_counter() - began


def speed_table() -> Iterator[str]:
    """Markdown: texts per second and MB/s, the best of interleaved rounds, since other work only adds time."""
    sets = [(size, share, texts(size, share)) for size, share in ((24, 0.1), (120, 0.0), (120, 0.1), (1000, 0.1))]
    known = list(engines())
    best: dict[tuple[str, int], float] = {}
    for *_, given in sets:
        wanted = [redact_spans(text) for text in given]
        for name, redact in known:
            if [redact(text) for text in given] != wanted:
                raise SystemExit(f"{name} gives another result")
    for _ in range(ROUNDS):
        for number, (*_, given) in enumerate(sets):
            for name, redact in known:
                best[name, number] = min(best.get((name, number), 1e9), seconds(redact, given))
    heads = [f"{size} B, {share:.0%} hold something" for size, share, _ in sets]
    yield f"| texts/s (MB/s) ↑ | {' | '.join(heads)} |"
    yield f"| --- |{' ---: |' * len(sets)}"
    for name, _ in known:
        cells = [
            f"{report.figure(TEXTS / best[name, n])} ({sum(map(len, given)) / best[name, n] / 1e6:.1f})"
            for n, (*_, given) in enumerate(sets)
        ]
        yield f"| {name} | {' | '.join(cells)} |"


def found_table() -> Iterator[str]:
    """Markdown: the share of what was put into sentences that is no longer there."""
    pick = Random(7)
    fakes = {locale: Faker(locale) for locale in ("en_US", "en_GB", "de_DE", "fr_FR", "es_ES", "no_NO", "ja_JP")}
    for fake in fakes.values():
        fake.seed_instance(7)
    english = fakes["en_US"]
    kinds: dict[str, Callable[[], str]] = {
        "e-mail addresses": english.email,
        "social security numbers": english.ssn,
        "card numbers, grouped or not": lambda: card_number(pick.randrange(10**9)),
        "IBANs": fakes["de_DE"].iban,
        "IPv4": english.ipv4,
        "IPv6": english.ipv6,
        **{f"telephone numbers, {name}": fake.phone_number for name, fake in fakes.items()},
        "names": english.name,
        "streets": english.street_address,
        "days of birth": lambda: str(english.date_of_birth()),
    }
    yield "| put into a sentence | no longer there |"
    yield "| --- | ---: |"
    for kind, make in kinds.items():
        hidden: Counter[bool] = Counter()
        for _ in range(300):
            value = make()
            hidden[value.encode() not in redact_spans(f"He said it was {value}, as far as he knew.".encode())] += 1
        yield f"| {kind} | {hidden[True] / 300:.0%} |"
    numbers = [f"{pick.randrange(10**15, 10**16)}" for _ in range(2000)]
    wrong = sum(redact_spans(number.encode()) != number.encode() for number in numbers)
    yield f"| *16-digit numbers that are no cards* | *{wrong / 2000:.1%} replaced all the same* |"


def main() -> None:
    """Measure, print, and with --write update docs/benchmarks.md."""
    parser = argparse.ArgumentParser(prog="python -m bench.spans", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the tables into docs/benchmarks.md")
    given = parser.parse_args()
    lines = [
        f"Machine: {next(iter(machine.description()))}; one thread, best of {ROUNDS} rounds.",
        "",
        *speed_table(),
        "",
        *found_table(),
    ]
    print("\n".join(lines))
    if given.write:
        report.write(PAGE, {}, lines, MARKERS)


if __name__ == "__main__":
    main()
