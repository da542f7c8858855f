"""Reports by class as notebooks print them (scikit-learn's classification report, a confusion matrix), held against what was measured."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from grader.checks import Conclusion, check, failed, passed
from grader.checks.accuracy import measure_accuracy
from grader.checks.images import class_lists
from grader.checks.missing import skipped
from grader.checks.source import code_cells, find
from grader.evidence import Evidence, printed_text
from grader.model import Text

LONGEST = 200_000
_SHARE = re.compile(r"[01]\.\d{1,30}")
_AVERAGES = {"macro avg", "weighted avg", "micro avg", "samples avg"}
# Three brackets begin an array of several matrices, none of which is over the classes of the lab; what follows them is passed over.
_MATRIX = re.compile(r"\[{3}[\d\s.,\[\]]*+|(\[\[[\d\s.,]++(?:\],?\s*+\[[\d\s.,]++)*+\]\])")
_MOST_DIGITS, _MOST_MATRICES = 9, 1000
_CALLS = ("classification_report($$$)", "$M.classification_report($$$)", "confusion_matrix($$$)", "$M.confusion_matrix($$$)")
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
    return {index: printed_text(cell)[:LONGEST] for index, cell in enumerate(cells) if cell.get("cell_type") == "code"}


def read_reports(text: str, cell: int = 0) -> tuple[ClassReport, ...]:
    """Return the classification reports and confusion matrices (1000 at most) in a text, in order of kind and place."""
    return (*_classification_reports(text, cell), *_confusion_matrices(text, cell))


def _classification_reports(text: str, cell: int) -> Iterator[ClassReport]:
    rows: list[tuple[str, int]] = []
    for line in text.splitlines():
        parts = line.rsplit(maxsplit=4)
        if len(parts) == 3 and parts[0] == "accuracy" and _SHARE.fullmatch(parts[1]) and _is_count(parts[2]):
            if rows:
                labels, supports = zip(*rows, strict=True)
                yield ClassReport(cell=cell, labels=labels, supports=supports, accuracy=float(parts[1]), examples=int(parts[2]))
            rows = []
        elif len(parts) == 5 and _is_class_row(line, parts):
            rows.append((parts[0].strip(), int(parts[4])))


def _is_class_row(line: str, parts: Sequence[str]) -> bool:
    """Whether a line, in five parts, is a row of a report: a label, two spaces, three shares, a count."""
    label = parts[0].strip()
    apart = line.strip()[len(label) :].startswith(("  ", " \t", "\t"))
    return apart and label not in _AVERAGES and all(map(_SHARE.fullmatch, parts[1:4])) and _is_count(parts[4])


def _is_count(text: str) -> bool:
    return text.isdecimal() and len(text) <= _MOST_DIGITS


def _confusion_matrices(text: str, cell: int) -> Iterator[ClassReport]:
    for block in islice(_MATRIX.finditer(text), _MOST_MATRICES):
        rows = [[float(value) for value in re.findall(r"\d+(?:\.\d+)?", row)] for row in re.findall(r"\[([^\[\]]+)\]", block[1] or "")]
        square = len(rows) > 1 and all(len(row) == len(rows) for row in rows)
        counts = np.array(rows) if square else np.zeros((1, 1))
        if square and (counts == counts.round()).all() and len(rows) < counts.sum() < 10**_MOST_DIGITS:
            right = float(np.trace(counts) / counts.sum())
            yield ClassReport(cell=cell, labels=(), supports=(), accuracy=right, examples=int(counts.sum()))


@check(ru="Отчёт говорит о той же модели", en="The report is about this model", of_training=True)
def report_as_measured(evidence: Evidence) -> Conclusion:
    """One of the printed reports on the visible test data has the accuracy that the measured model has there (`logits_test`, `labels_test`).

    One that was made and cannot be read, such as a data frame, is no missing one.
    """
    labels = evidence.kept("labels_test")
    classes, written = class_lists(evidence)
    measured = measure_accuracy(evidence.array("logits_test"), labels, classes, written)
    accuracy = measured.value if measured is not None else 0.0
    every = [report for cell, text in printed(evidence).items() for report in read_reports(text, cell)]
    reports = [report for report in every if report.examples == len(labels)]
    if not reports:
        return _no_report_on(len(labels), every, evidence)
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


def _no_report_on(examples: int, every: Sequence[ClassReport], evidence: Evidence) -> Conclusion:
    """Conclude that none of the reports is on all the `examples` of the test data; nothing where one was made and cannot be read."""
    if every:
        sizes = ", ".join(f"[{report.cell + 1}] n = {report.examples}" for report in every[:6])
        return failed(
            Text(
                ru=f"Среди отчётов нет построенного по всем тестовым данным: в них примеров {examples}.",
                en=f"None of the reports is on all of the test data, which has {examples} examples.",
            ),
            hint=Text(
                ru="Постройте отчёт по всей тестовой части: без drop_last и не для одного батча.",
                en="Make the report on the whole test part: without drop_last, and not on a single batch.",
            ),
            expected=f"n = {examples}",
            actual=sizes + (", …" if len(every) > 6 else ""),
        )
    if find(code_cells(evidence), _CALLS):
        return skipped(
            Text(
                ru="Отчёт построен, но прочесть его в выводе не удалось: сверьте его с точностью модели сами.",
                en="There is a report, and it could not be read from the output: compare it with the model's accuracy yourself.",
            )
        )
    return failed(
        Text(ru="Отчёта о качестве на тестовых данных в выводе нет.", en="No report on the test data was printed."),
        hint=Text(ru="Напечатайте classification_report или confusion_matrix для тестовой части.", en="Print classification_report or confusion_matrix for the test part."),
        expected=f"n = {examples}",
    )
