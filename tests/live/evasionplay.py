"""Plays sessions of tests/corpus/evasions and harmless through a real gateway to a real server.

The gateway's own role is a superuser there, so that nothing but the gateway stands between a session and the data. A
refused step must leave the database as it was, byte by byte: rows, sequences, definitions, roles, settings, large
objects.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from corpusrig import furnish
from freeports import free_port
from rawwire import SYNC, Client, Message, Refused, bind, describe, execute, parse, query
from rig import UPSTREAM_PASSWORD, Deployment
from rig import lay_out as lay_out_demo
from sessions import DATASOURCE, STRENGTH, Session, Step

from corpus import HERE
from tidewaiter.config import default_policies
from tidewaiter.demo.data import SMALL, load
from tidewaiter.demo.deployment import Listeners, settings
from tidewaiter.demo.postgres import EmbeddedPostgres
from tidewaiter.model import Secret

USER, PASSWORD = "corpus_gateway", Secret("of the gateway of the corpus")
DATABASE = "played"
SCHEMAS = ("public", "hr", "shadow")
CLIENT_LIMIT_S = 20.0
FAILED_TRANSACTION, UNDEFINED_TABLE = "25P02", "42P01"
PERSONS = {"analyst": "alice", "dba": "dora", "agent": "reporter"}

SIGNATURE = """
    select (select count(*)::text || ':' || coalesce(sum(c.xmin::text::int8 * 31 + c.oid::int8), 0)::text
              from pg_class c where c.oid >= 16384 and c.relpersistence <> 't' and c.relkind <> 't')
        || '/' ||
           (select count(*)::text || ':' || coalesce(sum(a.xmin::text::int8 * 31 + a.attnum), 0)::text
              from pg_attribute a join pg_class c on c.oid = a.attrelid
             where c.oid >= 16384 and c.relpersistence <> 't' and c.relkind in ('r', 'p', 'v', 'm', 'f')
               and a.attnum > 0)
        || '/' ||
           (select count(*)::text || ':' || coalesce(sum(r.xmin::text::int8 * 31 + r.oid::int8), 0)::text
              from pg_rewrite r join pg_class c on c.oid = r.ev_class
             where r.oid >= 16384 and c.relpersistence <> 't')
        || '/' ||
           (select count(*)::text || ':' || coalesce(sum(p.xmin::text::int8 * 31 + p.oid::int8), 0)::text
              from pg_proc p where p.oid >= 16384)
        || '/' ||
           (select count(*)::text || ':' || coalesce(sum(n.xmin::text::int8 * 31 + n.oid::int8), 0)::text
              from pg_namespace n where n.nspname !~ '^pg_(temp_|toast_temp_)')
        || '/' ||
           (select count(*)::text || ':' || coalesce(sum(i.xmin::text::int8 * 31 + i.inhparent::int8), 0)::text
              from pg_inherits i)
        || '/' ||
           (select count(*)::text || ':' || coalesce(sum(k.xmin::text::int8 * 31 + k.oid::int8), 0)::text
              from pg_constraint k where k.oid >= 16384)
        || '/' ||
           (select count(*)::text || ':' || coalesce(sum(t.xmin::text::int8 * 31 + t.oid::int8), 0)::text
              from pg_trigger t where t.oid >= 16384)
        || '/' ||
           (select count(*)::text || ':' || coalesce(sum(d.xmin::text::int8 * 31 + d.oid::int8), 0)::text
              from pg_attrdef d where d.oid >= 16384)
        || '/' ||
           (select count(*)::text || ':' || coalesce(sum(y.xmin::text::int8 * 31 + y.oid::int8), 0)::text
              from pg_policy y)
        || '/' ||
           (select count(*)::text || ':' || coalesce(sum(x.xmin::text::int8 * 31 + x.oid::int8), 0)::text
              from pg_statistic_ext x)
        || '/' ||
           (select count(*)::text || ':' || coalesce(sum(e.xmin::text::int8 * 31 + e.oid::int8), 0)::text
              from pg_event_trigger e)
        || '/' ||
           (select count(*)::text || ':' || coalesce(sum(t.xmin::text::int8 * 31 + t.oid::int8), 0)::text
              from pg_type t where t.oid >= 16384 and t.typtype in ('d', 'e', 'r', 'm'))
        || '/' ||
           (select count(*)::text || ':' || coalesce(sum(o.xmin::text::int8 * 31 + o.oid::int8), 0)::text
              from pg_operator o where o.oid >= 16384)
        || '/' ||
           (select count(*)::text || ':' || coalesce(sum(s.xmin::text::int8 * 31 + s.oid::int8), 0)::text
              from pg_cast s where s.oid >= 16384)"""
"""Changes with every definition."""

DIGEST = f"""
    select pg_catalog.md5(pg_catalog.concat_ws('|',
        ({SIGNATURE}),
        (select string_agg(a::text, ',' order by a.oid) from pg_authid a),
        (select string_agg(m::text, ',' order by m::text) from pg_auth_members m),
        (select string_agg(s::text, ',' order by s::text) from pg_db_role_setting s),
        (select string_agg(l::text, ',' order by l.oid) from pg_largeobject_metadata l),
        (select string_agg(l::text, ',' order by l::text) from pg_largeobject l),
        (select string_agg(d.datname, ',' order by d.datname) from pg_database d),
        (select string_agg(x::text, ',' order by x::text) from pg_description x where x.objoid >= 16384),
        (select string_agg(p::text, ',' order by p.oid) from pg_publication p),
        (select string_agg(f::text, ',' order by f.oid) from pg_foreign_server f),
        (select string_agg(r.slot_name, ',' order by r.slot_name) from pg_replication_slots r),
        (select string_agg(t::text, ',' order by t.oid) from pg_tablespace t)))"""
"""One number for everything that a statement could leave behind but rows."""

HOLDERS = """
    select c.oid::regclass, c.relkind from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'm', 'S') and c.oid >= 16384 and c.relpersistence <> 't' and n.nspname !~ '^pg_'"""
"""Relations that hold rows."""


@dataclass(frozen=True)
class Result:
    """What a step brought: allow (it reached the server), hold, deny, or skip.

    Skipped is what comes after an error in its pipeline, or in a failed transaction: the server looks at it no more.
    """

    got: str
    sqlstate: str = ""
    message: str = ""
    rows: int = 0


@dataclass
class Report:
    """Figures, and what went wrong: one line each."""

    sessions: int = 0
    steps: Counter[str] = field(default_factory=Counter)
    sqlstates: Counter[str] = field(default_factory=Counter)
    looks: int = 0
    restored: int = 0
    wrong: list[str] = field(default_factory=list)

    def told(self) -> str:
        """For people."""
        steps = ", ".join(f"{count} {what}" for what, count in self.steps.most_common())
        codes = ", ".join(f"{count} {code}" for code, count in self.sqlstates.most_common())
        return (
            f"{self.sessions} sessions played; steps: {steps}; refusals by SQLSTATE: {codes}; "
            f"{self.looks} looks at the whole database, put back {self.restored} times; {len(self.wrong)} wrong"
        )


def lay_out(template: Deployment, folder: Path) -> Deployment:
    """A deployment with the corpus's policies and people in front of a database of its own. It is not started.

    `template` has the demo's people, who stand for those of the corpus of the same kind and groups.
    """
    server = template.postgres
    furnish(server, DATABASE)
    server.execute(f"create role {USER} login superuser password '{PASSWORD.value}'")
    shutil.copytree(template.folder, folder)
    deployment = Deployment(folder, server, free_port(), free_port())
    secret = folder / "keys" / "corpus.password"
    secret.touch(mode=0o600)
    secret.write_text(PASSWORD.value)
    _configure(deployment)
    issued = deployment.issued
    issued |= {word: template.issued[name] for word, name in PERSONS.items()}
    deployment.cli("principal", "add", "wes", "--kind", "user", "--group", "writers")
    deployment.cli("principal", "add", "dot", "--kind", "agent", "--group", "agents", "--owner", PERSONS["dba"])
    issued |= {"writer": deployment.issue("wes"), "agent-of-dba": deployment.issue("dot")}
    return deployment


def _configure(deployment: Deployment) -> None:
    folder, server = deployment.folder, deployment.postgres
    listeners = Listeners(f"127.0.0.1:{deployment.port}", f"127.0.0.1:{deployment.console}")
    source = {
        "name": DATASOURCE, "kind": "postgres", "address": f"{server.host}:{server.port}", "database": DATABASE,
        "user": USER, "password": "file:keys/corpus.password", "tls": "disable", "mode": "enforce",
    }  # fmt: skip
    lines = [*settings(listeners, ()), "[[datasource]]", *(f'{name} = "{value}"' for name, value in source.items())]
    (folder / "tidewaiter.toml").write_text("\n".join([*lines, "allow_superuser = true", ""]))
    (folder / "classification.toml").write_text("")
    for old in (folder / "policies").iterdir():
        old.unlink()
    for name, text in default_policies(DATASOURCE).items():
        # Nobody approves here: what is held is told so at once.
        (folder / "policies" / name).write_text(text.replace('@wait("120s")', '@wait("0s")'))
    (folder / "policies" / "corpus.cedar").write_text((HERE / "policies.cedar").read_text())


class Stage:
    """A running gateway, and a superuser's connection past it that looks at the database."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment, self.server = deployment, deployment.postgres
        self._observer = self._connect()
        self._rows = self._query_for_rows()
        self.pristine = self.digest()
        self.report = Report()

    def _connect(self) -> Client:
        at = self.server
        client = Client.connect(at.host, at.port, at.superuser, at.password.value, DATABASE)
        client.rows("set search_path = pg_catalog")
        return client

    def close(self) -> None:
        """End the observer's connection."""
        self._observer.close()

    def digest(self) -> str:
        """The state of the database as others see it."""
        try:
            rows = self._observer.rows(self._rows)[0][0]
        except Refused as refused:
            if refused.sqlstate != UNDEFINED_TABLE:
                raise
            rows = str(refused)  # one is not there any more
        return f"{self._observer.rows(DIGEST)[0][0]} {rows}"

    def _query_for_rows(self) -> str:
        each = [
            f"(select concat(last_value, is_called) from {name})"
            if kind == "S"
            else f"(select string_agg(x::text, ',' order by x.ctid) from {name} x)"
            for name, kind in self._observer.rows(HOLDERS)
        ]
        return f"select md5(concat_ws('|', {', '.join(each)}))"

    def play(self, session: Session) -> None:
        """Play one session and note what is wrong."""
        self.report.sessions += 1
        try:
            with self.deployment.raw(session.who, DATASOURCE) as client:
                client.sock.settimeout(CLIENT_LIMIT_S)
                if session.how == "pipeline":
                    self._pipeline(client, session)
                else:
                    self._in_turn(client, session)
        except Refused as refused:
            self.report.wrong.append(f"{session}: no login: {refused}")
        except TimeoutError:
            self.report.wrong.append(f"{session}: no answer within {CLIENT_LIMIT_S} s")
        self.put_back()

    def _in_turn(self, client: Client, session: Session) -> None:
        is_extended = session.how == "extended"
        before = self.digest()
        self.report.looks += 1
        for step in session.steps:
            parts = extended(step) + SYNC if is_extended or step.binds is not None else query(step.text)
            answer = _ask(client, parts)
            result = result_of(answer)
            after = self.digest()
            self.report.looks += 1
            self._judge(session, step, result, is_unchanged=before == after)
            before = after
            if not answer or answer[-1].type != b"Z":
                return  # the gateway ended the session: nothing that follows can happen

    def _pipeline(self, client: Client, session: Session) -> None:
        before = self.digest()
        answer = _ask(client, b"".join(map(extended, session.steps)) + SYNC)
        results = list(results_of(answer, len(session.steps)))
        self.report.looks += 1
        is_unchanged = before == self.digest() or any(one.got == "allow" for one in results)
        for step, result in zip(session.steps, results, strict=True):
            self._judge(session, step, result, is_unchanged=is_unchanged)

    def _judge(self, session: Session, step: Step, result: Result, *, is_unchanged: bool) -> None:
        report = self.report
        report.steps[result.got] += 1
        told = f"{session}: {step.text.decode('utf-8', 'backslashreplace')}"
        if result.got in ("deny", "hold"):
            report.sqlstates[result.sqlstate] += 1
            if not is_unchanged:
                report.wrong.append(f"{told}: refused, and left a trace")
            if result.rows:
                report.wrong.append(f"{told}: refused, and brought {result.rows} rows")
        if step.verdict == "any" or step.beyond or result.got == "skip":
            return
        if STRENGTH[result.got] < STRENGTH[step.verdict]:
            report.wrong.append(f"{told}: {result.got} instead of {step.verdict} ({result.message})")
        elif result.got != step.verdict:
            report.wrong.append(f"{told}: {result.got} ({result.message}) instead of {step.verdict}")

    def put_back(self) -> None:
        """Make the database what it was, where a session was allowed to change it."""
        if self.digest() == self.pristine:
            return
        self.report.restored += 1
        restore(self.server)
        self._rows = self._query_for_rows()
        self.pristine = self.digest()


