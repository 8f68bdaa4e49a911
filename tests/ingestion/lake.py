"""Reads the raw lake as staging does: rows of loads that the ledger knows.

What belongs here: one small reader for the tests. What does not: fixtures.
"""

import json
from typing import Any

import pyarrow.parquet as pq

from configuration.paths import Home
from ingestion import ledger

LANDING = ("fetched_at", "_dlt_id", "_dlt_load_id")


def rows(home: Home, source: str, entity: str) -> list[dict[str, Any]]:
    """Every landed row of an entity, in the order of loads."""
    found: list[dict[str, Any]] = []
    for entry in ledger.read(home):
        if entry.source == source:
            for file in entry.entities[entity].files:
                found += pq.read_table(home.raw / file.path).to_pylist()
    return found


def contents(home: Home, source: str, entity: str) -> list[str]:
    """Rows without what only this landing knows, each as text: equal rows are equal texts."""
    return [
        json.dumps({name: value for name, value in row.items() if name not in LANDING}, sort_keys=True)
        for row in rows(home, source, entity)
    ]
