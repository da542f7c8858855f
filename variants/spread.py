"""How evenly a rule treats people: the accuracy that the reference reaches on the variants, measured where it is, else predicted."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from variants.difficulty import Difficulty
from variants.lint import Case
from variants.rule import wrong_with

_LOWEST = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a calibration says of a set of classes: the reference's mean accuracy, not a number when no training converged, and why it has no pass line.

    `unusable` is empty where it has one.
    """

    accuracy: float
    unusable: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A variant and the accuracy of the reference on it; `why` says why no pass line can tell good work there, or is empty."""

    case: Case
    accuracy: float
    measured: bool
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """The accuracies of `variants` variants (`measured` of them measured): `summary` has the least, the three quartiles and the greatest.

    `lowest` are the unlucky, `hopeless` those without a usable pass line, `judged` all of them; all three are empty where only sets were
    counted and nobody has them.
    """

    variants: int
    measured: int
    summary: tuple[float, float, float, float, float]
    lowest: tuple[Judged, ...] = ()
    hopeless: tuple[Judged, ...] = ()
    judged: tuple[Judged, ...] = ()


def spread_of_cases(cases: Sequence[Case], difficulty: Difficulty, measured: Mapping[tuple[int, ...], Measured]) -> Spread | None:
    """Return the spread over variants, those left out whose classes repeat, do not exist or are too few or many; None when none is left.

    `measured` is by ascending classes, and beats the prediction.
    """
    valid = [case for case in cases if difficulty.can_predict(case.classes) and not wrong_with(case.classes)]
    if not valid:
        return None
    predicted = _predicted([case.classes for case in valid], difficulty)
    judged = [
        _judged(case, accuracy, difficulty, measured.get(tuple(sorted(case.classes))))
        for case, accuracy in zip(valid, predicted.tolist(), strict=True)
    ]
    ordered = sorted(judged, key=lambda one: one.accuracy)
    return Spread(
        variants=len(judged),
        measured=sum(one.measured for one in judged),
        summary=_summary(np.array([one.accuracy for one in judged])),
        lowest=tuple(ordered[:_LOWEST]),
        hopeless=tuple(one for one in ordered if one.why),
        judged=tuple(judged),
    )


def spread_of_sets(accuracies: NDArray[np.float64]) -> Spread:
    """Return the spread of predicted accuracies of sets that nobody has yet."""
    return Spread(variants=len(accuracies), measured=0, summary=_summary(accuracies))


def _predicted(sets: Sequence[tuple[int, ...]], difficulty: Difficulty) -> NDArray[np.float64]:
    """Predict sets of any size, each size in one go."""
    sizes = np.array([len(classes) for classes in sets])
    found = np.empty(len(sets))
    for size in np.unique(sizes).tolist():
        places = np.flatnonzero(sizes == size)
        found[places] = difficulty.predict_many(np.array([sets[place] for place in places.tolist()]))
    return found


def _judged(case: Case, predicted: float, difficulty: Difficulty, measured: Measured | None) -> Judged:
    if measured is not None and math.isfinite(measured.accuracy):
        return Judged(case=case, accuracy=measured.accuracy, measured=True, why=measured.unusable)
    if measured is not None:  # it was tried, and not one training converged
        return Judged(case=case, accuracy=predicted, measured=False, why=measured.unusable)
    line, least = difficulty.line(predicted), difficulty.least_line(len(case.classes))
    why = "" if line > least else f"the pass line would be about {line:.3f}, and guessing reaches {least:.3f}"
    return Judged(case=case, accuracy=predicted, measured=False, why=why)


def _summary(accuracies: NDArray[np.float64]) -> tuple[float, float, float, float, float]:
    low, first, middle, third, high = np.quantile(accuracies, [0, 0.25, 0.5, 0.75, 1]).tolist()
    return low, first, middle, third, high
