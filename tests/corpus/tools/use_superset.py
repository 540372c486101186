"""Have Superset look at a database as its SQL Lab, its datasets and its charts do. Run by a Python that has the
packages apache-superset and psycopg2: Superset's own models are asked, without its pages.
"""

from __future__ import annotations

import os
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

SETTINGS = """
SECRET_KEY = "not a secret: a folder that is deleted"
SQLALCHEMY_DATABASE_URI = "sqlite:///{folder}/superset.db"
TALISMAN_ENABLED = False
FILTER_STATE_CACHE_CONFIG = EXPLORE_FORM_DATA_CACHE_CONFIG = {{"CACHE_TYPE": "NullCache"}}
"""
CHARTS: tuple[dict[str, Any], ...] = (
    {"columns": ["status"], "metrics": ["count"], "row_limit": 100},
    {"columns": ["id", "status"], "metrics": [], "row_limit": 1000, "is_timeseries": False},
    {"columns": [], "metrics": [{"expressionType": "SQL", "sqlExpression": "avg(total)", "label": "average"}]},
    {"columns": ["status"], "metrics": ["count"],
     "filter": [{"col": "status", "op": "IN", "val": ["new", "paid"]}, {"col": "total", "op": ">", "val": 3}]},
)  # fmt: skip


def look(database: Any, models: Any) -> None:
    """What SQL Lab shows on its left side, for every relation of every schema."""
    database.get_all_catalog_names()
    table = import_module("superset.sql.parse").Table
    for schema in sorted(database.get_all_schema_names()):
        tables = database.get_all_table_names_in_schema(catalog=None, schema=schema)
        views = database.get_all_view_names_in_schema(catalog=None, schema=schema)
        database.get_all_materialized_view_names_in_schema(catalog=None, schema=schema)
        if schema == "information_schema":
            continue
        for name, *_ in sorted(tables | views)[:4]:
            one = table(name, schema)
            columns = database.get_columns(one)
            for ask in (database.get_indexes, database.get_pk_constraint, database.get_foreign_keys,
                        database.get_table_comment):  # fmt: skip
                ask(one)
            sql = database.select_star(one, cols=columns, show_cols=True, latest_partition=True)
            database.get_df(database.apply_limit_to_sql(sql, 100), schema=schema)


def chart(database: Any, models: Any) -> None:
    """A dataset with its charts by column, by time and by filter; the list of a filter's values; a virtual dataset."""
    session = import_module("superset").db.session
    for name, sql in (("orders", None), ("customers", None), ("totals", "select status, total from orders")):
        dataset = models.SqlaTable(table_name=name, schema="public", sql=sql, database=database)
        session.add(dataset)
        session.commit()
        dataset.fetch_metadata()
        dataset.values_for_column(dataset.columns[-1].column_name)
        if name == "orders":
            for asked in CHARTS:
                told: dict[str, Any] = {
                    "granularity": None,
                    "from_dttm": None,
                    "to_dttm": None,
                    "is_timeseries": False,
                    "filter": [],
                }
                dataset.query({**told, **asked})
        if name == "customers":
            dataset.query({
                "granularity": "deleted_at", "columns": [], "metrics": ["count"], "is_timeseries": True, "filter": [],
                "from_dttm": None, "to_dttm": None, "extras": {"time_grain_sqla": "P1M"},
            })  # fmt: skip


def main() -> None:
    """Open Superset on a new folder and look."""
    env = os.environ
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "superset_config.py").write_text(SETTINGS.format(folder=folder))
        sys.path.insert(0, folder)
        app = import_module("superset.app").create_app()
        with app.app_context():
            db = import_module("superset").db
            models = import_module("superset.connectors.sqla.models")
            import_module("flask_appbuilder").Model.metadata.create_all(db.engine)
            address = f"{env['PGUSER']}:{env['PGPASSWORD']}@{env['PGHOST']}:{env['PGPORT']}/{env['PGDATABASE']}"
            database = import_module("superset.models.core").Database(database_name="shop")
            database.set_sqlalchemy_uri(f"postgresql+psycopg2://{address}")
            db.session.add(database)
            db.session.commit()
            look(database, models)
            chart(database, models)
            cost = database.db_engine_spec.estimate_query_cost
            cost(database, None, "public", "select id from orders", None)


if __name__ == "__main__":
    main()
