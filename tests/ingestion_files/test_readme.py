"""The README of the files source names what exists: every key, entity and column, and nothing else."""

import re

from configuration.entities import ENTITIES
from configuration.model import FileMapping
from configuration.paths import REPOSITORY

README = (REPOSITORY / "ingestion/files/README.md").read_text(encoding="utf-8")


def test_every_key_is_described() -> None:
    table = README.partition("| key |")[2].partition("\n\n")[0]
    named = set(re.findall(r"`(\w+)`", "\n".join(line.split("|")[1] for line in table.splitlines()[2:])))
    assert named == set(FileMapping.model_fields)


def test_every_entity_lists_its_columns_and_marks_the_needed_ones() -> None:
    table = README.partition("| entity | columns |")[2].partition("\n\n")[0]
    listed = {}
    for line in table.splitlines()[2:]:
        _, entity, columns, _ = line.split("|")
        listed[entity.strip(" `")] = re.sub(r" \([^)]*\)", "", columns).strip().split(", ")
    assert listed == {
        entity: [f"**{name}**" if column.required else name for name, column in columns.items()]
        for entity, columns in ENTITIES.items()
    }


def test_every_choice_is_listed() -> None:
    for columns in ENTITIES.values():
        for name, column in columns.items():
            if column.choices and name != "channel":
                assert re.search(rf"{name}(\*\*)? \({', '.join(column.choices)}\)", README), name
