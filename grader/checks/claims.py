"""The student's final table against the trainings that really ran."""

from collections.abc import Sequence
from dataclasses import replace

from grader.assignment import Assignment
from grader.checks import Conclusion, check, failed, passed
from grader.checks.final_table import Line, compare_rows, figures_of_table, seed_spread
from grader.checks.missing import skipped
from grader.checks.remedies import shown
from grader.checks.runs import batch_size, epochs_of, module_runs, nothing_trained, rate
from grader.checks.study import own_texts
from grader.checks.tables import Row, read_results
from grader.checks.trace import Trace, TrainingRun, trace_of
from grader.evidence import Evidence
from grader.model import Text, View, Vouched

_HINT = Text(
    ru="Впишите числа, которые напечатала эта тетрадь; если обучение из строки удалено, верните его или приложите вывод.",
    en="Write the numbers that this notebook printed; if a row's training was removed, put it back or attach its output.",
)
_LONGEST, _LISTED = 60, 4


@check(ru="Итоговая таблица согласуется с обучениями", en="The final table agrees with the trainings", of_training=True)
def table_agrees(evidence: Evidence, assignment: Assignment) -> Conclusion:
    """No row contradicts the training it describes by more than chance explains.

    A row whose training is no longer in the notebook is no contradiction: only the last configuration survives in many. Where no row can be
    matched with a training, nothing is said for the table or against it. The table as the trainings fill it goes into the report whatever
    the student wrote.
    """
    trace = trace_of(evidence)
    runs = module_runs(trace)
    if not runs:
        return nothing_trained()
    rows = [row for row in read_results("\n\n".join(own_texts(evidence, assignment))) if row.lr or row.batch or row.epochs or row.layers]
    spread = seed_spread(assignment)
    lines, left = compare_rows(trace, rows, runs, spread=spread, view=View(evidence.manifest["view"]))
    figures = figures_of_table(trace, lines, left, spread=spread)
    return replace(_conclude(trace, lines, rows, runs[-1]), figures=figures)


def _conclude(trace: Trace, lines: Sequence[Line], rows: Sequence[Row], last: TrainingRun) -> Conclusion:
    known = [line for line in lines if line.distances]
    wrong = [line for line in known if line.differs]
    if wrong:
        return failed(
            Text(ru=f"Строк, которые расходятся с обучением: {len(wrong)} из {len(rows)}.", en=f"Rows that contradict their training: {len(wrong)} of {len(rows)}."),
            hint=_HINT,
            expected=_listed([_seen(line) for line in wrong]),
            actual=_listed([_claimed(line) for line in wrong]),
            vouched=Vouched.REPORTED,
        )
    if not rows:
        return replace(
            nothing_trained(),
            rationale=Text(ru="Своей таблицы с результатами в тетради нет; ниже то, что показали обучения.", en="The notebook has no table of results of its own; below is what the trainings showed."),
        )
    if not known:
        unknown = skipped(
            Text(
                ru="Ни одну строку таблицы не удалось соотнести с обучением из этой тетради: будьте готовы рассказать на защите, откуда эти числа.",
                en="No row of the table could be matched with a training of this notebook: be ready to say at the defence where the numbers come from.",
            )
        )
        # Nothing was confirmed, and nothing contradicted either: that costs no points.
        return replace(unknown, share=1.0, expected=_numbers(trace, last), actual=_listed([_short(row) for row in rows]))
    return passed(
        Text(ru=f"Строк, подтверждённых обучением: {len(known)} из {len(rows)}.", en=f"Rows that a training confirms: {len(known)} of {len(rows)}."), vouched=Vouched.REPORTED
    )


def _seen(line: Line) -> str:
    values = {"train": line.train, "test": line.test}
    return f"[{line.run.first_cell + 1}] " + ", ".join(f"{which} {values[which]:.1%}" for which in line.differs)


def _claimed(line: Line) -> str:
    row = line.row or Row(written="")
    values = {"train": row.train, "test": row.test}
    return f"{_short(row)}: " + ", ".join(f"{which} {values[which]:.1%}" for which in line.differs)


def _short(row: Row) -> str:
    return shown(", ".join(cell for cell in row.written.split(" | ") if cell), _LONGEST)


def _listed(parts: Sequence[str]) -> str:
    more = len(parts) - _LISTED
    return "; ".join(parts[:_LISTED]) + (f"; … (+{more})" if more > 0 else "")


def _numbers(trace: Trace, run: TrainingRun) -> str:
    numbers = {"lr": rate(run), "batch_size": batch_size(trace, run), "epochs": epochs_of(run)}
    return ", ".join(f"{name} = {value:g}" for name, value in numbers.items() if value is not None)
