"""The lab's final table, filled in from the traced trainings, with the student's own rows beside it.

A row of a student describes a run at home, with another seed and, in the sealed view, with other test images than the run that was traced. How far
two such accuracies may lie apart by chance follows from both (`tolerance`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from grader.assignment import Assignment
from grader.checks.runs import batch_size, epochs_of, rate, validation
from grader.checks.tables import Row
from grader.checks.trace import Trace, TrainingRun
from grader.model import Json, View
from grader.thresholds import pooled_spread

# Measured over 16 sets of classes; used where the course has no calibration of its own (docs/fairness.md).
_USUAL_SPREAD = 0.016
_Z = 2.576  # 1 % of honest numbers lie farther apart
_LEAST_EXAMPLES = 20
_RELATIVE = 0.01
_MOST_LAYERS, _LONGEST = 12, 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One training and the row in which the student describes it, if any. Accuracies in 0..1; `differs` names those that are too far apart."""

    run: TrainingRun
    train: float | None
    test: float | None
    row: Row | None
    differs: tuple[Literal["train", "test"], ...] = ()


def seed_spread(assignment: Assignment) -> float:
    """Return the standard deviation of the accuracy over seeds: the course's calibration's, else the usual one."""
    known = assignment.thresholds.variants.values() if assignment.thresholds is not None else ()
    pooled = pooled_spread([variant.spread for variant in known])
    return pooled.sd if pooled.df > 0 and pooled.sd > 0 else _USUAL_SPREAD


def tolerance(accuracy: float, examples: int, *, spread: float, other_examples: bool) -> float:
    """Return how far apart two accuracies of one recipe may lie: 99 % of honest pairs do not differ by more.

    z √(2 s² + 2 p (1 − p) / n): each has its own seed; with `other_examples` each was measured on n examples of its own, too
    (the variance of a share, and of a difference of independent values).
    """
    share = min(0.99, max(0.01, accuracy))
    drawn = 2 * share * (1 - share) / max(_LEAST_EXAMPLES, examples) if other_examples else 0.0
    return _Z * math.sqrt(2 * spread**2 + drawn)


def compare_rows(trace: Trace, rows: Sequence[Row], runs: Sequence[TrainingRun], *, spread: float, view: View) -> tuple[tuple[Line, ...], tuple[Row, ...]]:
    """Return a line per training, and the rows that describe no training of this notebook.

    Each row goes to the training with its numbers that is nearest in accuracy and has no row yet.
    """
    taken: dict[int, Row] = {}
    left: list[Row] = []
    for row in rows:
        free = [run for run in matching(trace, row, runs) if run.id not in taken]
        if free:
            taken[min(free, key=lambda run: _distance(trace, row, run)).id] = row
        else:
            left.append(row)
    lines = []
    for run in runs:
        train, test = accuracies(trace, run)
        known = taken.get(run.id)
        lines.append(Line(run=run, train=train, test=test, row=known, differs=_differing(trace, known, run, spread, view) if known else ()))
    return tuple(lines), tuple(left)


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


def figures_of_table(trace: Trace, lines: Sequence[Line], left: Sequence[Row], *, spread: float) -> dict[str, Json]:
    """Return the table as a finding carries it; `grader/report/final_table.py` draws it."""
    return {
        "kind": "table",
        "spread": round(spread, 4),
        "rows": [_line_figures(trace, line) for line in lines],
        "left": [row.written[:_LONGEST] for row in left],
    }


def architecture(run: TrainingRun) -> str:
    """Return the trained layers in a row, as a table of results names them: `Conv2d(32), FC(10), FC(3)`."""
    layers = run.model.layers
    leaves = [layer for layer in layers if layer.parameters and not any(other.name.startswith(f"{layer.name}.") or (not layer.name and other.name) for other in layers)]
    shown = [_layer(layer.class_name, layer.output) for layer in leaves[:_MOST_LAYERS]]
    return ", ".join(shown) + (", …" if len(leaves) > _MOST_LAYERS else "")


def _layer(class_name: str, output: tuple[int, ...] | None) -> str:
    name = "FC" if class_name == "Linear" else class_name
    if not output:
        return name
    return f"{name}({output[-1] if len(output) < 3 else output[1]})"


def _line_figures(trace: Trace, line: Line) -> dict[str, Json]:
    run = line.run
    rates = run.optimizer.lr if run.optimizer is not None else ()
    return {
        "cell": run.first_cell + 1,
        "model": (architecture(run) or run.model.class_name)[:_LONGEST],
        "parameters": run.model.parameters,
        "optimizer": run.optimizer.class_name if run.optimizer is not None else "",
        "lr": _finite(rate(run)),
        "lr_end": _finite(rates[-1][1]) if rates else None,
        "batch": batch_size(trace, run),
        "epochs": epochs_of(run),
        "train": _finite(line.train),
        "test": _finite(line.test),
        "written": line.row.written[:_LONGEST] if line.row else "",
        "claimed_train": line.row.train if line.row else None,
        "claimed_test": line.row.test if line.row else None,
        "differs": list(line.differs),
    }


def _finite(value: float | None) -> float | None:
    """A score is strict JSON, which has no word for what a trace may claim."""
    return value if value is not None and math.isfinite(value) else None


def _distance(trace: Trace, row: Row, run: TrainingRun) -> float:
    return sum(abs(stated - seen) for stated, seen in zip((row.train, row.test), accuracies(trace, run), strict=True) if stated is not None and seen is not None)


def _differing(trace: Trace, row: Row, run: TrainingRun, spread: float, view: View) -> tuple[Literal["train", "test"], ...]:
    """Return which accuracies are too far from the training's, in their own columns; none when they fit the other way round."""
    train, test = accuracies(trace, run)
    examples = {"train": _examples(trace, run, others=False), "test": _examples(trace, run, others=True)}

    def far(stated: float | None, seen: float | None, which: Literal["train", "test"]) -> bool:
        if stated is None or seen is None:
            return False
        return abs(stated - seen) > tolerance(seen, examples[which], spread=spread, other_examples=view is View.SEALED)

    if not (far(row.test, train, "train") or far(row.train, test, "test")) and row.looks_swapped:
        return ()
    pairs: tuple[tuple[Literal["train", "test"], float | None, float | None], ...] = (("train", row.train, train), ("test", row.test, test))
    return tuple(which for which, stated, seen in pairs if far(stated, seen, which))


def _examples(trace: Trace, run: TrainingRun, *, others: bool) -> int:
    """Return how many examples one evaluation had, on data that was trained on or on `others`."""
    own = validation(trace, run)
    passes = own if others else [one for one in (*run.evaluation, *run.training) if one not in own]
    return max((one.rows // max(1, one.count) for one in passes), default=0)
