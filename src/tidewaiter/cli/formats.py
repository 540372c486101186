"""An issued credential in the words of each client: what to paste so that it connects. Pure."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Login:
    """How to reach one datasource with one credential. `sslmode` is libpq's; `root_cert` a path or empty."""

    host: str
    port: int
    dbname: str
    user: str
    password: str
    sslmode: str
    root_cert: str = ""


def psql(login: Login) -> str:
    """One shell line that starts psql."""
    return f"PGPASSWORD={shlex.quote(login.password)} psql {shlex.quote(conninfo(login))}"


def conninfo(login: Login) -> str:
    """libpq keyword/value connection string without the password."""
    return " ".join(f"{key}={_conninfo_value(value)}" for key, value in _parameters(login))


def url(login: Login) -> str:
    """Connection URI as libpq, psycopg, asyncpg and SQLAlchemy read it, everything percent-encoded."""
    host = f"[{login.host}]" if ":" in login.host else login.host
    return (
        f"postgresql://{_percent(login.user)}:{_percent(login.password)}@{host}:{login.port}/{_percent(login.dbname)}"
        f"?{_query(login)}"
    )


def env(login: Login) -> str:
    """Shell lines to `eval`: libpq's environment variables."""
    names = {"dbname": "PGDATABASE"}
    values = [*_parameters(login), ("password", login.password)]
    return "\n".join(f"export {names.get(key, 'PG' + key.upper())}={shlex.quote(value)}" for key, value in values)


def pgpass(login: Login) -> str:
    """One line for ~/.pgpass (PostgreSQL documentation, The Password File)."""
    fields = (login.host, str(login.port), login.dbname, login.user, login.password)
    return ":".join(field.replace("\\", "\\\\").replace(":", "\\:") for field in fields)


def service(login: Login) -> str:
    """A section for ~/.pg_service.conf (PostgreSQL documentation, The Connection Service File)."""
    values = [*_parameters(login), ("password", login.password)]
    return "\n".join([f"[{login.dbname}]", *(f"{key}={value}" for key, value in values)])


def jdbc(login: Login) -> str:
    """A URL for the PostgreSQL JDBC driver, with user and password as parameters."""
    host = f"[{login.host}]" if ":" in login.host else login.host
    parameters = {"user": login.user, "password": login.password, "sslmode": login.sslmode}
    if login.root_cert:
        parameters["sslrootcert"] = login.root_cert
    query = "&".join(f"{key}={_percent(value)}" for key, value in parameters.items())
    return f"jdbc:postgresql://{host}:{login.port}/{_percent(login.dbname)}?{query}"


TEXT: Mapping[str, Callable[[Login], str]] = {
    "psql": psql,
    "url": url,
    "env": env,
    "pgpass": pgpass,
    "service": service,
    "jdbc": jdbc,
}
"""Every text format by its name on the command line; `json` is the issued credential itself."""


def as_json(issued: Mapping[str, object]) -> str:
    """The issued credential as one JSON document."""
    return json.dumps(issued, indent=2, ensure_ascii=False)


def _parameters(login: Login) -> list[tuple[str, str]]:
    values = [("host", login.host), ("port", str(login.port)), ("dbname", login.dbname), ("user", login.user)]
    values.append(("sslmode", login.sslmode))
    if login.root_cert:
        values.append(("sslrootcert", login.root_cert))
    return values


def _conninfo_value(value: str) -> str:
    if value and not any(c in " '\\\t\n" for c in value):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _percent(value: str) -> str:
    return quote(value, safe="")


def _query(login: Login) -> str:
    query = f"sslmode={login.sslmode}"
    return query + f"&sslrootcert={_percent(login.root_cert)}" if login.root_cert else query
