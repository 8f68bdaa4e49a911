"""House rule: a source touches its own folders, and one line of the list that the unions are written from.

What a source lands is declared by it and by nobody else: so nothing that it lands may be missing where all sources are
counted, and no room may know a source by its name. docs/sources.md says how one is added.
"""

import io
import re
import tokenize
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from configuration import sources
from configuration.paths import REPOSITORY
from ingestion import landing

# Sources without a section of their own: mappings of files, the company's lists, and what earlier releases said.
OWN = {"files", "mappings", "quality"}
# The company that never existed has these vendors; which unions a source enters is a line of this list.
MAY_NAME_SOURCES = {"dagster_project/demo.py", "dbt/dbt_project.yml"}


def missing(landed: Mapping[str, set[str]], manifest: Any) -> list[str]:
    """What a landed entity lacks to be staged, counted and accounted for. `landed`: entities by source."""
    found = []
    declared = {table.name: table for table in manifest.sources.values() if table.source_name == "raw"}
    parents = {
        name: set(node.depends_on.nodes)
        for node in manifest.nodes.values()
        for name in [node.name]
        if hasattr(node.depends_on, "nodes")
    }
    for source, entities in landed.items():
        for entity in sorted(entities):
            table = declared.get(f"{source}__{entity}")
            if table is None or Path(table.original_file_path).parent.name != source:
                found.append(f"{source}/{entity} is no table of its own folder's sources")
                continue
            if "staged" not in table.meta:
                found.append(f"{source}/{entity} does not say what it is staged as")
                continue
            staged = table.meta["staged"]
            if staged is None:
                continue
            model = f"model.saleshouse.stg_{source}__{staged['as']}"
            asked = ["fct_source_freshness", "fct_rejected_rows"]
            asked += ["assert_landed_rows_are_accounted_for"] if "id" in staged else []
            asked += ["assert_landed_file_rows_are_accounted_for"] if source == "files" else []
            found += [f"{source}/{entity} is missing in {name}" for name in asked if model not in parents[name]]
            if model in manifest.nodes and "id" in staged and not manifest.nodes[model].config.meta.get("reads"):
                found.append(f"{model} does not say which columns it reads")
    return found


def test_what_lands_is_staged_and_counted(manifest: Any) -> None:
    landed = {name: set(source.ENTITIES) for name, source in landing.discover().items()}
    assert missing(landed, manifest) == []
    assert set(landed) == set(sources.sections()) | OWN


def test_what_is_declared_nowhere_is_named(manifest: Any) -> None:
    assert missing({"pipedrive": {"deals"}, "hubspot": {"notes"}}, manifest) == [
        "pipedrive/deals is no table of its own folder's sources",
        "hubspot/notes is no table of its own folder's sources",
    ]


def test_every_staging_model_is_listed_or_says_that_it_holds_no_records(manifest: Any) -> None:
    counted = set(manifest.nodes["model.saleshouse.fct_rejected_rows"].depends_on.nodes)
    for key, node in manifest.nodes.items():
        if str(node.resource_type) == "model" and node.path.startswith("staging/"):
            listed = key in counted
            assert listed is node.config.meta.get("holds_records", True), (
                f"{node.name}: var `staged` of dbt_project.yml"
            )


def test_no_room_knows_a_source_by_its_name() -> None:
    names = set(sources.sections())
    assert {"hubspot", "ga4"} <= names
    found = set()
    for room in ("configuration", "ingestion", "warehouse", "expectations", "publishing", "dagster_project", "dbt"):
        for path in sorted((REPOSITORY / room).rglob("*")):
            told = path.relative_to(REPOSITORY).as_posix()
            is_own = names.intersection(path.relative_to(REPOSITORY).with_suffix("").parts)
            if is_own or "target/" in told or told in MAY_NAME_SOURCES:
                continue
            found |= {
                f"{told}: {word}" for word in _words(path) if names.intersection(word.removeprefix("stg_").split("__"))
            }
    assert found == set()


def _words(path: Path) -> Iterator[str]:
    """Words of Python code and SQL, without comments and docstrings."""
    if path.suffix == ".sql":
        text = re.sub(r"\{#.*?#\}|--[^\n]*", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        yield from re.findall(r"\w+", text)
    elif path.suffix == ".py":
        for token in tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline):
            if token.type in (tokenize.NAME, tokenize.STRING) and not token.string.startswith('"""'):
                yield from re.findall(r"\w+", token.string)
