"""What a notebook shows: its plots, and whether what it had printed when it was handed in can be of this code."""

import ast
import re
from collections.abc import Iterator

from grader.assignment import Assignment
from grader.checks import Conclusion, check, failed, partial, passed
from grader.checks.early import can_end_early, parsed
from grader.checks.figures import figures_of
from grader.checks.reports import LONGEST, printed, read_reports
from grader.checks.source import code_cells
from grader.checks.template import cells_taken_out, untouched_cells
from grader.evidence import Evidence
from grader.model import Text, Vouched

_EPOCH = re.compile(r"(?:\bepochs?|\bэпох\w*|\bэп\.|\bep\.?)[\s:=№#\[(]*(\d{1,6})", re.IGNORECASE)
_LAYER = re.compile(r"\b(?:Linear|Conv\dd|BatchNorm\dd|Embedding)\([^()\n]*\)")
_NUMBER = re.compile(r"\d+")
# At home the official files are read, here four fifths and one fifth of the training split: a class has 500, 400 or 100 images in them.
_SIZES = {500, 400, 100}
_ENOUGH = 10  # examples a class; where there are fewer, chance may leave a class out of a report


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
    """What stands below the cells can have been printed by them: the same classes, sizes, layers and last epoch as when they run here.

    Accuracies are never compared, as another seed gives others, nor the last epoch of a training that may end early.
    """
    now, code = printed(evidence), code_cells(evidence)
    numbers = frozenset() if can_end_early(code) else frozenset(number for cell in code for number in _whole_numbers(cell.source))
    stale = {
        cell.index: what
        for cell in code
        if cell.stored and cell.status == "ok" and (what := _stale(cell.stored[-LONGEST:], now.get(cell.index, ""), numbers))
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


def _stale(stored: str, now: str, numbers: frozenset[int]) -> tuple[str, str] | None:
    """Return (what the run gives, what is stored) for the first thing that cannot be, or None.

    `numbers` are those at which a loop ends, none where it may end anywhere. The beginning of the stored text may have been cut off.
    """
    here, before = ([report for report in read_reports(text) if report.labels and report.examples >= _ENOUGH * len(report.labels)] for text in (now, stored))
    for old in before if here else ():
        if not any(set(old.labels) <= set(current.labels) for current in here):
            return _pair(here[0].labels, old.labels)
        # A part drawn at random has other sizes every time; only where the run reads a whole part of the view can the old sizes be of none.
        if all(set(current.supports) <= _SIZES for current in here) and not set(old.supports) <= _SIZES:
            return _pair(here[0].supports, old.supports)
    layers, old_layers = (set(_LAYER.findall(text)) for text in (now, stored))
    if layers and not old_layers <= layers:
        return _pair(sorted(layers - old_layers)[:2], sorted(old_layers - layers)[:2])
    last = [max(map(int, _EPOCH.findall(text)), default=0) for text in (now, stored)]
    # A loop to a number of the code ends at it or one before (counted from 0).
    fixed = last[0] in numbers or last[0] + 1 in numbers
    if all(last) and fixed and last[1] > last[0] and not {last[1], last[1] + 1} & numbers:
        return f"epoch {last[0]}", f"epoch {last[1]}"
    return None


def _pair(now: object, stored: object) -> tuple[str, str]:
    return tuple(", ".join(map(str, one)) if isinstance(one, tuple | list) else str(one) for one in (now, stored))  # type: ignore[return-value]


def _whole_numbers(source: str) -> Iterator[int]:
    tree = parsed(source)
    if tree is None:
        yield from (int(number) for number in _NUMBER.findall(source) if len(number) < 7)
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, int):
            yield int(node.value)


@check(ru="Заготовки заполнены", en="The blanks are filled in")
def template_filled(evidence: Evidence, assignment: Assignment) -> Conclusion:
    """No cell that the package left to the student is still as it was handed out, and none that defines something was taken out."""
    left, gone = untouched_cells(evidence, assignment), cells_taken_out(evidence, assignment)
    if not left.cells and not gone:
        return passed(Text(ru="Все ячейки, где нужен ваш код, изменены.", en="Every cell that needs your code was changed."))
    if not left.cells:
        names = ", ".join(f"`{begins}`" for begins in gone)
        return failed(
            Text(ru=f"В тетради нет выданной ячейки с {names}.", en=f"The cell that was handed out with {names} is not in the notebook."),
            hint=Text(ru="Верните эту ячейку из выданной тетради и впишите в неё свой код.", en="Put that cell of the package back, and your code into it."),
        )
    cells = ", ".join(str(index + 1) for index in left.cells[:12])
    if len(left.cells) == left.blank:
        what = Text(
            ru=f"Тетрадь сдана такой, какой была выдана: незаполненных ячеек {left.blank} из {left.blank}.",
            en=f"The notebook was handed in as it was handed out: {left.blank} of {left.blank} cells are still blank.",
        )
    else:
        what = Text(ru=f"Не заполнены ячейки: {cells}.", en=f"These cells are still blank: {cells}.")
    return failed(
        what, hint=Text(ru="Замените строки «...  # ваш код здесь» своим кодом.", en="Put your code in place of the lines “...  # your code here”.")
    )
