"""Accuracy of logits on hidden images, measured where the labels are."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from grader.model import Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """`value` in 0..1 over `n` images; `per_class` follows the sorted class indices; `order` is how outputs were read; `hits` (n,) which images were right."""

    value: float
    n: int
    per_class: tuple[float, ...]
    order: str
    hits: NDArray[np.bool_] = field(repr=False, compare=False)


def measure_accuracy(logits: Array, labels: Array, classes: Sequence[int], written: Sequence[int] = ()) -> Accuracy | None:
    """Return the accuracy of `logits` (n, at least len(classes)) against `labels` (n,), positions in the sorted classes.

    Outputs are read in sorted order of the class indices, as `np.unique` numbers them, or in the order in which the student
    wrote the classes, or, where there are outputs enough, as the class indices themselves, whichever fits best: all are honest ways
    to number classes. Rows that are not finite count as wrong.
    None when the shapes do not fit.
    """
    outputs = np.asarray(logits, dtype=np.float64)
    if outputs.ndim != 2 or len(outputs) != len(labels) or outputs.shape[1] < len(classes):
        return None
    finite = np.isfinite(outputs).all(axis=1)
    predicted = np.where(finite, np.where(np.isfinite(outputs), outputs, -np.inf).argmax(axis=1), -1)
    ordered = sorted(classes)
    best = _accuracy(predicted, labels, len(ordered), "sorted")
    if sorted(written) == ordered and list(written) != ordered:
        position = np.array([ordered.index(index) for index in written])
        mapped = np.where((predicted >= 0) & (predicted < len(position)), position[predicted.clip(0, len(position) - 1)], -1)
        best = max(best, _accuracy(mapped, labels, len(ordered), "written"), key=lambda accuracy: accuracy.value)
    if outputs.shape[1] > max(ordered):
        position = np.full(outputs.shape[1], -1)
        position[ordered] = np.arange(len(ordered))
        raw = _accuracy(np.where(predicted >= 0, position[predicted], -1), labels, len(ordered), "raw")
        best = max(best, raw, key=lambda accuracy: accuracy.value)
    return best


def share_above_chance(accuracy: float, *, chance: float, reference: float) -> float:
    """Return 0 at `chance`, 1 at `reference` and above, linear between (all in 0..1); raises ValueError unless reference > chance."""
    if not reference > chance:
        raise ValueError(f"the reference accuracy {reference:g} is not above chance, {chance:g}")
    return min(1.0, max(0.0, (accuracy - chance) / (reference - chance)))


def _accuracy(predicted: NDArray[np.intp], labels: Array, classes: int, order: str) -> Accuracy:
    right = predicted == labels
    per_class = tuple(float(right[labels == index].mean()) if (labels == index).any() else 0.0 for index in range(classes))
    return Accuracy(value=float(right.mean()), n=len(labels), per_class=per_class, order=order, hits=right)
