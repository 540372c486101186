"""`policy explain`: what would become of a statement, without running it. Pure."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from tidewaiter.config import Datasource
from tidewaiter.model import Allow, Context, Facts, Hold, Principal, Touch, Verdict
from tidewaiter.policy import Policies
from tidewaiter.sql.catalog import Catalog, quoted
from tidewaiter.sql.facts import Scope, understand


def explained(
    policies: Policies,
    principal: Principal,
    source: Datasource,
    catalog: Catalog,
    sql: str,
    context: Context,
    limit: int,
) -> dict[str, Any]:
    """The verdict on `sql` with every question that was asked. `limit` is [limits] analyse_bytes.

    Names resolve as in a fresh session with the server's default search_path, "$user", public.
    """
    nothing: MappingProxyType[Any, Any] = MappingProxyType({})
    scope = Scope(("pg_catalog", source.user, "public"), nothing, nothing, nothing)
    if len(sql.encode(errors="surrogatepass")) > limit:
        facts = Facts(unknown=(f"the text is longer than {limit} bytes",))
    else:
        facts = understand(sql, catalog, scope)
    told = policies.explain(principal, source.name, facts, context)
    return {
        **_verdict(told.verdict),
        "mode": source.mode,
        "questions": [
            {"action": q.action, "resource": q.resource, "decision": q.decision, "rules": list(q.rules)}
            for q in told.questions
        ],
        "facts": {
            "verbs": list(facts.verbs),
            "touches": [_touch(touch) for touch in facts.touches],
            "unknown": list(facts.unknown),
            "control": facts.control,
            "statements": facts.parts,
        },
    }


def _verdict(verdict: Verdict) -> dict[str, object]:
    match verdict:
        case Allow(rules=rules, max_rows=max_rows):
            return {"verdict": "allow", "rule": ", ".join(rules), "message": "", "max_rows": max_rows}
        case Hold(rule=rule, message=message, approvers=approvers):
            return {"verdict": "hold", "rule": rule, "message": message, "approvers": list(approvers)}
    return {"verdict": "deny", "rule": verdict.rule, "message": verdict.message, "hint": verdict.hint}


def _touch(touch: Touch) -> dict[str, object]:
    return {
        "action": touch.action,
        "resource": f"{touch.resource.type.value} {quoted(touch.resource.path)}".rstrip(),
        "columns": list(touch.columns),
        "star": touch.star,
        "via": list(touch.via),
    }
