"""What SQLFluff is told in place of what only dbt knows while it runs.

What belongs here: stand-ins that return more than text; those that return text stand in pyproject.toml. A name here
must be no macro that SQLFluff loads, or the macro wins: its file is named in `exclude_macros_from_path`.
"""

from typing import Any


def landed_entities(**_: Any) -> list[dict[str, Any]]:
    """One entity whose records are rows; of what is asked otherwise SQLFluff renders the other branches itself."""
    deals = {"source": "crm", "entity": "deals", "relation": "raw_deals", "model": "crm__deals", "reads": ["id"]}
    return [deals | {"staged_as": "deals", "id_column": "deal_id", "time": "updated_at", "condition": "is_deal"}]