def restore(server: EmbeddedPostgres) -> None:
    """Empty the database and fill it again, without ending anybody's session in it."""
    names = ", ".join(SCHEMAS)
    server.execute(
        f"""set client_min_messages = error; drop schema if exists {names} cascade; create schema public;
        grant all on schema public to public;
        do $$ declare one record; begin
            for one in select oid from pg_largeobject_metadata loop perform lo_unlink(one.oid); end loop;
            for one in select evtname from pg_event_trigger loop execute format('drop event trigger %I', one.evtname); end loop;
            for one in select nspname from pg_namespace where nspname !~ '^pg_' and nspname not in ('public', 'information_schema')
                loop execute format('drop schema %I cascade', one.nspname); end loop;
        end $$;"""  # noqa: E501
        + (HERE / "schema.sql").read_text()
        + (HERE / "rows.sql").read_text(),
        database=DATABASE,
    )


def extended(step: Step) -> bytes:
    """A step as drivers send it, without Sync."""
    values = [None if value == "null" else value.encode() for value in step.binds or ()]
    return parse(step.text) + bind(*values) + describe() + execute()


def _ask(client: Client, parts: bytes) -> list[Message]:
    """The answer up to ReadyForQuery, or to the end of the connection. A COPY that wants rows gets none."""
    client.send(parts)
    found: list[Message] = []
    try:
        while not found or found[-1].type != b"Z":
            found.append(client.receive())
            if found[-1].type == b"G":
                client.send(b"c\0\0\0\4")
    except ConnectionError:
        pass
    return found


