"""Names in expressions: columns, functions, operators and types mean what they mean in pg_catalog, or are refused."""

from __future__ import annotations

from typing import Final

from tidewaiter.sql.calls import constant
from tidewaiter.sql.catalog import SYSTEM_SCHEMAS, identifier
from tidewaiter.sql.deparse import Tree, read_tree
from tidewaiter.sql.levels import words
from tidewaiter.sql.parse import Node
from tidewaiter.sql.reading import strings
from tidewaiter.sql.rewrite.relations import mask_text
from tidewaiter.sql.rewrite.state import Ctes, Handler, Refusal, Rewriting, Target, string
from tidewaiter.sql.routines import action_of

SETTINGS: Final = words(
    "timezone application_name statement_timeout lock_timeout idle_in_transaction_session_timeout "
    "idle_session_timeout transaction_timeout datestyle intervalstyle extra_float_digits bytea_output work_mem "
    "random_page_cost seq_page_cost cpu_tuple_cost cpu_index_tuple_cost cpu_operator_cost parallel_setup_cost "
    "parallel_tuple_cost min_parallel_table_scan_size min_parallel_index_scan_size cursor_tuple_fraction "
    "default_statistics_target jit geqo geqo_threshold geqo_effort geqo_seed seed transaction_isolation "
    "transaction_read_only transaction_deferrable default_transaction_isolation default_transaction_read_only "
    "default_transaction_deferrable xmlbinary xmloption lc_messages lc_monetary lc_numeric lc_time search_path "
    "effective_cache_size effective_io_concurrency max_parallel_workers_per_gather max_parallel_workers "
    "synchronous_commit synchronize_seqscans constraint_exclusion default_text_search_config plan_cache_mode "
    "row_security temp_buffers hash_mem_multiplier maintenance_work_mem from_collapse_limit join_collapse_limit "
    "quote_all_identifiers tcp_keepalives_idle tcp_keepalives_interval tcp_keepalives_count tcp_user_timeout "
    "client_connection_check_interval"
)
"""What a principal who sees masked data may set. Not here: what prints data to the client (debug_print_*,
client_min_messages, log_*), what changes how texts are read, and roles."""

HIDDEN_FUNCTIONS: Final = words(
    "pg_stat_get_activity pg_stat_get_backend_activity pg_stat_get_wal_senders pg_stat_get_backend_client_addr "
    "pg_cursor pg_prepared_statement pg_prepared_xact pg_mcv_list_items pg_stat_get_progress_info "
    "pg_get_publication_tables pg_show_all_file_settings pg_hba_file_rules pg_get_replication_slots pg_get_aios "
    "fmgr_c_validator fmgr_internal_validator fmgr_sql_validator currtid2"
)
"""Stable built-ins that show other sessions' texts or statistics of data."""

BY_CONSTANT: Final = frozenset({"nextval", "setval", "pg_notify"})
"""They ask by their argument elsewhere; here, whatever it is, it holds masked values at most."""

_FIXED_OPERATORS: Final = words("AEXPR_OP AEXPR_OP_ANY AEXPR_OP_ALL")
_COMPARISONS: Final = words("< <= > >= =")


def _column(rewriting: Rewriting, fields: Node, ctes: Ctes) -> Node | None:
    parts = fields["fields"]
    if len(parts) == 4:
        if parts[0]["String"]["sval"] != rewriting.database:
            raise Refusal("unknown-name", "columns of other databases cannot be read")
        del parts[0]
    if len(parts) == 3 and rewriting.labels.concerns((parts[0]["String"]["sval"], parts[1]["String"]["sval"])):
        del parts[0]  # a masking subquery has no schema
    target = rewriting.target
    return None if target is None else _of_target(rewriting, target, parts)


