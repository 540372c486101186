"""Cedar texts → checked rules. Every problem of every policy at once, with file, line and policy id."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from difflib import get_close_matches
from importlib.resources import files
from typing import Any, Final

import cedarpy
from cedarpy import pst

from tidewaiter.errors import ConfigError
from tidewaiter.policy.names import COLUMN, PARTS, TAG, read_id

SCHEMA_TEXT: Final = (files("tidewaiter") / "policy" / "schema.cedarschema").read_text()
"""The published vocabulary, as Cedar schema text."""
SCHEMA: Final = cedarpy.Schema.from_str(SCHEMA_TEXT)

CONTEXT_LINE = re.compile(r'^  "(\w+)"\??: .*\n', re.M)
"""One attribute of the schema's type Context."""

DEFAULT_DENY = "default-deny"
POLICY_ERROR = "policy-error"
NO_PASSWORDS = "no-database-passwords"
RESERVED = frozenset({DEFAULT_DENY, POLICY_ERROR, NO_PASSWORDS})
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
ANNOTATIONS = frozenset({"id", "message", "hold", "wait", "quorum", "measure", "max_rows", "description"})
DURATION = re.compile(r"([0-9]{1,6})(s|m|h)")
SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}
LONGEST_WAIT_S = 86_400.0  # a client that waits for a day has long given up
DEFAULT_WAIT_S = 120.0
LEXEME = re.compile(r'//[^\n]*|"(?:\\.|[^"\\])*"|;|[^\s"/;]+|.', re.S)
WIDER = {"update": "update_all", "delete": "delete_all", "merge": "merge_all", "alter": "alter_destructive"}


@dataclass(frozen=True, slots=True)
class Rule:
    """One policy with what its annotations say. `hold` are the groups that may approve; `max_rows` None is no limit.

    `may_be_run`: what it holds may be run and rolled back to see what it would do.
    """

    id: str
    place: str
    policy: pst.Template
    message: str = ""
    hold: tuple[str, ...] | None = None
    wait_s: float = DEFAULT_WAIT_S
    quorum: int = 1
    max_rows: int | None = None
    may_be_run: bool = False

    @property
    def is_forbid(self) -> bool:
        """Whether it forbids; else it permits."""
        return self.policy.effect == "forbid"


@dataclass(frozen=True, slots=True)
class Mentions:
    """What the rules look at, for caches and for knowing which questions must be asked.

    `columns`: some rule asks about columns other than to unmask. `column_names`: one of those looks at a column's name,
    so that its answer is only known for columns that are known. `named` are the columns that rules name, by datasource
    and table. `unmasking_varies`: a rule that may answer whether a column is unmasked looks at the circumstances.
    """

    attributes: frozenset[str]
    columns: bool
    column_names: bool
    named: Mapping[tuple[str, str, str], tuple[str, ...]]
    unmasking_varies: bool = False


def read_rules(sources: Mapping[str, str]) -> tuple[Rule, ...]:
    """Parse and validate all policies. Raises ConfigError with every problem, each `file:line: policy "id": what`."""
    problems: list[str] = []
    rules: dict[str, Rule] = {}
    for file in sorted(sources):
        for line, text in statements(sources[file]):
            rule = _read_one(f"{file}:{line}", text, problems)
            if rule is None:
                continue
            if rule.id in rules:
                problems.append(f'{rule.place}: policy "{rule.id}": the id is taken by {rules[rule.id].place}')
            rules.setdefault(rule.id, rule)
    if problems:
        raise ConfigError(problems)
    return tuple(rules.values())


def statements(text: str) -> Iterator[tuple[int, str]]:
    """Split a file after each `;` that is neither in a string nor in a comment: (line of the first word, text)."""
    start, first = 0, -1
    for match in LEXEME.finditer(text):
        lexeme = match[0]
        if lexeme == ";":
            begin = first if first >= 0 else match.start()
            yield text.count("\n", 0, begin) + 1, text[start : match.end()]
            start, first = match.end(), -1
        elif first < 0 and not lexeme.isspace() and not lexeme.startswith("//"):
            first = match.start()
    if first >= 0:
        yield text.count("\n", 0, first) + 1, text[start:]


def narrowed(attributes: Collection[str]) -> cedarpy.Schema:
    """The published schema with only these context attributes: Cedar reads a context more slowly than it decides."""
    return cedarpy.Schema.from_str(CONTEXT_LINE.sub(lambda line: line[0] if line[1] in attributes else "", SCHEMA_TEXT))


