"""psql through the gateway: what people type all day."""

from __future__ import annotations

from pathlib import Path

import pytest
from rig import PATIENCE, UPSTREAM_PASSWORD, Deployment, eventually

BACKSLASH = [
    r"\conninfo",
    r"\d",
    r"\dt+",
    r"\d customers",
    r"\d+ order_totals",
    r"\d payments",
    r"\d+ payments_2025",
    r"\d order_lines",
    r"\di",
    r"\dv",
    r"\dm",
    r"\ds",
    r"\df",
    r"\df+ orders_of",
    r"\sf orders_of",
    r"\sv customer_contacts",
    r"\dn+",
    r"\du",
    r"\dp customers",
    r"\dT+",
    r"\dO",
    r"\dx",
    r"\l",
    r"\z",
    r"\dconfig work_mem",
    r"\encoding",
]


@pytest.mark.parametrize("command", BACKSLASH[1:])
def test_backslash_commands_print_what_they_print_directly(gateway: Deployment, command: str) -> None:
    directly = "dbname=shop options='-c role=shop_admin'"
    direct = gateway.postgres.run(
        "psql", "-X", "-c", command, database=directly, user="tidewaiter", password=UPSTREAM_PASSWORD
    )
    through = gateway.run("psql", "-X", "-c", command, principal="dora")
    assert through.returncode == direct.returncode == 0, through.stderr
    assert through.stdout == direct.stdout


def test_analyst_may_look_up_what_there_is(gateway: Deployment) -> None:
    done = gateway.run("psql", "-X", *(part for command in BACKSLASH for part in ("-c", command)))
    assert (done.returncode, done.stderr) == (0, "")
    assert "customer_contacts" in done.stdout


def test_copy_to_and_from_files_of_the_client(gateway: Deployment, tmp_path: Path) -> None:
    file = tmp_path / "notes.tsv"
    file.write_text("from a file\t2026-01-01\nand another\t2026-01-02\n")
    done = gateway.psql(rf"\copy analyst_notes (note, written_at) from '{file}'", "-v", "ON_ERROR_STOP=1")
    assert (done.returncode, done.stderr) == (0, "")
    out = tmp_path / "customers.csv"
    done = gateway.psql(rf"\copy (select id, name from customers order by id limit 3) to '{out}' csv header")
    assert (done.returncode, done.stderr) == (0, "")
    assert out.read_text().splitlines()[0] == "id,name"
    assert len(out.read_text().splitlines()) == 4
    assert gateway.psql("select note from analyst_notes where note = 'and another'").stdout == "and another\n"
    gateway.psql("delete from analyst_notes where id > 0")


def test_ctrl_c_ends_the_statement_and_not_the_session(gateway: Deployment) -> None:
    with gateway.psql_at_terminal() as psql:
        psql.type("select pg_sleep(30);")
        eventually(lambda: gateway.backends("state = 'active' and query like '%pg_sleep(30)%'"))
        psql.ctrl_c()
        assert psql.shows("canceling statement due to user request", 10 * PATIENCE)
        psql.type("select 'still ' || 'here';")
        assert psql.shows("still here", 10 * PATIENCE)


def test_watch_repeats_until_ctrl_c(gateway: Deployment) -> None:
    with gateway.psql_at_terminal() as psql:
        psql.type("select 'tick' || 'tock' \\watch 0.1")
        for _ in range(3):
            assert psql.shows("ticktock", 10 * PATIENCE), psql.seen
            psql.seen = psql.seen.partition("ticktock")[2]
        psql.ctrl_c()
        psql.type("select 'af' || 'ter';")
        assert psql.shows("after", 10 * PATIENCE)


@pytest.mark.parametrize("principal", ["alice", "dora"])
def test_password_is_refused_with_the_reason(gateway: Deployment, principal: str) -> None:
    with gateway.psql_at_terminal(principal) as psql:
        psql.type("\\password")
        assert psql.shows("Enter new password", 10 * PATIENCE)
        psql.type("secret")
        assert psql.shows("Enter it again", 10 * PATIENCE)
        psql.type("secret")
        assert psql.shows("ERROR:  a password of a database role means nothing behind this gateway", 10 * PATIENCE), (
            psql.seen
        )
        psql.type("select 'still ' || 'here';")
        assert psql.shows("still here", 10 * PATIENCE)


def test_several_statements_in_one_message(gateway: Deployment) -> None:
    done = gateway.psql("select 1 \\; select 2 \\; select 3;", "-v", "SHOW_ALL_RESULTS=on")
    assert done.stdout.split() == ["1", "2", "3"]
    done = gateway.run("psql", "-XAtq", "-c", "select 1; select 2")
    assert done.stdout.split() == ["1", "2"]


def test_denied_part_refuses_the_whole_message(gateway: Deployment) -> None:
    done = gateway.psql("insert into analyst_notes (note) values ('lost') \\; select * from employees;")
    assert "employees holds salaries" in done.stderr
    assert "salaries-are-for-the-dba" in done.stderr
    assert gateway.psql("select count(*) from analyst_notes where note = 'lost'").stdout.strip() == "0"


def test_denied_statement_says_what_by_which_rule_and_what_next(gateway: Deployment) -> None:
    done = gateway.psql("select salary from employees;\nselect 'on';", "-v", "VERBOSITY=verbose")
    assert "ERROR:  42501:" in done.stderr
    assert "salaries-are-for-the-dba" in done.stderr
    assert "DETAIL:" in done.stderr
    assert "HINT:" in done.stderr
    assert done.stdout == "on\n"


def test_syntax_errors_point_where_the_server_points(gateway: Deployment) -> None:
    for wrong in ("selec 1;", "select nothing from customers;", "select * from no_such_table;", "select 'ä' frm x;"):
        direct = gateway.postgres.run("psql", "-XAtq", database="shop", text_in=wrong)
        assert gateway.psql(wrong, principal="dora").stderr == direct.stderr


def test_variables_gexec_and_crosstab_like_features(gateway: Deployment) -> None:
    script = r"""
        select 40 + 2 as answer \gset
        select :answer;
        select format('select %s', n) from generate_series(1, 2) n \gexec
        select 'described' as column \gdesc
        \bind 5
        select $1::int + 1 \g
    """
    old = gateway.postgres.binaries.version < 16
    done = gateway.psql(script.replace("\\bind 5\n        select $1::int + 1", "select 5 + 1") if old else script)
    assert done.stderr == ""
    assert done.stdout.split() == ["42", "1", "2", "column|text", "6"]


def test_settings_and_transactions_live_in_the_session(gateway: Deployment) -> None:
    done = gateway.psql(
        """
        set work_mem = '5MB'; show work_mem;
        begin; insert into analyst_notes (note) values ('in transaction');
        select count(*) from analyst_notes where note = 'in transaction'; rollback;
        select count(*) from analyst_notes where note = 'in transaction';
        """
    )
    assert (done.stdout.split(), done.stderr) == (["5MB", "1", "0"], "")
