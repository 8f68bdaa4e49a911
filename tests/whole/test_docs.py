"""The documentation is one page with every mart, and loads nothing from anywhere."""

import re
from pathlib import Path

import pytest

from configuration.paths import REPOSITORY, Home
from warehouse import dbt_runner

pytestmark = [pytest.mark.whole, pytest.mark.xdist_group("whole")]


def test_the_documentation_is_one_page_that_loads_nothing(tmp_path: Path) -> None:
    page = tmp_path / "docs.html"
    dbt_runner.write_docs(Home(tmp_path), page)
    text = page.read_text()
    marts = [path.stem for path in (REPOSITORY / "dbt" / "models" / "marts").rglob("*.sql")]
    assert len(marts) > 40
    assert not [mart for mart in marts if f"model.saleshouse.{mart}" not in text]
    assert not re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=[\"']?(?:https?:)?//", text)