def policy_set(rules: Collection[Rule]) -> cedarpy.PolicySet:
    """One parsed set whose policy ids are the rules' ids."""
    policies = {rule.id: replace(rule.policy, id=rule.id) for rule in rules}
    return cedarpy.PolicySet.from_pst(pst.PolicySet(templates={}, static_policies=policies, template_links=()))


def may_apply(rule: Rule, principal_type: str, name: str, groups: Collection[str]) -> bool:
    """False when the rule's scope leaves this principal out, whatever the question: Cedar would skip it too."""

    def within(entity: pst.EntityOrSlot) -> bool:
        if not isinstance(entity, pst.EntityUid):
            return True
        type_ = entity.type.basename
        return entity.id in groups if type_ == "Group" else (type_, entity.id) == (principal_type, name)

    match rule.policy.principal:
        case pst.ScopeEq(entity=entity) | pst.ScopeIn(entity=entity):
            return within(entity)
        case pst.ScopeIs(entity_type=type_):
            return type_.basename == principal_type
        case pst.ScopeIsIn(entity_type=type_, entity=entity):
            return type_.basename == principal_type and within(entity)
        case _:
            return True


def mentions(rules: Collection[Rule]) -> Mentions:
    """What the rules look at."""
    attributes: set[str] = set()
    columns = column_names = unmasking_varies = False
    named: dict[tuple[str, str, str], tuple[str, ...]] = {}
    for rule in rules:
        nodes = list(walk(rule.policy))
        mentioned = {attribute for node in nodes for attribute in _attributes(node)}
        attributes |= mentioned
        unmasking_varies = unmasking_varies or (bool(mentioned) and _may_unmask(rule.policy.action))
        if _only_unmasks(rule.policy.action):
            continue
        if any(isinstance(node, pst.EntityType) and node.basename in (COLUMN, TAG) for node in nodes):
            columns = True
            column_names = column_names or any(_reads_name(node) for node in nodes)
        for node in nodes:
            if isinstance(node, pst.EntityUid) and node.type.basename == COLUMN:
                datasource, (schema, table, column) = read_id(COLUMN, node.id)
                key = (datasource, schema, table)
                named[key] = (*named.get(key, ()), column)
    return Mentions(frozenset(attributes), columns, column_names, named, unmasking_varies)


def warnings(rules: Collection[Rule], datasources: Collection[str], tags: Collection[str] | None) -> tuple[str, ...]:
    """What is valid but hardly meant: unknown datasources and tags, `==` where a wider action exists."""
    found: list[str] = []
    if not rules:
        found.append("there are no policies: everything is denied")
    for rule in rules:
        told = f'{rule.place}: policy "{rule.id}":'
        for uid in sorted(pst.entity_uids(rule.policy), key=str):
            type_ = uid.type.basename
            if type_ in PARTS and read_id(type_, uid.id)[0] not in datasources:
                found.append(f"{told} {uid} is in no configured datasource")
            elif type_ == TAG and tags is not None and uid.id not in tags:
                found.append(f"{told} {uid} is no tag of classification.toml")
        action = rule.policy.action
        if isinstance(action, pst.ActionEq) and action.entity.id in WIDER:
            wider = WIDER[action.entity.id]
            found.append(f"{told} `action == {action.entity}` leaves out {wider}; write `action in {action.entity}`")
    return tuple(found)


def walk(root: object) -> Iterator[object]:
    """Every node under `root`, depth first, without recursion."""
    stack = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, Mapping):
            stack.extend(node.values())
        elif isinstance(node, tuple):
            stack.extend(node)
        elif is_dataclass(node) and not isinstance(node, type):
            yield node
            stack.extend(getattr(node, field.name) for field in fields(node))


ALL_ATTRIBUTES = frozenset(CONTEXT_LINE.findall(SCHEMA_TEXT))


def _attributes(node: object) -> Collection[str]:
    """Context attributes that a node reads; all of them where the context is used as a whole."""
    context = pst.Var("context")
    match node:
        case pst.GetAttr(base=base, attr=attribute) if base == context:
            return (attribute,)
        case pst.HasAttr(base=base, attrs=attributes) if base == context:
            return attributes[:1]
    children = [getattr(node, field.name) for field in fields(node)] if is_dataclass(node) else []
    return ALL_ATTRIBUTES if any(_holds(child, context) for child in children) else ()


def _reads_name(node: object) -> bool:
    return isinstance(node, pst.GetAttr) and node.attr == "name" and node.base == pst.Var("resource")


def _holds(value: object, node: object) -> bool:
    """Whether a field's value is the node, directly or in its tuple or mapping."""
    if isinstance(value, Mapping):
        return node in value.values()
    return node in value if isinstance(value, tuple) else value == node