def _of_target(rewriting: Rewriting, target: Target, parts: list[Node]) -> Node | None:
    """The target of a write is raw: reading a masked column of it reads its mask. Right in any nested scope, too."""
    names = [part.get("String", {}).get("sval") for part in parts]
    if names[-1] is None:
        if len(names) == 1 or names[-2] in target.names:
            raise Refusal("raw-row", "the whole row of a masked table cannot be read where it is written")
        return None
    is_qualified = len(names) > 1
    if not is_qualified and names[0] in target.names:
        raise Refusal("raw-row", "the whole row of a masked table cannot be read where it is written")
    if is_qualified and names[-2] in target.names and names[-1] not in rewriting.labels.columns[target.path]:
        raise Refusal("raw-row", "functions of a masked table's row cannot be called where it is written")
    mask = target.masks.get(names[-1])
    if mask is None or (is_qualified and names[-2] not in target.names):
        return None
    rewriting.reads_target = rewriting.touches = True
    return expression(mask_text(mask, ".".join(identifier(name or "") for name in names)))


def expression(text: str) -> Node:
    """The tree of an expression. Raises Refusal when it is not one."""
    tree = read_tree(f"SELECT {text}")
    if not isinstance(tree, Tree):
        raise Refusal("mask", "a mask is not valid SQL")
    found: Node = tree.statements[0]["stmt"]["SelectStmt"]["targetList"][0]["ResTarget"]["val"]
    return found


def _call(rewriting: Rewriting, fields: Node, ctes: Ctes) -> Node | None:
    names = list(strings(fields["funcname"]))
    name = names[-1]
    schema = names[-2] if len(names) > 1 else None
    catalog = rewriting.catalog
    if name in catalog.builtins and (schema is None or schema in SYSTEM_SCHEMAS):
        _builtin(rewriting, fields, name, schema)
    elif name in catalog.functions:
        _users(rewriting, fields, name, schema)
    elif schema is not None or len(fields.get("args", ())) != 1:
        raise Refusal("function", f"function {'.'.join(names)} is not known")
    elif "ColumnRef" in fields["args"][0] and name not in catalog.types:
        # f(t) with no function f is the column t.f
        return {"A_Indirection": {"arg": rewriting.node(fields["args"][0], ctes), "indirection": [string(name)]}}
    rewriting.within("FuncCall", fields, ctes)
    return None


def _builtin(rewriting: Rewriting, fields: Node, name: str, schema: str | None) -> None:
    arguments = fields.get("args", [])
    if name == "set_config":
        check_setting(constant(arguments, 0), [constant(arguments, 1) or ""])
        if (constant(arguments, 0) or "").lower() == "search_path":
            rewriting.reading.path = None
    elif name not in BY_CONSTANT and (
        name in HIDDEN_FUNCTIONS or action_of(name, rewriting.catalog.builtins[name]) not in (None, "lock")
    ):
        raise Refusal("function", f"{name} is not open to principals who see masked data")
    # FROM unnest(a, b) is syntax, and the server's, while it has no schema.
    is_syntax = name == "unnest" and len(arguments) > 1 and name not in rewriting.catalog.functions
    if schema is None and not is_syntax:
        # Somebody's overload would be preferred for some argument types, also one that is made a moment later.
        fields["funcname"] = [string("pg_catalog"), string(name)]
        rewriting.pinned.add(name)


def _users(rewriting: Rewriting, fields: Node, name: str, schema: str | None) -> None:
    """Functions outside the system schemas: those of reviewed extensions, and those that a deployment trusts."""
    found = [one for one in rewriting.catalog.functions[name] if schema is None or one.schema == schema]
    if not found:
        raise Refusal("function", f"function {schema}.{name} is not known")
    for one in found:
        if not one.is_reviewed and one.path not in rewriting.trusted:
            raise Refusal("function", f"function {one.schema}.{name} may read what it likes")
    if schema is None:
        path = rewriting.reading.path or ()
        named = [one for one in path if any(function.schema == one for function in found)]
        if not named:
            raise Refusal("function", f"function {name} is not in the search path")
        fields["funcname"] = [string(named[0]), string(name)]
    rewriting.pinned.add(name)


