"""Print what the corpus says of the present code: evasions that got through, harmless statements that were refused.

`make corpus`. Exits 1 when either number is not 0, or when a verdict is another than the one written. With `--live` the
sessions are sent as well: through a gateway to an embedded PostgreSQL, to see what refused ones leave behind there.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import groupby

from sessions import Finding, Session, beyond_analysts, findings, sessions, statements

from corpus import HERE, cases

WORDS = {"evasions": ("got through", "beyond text"), "harmless": ("refused", "not analysts")}
"""Per folder, what is counted: what is wrong, and what is right but apart."""


def wrong(found: Sequence[Finding], kind: str) -> list[Finding]:
    """What counts in the published number: evasions with a weaker verdict, harmless statements that are not allowed."""
    return [one for one in found if not one.step.beyond and (one.is_weaker or kind == "harmless")]


def table(kind: str) -> tuple[list[str], list[Finding], bool]:
    """Lines for one folder, its findings, and whether each verdict is as written."""
    lines, all_found = [f"{kind:<24}{'statements':>12}{'sessions':>12}{WORDS[kind][0]:>14}{WORDS[kind][1]:>14}"], []
    whole = sessions(kind)
    for name, group in groupby(whole, key=lambda one: one.file):
        members = list(group)
        found = [finding for one in members for finding in findings(one)]
        lines.append(_line(name, members, len(wrong(found, kind)), _apart(members, kind)))
        all_found += found
    lines.append(_line("all", whole, len(wrong(all_found, kind)), _apart(whole, kind)))
    return lines, all_found, all(one.step.beyond for one in all_found)


def _apart(members: Sequence[Session], kind: str) -> int:
    if kind == "harmless":
        return beyond_analysts(members)
    return sum(bool(step.beyond) for one in members for step in one.steps)


def _line(name: str, members: Sequence[Session], count: int, apart: int) -> str:
    return f"  {name:<22}{statements(members):>12}{len(members):>12}{count:>14}{apart or '-':>14}"


def live() -> bool:
    """Play all evasions and harmless sessions on a real server, print what came of it, and say whether all is well."""
    sys.path.append(str(HERE.parent / "live"))
    from evasionplay import played

    is_right, say = True, sys.stdout.write
    for kind in WORDS:
        report = played(sessions(kind), say)
        say("\n".join([f"{kind}: {report.told()}", *report.wrong, ""]))
        is_right = is_right and not report.wrong
    return is_right


def main(arguments: Sequence[str] = ()) -> int:
    """Print the tables; 0 when both numbers are 0 and every verdict is as written."""
    if "--live" in arguments:
        return 0 if live() else 1
    say = sys.stdout.write
    say(f"statements with expected facts: {len(cases())}\n\n")
    is_right, numbers = True, {}
    for kind in WORDS:
        lines, found, is_as_written = table(kind)
        say("\n".join(lines) + "\n\n")
        for one in found:
            if not one.step.beyond:
                say(f"{one}\n")
        numbers[kind] = len(wrong(found, kind))
        is_right = is_right and is_as_written
    say(f"evasions that got through: {numbers['evasions']}\nharmless statements refused: {numbers['harmless']}\n")
    return 0 if is_right else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
