"""What somebody who is signed in may see and do of a request. Pure, but for the policies that it asks.

Who asked sees the statement and what became of it, and nothing of what it would do: a number of rows tells what a
masked value is. Whoever is permitted `approve` or `audit` on the datasource sees the numbers; some of the rows see
those whom the request asks. Everybody else sees nothing, not even that there is such a request.
"""

from __future__ import annotations

from dataclasses import dataclass

from tidewaiter.approvals import desk
from tidewaiter.approvals.book import Readable
from tidewaiter.approvals.desk import Request
from tidewaiter.model import Allow, Context, Principal
from tidewaiter.policy import Policies


@dataclass(frozen=True, slots=True)
class Rights:
    """`why_not` says why they may not decide, empty for who may."""

    sees: bool
    sees_numbers: bool
    sees_rows: bool
    why_not: str

    @property
    def may_decide(self) -> bool:
        """Whether the request asks them."""
        return self.sees and not self.why_not


NOTHING = Rights(False, False, False, "there is nothing to decide")


def rights_on(
    request: Request, who: Principal, datasources: frozenset[str], policies: Policies, now_s: float
) -> Rights:
    """What `who` may. `datasources` are those of the credential that they signed in with, none means all."""
    if datasources and request.datasource not in datasources:
        return NOTHING
    context = _now(now_s)
    verdict = policies.may(who, "approve", request.datasource, context)
    may_approve = isinstance(verdict, Allow)
    may_audit = isinstance(policies.may(who, "audit", request.datasource, context), Allow)
    refused = desk.why_not(request, who)
    is_own = who.name in (request.principal, request.on_behalf_of)
    why_not = str(refused) if refused else ""
    if not (why_not or isinstance(verdict, Allow)):
        why_not = f"{who.name} may not approve on {request.datasource}: {verdict.message}"
    return Rights(
        sees=is_own or may_approve or may_audit,
        sees_numbers=(may_approve or may_audit) and not is_own,
        sees_rows=not why_not,
        why_not=why_not,
    )


def readable_to(
    who: Principal, datasources: frozenset[str], policies: Policies, now_s: float, *, is_mine: bool
) -> Readable:
    """Those requests that `rights_on` says they see, for the store to find; only their own if `is_mine`."""
    context = _now(now_s)
    of = frozenset(
        name
        for name in (datasources or policies.datasources if not is_mine else ())
        if any(isinstance(policies.may(who, action, name, context), Allow) for action in ("approve", "audit"))
    )
    return Readable(of, who.name, datasources or None)


def _now(now_s: float) -> Context:
    return Context(at_ns=int(now_s * 1e9))
