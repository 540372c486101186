"""Print precision and recall of discovery on generated columns, and every miss. `make classify-report`."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from held_out import HELD_OUT
from truth import Case, cases
from tuned import TUNED
from tuned_more import TUNED_MORE

from tidewaiter.discovery.documents import score
from tidewaiter.discovery.kinds import Finding, Sureness


@dataclass
class Counts:
    """Columns by what was said of them. `any_*` ask only whether a column that needs a tag got one."""

    right: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    tagged: int = 0
    tagged_for_nothing: int = 0
    untagged: int = 0

    def add(self, truth: str | None, said: str | None) -> None:
        if said is not None:
            (self.right if said == truth else self.wrong)[said] += 1
        if truth is not None and said != truth:
            self.missed[truth] += 1
        self.tagged += truth is not None and said is not None
        self.untagged += truth is not None and said is None
        self.tagged_for_nothing += truth is None and said is not None


Judged = list[tuple[Case, Finding | None]]


def judged(tables: Iterable[Case]) -> Judged:
    return [(case, score(case.sample)) for case in tables]


def counts(found: Judged, least: Sureness) -> Counts:
    """What proposals of at least that sureness get right."""
    counted = Counts()
    for case, finding in found:
        is_said = finding is not None and (least is Sureness.POSSIBLE or finding.sureness is Sureness.LIKELY)
        counted.add(case.truth, finding.kind if finding is not None and is_said else None)
    return counted


def share(part: int, rest: int) -> str:
    return f"{part / (part + rest):.2f}" if part + rest else "–"


def lines(found: Judged) -> Iterator[str]:
    """A Markdown table: per tag, then over all, then whether a tag was given at all."""
    likely, all_ = counts(found, Sureness.LIKELY), counts(found, Sureness.POSSIBLE)
    kinds = sorted({case.truth for case, _ in found if case.truth} | set(all_.wrong))
    yield "| tag | columns | precision | recall | with possible ones: precision | recall |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: |"
    for kind in kinds:
        cells = [share(one.right[kind], rest[kind]) for one in (likely, all_) for rest in (one.wrong, one.missed)]
        yield f"| `{kind}` | {sum(case.truth == kind for case, _ in found)} | {' | '.join(cells)} |"
    every = [share(one.right.total(), rest.total()) for one in (likely, all_) for rest in (one.wrong, one.missed)]
    yield f"| all tags | {sum(case.truth is not None for case, _ in found)} | {' | '.join(every)} |"
    any_ = [share(one.tagged, rest) for one in (likely, all_) for rest in (one.tagged_for_nothing, one.untagged)]
    yield f"| any tag where one is due | of {len(found)} columns | {' | '.join(any_)} |"


def misses(found: Judged) -> Iterator[str]:
    """Every column whose proposal, possible ones included, is not the truth; and those that are only possible."""
    for case, finding in found:
        said = (
            "nothing" if finding is None else f"{finding.kind} ({finding.sureness.value}: {'; '.join(finding.reasons)})"
        )
        if (finding.kind if finding else None) != case.truth:
            yield f"- {case.name} ({case.sample.column.base}) holds {case.truth or 'nothing'}; said: {said}"
        elif finding is not None and finding.sureness is Sureness.POSSIBLE:
            yield f"- {case.name} holds {case.truth}; only possible: {'; '.join(finding.reasons)}"


def main(arguments: Sequence[str]) -> int:
    """Print both sets; with --tuned the one that the rules were written with."""
    sets = [("Tuned", (*TUNED, *TUNED_MORE)), ("Held out", HELD_OUT)]
    if "--tuned" in arguments:
        del sets[1]
    for title, tables in sets:
        found = judged(cases(tables))
        sys.stdout.write("\n".join([f"### {title}", "", *lines(found), "", "Misses:", "", *misses(found), ""]) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
