"""The questions of docs/questions.md have answers on the first release, in at most fifteen lines each."""

import re

import duckdb
import pytest

from configuration.paths import REPOSITORY
from tests.whole.conftest import Whole

pytestmark = [pytest.mark.whole, pytest.mark.xdist_group("whole")]

QUESTIONS = re.findall(r"^## (.+?)\n\n```sql\n(.+?)```", (REPOSITORY / "docs/questions.md").read_text(), re.M | re.S)


@pytest.mark.parametrize(("question", "query"), QUESTIONS, ids=[question for question, _ in QUESTIONS])
def test_a_managers_question_is_answered(whole: Whole, question: str, query: str) -> None:
    assert len(query.splitlines()) <= 15
    with duckdb.connect(str(whole.kept.marts), read_only=True) as connection:
        answer = connection.execute("use marts.marts").execute(query)
        columns, rows = [column[0] for column in answer.description or ()], answer.fetchall()
    assert rows
    assert all(any(row[number] is not None for row in rows) for number in range(len(columns))), columns


def test_there_are_ten() -> None:
    assert len(QUESTIONS) >= 10
