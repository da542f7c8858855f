"""The untrusted side of the lab on transfer: the model that counts, and the gradient function."""

from typing import Any

import numpy as np

ALIASES: dict[str, tuple[str, ...]] = {"model": ("model",)}
WATCH = ("model", "gradient")
_NUMBERS = 3 * 8 * 8


def describe(session: Any) -> None:
    """Record nothing but the trained models."""
    session.record("models", [session.described(trained, ALIASES["model"]) for trained in session.trained])


def answer(session: Any, given: Any) -> None:
    """Record the outputs, as logits of two classes, and the gradients."""
    chosen = session.choose(ALIASES["model"], _NUMBERS)
    if chosen is not None:
        logits = session.outputs_of(session.trained[chosen], given["pictures"], live=False)
        session.record("logits", np.concatenate([-logits, logits], axis=1) if logits.shape[1] == 1 else logits)
    try:
        dw, db = session.namespace["gradient"](*(given[name] for name in ("w", "b", "x", "y")))
        session.record("dw", np.asarray(dw, dtype=np.float64))
        session.record("db", np.asarray(db, dtype=np.float64).reshape(1))
    except Exception as error:  # noqa: BLE001 - the student's own function
        session.record("dw_error", f"{type(error).__name__}: {error}"[:300])
