"""The published format of scores and the scores agree."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from grader.model import ExitReason, Isolation, Outcome, Verdict, View, Vouched
from grader.scores import from_json, to_json
from tests.report_samples import sample_score

SCHEMA: dict[str, Any] = json.loads((Path(__file__).parent.parent / "docs" / "schema" / "score-1.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def score() -> dict[str, Any]:
    """Return a score as it is on disk."""
    written: dict[str, Any] = json.loads(json.dumps(to_json(sample_score())))
    return written


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_a_score_follows_it() -> None:
    VALIDATOR.validate(score())


@pytest.mark.parametrize(
    ("words", "at"),
    [
        (Verdict, SCHEMA["properties"]["verdict"]), (Isolation, SCHEMA["properties"]["isolation"]), (View, SCHEMA["properties"]["view"]),
        (Outcome, SCHEMA["$defs"]["finding"]["properties"]["outcome"]), (Vouched, SCHEMA["$defs"]["finding"]["properties"]["vouched"]),
        (ExitReason, SCHEMA["$defs"]["execution"]["properties"]["exit_reason"]),
    ],
)  # fmt: skip
def test_it_knows_exactly_the_words_that_the_product_uses(words: type[StrEnum], at: dict[str, Any]) -> None:
    assert set(at["enum"]) == {str(word) for word in words}


def test_a_score_from_before_there_were_further_runs_is_still_read() -> None:
    old = score()
    del old["further"]
    VALIDATOR.validate(old)
    assert from_json(old).further == ()


@pytest.mark.parametrize("field", sorted(set(to_json(sample_score())) - {"further"}))
def test_no_field_may_be_missing(field: str) -> None:
    broken = score()
    del broken[field]
    assert not VALIDATOR.is_valid(broken)


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "zachet-score-2"}, {"verdict": "perfect"}, {"earned": "60"}, {"earned": -1}, {"more": 1}, {"title": {"ru": "x"}},
        {"criteria": [{}]}, {"notes": [{}]}, {"environment": {"torch": 2}}, {"execution": {}}, {"variant": {"classes": [100]}},
    ],
)  # fmt: skip
def test_what_is_no_score_is_refused(change: dict[str, Any]) -> None:
    assert not VALIDATOR.is_valid({**score(), **change})


@pytest.mark.parametrize(("field", "value"), [("share", 1.5), ("outcome", "maybe"), ("vouched", "believed"), ("hint", "text"), ("check", "")])
def test_what_is_no_finding_is_refused(field: str, value: object) -> None:
    broken = score()
    broken["criteria"][0]["findings"][0][field] = value
    assert not VALIDATOR.is_valid(broken)