def result_of(answer: Sequence[Message]) -> Result:
    """What a step got that was sent alone."""
    errors = [one for one in answer if one.type == b"E"]
    rows = sum(one.type in (b"D", b"d") for one in answer)
    if not errors:
        return Result("allow" if answer else "deny", "" if answer else "closed", rows=rows)
    return _of_error(errors[0], rows)


def _of_error(error: Message, rows: int = 0) -> Result:
    """Errors of the gateway name its decision; all others are the server's: the statement was allowed to reach it."""
    fields = error.fields
    is_ours = fields.get("D", "").startswith("decision ") or fields["S"] == "FATAL"
    if fields["C"] == FAILED_TRANSACTION:
        return Result("skip", fields["C"], fields["M"])
    got = "allow" if not is_ours else "hold" if "; request " in fields.get("D", "") else "deny"
    return Result(got, fields["C"], fields["M"], rows if is_ours else 0)


def results_of(answer: Sequence[Message], count: int) -> Iterator[Result]:
    """What each step of a pipeline got, in order."""
    left = count
    for one in answer:
        if one.type in (b"C", b"I", b"s"):
            left -= 1
            yield Result("allow")
        elif one.type == b"E" and left:
            left -= 1
            yield _of_error(one)
            break
    for _ in range(left):
        yield Result("skip")


def play_all(stage: Stage, chosen: Sequence[Session], say: Callable[[str], object] = lambda _: None) -> Report:
    """Play sessions one after another."""
    for number, session in enumerate(chosen, 1):
        stage.play(session)
        if number % 100 == 0:
            say(f"{number} of {len(chosen)}: {len(stage.report.wrong)} wrong\n")
    return stage.report


def played(chosen: Sequence[Session], say: Callable[[str], object]) -> Report:
    """Play sessions on a server and a gateway that are made for it, and end them."""
    with TemporaryDirectory(prefix="tw-corpus-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        with EmbeddedPostgres(Path(name) / "server", Secret("super")) as server:
            load(server, UPSTREAM_PASSWORD, SMALL)
            deployment = lay_out(lay_out_demo(Path(name) / "demo", server), Path(name) / "deployment")
            deployment.start()
            stage = Stage(deployment)
            try:
                return play_all(stage, chosen, say)
            finally:
                stage.close()
                deployment.kill()
