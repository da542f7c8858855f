"""The lab's final table, filled in from the traced trainings, with the student's own rows beside it.

A row of a student describes a run at home, with another seed and, in the sealed view, with other test images than the run that was traced. How far
two such accuracies may lie apart by chance follows from both (`tolerance`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.optimize import linear_sum_assignment

from grader.assignment import Assignment
from grader.checks.runs import batch_size, epochs_of, rate, trained_sources, validation
from grader.checks.tables import Row
from grader.checks.trace import Passes, Trace, TrainingRun
from grader.model import Json, View
from grader.thresholds import pooled_spread

# Measured over 16 sets of classes; used where the course has no calibration of its own (docs/fairness.md).
_USUAL_SPREAD = 0.016
_Z = 2.576  # 1 % of honest numbers lie farther apart
_LEAST_EXAMPLES = 20
_RELATIVE = 0.01
_SURE = 2  # numbers that a row and a training must have in common before one can be said to contradict the other
_MUCH = 4  # a pass over less than a quarter of the data says little of the accuracy on it
# What pairs cost beside the distance of their accuracies, which is 2 at most: no pair at all is better than two that contradict each other.
_CONTRADICTION, _NO_PAIR = 10.0, 13.0
_MOST_LAYERS, _LONGEST = 12, 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One training and the row in which the student describes it, if any. Accuracies in 0..1; `differs` names those that are too far apart."""

    run: TrainingRun
    train: float | None
    test: float | None
    row: Row | None
    differs: tuple[Literal["train", "test"], ...] = ()

    @property
    def distances(self) -> tuple[float, ...]:
        """How far the row's accuracies lie from the training's, for those that both sides have."""
        pairs = ((self.row.train, self.train), (self.row.test, self.test)) if self.row is not None else ()
        return tuple(abs(stated - seen) for stated, seen in pairs if stated is not None and seen is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What a row is held against: a training's line without a row, its numbers, and how many examples gave each of the accuracies."""

    line: Line
    numbers: tuple[float | None, ...]
    widths: tuple[int, ...]
    examples: tuple[int, int]


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

    Each row goes to one training with its numbers, so that as few as possible contradict each other and the accuracies are nearest. A row that
    has a single number in common with a training may be of another one: it is that training's only where the accuracies agree.
    """
    known = [_known(trace, run) for run in runs]
    pairs = [[_pair(row, training, spread, view) for training in known] for row in rows]
    costs = np.array([[_cost(line) for line in lines] for lines in pairs]).reshape(len(rows), len(runs))
    taken = {run: pairs[row][run] for row, run in zip(*linear_sum_assignment(costs), strict=True)}
    lines = tuple(taken.get(place) or training.line for place, training in enumerate(known))
    placed = {id(line.row) for line in lines if line.row is not None}
    return lines, tuple(row for row in rows if id(row) not in placed)


def _known(trace: Trace, run: TrainingRun) -> _Known:
    own, other = _last_passes(trace, run)
    train, test = (passes.accuracy[-1][1] if passes is not None else None for passes in (own, other))
    return _Known(
        line=Line(run=run, train=train, test=test, row=None),
        numbers=(rate(run), batch_size(trace, run), epochs_of(run)),
        widths=tuple(layer.output[-1] for layer in run.model.layers if layer.class_name == "Linear" and layer.output),
        examples=(_examples(own), _examples(other)),
    )


def _pair(row: Row, training: _Known, spread: float, view: View) -> Line | None:
    """Return the line that a row and a training make, or None where the row is of another training, or may well be."""
    shared = _shared_numbers(row, training)
    if not shared:
        return None
    line = replace(training.line, row=row, differs=_differing(row, training, spread, view))
    agrees = bool(line.distances) and not line.differs
    return line if agrees or shared >= _SURE else None


def _cost(line: Line | None) -> float:
    return sum(line.distances) + _CONTRADICTION * bool(line.differs) if line is not None else _NO_PAIR


def _shared_numbers(row: Row, training: _Known) -> int:
    """Return how many numbers both sides know, rate, batch, epochs and layers; 0 where one of them is not the same."""
    pairs = zip((row.lr, row.batch, row.epochs), training.numbers, strict=True)
    same = [math.isclose(stated, had, rel_tol=_RELATIVE) for stated, had in pairs if stated is not None and had is not None]
    if row.layers and training.widths:
        same.append(row.layers == training.widths[-len(row.layers) :])
    return len(same) if all(same) else 0


def _last_passes(trace: Trace, run: TrainingRun) -> tuple[Passes | None, Passes | None]:
    """Return the last passes with an accuracy on data that was trained on (in evaluation, else in training), and on other data."""
    sources = trained_sources(trace, run)
    on_own = [passes for passes in run.evaluation if passes.source in sources and passes.when != "before"]
    known = [source.length or source.hashed for source in trace.sources if source.id in sources]
    return _last(on_own, known) or _last(run.training, ()), _last(validation(trace, run), ())


def _last(every: Sequence[Passes], lengths: Sequence[int]) -> Passes | None:
    """Return the last of the passes with an accuracy that saw much of the data, going by the others and by `lengths`; a look at a few pictures did not."""
    most = max([*map(_examples, every), *lengths], default=0)
    seen = [passes for passes in every if passes.accuracy and 0 <= passes.accuracy[-1][1] <= 1 and _MUCH * _examples(passes) >= most]
    return max(seen, key=lambda one: (one.last_cell, one.last_epoch, one.when == "after"), default=None)


def _examples(passes: Passes | None) -> int:
    """Return how many examples one pass had."""
    return passes.rows // max(1, passes.count) if passes is not None else 0


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


def _differing(row: Row, training: _Known, spread: float, view: View) -> tuple[Literal["train", "test"], ...]:
    """Return which accuracies are too far from the training's, in their own columns; none when they fit the other way round."""
    train, test = training.line.train, training.line.test
    of_train, of_test = training.examples

    def far(stated: float | None, seen: float | None, examples: int) -> bool:
        if stated is None or seen is None:
            return False
        return abs(stated - seen) > tolerance(seen, examples, spread=spread, other_examples=view is View.SEALED)

    if row.looks_swapped and not (far(row.test, train, of_train) or far(row.train, test, of_test)):
        return ()
    differs: tuple[tuple[Literal["train", "test"], bool], ...] = (("train", far(row.train, train, of_train)), ("test", far(row.test, test, of_test)))
    return tuple(which for which, is_far in differs if is_far)
