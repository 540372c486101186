"""`tidewaiter policy`: are the policies valid, and what would they say."""

from __future__ import annotations

import sys
import time
from typing import Annotated, Any

import typer

from tidewaiter.cli import show
from tidewaiter.cli.shell import AsJson, ConfigPath, ZoneName, call, group, load, zone
from tidewaiter.errors import EXIT_NO

policy = group("policy", "What principals may do.")


@policy.command()
def check(
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 when there are warnings.")] = False,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Check the policies on disk, without putting them in force: are they valid, and can they be meant?"""
    from tidewaiter.app.shelf import edition_on_disk
    from tidewaiter.cli.questions import principals
    from tidewaiter.policy.lint import lint

    settings = load(config)
    edition = edition_on_disk(settings)
    files = list(edition.digests)
    people = list(principals(settings, only_enabled=True).values())
    warnings = list(edition.policies.warnings)
    # Without anybody there is nobody to miss: a new deployment has no principals yet.
    warnings += lint(edition.policies, people, settings.datasources, time.time_ns()) if people else []
    if as_json:
        told = {"ok": True, "version": edition.policies.version, "files": files, "warnings": warnings}
        show.json_out(told)
    else:
        show.say(f"{show.counted(len(files), 'policy file')} valid: {', '.join(files)}")
        for warning in warnings:
            show.note(f"warning: {warning}")
    if strict and warnings:
        raise typer.Exit(EXIT_NO)


@policy.command()
def schema(as_json: AsJson = False) -> None:
    """Print the vocabulary of policies as a Cedar schema, for editors and other tools."""
    from tidewaiter.policy import SCHEMA_TEXT

    if as_json:
        show.json_out({"version": 1, "cedarschema": SCHEMA_TEXT})
    else:
        sys.stdout.write(SCHEMA_TEXT)


At = Annotated[str | None, typer.Option("--at", metavar="TIME", help="As if it were then.", show_default="now")]


@policy.command()
def explain(
    sql: Annotated[str, typer.Argument(metavar="SQL", help="The statement.")],
    principal: Annotated[str, typer.Option(metavar="P", help="Who would run it.")],
    datasource: Annotated[str, typer.Option(metavar="D", help="Where it would run.")],
    at: At = None,
    in_transaction: Annotated[bool, typer.Option("--in-transaction", help="As if a transaction were open.")] = False,
    address: Annotated[str, typer.Option("--address", metavar="IP", help="As if the client were there.")] = "",
    application: Annotated[
        str, typer.Option("--application", metavar="NAME", help="What the client calls itself.")
    ] = "",
    search_path: Annotated[
        str | None, typer.Option("--search-path", metavar="A,B", help="Schemas in which names are looked up.")
    ] = None,
    estimated_rows: Annotated[
        int | None,
        typer.Option(
            "--estimated-rows",
            metavar="N",
            min=0,
            help="As if the database estimated N rows.",
            show_default="no estimate",
        ),
    ] = None,
    tz: ZoneName = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Say what would become of a statement, by which rules, and what would have to change. Exit code 1 unless it is
    allowed."""
    from tidewaiter.cli import days

    settings = load(config)
    arguments: dict[str, object] = {"principal": principal, "datasource": datasource, "sql": sql}
    arguments |= {"in_transaction": in_transaction, "address": address, "application": application}
    if at is not None:
        arguments["at_s"] = days.moment(at, time.time_ns(), zone(settings, tz), end=False) / 1e9
    if estimated_rows is not None:
        arguments["estimated_rows"] = estimated_rows
    if search_path is not None:
        arguments["search_path"] = [part.strip() for part in search_path.split(",")]
    told = call(settings, "policy.explain", arguments)
    if as_json:
        show.json_out(told)
    else:
        _print_explained(told)
    if told["verdict"] != "allow":
        raise typer.Exit(EXIT_NO)


def _print_explained(told: dict[str, Any]) -> None:
    by = f" by rule {told['rule']}" if told["rule"] else ""
    limit = f", at most {told['max_rows']} rows" if told.get("max_rows") else ""
    show.say(f"{told['verdict']}{by}{limit}" + (f": {told['message']}" if told["message"] else ""))
    rows = [
        (q["action"], q["resource"], q["principal"], q["decision"], [" ".join(rule) for rule in _placed(q)])
        for q in told["questions"]
    ]
    show.table(("action", "resource", "for", "decision", "rules"), rows)
    for what in ("indirect_writes", "locks"):
        if told["facts"][what]:
            show.say(f"{what.replace('_', ' ')}: {', '.join(told['facts'][what])}")
    _print_masks(told)
    for reason in told["facts"]["unknown"]:
        show.note(f"not understood: {reason}")
    for change in told["changes"]:
        show.say(f"to allow it: {change['why']}")
        for line in (change["policy"] or "").splitlines():
            show.say(f"    {line}")
    if not told["can_log_in"]:
        show.note("this principal cannot log in: it or its owner is disabled")
    if told["mode"] == "observe":
        show.note("this datasource is in observe mode: the statement would run, and the verdict would be recorded")


def _print_masks(told: dict[str, Any]) -> None:
    for word in ("masked", "unmasked"):
        for one in told[word]:
            show.say(f"{word}: {', '.join(one['columns'])} of {one['relation']} (tags {', '.join(one['tags'])})")
    if told["sent"] is not None:
        show.say(f"the server gets: {told['sent']}")


def _placed(question: dict[str, Any]) -> list[tuple[str, str]]:
    """Each deciding rule with file and line, as far as it has one."""
    places = dict(zip(question["rules"], question["places"], strict=False))
    return [(rule, f"({places[rule]})" if rule in places else "") for rule in question["rules"]]
