"""The trusted side of the lab on transfer."""

import numpy as np

from grader.checks import Conclusion, Preparation, check, partial
from grader.checks.data import never_trained_on_test
from grader.checks.gradients import judge_gradients
from grader.checks.loss import encodings_agree, no_double_softmax
from grader.checks.models import frozen_kept, parameters_between
from grader.checks.optimisation import optimizer_complete
from grader.evidence import Evidence
from grader.model import Given, Text

__all__ = [
    "encodings_agree",
    "frozen_kept",
    "gradient_by_hand",
    "head_alone",
    "never_trained_on_test",
    "no_double_softmax",
    "optimizer_complete",
    "prepare",
    "two_classes_told_apart",
]

_COUNT = 50


def prepare(preparation: Preparation) -> Given:
    """Draw hidden pictures of the first two classes, and a logistic regression with its gradient by finite differences."""
    dealt = preparation.variant["classes"]
    first, second = (int(str(index)) for index in dealt[:2]) if isinstance(dealt, list) else (0, 1)
    rng = preparation.rng
    labels = np.repeat(np.arange(2), _COUNT)
    shapes = np.random.default_rng(0).normal(size=(100, 3, 8, 8))[[first, second]]
    pictures = (shapes[labels] + rng.normal(0, 1.5, (len(labels), 3, 8, 8))).astype(np.float32)
    w, b, x, y = rng.normal(size=5), rng.normal(size=1), rng.normal(size=(23, 5)), rng.integers(0, 2, 23).astype(np.float64)

    def loss(v: np.ndarray) -> float:
        z = x @ v[:5] + v[5]
        return float(np.mean(np.logaddexp(0, z) - y * z))

    at, h = np.concatenate([w, b]), 1e-5
    slope = np.array([(loss(at + h * unit) - loss(at - h * unit)) / (2 * h) for unit in np.eye(6)])
    # The probe gives two outputs, the first class's and the second one's.
    kept = {"labels": labels, "dw": slope[:5], "db": slope[5:]}
    return Given(sent={"pictures": pictures, "w": w, "b": b, "x": x, "y": y}, kept=kept)


@check(ru="Градиент, выведенный вручную", en="The gradient derived by hand")
def gradient_by_hand(evidence: Evidence) -> Conclusion:
    """Both derivatives on hidden inputs."""
    names = {"dw": "dw", "db": "db"}
    hint = Text(ru="Производная потерь по логиту равна σ(z) − y.", en="The derivative of the loss by the logit is σ(z) − y.")
    seen, expected = ({name: get(name) for name in names} for get in (evidence.array, evidence.kept))
    return judge_gradients(seen, expected, names=names, shapes="dw (d,), db ()", hint=lambda _right, _factor: hint)


@check(ru="Обучается только голова", en="The head alone learns")
def head_alone(evidence: Evidence) -> Conclusion:
    """One linear layer from 256 features to one logit."""
    return parameters_between(evidence, 257, 257, trainable=True)


@check(ru="Точность на скрытых картинках", en="Accuracy on hidden pictures")
def two_classes_told_apart(evidence: Evidence) -> Conclusion:
    """The share of right answers: all points at 0.8, none at chance."""
    logits, labels = evidence.array("logits"), evidence.kept("labels")
    accuracy = float((logits.argmax(axis=1) == labels).mean()) if logits.ndim == 2 and logits.shape[1] and len(logits) == len(labels) else 0.0
    words = Text(ru=f"Точность {accuracy:.2f}.", en=f"The accuracy is {accuracy:.2f}.")
    return partial((accuracy - 0.5) / 0.3, words, hint=Text(ru="Обучите голову.", en="Train the head."), expected="≥ 0.80", actual=f"{accuracy:.2f}")
