"""The student's final table against the trainings that really ran."""

from collections.abc import Sequence

from grader.assignment import Assignment
from grader.checks import Conclusion, check, failed, passed
from grader.checks.runs import batch_size, epochs_of, module_runs, nothing_trained, rate, validation
from grader.checks.study import own_texts
from grader.checks.tables import Row, read_results
from grader.checks.trace import Trace, TrainingRun, trace_of
from grader.evidence import Evidence
from grader.model import Text, Vouched

TOLERANCE = 0.06
_RELATIVE = 0.01


@check(ru="Итоговая таблица согласуется с обучениями", en="The final table agrees with the trainings")
def table_agrees(evidence: Evidence, assignment: Assignment) -> Conclusion:
    """No row contradicts the training it describes by more than another seed explains, and some row describes one.

    A row whose training is no longer in the notebook is no contradiction: only the last configuration survives in many.
    """
    trace = trace_of(evidence)
    runs = module_runs(trace)
    rows = [row for text in own_texts(evidence, assignment) for row in read_results(text) if row.lr or row.batch or row.epochs or row.layers]
    if not runs or not rows:
        return nothing_trained()
    found = [(row, matching(trace, row, runs)) for row in rows]
    wrong = [(row, same) for row, same in found if same and not any(agrees(trace, row, run) for run in same)]
    known = sum(bool(same) for _, same in found)
    hint = Text(
        ru="Впишите числа, которые напечатала эта тетрадь; если обучение из строки удалено, верните его или приложите вывод.",
        en="Write the numbers that this notebook printed; if a row's training was removed, put it back or attach its output.",
    )
    if wrong:
        shown = "; ".join(_shown(trace, row, same[0]) for row, same in wrong[:4])
        return failed(
            Text(ru=f"Строк, которые расходятся с обучением: {len(wrong)} из {len(rows)}.", en=f"Rows that contradict their training: {len(wrong)} of {len(rows)}."),
            hint=hint,
            expected=f"± {TOLERANCE:.0%}",
            actual=shown,
            vouched=Vouched.REPORTED,
        )
    if not known:
        return failed(
            Text(ru="Ни одна строка таблицы не описывает обучение из этой тетради.", en="No row of the table describes a training of this notebook."),
            hint=hint,
            expected=_numbers(trace, runs[-1]),
            actual=rows[0].written[:200],
            vouched=Vouched.REPORTED,
        )
    return passed(
        Text(ru=f"Строк, подтверждённых обучением: {known} из {len(rows)}.", en=f"Rows that a training confirms: {known} of {len(rows)}."), vouched=Vouched.REPORTED
    )


def matching(trace: Trace, row: Row, runs: Sequence[TrainingRun]) -> list[TrainingRun]:
    """Return the trainings that have every number of the row which both sides know."""
    return [run for run in runs if _same_numbers(trace, row, run)]


def _same_numbers(trace: Trace, row: Row, run: TrainingRun) -> bool:
    pairs = [(row.lr, rate(run)), (row.batch, batch_size(trace, run)), (row.epochs, epochs_of(run))]
    if any(stated is not None and had is not None and abs(stated - had) > _RELATIVE * abs(had) for stated, had in pairs):
        return False
    widths = linear_widths(run)
    return not row.layers or not widths or row.layers == widths[-len(row.layers) :]


def linear_widths(run: TrainingRun) -> tuple[int, ...]:
    """Return the output widths of the model's fully connected layers in order, where a pass has shown them."""
    return tuple(layer.output[-1] for layer in run.model.layers if layer.class_name == "Linear" and layer.output)


def accuracies(trace: Trace, run: TrainingRun) -> tuple[float | None, float | None]:
    """Return the last accuracies seen on data that was trained on (in evaluation, else in training) and on other data, 0..1."""
    others = validation(trace, run)
    on_own = [passes for passes in run.evaluation if passes not in others and passes.accuracy] or [passes for passes in run.training if passes.accuracy]
    on_others = [passes for passes in others if passes.accuracy]
    last_own, last_other = (max(seen, key=lambda one: (one.last_cell, one.last_epoch), default=None) for seen in (on_own, on_others))
    return (last_own.accuracy[-1][1] if last_own else None), (last_other.accuracy[-1][1] if last_other else None)


def agrees(trace: Trace, row: Row, run: TrainingRun) -> bool:
    """Whether the row's accuracies are within TOLERANCE of the training's, in their own columns or swapped."""
    train, test = accuracies(trace, run)
    return any(
        all(stated is None or seen is None or abs(stated - seen) <= TOLERANCE for stated, seen in pairs)
        for pairs in (((row.train, train), (row.test, test)), ((row.test, train), (row.train, test)))
    )


def _shown(trace: Trace, row: Row, run: TrainingRun) -> str:
    pairs = (("train", row.train, accuracies(trace, run)[0]), ("test", row.test, accuracies(trace, run)[1]))
    return f"{row.written[:60]}: " + ", ".join(f"{name} {stated:.1%} ≠ {seen:.1%}" for name, stated, seen in pairs if stated is not None and seen is not None)


def _numbers(trace: Trace, run: TrainingRun) -> str:
    lr = rate(run)
    return f"lr = {lr:g}, " * (lr is not None) + f"batch_size = {batch_size(trace, run)}, epochs = {run.epochs}"
