"""The answers that the package's README prints are those that the marts give."""

from pathlib import Path

import pytest

from dbt.answers import QUESTION, README, answered, build
from dbt.expected import MARTS

pytestmark = pytest.mark.long("loads and builds the sandbox's world first")


def test_printed_answers_are_true(tmp_path: Path) -> None:
    text = README.read_text(encoding="utf-8")
    asked = [question["sql"] for question in QUESTION.finditer(text)]
    assert all(any(f"salesnav__{mart}\n" in sql for sql in asked) for mart in MARTS)
    assert answered(text, build(tmp_path)) == text, "run python -m dbt.answers in tests/"
