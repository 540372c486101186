"""Tables: on the terminal while measuring, and as the measured part of docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from bench.measures import Measure, Sample

BEGIN = "<!-- measured: begin (written by `python -m bench --write`) -->"
END = "<!-- measured: end -->"


@dataclass(slots=True)
class Results:
    """Samples by (measure name, target name), in the order taken."""

    targets: Sequence[str]
    measures: Sequence[Measure]
    samples: dict[tuple[str, str], list[Sample]] = field(default_factory=dict)

    def add(self, measure: Measure, target: str, sample: Sample) -> None:
        """Keep one sample."""
        self.samples.setdefault((measure.name, target), []).append(sample)

    def value(self, measure: Measure, target: str) -> float | None:
        """Median over the rounds, None when never measured."""
        taken = self.samples.get((measure.name, target))
        return median(sample.value for sample in taken) if taken else None

    def spread(self, measure: Measure, target: str) -> float | None:
        """(highest - lowest) / median over the rounds."""
        taken = [sample.value for sample in self.samples.get((measure.name, target), [])]
        return (max(taken) - min(taken)) / median(taken) if len(taken) > 1 and median(taken) else None

    def processor_us(self, measure: Measure, target: str) -> float | None:
        """Median processor time of the process in between, µs per statement."""
        spent = [sample.processor_us for sample in self.samples.get((measure.name, target), [])]
        known = [one for one in spent if one is not None]
        return median(known) if known else None

    def ratio(self, measure: Measure, base: str) -> float | None:
        """The gateway's figure divided by the base's in the same round, median over the rounds."""
        ours = self.samples.get((measure.name, "gateway"), [])
        theirs = self.samples.get((measure.name, base), [])
        rounds = [mine.value / other.value for mine, other in zip(ours, theirs, strict=False) if other.value]
        return median(rounds) if rounds else None


def figure(value: float | None) -> str:
    """Three significant digits, thousands separated; a dash for nothing."""
    if value is None:
        return "–"
    if abs(value) >= 1000:
        return f"{round(value, -2):,.0f}"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def verdict(results: Results, measure: Measure) -> str:
    """Whether the budget of DESIGN is met, in words; empty where there is none or nothing was measured."""
    if measure.budget is None:
        return ""
    base, limit = measure.budget
    if not base:
        ours = results.value(measure, "gateway")
        return "" if ours is None else f"≤ {limit:g} {measure.unit}: {'met' if ours <= limit else 'missed'}"
    ratio = results.ratio(measure, base)
    if ratio is None:
        return ""
    sign, is_met = ("≥", ratio >= limit) if measure.higher_is_better else ("≤", ratio <= limit)
    return f"{sign} {limit:.2f} × {base}: {'met' if is_met else 'missed'}"


def absolute_table(results: Results) -> Iterator[str]:
    """Markdown: the median of every measure at every target, with the widest spread seen."""
    yield f"| | unit | {' | '.join(results.targets)} | spread |"
    yield f"| --- | --- |{' ---: |' * (len(results.targets) + 1)}"
    for measure in results.measures:
        values = " | ".join(figure(results.value(measure, target)) for target in results.targets)
        spreads = [results.spread(measure, target) for target in results.targets]
        widest = max((spread for spread in spreads if spread is not None), default=None)
        shown = "–" if widest is None else f"{widest:.0%}"
        yield f"| {measure.name} {'↑' if measure.higher_is_better else '↓'} | {measure.unit} | {values} | {shown} |"


def ratio_table(results: Results) -> Iterator[str]:
    """Markdown: the gateway's figure as a share of each other target's in the same round, and the budget."""
    bases = [target for target in results.targets if target != "gateway"]
    yield f"| gateway ÷ | {' | '.join(bases)} | budget |"
    yield f"| --- |{' ---: |' * len(bases)} --- |"
    for measure in results.measures:
        ratios = (results.ratio(measure, base) for base in bases)
        shown = " | ".join("–" if ratio is None else f"{ratio:.2f}" for ratio in ratios)
        arrow = "↑" if measure.higher_is_better else "↓"
        yield f"| {measure.name} {arrow} | {shown} | {verdict(results, measure)} |"


def processor_table(results: Results) -> Iterator[str]:
    """Markdown: processor time of the process in between, µs per statement."""
    between = [target for target in results.targets if target != "direct"]
    yield f"| processor time, µs per statement ↓ | {' | '.join(between)} |"
    yield f"| --- |{' ---: |' * len(between)}"
    for measure in results.measures:
        spent = [results.processor_us(measure, target) for target in between]
        if any(one is not None for one in spent):
            yield f"| {measure.name} | {' | '.join(figure(one) for one in spent)} |"


def tables(results: Results) -> list[str]:
    """All tables as Markdown lines; the ratios only when the gateway took part."""
    lines = [*absolute_table(results), ""]
    if "gateway" in results.targets:
        lines += [*ratio_table(results), ""]
    return [*lines, *processor_table(results)]


def judging_table(timed: Iterable[tuple[str, float, float]]) -> Iterator[str]:
    """Markdown: what a judgement takes by itself, and its budget."""
    yield from ("| judging, by itself ↓ | processor time, µs | budget |", "| --- | ---: | --- |")
    for what, us, limit_us in timed:
        yield f"| {what} | {figure(us)} | ≤ {limit_us:,.0f} µs: {'met' if us <= limit_us else 'missed'} |"


def write(page: Path, facts: Mapping[str, str], lines: Sequence[str], markers: tuple[str, str] = (BEGIN, END)) -> None:
    """Replace what stands between two markers of a page. Raises ValueError when the page has no place for it."""
    begin, end = markers
    text = page.read_text()
    if text.count(begin) != 1 or text.count(end) != 1:
        raise ValueError(f"{page.name} needs one pair of the markers {begin} and {end}")
    head, rest = text.split(begin)
    tail = rest.split(end)[1]
    known = [f"- {name}: {value}" for name, value in facts.items()]
    if known:
        known.append("")
    page.write_text("\n".join([head + begin, "", *known, *lines, "", end + tail]))
