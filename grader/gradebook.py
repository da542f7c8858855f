"""Many scores as one table that spreadsheets and other systems read."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from grader.files import write_atomically
from grader.model import Score

_FACTS = ("student", "name", "group", "classes", "earned", "points", "percent", "verdict", "exit_reason")
# What spreadsheets take for the start of a formula, in the wide forms of East Asian keyboards too.
_FORMULA = re.compile(r"\s*'*[=+\-@＝＋－＠]")
_BYTE_ORDER_MARK = "\ufeff"  # without it Excel does not read Cyrillic


def write_gradebook(path: Path, scores: Sequence[Score]) -> None:
    """Write one line per score, whole or not at all; raises OSError and then leaves an earlier file as it was.

    Columns: student, name, group, classes (indices, space between), earned, points, percent, verdict, exit_reason, one
    `criterion:<id>` each in the order of the rubric (empty where a score has no such row), evidence. Points have at most two
    decimals, after a dot. Text that a spreadsheet would calculate gets an apostrophe in front.
    """
    criteria = tuple(dict.fromkeys(criterion.id for score in scores for criterion in score.criteria))
    table = io.StringIO(newline="")
    writer = csv.writer(table, lineterminator="\r\n")
    writer.writerow([*_FACTS, *(f"criterion:{name}" for name in criteria), "evidence"])
    writer.writerows([_safe(cell) for cell in _row(score, criteria)] for score in scores)
    write_atomically(path, _BYTE_ORDER_MARK + table.getvalue())


def _row(score: Score, criteria: Iterable[str]) -> Iterator[str]:
    classes = score.variant.get("classes")
    earned = {criterion.id: _number(criterion.earned) for criterion in score.criteria}
    yield score.student
    yield score.name
    yield str(score.variant.get("group") or "")
    yield " ".join(map(str, classes)) if isinstance(classes, list) else ""
    yield _number(score.earned)
    yield _number(score.points)
    yield _number(100 * score.earned / score.points if score.points else 0.0)
    yield str(score.verdict)
    yield str(score.execution.get("exit_reason") or "")
    yield from (earned.get(name, "") for name in criteria)
    yield score.evidence


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _safe(cell: str) -> str:
    printable = "".join(character if character.isprintable() else "�" for character in cell)
    return f"'{printable}" if _FORMULA.match(printable) else printable
