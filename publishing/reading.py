"""Asking the live release: its state for people and tools, and any query in SQL.

What belongs here: read-only questions. What does not: making or moving a release (release.py).
"""

from typing import Any

from configuration.errors import ReleaseError
from configuration.paths import Home
from publishing import release


def status(home: Home) -> dict[str, Any]:
    """The live release: id, as_of, rows per mart, checks passed and failed, rejects and freshness per source.

    Raises ReleaseError when there is none.
    """
    live = release.require_live(home)
    manifest = live.manifest
    checks = manifest["checks"]
    columns, rows = query(home, "select * from fct_source_freshness order by source, entity")
    freshness = [dict(zip(columns, row, strict=True)) for row in rows]
    rejects: dict[str, int] = {}
    for row in freshness:
        rejects[row["source"]] = rejects.get(row["source"], 0) + row["rows_rejected"]
    return {
        "release": live.id,
        "as_of": manifest["as_of"],
        "known_at": manifest["known_at"],
        "rows": {name: table["rows"] for name, table in manifest["tables"].items()},
        "checks": {
            "passed": sum(check["passed"] for check in checks),
            "failed": sum(not check["passed"] for check in checks),
            "failures": [f"{check['suite']}: {check['check']}" for check in checks if not check["passed"]],
        },
        "rejects": rejects,
        "freshness": freshness,
        "report": str(live.report),
    }


def query(home: Home, sql: str, *, command: str = "saleshouse sql") -> tuple[list[str], list[tuple[Any, ...]]]:
    """Columns and rows of one query on the live release, which no query can change.

    Raises ReleaseError when there is no release or the query is not one valid statement for it.
    """
    import duckdb

    live = release.require_live(home)
    fix = 'correct the query; `saleshouse sql "show tables"` lists the marts'
    with duckdb.connect(str(live.marts), read_only=True) as connection:
        try:
            connection.execute(
                "set search_path = 'marts'; set enable_external_access = false; set lock_configuration = true"
            )
            statements = len(connection.extract_statements(sql))
            if statements != 1:
                raise ReleaseError(
                    f"the query has {statements} statements" if statements else "the query is empty",
                    where=command,
                    effect="nothing was read or changed",
                    fix="ask one at a time" if statements else fix,
                )
            found = connection.execute(sql)
            columns = [column[0] for column in found.description or []]
            return columns, found.fetchall()
        except duckdb.Error as exc:
            raise ReleaseError(
                str(exc).splitlines()[0],
                where=command,
                effect="nothing was read or changed",
                fix=fix,
            ) from exc
