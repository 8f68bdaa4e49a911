"""The project over nothing at all, and dbt's own unit tests, which need its tables to exist."""

from .conftest import Lake


def test_a_lake_without_rows_builds_and_all_unit_tests_pass(lake: Lake) -> None:
    result = lake.build(selection=(), unit_tests=True).result
    kinds = [node.kind for node in result.nodes]
    assert kinds.count("unit_test") >= 20
    assert kinds.count("model") >= 60
    assert not result.broken
