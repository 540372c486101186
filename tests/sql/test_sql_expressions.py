"""The allow-lists are complete: proved against the grammar's own description, which postgast brings as protobuf."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from tidewaiter.sql.expressions import FIELDS, SPECIAL
from tidewaiter.sql.facts import HANDLERS

pg_query_pb2: Any = import_module("postgast.pg_query_pb2")  # its type stub is not valid Python
NODES = {field.message_type.name: field.message_type for field in pg_query_pb2.Node.DESCRIPTOR.fields}

NOT_FOLLOWED = {
    # what parse analysis fills in later
    "xpr", "refs", "colnames", "returning", "arg_names",
    # constants
    "ival", "fval", "boolval", "sval", "bsval",
    # names of collations, operator classes, formats and types, with their modifiers, which must be constants
    "collname", "collation", "opclass", "format", "names", "typmods", "arrayBounds",
}  # fmt: skip
"""Fields of listed nodes that hold nothing that could read, write or call."""

NEVER_FROM_CLIENTS = {"RawStmt", "SetOperationStmt", "ReturnStmt", "PLAssignStmt", "ReplicaIdentityStmt"}
"""Wrappers, parts of other statements, and what only PL/pgSQL and function bodies contain."""


@pytest.mark.parametrize("kind", sorted(FIELDS))
def test_every_field_that_holds_nodes_is_followed(kind: str) -> None:
    message = NODES.get(kind) or pg_query_pb2.DESCRIPTOR.message_types_by_name[kind]
    holding = {field.json_name: field.message_type.name for field in message.fields if field.message_type is not None}
    listed = {entry.partition(":")[0]: entry.partition(":")[2] or "Node" for entry in FIELDS[kind].split()}
    assert listed == {name: of for name, of in holding.items() if name not in NOT_FOLLOWED}


def test_every_statement_of_the_grammar_is_understood() -> None:
    assert {name for name in NODES if name.endswith("Stmt")} - HANDLERS.keys() == NEVER_FROM_CLIENTS


def test_lists_name_only_nodes_that_exist() -> None:
    known = NODES.keys() | pg_query_pb2.DESCRIPTOR.message_types_by_name.keys()
    assert not (FIELDS.keys() | SPECIAL.keys() | HANDLERS.keys()) - known
    assert not FIELDS.keys() & SPECIAL.keys()
