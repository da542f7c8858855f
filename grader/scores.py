"""A score as JSON, per docs/schema/score-1.json, and back."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from grader.model import (
    CriterionScore,
    Finding,
    Isolation,
    Json,
    Outcome,
    Score,
    Text,
    Verdict,
    View,
    Vouched,
)

SCHEMA = "zachet-score-1"


def to_json(value: Score) -> dict[str, Json]:
    """Return the score as plain JSON, per docs/schema/score-1.json."""
    return {
        "schema": SCHEMA,
        "assignment": value.assignment,
        "title": asdict(value.title),
        "student": value.student,
        "name": value.name,
        "variant": dict(value.variant),
        "submission": value.submission,
        "evidence": value.evidence,
        "further": list(value.further),
        "rubric": value.rubric,
        "isolation": str(value.isolation),
        "view": str(value.view),
        "data": dict(value.data) if value.data is not None else None,
        "earned": value.earned,
        "points": value.points,
        "verdict": str(value.verdict),
        "criteria": [
            {
                "id": criterion.id,
                "title": asdict(criterion.title),
                "points": criterion.points,
                "earned": criterion.earned,
                "findings": [finding_to_json(finding) for finding in criterion.findings],
            }
            for criterion in value.criteria
        ],
        "notes": [finding_to_json(finding) for finding in value.notes],
        "execution": dict(value.execution),
        "environment": dict(value.environment),
    }


def from_json(data: Mapping[str, Any]) -> Score:
    """Return the score that `to_json` wrote; raises KeyError or ValueError on anything else."""
    if data["schema"] != SCHEMA:
        raise ValueError(data["schema"])
    same = (
        *("assignment", "student", "name", "variant", "submission", "evidence", "rubric", "data"),
        *("earned", "points", "execution", "environment"),
    )
    return Score(
        **{key: data[key] for key in same},
        further=tuple(data.get("further", ())),
        title=Text(**data["title"]),
        isolation=Isolation(data["isolation"]),
        view=View(data["view"]),
        verdict=Verdict(data["verdict"]),
        criteria=tuple(
            CriterionScore(
                id=row["id"],
                title=Text(**row["title"]),
                points=row["points"],
                earned=row["earned"],
                findings=tuple(finding_from_json(finding) for finding in row["findings"]),
            )
            for row in data["criteria"]
        ),
        notes=tuple(finding_from_json(finding) for finding in data["notes"]),
    )


def finding_to_json(finding: Finding) -> dict[str, Json]:
    """Return one finding as plain JSON; `figures` and `again` are there only where the check said so."""
    rare: dict[str, Json] = {"figures": dict(finding.figures)} if finding.figures is not None else {}
    if finding.again:
        rare["again"] = True
    return {
        "check": finding.check,
        "title": asdict(finding.title),
        "outcome": str(finding.outcome),
        "share": round(finding.share, 6),
        "rationale": asdict(finding.rationale),
        "hint": asdict(finding.hint) if finding.hint else None,
        "expected": finding.expected,
        "actual": finding.actual,
        "vouched": str(finding.vouched),
        **rare,
    }


def finding_from_json(data: Mapping[str, Any]) -> Finding:
    """Return the finding that `finding_to_json` wrote."""
    return Finding(
        check=data["check"],
        title=Text(**data["title"]),
        outcome=Outcome(data["outcome"]),
        share=data["share"],
        rationale=Text(**data["rationale"]),
        hint=Text(**data["hint"]) if data["hint"] else None,
        expected=data["expected"],
        actual=data["actual"],
        vouched=Vouched(data["vouched"]),
        figures=data.get("figures"),
        again=data.get("again", False),
    )
