"""What a notebook shows: its plots, and whether what it had printed when it was handed in can be of this code."""

import ast
import re
from collections.abc import Iterator

from grader.assignment import Assignment
from grader.checks import Conclusion, check, failed, partial, passed
from grader.checks.figures import figures_of
from grader.checks.reports import printed, read_reports
from grader.checks.source import code_cells
from grader.checks.template import untouched_cells
from grader.evidence import Evidence, SourceCell
from grader.model import Text, Vouched

_EPOCH = re.compile(r"(?:\bepochs?|\bэпох\w*|\bэп\.|\bep\.?)[\s:=№#\[(]*(\d{1,6})", re.IGNORECASE)
_LAYER = re.compile(r"\b(?:Linear|Conv\dd|BatchNorm\dd|Embedding)\([^()\n]*\)")
_NUMBER = re.compile(r"\d+")
# At home the official files are read, here four fifths and one fifth of the training split: a class has 500, 400 or 100 images in them.
_SIZES = {500, 400, 100}


@check(ru="Графики построены", en="Plots are drawn", of_training=True)
def plots_drawn(evidence: Evidence) -> Conclusion:
    """Some figure is shown, none is empty, and curves have both axes named somewhere. Pictures need no axes."""
    figures = figures_of(evidence)
    empty = [figure for figure in figures if figure.empty]
    curves = [axes for figure in figures for axes in figure.axes if axes.lines or axes.scatters]
    hint = Text(
        ru="Нарисуйте кривые и подпишите оси (set_xlabel, set_ylabel) до plt.show(); после plt.show() рисунок уже новый и пустой.",
        en="Draw the curves and name the axes (set_xlabel, set_ylabel) before plt.show(); after it the figure is a new and empty one.",
    )
    if not figures:
        return failed(Text(ru="Графиков в работе нет.", en="The work shows no plots."), hint=hint, expected="≥ 1", actual="0", vouched=Vouched.REPORTED)
    if empty:
        cells = ", ".join(str(figure.cell + 1) for figure in empty[:5])
        what = Text(ru=f"Пустой рисунок, ячейки: {cells}.", en=f"An empty figure, cells: {cells}.")
        return failed(what, hint=hint, expected="0", actual=str(len(empty)), vouched=Vouched.REPORTED)
    if curves and not any(axes.xlabel and axes.ylabel for axes in curves):
        return partial(
            0.5, Text(ru="Ни у одной кривой не подписаны обе оси.", en="No curve has both axes named."), hint=hint, expected="xlabel, ylabel", vouched=Vouched.REPORTED
        )
    return passed(Text(ru=f"Рисунков: {len(figures)}.", en=f"Figures: {len(figures)}."), vouched=Vouched.REPORTED)


@check(ru="Сохранённый вывод получен этим кодом", en="The stored output is of this code", of_training=True)
def outputs_fresh(evidence: Evidence) -> Conclusion:
    """What stands below the cells can have been printed by them: the same classes, supports, layers and last epoch as when they run here.

    Accuracies are never compared: another seed gives others.
    """
    now = printed(evidence)
    numbers = frozenset(number for cell in code_cells(evidence) for number in _whole_numbers(cell.source))
    stale = {
        cell.index: what for cell in code_cells(evidence) if cell.stored and cell.status == "ok" and (what := _stale(cell, now.get(cell.index, ""), numbers))
    }
    if not stale:
        return passed(Text(ru="Сохранённый вывод подходит этому коду.", en="The stored output fits this code."))
    cells = ", ".join(str(index + 1) for index in list(stale)[:8])
    return failed(
        Text(
            ru=f"Этот код не мог напечатать то, что сохранено под ним, ячейки: {cells}. Вывод остался от другой версии кода или от чужой тетради.",
            en=f"This code cannot have printed what is stored below it, cells: {cells}. The output is of an earlier version or of another notebook.",
        ),
        hint=Text(ru="Перед сдачей: «Перезапустить и выполнить всё», затем сохранить.", en="Before handing in: restart, run all, save."),
        expected="; ".join(expected for expected, _ in stale.values())[:400],
        actual="; ".join(actual for _, actual in stale.values())[:400],
    )


def _stale(cell: SourceCell, now: str, numbers: frozenset[int]) -> tuple[str, str] | None:
    """Return (what the run gives, what is stored) for the first thing that cannot be, or None."""
    here, stored = read_reports(now), read_reports(cell.stored)
    for current, old in zip(here, stored, strict=False):
        if sorted(current.labels) != sorted(old.labels):
            return _pair(current.labels, old.labels)
        if current.supports != old.supports and not set(current.supports) | set(old.supports) <= _SIZES:
            return _pair(current.supports, old.supports)
    layers = [tuple(sorted(set(_LAYER.findall(text)))) for text in (now, cell.stored)]
    if all(layers) and layers[0] != layers[1]:
        return _pair(*(sorted(set(one) - set(other))[:2] for one, other in (layers, layers[::-1])))
    last = [max(map(int, _EPOCH.findall(text)), default=0) for text in (now, cell.stored)]
    # A loop to a number of the code ends at it or one before (counted from 0); one that ends early ends anywhere below.
    fixed = last[0] in numbers or last[0] + 1 in numbers
    if all(last) and fixed and last[1] > last[0] and not {last[1], last[1] + 1} & numbers:
        return f"epoch {last[0]}", f"epoch {last[1]}"
    return None


def _pair(now: object, stored: object) -> tuple[str, str]:
    return tuple(", ".join(map(str, one)) if isinstance(one, tuple | list) else str(one) for one in (now, stored))  # type: ignore[return-value]


def _whole_numbers(source: str) -> Iterator[int]:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        yield from (int(number) for number in _NUMBER.findall(source) if len(number) < 7)
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, int):
            yield int(node.value)


@check(ru="Заготовки заполнены", en="The blanks are filled in")
def template_filled(evidence: Evidence, assignment: Assignment) -> Conclusion:
    """No cell that the package left to the student is still as it was handed out; a cell taken out of the notebook is no longer blank."""
    left = untouched_cells(evidence, assignment)
    if not left.cells:
        return passed(Text(ru="Все ячейки, где нужен ваш код, изменены.", en="Every cell that needs your code was changed."))
    cells = ", ".join(str(index + 1) for index in left.cells[:12])
    if len(left.cells) == left.blank:
        what = Text(ru="Тетрадь сдана такой, какой была выдана.", en="The notebook was handed in as it was handed out.")
    else:
        what = Text(ru=f"Не заполнены ячейки: {cells}.", en=f"These cells are still blank: {cells}.")
    return failed(
        what,
        hint=Text(ru="Замените строки «...  # ваш код здесь» своим кодом.", en="Put your code in place of the lines “...  # your code here”."),
        expected="0",
        actual=f"{len(left.cells)} / {left.blank}",
    )