def _only_unmasks(action: pst.ActionConstraint) -> bool:
    match action:
        case pst.ActionEq(entity=entity):
            return entity.id == "unmask"
        case pst.ActionIn(entities=entities):
            return all(entity.id == "unmask" for entity in entities)
    return False


def _may_unmask(action: pst.ActionConstraint) -> bool:
    match action:
        case pst.ActionEq(entity=entity):
            return entity.id == "unmask"
        case pst.ActionIn(entities=entities):
            return any(entity.id == "unmask" for entity in entities)
    return True


def _read_one(place: str, text: str, problems: list[str]) -> Rule | None:
    """One policy, or None with the reasons added to `problems`."""
    try:
        parsed = cedarpy.PolicySet.from_str(text).to_pst()
    except ValueError as error:
        problems.append(f"{place}: cannot be read as a Cedar policy: {error}")
        return None
    if parsed.templates or len(parsed.static_policies) != 1:
        problems.append(f"{place}: templates (?principal, ?resource) are not supported; write the policy out")
        return None
    (policy,) = parsed.static_policies.values()
    id_ = policy.annotations.get("id", "")
    told = f'{place}: policy "{id_}":' if id_ else f"{place}:"
    before = len(problems)
    problems.extend(f"{told} {what}" for what in _problems(text, policy))
    values = _read_annotations(policy, told, problems)
    return Rule(id=id_, place=place, policy=policy, **values) if len(problems) == before else None


def _problems(text: str, policy: pst.Template) -> Iterator[str]:
    yield from _annotation_problems(policy)
    for error in cedarpy.validate_policies(text, SCHEMA).errors:
        yield re.sub(r"^for policy `[^`]*`, ", "", error.error)
    for uid in sorted(pst.entity_uids(policy), key=str):
        if uid.type.basename in PARTS:
            try:
                read_id(uid.type.basename, uid.id)
            except ValueError as error:
                yield f"{uid} never matches: it {error}"


def _annotation_problems(policy: pst.Template) -> Iterator[str]:
    annotations = policy.annotations
    if not ID.fullmatch(annotations.get("id", "")):
        yield f'needs an @id("…") of letters, digits, dot, - and _ (at most 100): {ID.pattern}'
    elif annotations["id"] in RESERVED:
        yield "this id is used by the product itself"
    for name in sorted(annotations.keys() - ANNOTATIONS):
        close = get_close_matches(name, ANNOTATIONS, n=1)
        yield f"unknown annotation @{name}" + (f"; did you mean @{close[0]}?" if close else "")
    if "hold" in annotations and policy.effect == "permit":
        yield "@hold belongs on a forbid: it says who can lift it"
    if "max_rows" in annotations and policy.effect == "forbid":
        yield "@max_rows belongs on a permit"
    if "hold" not in annotations:
        yield from (f"@{name} needs @hold" for name in ("wait", "quorum", "measure") if name in annotations)


def _read_annotations(policy: pst.Template, told: str, problems: list[str]) -> dict[str, Any]:
    values: dict[str, Any] = {"message": policy.annotations.get("message", "")}
    readers: dict[str, tuple[str, Callable[[str], object]]] = {
        "hold": ("hold", _groups),
        "wait": ("wait_s", _wait_s),
        "quorum": ("quorum", lambda text: _whole(text, 1, 100)),
        "max_rows": ("max_rows", lambda text: _whole(text, 1, 10**12)),
        "measure": ("may_be_run", _may_be_run),
    }
    for name, (field, read) in readers.items():
        if name in policy.annotations:
            try:
                values[field] = read(policy.annotations[name])
            except ValueError as error:
                problems.append(f"{told} @{name} {error}")
    return values


def _groups(text: str) -> tuple[str, ...]:
    """`dba`, or `dba or security`: the groups of which one suffices."""
    groups = tuple(dict.fromkeys(re.split(r"\s+or\s+|\s*,\s*", text.strip())))
    if not all(groups):
        raise ValueError('must name the group that approves, or several as in "dba or security"')
    return groups


def _may_be_run(text: str) -> bool:
    if text not in ("run", "estimate"):
        raise ValueError('must be "run" (and roll back) or "estimate"')
    return text == "run"


def _wait_s(text: str) -> float:
    match = DURATION.fullmatch(text)
    if match is None or int(match[1]) * SECONDS[match[2]] > LONGEST_WAIT_S:
        raise ValueError('must be a duration up to a day, as "120s", "10m" or "1h"')
    return int(match[1]) * SECONDS[match[2]]


def _whole(text: str, low: int, high: int) -> int:
    if not re.fullmatch(r"[0-9]{1,13}", text) or not low <= int(text) <= high:
        raise ValueError(f"must be a whole number from {low} to {high}")
    return int(text)
