"""Every mart says what it is: grain, owner, personal data, contract, and a meaning for each column."""

from typing import Any

import pytest

# What names or reaches a person, or is the same for one person elsewhere.
PERSONAL = {
    *("deal_name", "email", "full_name", "job_title", "largest_record_name", "member_name", "owner_name"),
    *("person_key", "rejected_record", "rollup_owner_name", "visitor_id"),
}


@pytest.fixture(scope="module")
def marts(manifest: Any) -> dict[str, Any]:
    return {node.name: node for node in manifest.nodes.values() if node.fqn[1:2] == ["marts"] and node.columns}


def test_every_mart_has_a_contract_and_every_column_a_meaning(manifest: Any, marts: dict[str, Any]) -> None:
    models = {
        node.name
        for node in manifest.nodes.values()
        if str(node.resource_type) == "model" and node.fqn[1:2] == ["marts"]
    }
    assert len(models) > 50
    assert models == marts.keys()
    for name, mart in marts.items():
        assert mart.config.contract.enforced, name
        assert mart.description, name
        assert not [column for column in mart.columns.values() if not column.description or not column.data_type], name


def test_every_mart_states_its_grain_its_owner_and_its_personal_data(marts: dict[str, Any]) -> None:
    for name, mart in marts.items():
        meta, columns = mart.config.meta, mart.columns.keys()
        grain = meta["grain"] if isinstance(meta["grain"], list) else meta["grain"].split(", ")
        assert set(grain) <= columns, name
        assert meta["owner"], name
        assert set(meta["pii"]) <= columns, name
        assert columns & PERSONAL <= set(meta["pii"]), name
