"""What may be run and rolled back, and what can be undone later."""

from __future__ import annotations

import pytest

from tidewaiter.model import (
    Effect,
    EffectKind,
    Facts,
    Indirect,
    Lock,
    Relation,
    Resource,
    ResourceType,
    SyntaxFault,
    Touch,
)
from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.entities import Function, Path
from tidewaiter.sql.undoable import impure, leaves_behind, only_answers, reversal, written

T, U, F, S, PART, MIXED = (("public", name) for name in ("t", "u", "far", "seq", "part", "mixed"))
BUILTIN = ("pg_catalog", "suppress_redundant_updates_trigger")
CATALOG = Catalog(
    relations={
        T: Relation(*T, "p"), U: Relation(*U, "r"), F: Relation(*F, "f"), S: Relation(*S, "S"),
        PART: Relation(*PART, "r"), MIXED: Relation(*MIXED, "p"),
    },
    partitions={T: (PART,), MIXED: (F,)},
    functions={
        "known": (Function("public", "known", 20001),),
        "code": (Function("public", "code", 20002, language="plpgsql"),),
        "gen_salt": (Function("public", "gen_salt", 20003, language="c", extension="pgcrypto"),),
    },
    builtins={"lower": False, "nextval": True, "random": True, "pg_notify": True, "pg_sleep": True, "lo_import": True},
    oids={870: ("pg_catalog", "lower"), 1574: ("pg_catalog", "nextval"), 20002: ("public", "code"),
          20003: ("public", "gen_salt")},
)  # fmt: skip


def table(path: Path, action: str) -> Touch:
    return Touch(action, Resource(ResourceType.TABLE, path))


def function(schema: str, name: str, *traits: str) -> Touch:
    return Touch("function", Resource(ResourceType.FUNCTION, (schema, name)), traits=traits)


def of(*touches: Touch, **more: object) -> Facts:
    return Facts(tuple(dict.fromkeys(one.action for one in touches)), touches, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "facts",
    [
        of(table(U, "delete")),
        of(table(T, "update_all"), table(U, "select")),
        of(table(U, "insert"), function("public", "known")),
        of(table(U, "delete"), indirect=(Indirect("cascade", "k", "delete", T, U),)),
        of(table(U, "update"), indirect=(Indirect("trigger", "x", "function", BUILTIN, U),)),
        of(table(U, "update"), indirect=(Indirect("default", "x", "function", ("public", "gen_salt"), U),)),
    ],
)  # fmt: skip
def test_what_is_known_to_leave_nothing_may_be_run(facts: Facts) -> None:
    assert leaves_behind(facts, CATALOG) == ()


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (of(table(U, "delete"), parts=2), "one statement"),
        (of(table(U, "delete"), unknown=("why",)), "one statement"),
        (of(table(U, "delete"), session_bound=True), "session"),
        (of(table(U, "truncate")), "truncate is not run"),
        (of(table(U, "drop")), "drop is not run"),
        (of(table(U, "select")), "reading is not run"),
        (of(table(F, "delete")), "foreign table"),
        (of(table(U, "delete"), table(F, "select")), "foreign table"),
        (of(table(("pg_temp", "x"), "delete")), "belongs to the session"),
        (of(table(U, "insert"), table(S, "update")), "sequence public.seq would not go back"),
        (of(table(U, "delete"), function("public", "code", "opaque")), "function public.code"),
        (of(table(U, "delete"), function("pg_catalog", "lo_import")), "function pg_catalog.lo_import"),
        (of(table(U, "delete"), indirect=(Indirect("trigger", "x", "function", ("public", "code"), U),)), "trigger x"),
        (of(table(U, "delete"), indirect=(Indirect("rule", "r", "insert", T, U),)), "rule r"),
        (of(table(U, "delete"), indirect=(Indirect("cascade", "k", "delete", F, U),)), "foreign table"),
        (of(table(U, "insert"), indirect=(Indirect("default", "d", "function", ("public", "known"), U),)), "default d"),
        (of(table(U, "delete"), Touch("set", Resource(ResourceType.SETTING, ("work_mem",)))), "set is not run"),
    ],
)
def test_what_could_leave_something_is_not_run_and_says_why(facts: Facts, said: str) -> None:
    assert any(said in reason for reason in leaves_behind(facts, CATALOG))


def test_a_function_that_is_declared_free_of_side_effects_is_believed() -> None:
    facts = of(table(U, "delete"), indirect=(Indirect("trigger", "x", "function", ("public", "code"), U),))
    assert leaves_behind(facts, CATALOG, [("public", "code")]) == ()


def test_functions_in_stored_expressions_are_judged_by_their_numbers() -> None:
    assert impure([870, 20003], CATALOG) == ()
    told = ("function pg_catalog.nextval", "function public.code", "function number 7")
    assert impure([1574, 870, 20002, 7], CATALOG) == told
    assert impure([20002], CATALOG, [("public", "code")]) == ()


def test_what_is_written_includes_cascades_and_partitions() -> None:
    facts = of(table(U, "delete"), table(S, "select"), indirect=(Indirect("cascade", "k", "delete", T, U),))
    assert written(facts, CATALOG) == (U, T, PART)


@pytest.mark.parametrize(
    ("verbs", "word"),
    [
        (("select", "delete"), "no"),
        (("drop",), "no"),
        (("update",), "no"),
        (("insert",), "partly"),
        (("do",), "unknown"),
        (("create",), "partly"),
        (("rename",), "yes"),
        (("select",), "yes"),
    ],
)
def test_the_worst_verb_says_whether_it_can_be_undone(verbs: tuple[str, ...], word: str) -> None:
    assert reversal(Facts(verbs)).word == word


def test_of_what_is_not_understood_nobody_knows() -> None:
    assert reversal(Facts(("select",), unknown=("why",))).word == "unknown"


def reading(*touches: Touch, **more: object) -> Facts:
    return of(*touches, **{"reads_only": True, **more})


@pytest.mark.parametrize(
    "facts",
    [
        reading(),
        reading(table(T, "select"), table(U, "copy_out")),
        reading(table(U, "select"), session_bound=True),
        reading(table(U, "select"), indirect=(Indirect("policy", "p", "select", T, U),)),
    ],
)
def test_what_only_reads_does_nothing_but_answer(facts: Facts) -> None:
    assert only_answers(facts, CATALOG)


@pytest.mark.parametrize(
    "facts",
    [
        of(table(U, "select"), table(T, "insert")),
        reading(table(U, "select"), effects=(Effect(EffectKind.SETTING, "work_mem"),)),
        reading(table(U, "select"), control="commit"),
        reading(table(U, "select"), fault=SyntaxFault("42703", "no such column")),
        reading(table(U, "select"), locks=(Lock(U, "RowShareLock"),)),
        reading(table(U, "select"), indirect=(Indirect("policy", "p", "function", ("public", "code"), U),)),
        reading(table(U, "select"), indirect=(Indirect("policy", "p", "select", F, U),)),
        reading(table(F, "select")),
        reading(table(MIXED, "select")),
        reading(table(("pg_temp_3", "mine"), "select")),
    ],
)
def test_what_may_do_anything_else_does_not_only_answer(facts: Facts) -> None:
    assert not only_answers(facts, CATALOG)
