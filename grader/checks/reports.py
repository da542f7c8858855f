"""Reports by class as notebooks print them (scikit-learn's classification report, a confusion matrix), held against what was measured."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from grader.checks import Conclusion, check, failed, passed
from grader.checks.accuracy import measure_accuracy
from grader.checks.images import class_lists
from grader.evidence import Evidence, printed_text
from grader.model import Text

_ROW = re.compile(r"^[ \t]*(?P<label>\S.*?)[ \t]{2,}(?P<values>[01]\.\d+(?:[ \t]+[01]\.\d+){2})[ \t]+(?P<support>\d+)[ \t]*$", re.MULTILINE)
_ACCURACY = re.compile(r"^[ \t]*accuracy[ \t]+(?P<value>[01]\.\d+)[ \t]+(?P<support>\d+)[ \t]*$", re.MULTILINE)
_AVERAGES = {"macro avg", "weighted avg", "micro avg", "samples avg"}
_MATRIX = re.compile(r"\[\[[\d\s.,\[\]]+\]\]")
_LONGEST = 200_000
_IMAGES_OFF = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassReport:
    """A printed report: `labels` and `supports` of its rows (empty for a confusion matrix), accuracy in 0..1, number of examples, cell from 0."""

    cell: int
    labels: tuple[str, ...]
    supports: tuple[int, ...]
    accuracy: float
    examples: int


def printed(evidence: Evidence) -> Mapping[int, str]:
    """Return what every code cell printed when it was run, by its index."""
    cells = json.loads(evidence.notebook).get("cells", [])
    return {index: printed_text(cell)[:_LONGEST] for index, cell in enumerate(cells) if cell.get("cell_type") == "code"}


def read_reports(text: str, cell: int = 0) -> tuple[ClassReport, ...]:
    """Return the classification reports and confusion matrices in a text, in order of kind and place."""
    return (*_classification_reports(text, cell), *_confusion_matrices(text, cell))


def _classification_reports(text: str, cell: int) -> list[ClassReport]:
    found, start = [], 0
    for line in _ACCURACY.finditer(text):
        rows = [row for row in _ROW.finditer(text, start, line.start()) if row["label"] not in _AVERAGES]
        start = line.end()
        if rows:
            labels, supports = tuple(row["label"] for row in rows), tuple(int(row["support"]) for row in rows)
            found.append(ClassReport(cell=cell, labels=labels, supports=supports, accuracy=float(line["value"]), examples=int(line["support"])))
    return found


def _confusion_matrices(text: str, cell: int) -> list[ClassReport]:
    found = []
    for block in _MATRIX.finditer(text):
        rows = [[float(value) for value in re.findall(r"\d+(?:\.\d+)?", row)] for row in re.findall(r"\[([^\[\]]+)\]", block[0])]
        square = len(rows) > 1 and all(len(row) == len(rows) for row in rows)
        counts = np.array(rows) if square else np.zeros((1, 1))
        if square and (counts == counts.round()).all() and counts.sum() > len(rows):
            right = float(np.trace(counts) / counts.sum())
            found.append(ClassReport(cell=cell, labels=(), supports=(), accuracy=right, examples=int(counts.sum())))
    return found


@check(ru="Отчёт говорит о той же модели", en="The report is about this model", of_training=True)
def report_as_measured(evidence: Evidence) -> Conclusion:
    """One of the printed reports on the visible test data has the accuracy that the measured model has there (`logits_test`, `labels_test`)."""
    labels = evidence.kept("labels_test")
    classes, written = class_lists(evidence)
    measured = measure_accuracy(evidence.array("logits_test"), labels, classes, written)
    accuracy = measured.value if measured is not None else 0.0
    reports = [report for cell, text in printed(evidence).items() for report in read_reports(text, cell) if report.examples == len(labels)]
    if not reports:
        return failed(
            Text(ru="Отчёта о качестве на тестовых данных в выводе нет.", en="No report on the test data was printed."),
            hint=Text(ru="Напечатайте classification_report или confusion_matrix для тестовой части.", en="Print classification_report or confusion_matrix for the test part."),
            expected=f"n = {len(labels)}",
        )
    shown = ", ".join(f"[{report.cell + 1}] {report.accuracy:.3f}" for report in reports[:6])
    rounding = 0.005
    if any(abs(report.accuracy - accuracy) <= rounding + _IMAGES_OFF / len(labels) for report in reports):
        return passed(
            Text(ru="Напечатанная точность совпала с измеренной у той же модели.", en="The printed accuracy is the one measured of the same model."),
            expected=f"{accuracy:.3f}",
            actual=shown,
        )
    return failed(
        Text(
            ru=f"На тестовых данных модель даёт {accuracy:.3f}, а в отчётах другое: отчёт построен для другой модели или посчитан неверно.",
            en=f"On the test data the model gives {accuracy:.3f}, and the reports say otherwise: they are of another model, or computed wrongly.",
        ),
        hint=Text(
            ru="Постройте отчёт для той модели, которую сдаёте, в режиме eval и с парами «верно — предсказано» одного порядка.",
            en="Make the report for the model that you hand in, in eval mode, with truth and prediction in the same order.",
        ),
        expected=f"{accuracy:.3f}",
        actual=shown,
    )

