"""Statement text → text that reads masked relations through their masks only: the masked-relation rewrite. Pure.

What comes out is made from the tree, never from the client's bytes: names resolved and qualified, masked relations
replaced by subqueries that mask, everything unknown refused. See docs/masking.md for the claim and its proof.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tidewaiter.model import PREMISES, ColumnMask, Facts, Premise, ResourceType, SyntaxFault
from tidewaiter.sql.catalog import Catalog, quoted
from tidewaiter.sql.deparse import DeparseError, Tree, canonical, read_tree
from tidewaiter.sql.parse import Unreadable
from tidewaiter.sql.reading import Scope
from tidewaiter.sql.rewrite import names, relations, utility, writes
from tidewaiter.sql.rewrite.guards import check_cascades
from tidewaiter.sql.rewrite.labels import Masked, spread
from tidewaiter.sql.rewrite.state import Handler, Labels, Late, Named, Path, Refusal, Rewriting

__all__ = ["ColumnMask", "Labels", "Late", "Masked", "Named", "Refused", "Rewritten", "labels_of", "rewrite"]

HANDLERS: Mapping[str, Handler] = {
    **relations.HANDLERS,
    **names.HANDLERS,
    **writes.HANDLERS,
    **utility.HANDLERS,
}

_STATEMENTS = frozenset({"SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt", *utility.HANDLERS}) - {
    "Constraint",
    "IndexElem",
    "PartitionElem",
    "TableLikeClause",
}


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The text to send. `late`: output columns that it leaves raw, for the gateway to mask.

    `touches`: something masked is read, so errors that data can raise must be scrubbed; `is_raw`: a masked table
    is written, or code runs that sees real values, so every error and notice must be. `guards`: (parameter, column,
    pattern) of parameters that are written into masked columns, and what a masked value there looks like: no such
    value may be bound. `named`: what it runs that another text has named.
    """

    text: str
    late: tuple[Late, ...] = ()
    touches: bool = False
    is_raw: bool = False
    guards: tuple[tuple[int, str, str], ...] = ()
    named: tuple[Named, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """Why there is no text to send. `rule` is a short stable name; `fault` what the server would say of the text."""

    rule: str
    reason: str
    fault: SyntaxFault | None = None


def labels_of(catalog: Catalog, masked: Masked) -> Labels:
    """Everything that some masked columns flow to; made once for a catalog and a set of masks."""
    return spread(catalog, masked, HANDLERS)


def rewrite(
    text: str,
    facts: Facts,
    catalog: Catalog,
    scope: Scope,
    labels: Labels,
    nonce: str,
    *,
    database: str = "",
    trusted: frozenset[Path] = frozenset(),
    met: frozenset[Premise] = PREMISES,
) -> Rewritten | Refused:
    """Rewrite a text for somebody who sees `labels` masked. Never raises.

    `facts` are those of the same text, catalog and scope. `nonce`: an identifier's beginning that nobody can guess,
    new for each call, lower case. `trusted` functions may be called although they are not built in. Blocks for a long
    text as `parse` does. `met`: premises of late masks that the session meets; without any, nothing is late.
    """
    try:
        return _rewrite(text, facts, Rewriting, catalog, scope, labels, nonce, database, trusted, met)
    except Refusal as refusal:
        return Refused(refusal.rule, refusal.reason)
    except DeparseError as defect:
        return Refused("deparse", str(defect))
    except RecursionError:
        return Refused("too-deep", "nested too deeply")
    except Exception as defect:  # noqa: BLE001 - the one boundary: a defect in here is a refusal
        return Refused("defect", f"could not be rewritten: {defect!r}")


def _rewrite(
    text: str, facts: Facts, make: type[Rewriting], catalog: Catalog, scope: Scope, labels: Labels, nonce: str,
    database: str, trusted: frozenset[Path], met: frozenset[Premise],
) -> Rewritten | Refused:  # fmt: skip
    if facts.unknown:
        return Refused("unknown", facts.unknown[0], facts.fault)
    tree = read_tree(text)
    if isinstance(tree, SyntaxFault):
        return Refused("unknown", "syntax error", tree)
    if isinstance(tree, Unreadable):
        return Refused("unknown", tree.reason)
    if nonce in text:
        return Refused("nonce", "the text mentions a name that nobody can know")
    rewriting = make(catalog, scope, labels, tree, HANDLERS, nonce, database, trusted)
    rewriting.whole = frozenset(
        (touch.resource.path[0], touch.resource.path[1])
        for touch in facts.touches
        if touch.star and not touch.via and touch.resource.type is ResourceType.TABLE
    )
    for part, item in enumerate(tree.statements):
        rewriting.part = part
        _statement(rewriting, item, met)
    _check_rules(facts, labels)
    check_cascades(rewriting, facts.indirect)
    _check_plans(facts, labels, tree)
    _check_functions(facts, rewriting)
    _check_casts(facts, rewriting)
    written = canonical(tree.statements)
    for name, subquery in rewriting.texts:
        if written.count(name) != 1:
            return Refused("placeholder", "a masking subquery lost its place")
        written = written.replace(name, subquery)
    late = tuple(rewriting.late)
    runs_code = rewriting.writes or any(
        indirect.action == "function" or labels.concerns(indirect.path) for indirect in facts.indirect
    )
    touches = rewriting.touches or bool(late)
    return Rewritten(written, late, touches, runs_code, tuple(rewriting.guards), tuple(rewriting.named))


def _statement(rewriting: Rewriting, item: dict[str, object], met: frozenset[Premise]) -> None:
    node = item["stmt"]
    assert isinstance(node, dict)
    kind, fields = next(iter(node.items()))
    if kind not in _STATEMENTS:
        raise Refusal(
            "statement", f"{kind.removesuffix('Stmt')} statements are not open to principals who see masked data"
        )
    if kind == "SelectStmt":
        relations.look_ahead(rewriting, fields, met)
    item["stmt"] = rewriting.node(node, frozenset())


def _check_rules(facts: Facts, labels: Labels) -> None:
    """The actions of rules are written by the server into the statement, after the rewrite: nothing there is masked."""
    for one in facts.indirect:
        if one.kind == "rule" and (labels.concerns(one.path) or labels.concerns(one.cause)):
            raise Refusal("rule", f"rule {one.name} on {quoted(one.cause)} works on masked data")


def _check_plans(facts: Facts, labels: Labels, tree: Tree) -> None:
    """A plan shows partitions with their sizes, whatever masks are in it."""
    explained = {part for part, item in enumerate(tree.statements) if "ExplainStmt" in item["stmt"]}
    for touch in facts.touches if explained and labels.split else ():
        if touch.part in explained and touch.resource.path in labels.split:
            raise Refusal("explain", f"the plan would show which partitions of {quoted(touch.resource.path)} have rows")


def _check_functions(facts: Facts, rewriting: Rewriting) -> None:
    """Functions that the text calls without a call: by column notation, casts, operators, or inside of views."""
    hidden = names.HIDDEN_FUNCTIONS & rewriting.mentions.names
    if hidden:
        raise Refusal("function", f"{min(hidden)} is not open to principals who see masked data")
    for touch in facts.touches:
        if touch.resource.type is ResourceType.FUNCTION and touch.action in ("function", "call"):
            schema, name = touch.resource.path
            if schema == "pg_catalog" and name not in names.BY_CONSTANT:
                raise Refusal("function", f"{name} is not open to principals who see masked data")
            known = any(
                one.path == (schema, name) and one.is_reviewed for one in rewriting.catalog.functions.get(name, ())
            )
            is_bound = name in rewriting.pinned and not touch.via
            if not known and not is_bound and (schema, name) not in rewriting.trusted and schema != "pg_catalog":
                raise Refusal("function", f"function {schema}.{name} may read what it likes")


_CASTS_TO_TEXT = frozenset({"||", "quote_literal", "quote_nullable"})
"""Built-ins written in SQL that cast a value of any type to text: a cast of somebody's own is called there."""


def _check_casts(facts: Facts, rewriting: Rewriting) -> None:
    """Casts that built-ins do inside: refused where a value with a cast to text of its own may be in the statement."""
    if rewriting.mentions.names.isdisjoint(_CASTS_TO_TEXT):
        return
    touched = {touch.resource.path for touch in facts.touches}
    for cast in rewriting.catalog.casts.get("text", ()):
        if cast.relations is None or not touched.isdisjoint(cast.relations):
            raise Refusal("function", f"a cast to text calls {cast.function[0]}.{cast.function[1]}")
