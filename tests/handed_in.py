"""Builders of what students hand in, for the tests of the intake."""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
import pytest

from grader.intake.bounds import Bounds
from grader.intake.notebook import read_notebook, read_script
from grader.intake.says import Refused
from grader.model import Finding, Outcome, Submission
from grader.submission import Intake, take_in
from variants.roster import Student

ROSTER = (
    Student(id="s01", name="Иванов Иван Иванович"),
    Student(id="s02", name="Фёдорова Мария"),
    Student(id="s03", name="Петров Пётр Петрович"),
)


def notebook(*code: str, **metadata: Any) -> dict[str, Any]:
    """Return a notebook as Colab saves it: format 4.0, outputs and counts in place."""
    output = {"output_type": "stream", "name": "stdout", "text": ["0.99\n"]}
    cells = [{"cell_type": "code", "source": text, "metadata": {"id": "x"}, "execution_count": 7, "outputs": [output]} for text in code]
    return {"cells": cells, "metadata": {"kernelspec": {"name": "python3"}, **metadata}, "nbformat": 4, "nbformat_minor": 0}


def text_of(*code: str, **metadata: Any) -> str:
    return json.dumps(notebook(*code, **metadata), ensure_ascii=False)


def issued(student: str, assignment: str = "lab") -> dict[str, str]:
    """Return the metadata by which a handed-out notebook names itself."""
    return {"assignment": assignment, "student": student}


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def zipped(path: Path, entries: Mapping[str, str | bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def take(tmp_path: Path, *paths: Path, bounds: Bounds | None = None, roster: tuple[Student, ...] = ROSTER) -> Intake:
    return take_in(list(paths) or [tmp_path / "in"], assignment="lab", roster=roster, work=tmp_path / "work", bounds=bounds)


def only(intake: Intake) -> Submission:
    (submission,) = intake.submissions
    return submission


def take_one(tmp_path: Path, content: str | bytes, name: str = "lab.ipynb") -> Submission:
    """Take in one file of the first student's."""
    write(tmp_path / "in" / "s01" / name, content)
    return only(take(tmp_path))


def code_of(submission: Submission) -> list[str]:
    assert submission.notebook
    cells = json.loads(Path(submission.notebook).read_text(encoding="utf-8"))["cells"]
    return [cell["source"] for cell in cells if cell["cell_type"] == "code"]


def said(problems: tuple[Finding, ...]) -> list[str]:
    return [problem.rationale.en for problem in problems]


def failures(submission: Submission) -> list[str]:
    return [problem.rationale.en for problem in submission.problems if problem.outcome is Outcome.FAILED]


def names_in(folder: Path | str | None) -> list[str]:
    assert folder
    return sorted(path.name for path in Path(folder).iterdir())


def refusal(data: bytes | str, name: str = "lab.ipynb", bounds: Bounds | None = None) -> str:
    content = data.encode() if isinstance(data, str) else data
    read = read_script if name.endswith(".py") else read_notebook
    with pytest.raises(Refused) as refused:
        read(content, name, bounds or Bounds())
    return refused.value.finding.rationale.en


def cells_of(data: bytes | str, name: str = "lab.ipynb") -> list[dict[str, Any]]:
    content = data.encode() if isinstance(data, str) else data
    read = read_script if name.endswith(".py") else read_notebook
    found = json.loads(read(content, name, Bounds()).text)
    nbformat.validate(found)
    cells: list[dict[str, Any]] = found["cells"]
    return cells