def check_setting(name: str | None, values: list[str]) -> None:
    """Raises Refusal for a setting that principals who see masked data may not change."""
    if name is None:
        raise Refusal("setting", "a setting that is not named by a constant cannot be changed")
    lower = name.lower()
    said = [value.lower() for value in values]
    if lower == "search_path":
        if any(one.strip().strip('"').startswith("pg_") for value in said for one in value.split(",")):
            raise Refusal("setting", "search_path must not name system or temporary schemas")
        return
    if lower in SETTINGS or "." in lower or lower.startswith("enable_"):
        return
    if lower == "client_encoding" and said in (["utf8"], ["utf-8"], ["unicode"]):
        return
    if lower == "client_min_messages" and said in (["notice"], ["warning"], ["error"]):
        return
    if lower == "standard_conforming_strings" and said == ["on"]:
        return
    raise Refusal("setting", f"setting {lower} is not open to principals who see masked data")


def _operator(rewriting: Rewriting, fields: Node, ctes: Ctes) -> None:
    kind = fields["kind"]
    if "BETWEEN" in kind:
        if any(one in rewriting.catalog.operators for one in _COMPARISONS):
            raise Refusal("operator", "comparison operators are also defined outside pg_catalog")
    else:
        bind_operator(rewriting, fields, "name", kind in _FIXED_OPERATORS)
    rewriting.within("A_Expr", fields, ctes)


def bind_operator(rewriting: Rewriting, fields: Node, key: str, can_be_bound: bool) -> None:
    """Let an operator that is also defined elsewhere mean pg_catalog's."""
    names = list(strings(fields.get(key, ())))
    if not names:
        return
    users = rewriting.catalog.operators.get(names[-1])
    if len(names) > 1 and names[0] != "pg_catalog" and users:
        raise Refusal("operator", f"operator {'.'.join(names)} may read what it likes")
    if len(names) == 1 and users:
        if not can_be_bound:
            raise Refusal("operator", f"operator {names[0]} is also defined outside pg_catalog")
        fields[key] = [string("pg_catalog"), string(names[0])]
    if users:
        rewriting.pinned.update(name for _, name in users)


def _sublink(rewriting: Rewriting, fields: Node, ctes: Ctes) -> None:
    bind_operator(rewriting, fields, "operName", False)
    rewriting.within("SubLink", fields, ctes)


def _sort(rewriting: Rewriting, fields: Node, ctes: Ctes) -> None:
    bind_operator(rewriting, fields, "useOp", False)
    rewriting.within("SortBy", fields, ctes)


def _case(rewriting: Rewriting, fields: Node, ctes: Ctes) -> None:
    """CASE x WHEN y calls the operator = by its bare name."""
    if "arg" in fields and "=" in rewriting.catalog.operators:
        raise Refusal("operator", "operator = is also defined outside pg_catalog")
    rewriting.within("CaseExpr", fields, ctes)


def _join(rewriting: Rewriting, fields: Node, ctes: Ctes) -> None:
    """JOIN USING and NATURAL call it, too."""
    if ("usingClause" in fields or fields.get("isNatural")) and "=" in rewriting.catalog.operators:
        raise Refusal("operator", "operator = is also defined outside pg_catalog")
    rewriting.within("JoinExpr", fields, ctes)


def _type(rewriting: Rewriting, fields: Node, ctes: Ctes) -> None:
    """A type's name means one of pg_catalog or of the search path; temporary relations cannot take it over."""
    if fields.get("pct_type"):
        raise Refusal("type", "%TYPE is not open to principals who see masked data")
    names = list(strings(fields.get("names", ())))
    if len(names) == 1:
        schemas = rewriting.catalog.types.get(names[0], ())
        schema = next((one for one in ("pg_catalog", *(rewriting.reading.path or ())) if one in schemas), None)
        if schema is None:
            found = rewriting.reading.look_up(names[0].removeprefix("_"), None)
            schema = found[0].schema if len(found) == 1 else None
        if schema is not None:
            fields["names"] = [string(schema), string(names[0])]
    rewriting.within("TypeName", fields, ctes)


HANDLERS: dict[str, Handler] = {
    "A_Expr": _operator,
    "CaseExpr": _case,
    "ColumnRef": _column,
    "FuncCall": _call,
    "JoinExpr": _join,
    "SortBy": _sort,
    "SubLink": _sublink,
    "TypeName": _type,
}
