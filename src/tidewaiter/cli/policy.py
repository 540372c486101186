"""`tidewaiter policy`: are the policies valid, and what would they say."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from tidewaiter.cli import show
from tidewaiter.cli.shell import AsJson, ConfigPath, call, group, load
from tidewaiter.errors import EXIT_NO

policy = group("policy", "What principals may do.")


@policy.command()
def check(config: ConfigPath = None, as_json: AsJson = False) -> None:
    """Check the policies on disk, without putting them in force."""
    from tidewaiter.app.shelf import edition_on_disk

    edition = edition_on_disk(load(config))
    files = list(edition.digests)
    warnings = edition.policies.warnings
    if as_json:
        told = {"ok": True, "version": edition.policies.version, "files": files, "warnings": list(warnings)}
        show.json_out(told)
        return
    show.say(f"{show.counted(len(files), 'policy file')} valid: {', '.join(files)}")
    for warning in warnings:
        show.note(f"warning: {warning}")


@policy.command()
def schema(as_json: AsJson = False) -> None:
    """Print the vocabulary of policies as a Cedar schema, for editors and other tools."""
    from tidewaiter.policy import SCHEMA_TEXT

    if as_json:
        show.json_out({"version": 1, "cedarschema": SCHEMA_TEXT})
    else:
        sys.stdout.write(SCHEMA_TEXT)


@policy.command()
def explain(
    sql: Annotated[str, typer.Argument(metavar="SQL", help="The statement.")],
    principal: Annotated[str, typer.Option(metavar="P", help="Who would run it.")],
    datasource: Annotated[str, typer.Option(metavar="D", help="Where it would run.")],
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Say what would become of a statement and by which rules. Exit code 1 unless it is allowed."""
    arguments = {"principal": principal, "datasource": datasource, "sql": sql}
    told = call(load(config), "policy.explain", arguments)
    if as_json:
        show.json_out(told)
    else:
        by = f" by rule {told['rule']}" if told["rule"] else ""
        show.say(f"{told['verdict']}{by}" + (f": {told['message']}" if told["message"] else ""))
        rows = [(q["action"], q["resource"], q["decision"], q["rules"]) for q in told["questions"]]
        show.table(("action", "resource", "decision", "rules"), rows)
        for reason in told["facts"]["unknown"]:
            show.note(f"not understood: {reason}")
    if told["verdict"] != "allow":
        raise typer.Exit(EXIT_NO)
