"""The trusted side of the small lab. CANARY stands here only to be looked for in what comes out of runs."""

import numpy as np

from grader.checks import Conclusion, Preparation, check, failed, passed
from grader.checks.claims import table_agrees
from grader.checks.components import loaders_made
from grader.checks.outputs import outputs_fresh
from grader.checks.stated import numbers_used
from grader.evidence import Evidence
from grader.model import Given, Text


__all__ = ["loaders_made", "numbers_doubled", "numbers_used", "outputs_fresh", "points_told_apart", "prepare", "table_agrees"]

CANARY = "zachet-canary-of-the-checks-5d0f3b71"
_CENTRES = np.array([[-2.0, 0.0], [2.0, 0.0]])
_PER_CLASS, _ENOUGH = 100, 0.9


def prepare(preparation: Preparation) -> Given:
    """Numbers to double, and points with labels: as many of one kind as of the other, so that a constant is right half the time."""
    numbers = preparation.rng.normal(size=64).astype(np.float32)
    labels = preparation.rng.permutation(np.repeat([0, 1], _PER_CLASS))
    points = _CENTRES[labels] + preparation.rng.normal(scale=0.5, size=(len(labels), 2))
    return Given(sent={"numbers": numbers, "points": points.astype(np.float32)}, kept={"doubled": 2 * numbers, "labels": labels, "canary": CANARY})


@check(ru="Числа удвоены", en="The numbers are doubled")
def numbers_doubled(evidence: Evidence) -> Conclusion:
    """Compare with the doubles that never left."""
    wanted, found = evidence.kept("doubled"), evidence.array("doubled")
    if found.shape == wanted.shape and np.allclose(found, wanted, rtol=1e-5, atol=1e-6):
        return passed(Text(ru="Все числа удвоены.", en="All numbers are doubled."))
    return failed(Text(ru="Это не удвоенные числа.", en="These are not the doubles."), hint=Text(ru="Умножьте на два.", en="Multiply by two."))


@check(ru="Точки различаются", en="The points are told apart")
def points_told_apart(evidence: Evidence) -> Conclusion:
    """Compare the largest logits with the labels that never left."""
    labels, logits = evidence.kept("labels"), evidence.array("logits")
    usable = logits.shape == (len(labels), 2) and np.isfinite(logits).all()
    share = float((logits.argmax(1) == labels).mean()) if usable else 0.0
    if share >= _ENOUGH:
        return passed(Text(ru="Точки различаются.", en="The points are told apart."), actual=f"{share:.2f}")
    return failed(
        Text(ru="Точки не различаются.", en="The points are not told apart."), hint=Text(ru="Обучите модель.", en="Train a model."), actual=f"{share:.2f}"
    )
