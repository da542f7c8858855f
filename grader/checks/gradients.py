"""Numbers that student code computes from hidden inputs, gradients above all, against values from an independent source."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from grader.checks import Conclusion, partial, passed
from grader.model import Array, Text

CLOSE = 2e-3  # relative to the largest element; float32 leaves about 1e-6

Gradients = Mapping[str, Array]
Hint = Callable[[Sequence[str], float | None], Text]


def judge_gradients(seen: Gradients, expected: Gradients, *, names: Mapping[str, str], shapes: str, hint: Hint) -> Conclusion:
    """Conclude which gradients of hidden inputs are right, an equal share of the points each.

    `names` says how a report calls each record. One positive factor common to all is right too: an averaged loss gives it. `hint` gets
    the records that are right and the common factor, if any; `shapes` tells what was expected.
    """
    errors = {name: relative_error(seen[name], expected[name]) for name in names}
    right = [name for name in names if (error := errors[name]) is not None and error < CLOSE]
    factor = common_factor(seen, expected)
    listed = ", ".join(f"{names[name]} {'—' if error is None else f'{error:.1e}'}" for name, error in errors.items())
    known = [error for error in errors.values() if error is not None]
    largest = Text(ru=f"наибольшая относительная ошибка {max(known):.1e}", en=f"the largest relative error is {max(known):.1e}") if known else None
    if len(right) == len(names) and largest is not None:
        return passed(Text(ru=f"Все градиенты совпали с autograd: {largest.ru}.", en=f"All gradients agree with autograd; {largest.en}."), actual=listed)
    if factor is not None and factor > 0:
        return passed(
            Text(
                ru=f"Все градиенты верны с общим множителем {factor:.3g}: так выходит, если функция потерь усреднена.",
                en=f"All gradients are right up to the common factor {factor:.3g}, as for an averaged loss.",
            ),
            actual=listed,
        )
    wrong = ", ".join(names[name] for name in names if name not in right)
    what = Text(ru=f"Неверны: {wrong}; {largest.ru}.", en=f"Wrong: {wrong}; {largest.en}.") if largest else Text(ru=f"Неверны: {wrong}.", en=f"Wrong: {wrong}.")
    return partial(len(right) / len(names), what, hint=hint(right, factor), expected=shapes, actual=listed)


def relative_error(seen: Array, expected: Array) -> float | None:
    """Return the largest error relative to the largest expected value, or None when the shapes differ by more than axes of length 1."""
    wanted = np.asarray(expected, dtype=np.float64)
    if np.squeeze(seen).shape != np.squeeze(wanted).shape:
        return None
    difference = np.abs(np.asarray(seen, dtype=np.float64).reshape(wanted.shape) - wanted)
    if not np.isfinite(difference).all():
        return float("inf")
    # Where zeros are expected, zeros are right, and there is nothing to be relative to.
    return float(np.max(difference) / np.max(np.abs(wanted), initial=np.finfo(np.float64).tiny))


def common_factor(seen: Gradients, expected: Gradients) -> float | None:
    """Return the one number that turns every expected gradient into the seen one, or None when there is none."""
    if any(np.squeeze(seen[name]).shape != np.squeeze(expected[name]).shape for name in expected):
        return None
    got = np.concatenate([np.asarray(seen[name], dtype=np.float64).ravel() for name in expected])
    wanted = np.concatenate([np.asarray(expected[name], dtype=np.float64).ravel() for name in expected])
    if not np.isfinite(got).all() or not np.abs(got).max():
        return None
    factor = float(got @ wanted / (wanted @ wanted))
    errors = [relative_error(seen[name], np.asarray(expected[name], dtype=np.float64) * factor) for name in expected]
    return factor if all(error is not None and error < CLOSE for error in errors) else None
