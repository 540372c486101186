"""Open every node of pgAdmin 4's tree, with its properties, SQL, dependencies and statistics, the dashboard and the
query tool. Run by a Python that has the package pgadmin4: its own server is asked as its page in a browser asks it.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

OF_A_NODE = ("properties", "sql", "dependency", "dependent", "stats")
SETTINGS = """
DATA_DIR = {folder!r}
SQLITE_PATH = DATA_DIR + "/pgadmin4.db"
SESSION_DB_PATH = DATA_DIR + "/sessions"
STORAGE_DIR = DATA_DIR + "/storage"
LOG_FILE = DATA_DIR + "/log"
MASTER_PASSWORD_REQUIRED = False
USE_OS_SECRET_STORAGE = False
UPGRADE_CHECK_ENABLED = False
WTF_CSRF_ENABLED = False
"""
MOST = 5  # nodes of one collection that are opened


class Page:
    """pgAdmin's page in a browser."""

    def __init__(self, app: Any) -> None:
        self._client = app.test_client()
        self._routes = {rule.rule.split("<")[0].rstrip("/") for rule in app.url_map.iter_rules()}
        self.asked = 0

    def ask(self, method: str, path: str, **arguments: Any) -> Any:
        """What the server answers to one request; None where that is not JSON or there is no such page."""
        if not any(path.startswith(route) for route in self._routes if len(route) > 1):
            return None
        told = self._client.open(path, method=method, **arguments)
        self.asked += 1
        if told.status_code >= 400 and told.status_code not in (404, 405, 410, 428):
            sys.stderr.write(f"{told.status_code} {method} {path}: {told.get_data(as_text=True)[:300]}\n")
        return told.get_json(silent=True)

    def open(self, kind: str, ids: list[str], depth: int = 0) -> None:
        """A node: what its tabs show, then what is below it."""
        path = "/".join(ids)
        for part in OF_A_NODE:
            self.ask("GET", f"/browser/{kind}/{part}/{path}")
        below = self.ask("GET", f"/browser/{kind}/children/{path}")
        for collection in (below or {}).get("data") or ():
            if not isinstance(collection, dict):
                continue
            kinds = collection.get("nodes") or [str(collection.get("_type", "")).removeprefix("coll-")]
            if str(collection.get("_type", "")).startswith("coll-"):
                for each in kinds:
                    self.collection(each, ids, depth + 1)
            elif collection.get("_id") is not None:
                self.open(collection["_type"], [*ids, str(collection["_id"])], depth + 1)

    def collection(self, kind: str, ids: list[str], depth: int) -> None:
        """A collection: the list on its own tab, and its nodes."""
        path = "/".join(ids)
        self.ask("GET", f"/browser/{kind}/obj/{path}/")
        found = self.ask("GET", f"/browser/{kind}/nodes/{path}/")
        for node in ((found or {}).get("data") or ())[:MOST]:
            if isinstance(node, dict) and node.get("_id") is not None:
                self.open(node.get("_type", kind), [*ids, str(node["_id"])], depth + 1)


def page(folder: str) -> Page:
    """A new pgAdmin whose files are in a folder."""
    spec = find_spec("pgadmin4")
    assert spec is not None and spec.submodule_search_locations
    (Path(folder) / "config_local.py").write_text(SETTINGS.format(folder=folder))
    sys.path[:0] = [folder, next(iter(spec.submodule_search_locations))]
    os.environ["PGADMIN_SERVER_MODE"] = "OFF"
    app = import_module("pgAdmin4").app
    app.config["PROPAGATE_EXCEPTIONS"] = False  # a page that fails is not the end of the others
    return Page(app)


def main() -> None:
    """Open everything."""
    env = os.environ
    with tempfile.TemporaryDirectory() as folder:
        shown = page(folder)
        shown.ask("GET", "/browser/")
        server = {"name": "shop", "host": env["PGHOST"], "port": int(env["PGPORT"]), "username": env["PGUSER"],
                  "db": env["PGDATABASE"], "gid": 1, "connection_params": []}  # fmt: skip
        made = shown.ask("POST", "/browser/server/obj/1/", data=json.dumps(server), content_type="application/json")
        number = str(made["node"]["_id"])
        password = {"password": env["PGPASSWORD"]}
        connected = shown.ask("POST", f"/browser/server/connect/1/{number}", data=password)
        assert connected["success"], connected
        shown.open("server", ["1", number])
        database = database_of(shown, number, env["PGDATABASE"])
        dashboards(shown, number, database)
        query_tool(shown, number, database)
        sys.stdout.write(f"{shown.asked} requests\n")


def database_of(shown: Page, server: str, name: str) -> str:
    """The id of a database, connected."""
    found = shown.ask("GET", f"/browser/database/nodes/1/{server}/")["data"]
    database = next(str(node["_id"]) for node in found if node["label"] == name)
    shown.ask("POST", f"/browser/database/connect/1/{server}/{database}")
    return database


def dashboards(shown: Page, server: str, database: str) -> None:
    """What the dashboard shows of a server and of a database."""
    charts = "session_stats,tps_stats,ti_stats,to_stats,bio_stats"
    for path in (server, f"{server}/{database}"):
        shown.ask("GET", f"/dashboard/dashboard_stats/{path}?chart_names={charts}")
        for part in ("activity", "locks", "prepared", "config", "replication_slots", "replication_stats"):
            shown.ask("GET", f"/dashboard/{part}/{path}")


def query_tool(shown: Page, server: str, database: str) -> None:
    """A query, its plan, the rows of a table, completion of names."""
    ids = f"1/{server}/{database}"
    js = {"content_type": "application/json"}
    sent = json.dumps({"dbname": os.environ["PGDATABASE"]})
    shown.ask("POST", f"/sqleditor/initialize/sqleditor/7001/{ids}", data=sent, **js)
    plan = {"format": "json", "analyze": False, "verbose": True, "buffers": False, "timing": False}
    for query in (
        {"sql": "select id, status from orders order by 1", "explain_plan": None},
        {"sql": "select id from orders", "explain_plan": plan},
    ):
        shown.ask("POST", "/sqleditor/query_tool/start/7001", data=json.dumps(query), **js)
        shown.ask("GET", "/sqleditor/poll/7001")
    for words in ("select ", "select * from o", "select o. from orders o"):
        text = json.dumps([words, words])
        shown.ask("POST", "/sqleditor/autocomplete/7001", data=text, **js)
    schemas = shown.ask("GET", f"/browser/schema/nodes/{ids}/")["data"]
    schema = next(str(node["_id"]) for node in schemas if node["label"] == "public")
    tables = shown.ask("GET", f"/browser/table/nodes/{ids}/{schema}/")["data"]
    table = next(str(node["_id"]) for node in tables if node["label"] == "orders")
    for command in (1, 2, 3):  # first rows, last rows, all rows
        trans = 7001 + command
        shown.ask("POST", f"/sqleditor/initialize/viewdata/{trans}/{command}/table/{ids}/{table}", data=sent, **js)
        shown.ask("GET", f"/sqleditor/view_data/start/{trans}")
        shown.ask("GET", f"/sqleditor/poll/{trans}")


if __name__ == "__main__":
    main()
