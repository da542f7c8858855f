"""The untrusted side of the small lab: which model counts, and what it answers."""

from typing import Any

import numpy as np
import torch
from torch.func import functional_call

ALIASES: dict[str, tuple[str, ...]] = {"model": ("model",)}
WATCH = ("model",)
_NUMBERS = 3 * 8 * 8


def describe(session: Any) -> None:
    """Record the trained models and the list of classes."""
    chosen = session.choose(ALIASES["model"], _NUMBERS)
    models = [session.described(trained, ALIASES["model"]) for trained in session.trained]
    session.record("models", [{**model, "chosen": index == chosen} for index, model in enumerate(models)])
    session.record("classes", [int(index) for index in session.namespace.get("CLASSES", ())])


def answer(session: Any, given: Any) -> None:
    """Record what the model that counts says of the pictures: as training left it, as it is now, and as it was saved."""
    chosen = session.choose(ALIASES["model"], _NUMBERS)
    if chosen is None:
        return
    trained = session.trained[chosen]
    session.record("logits", session.outputs_of(trained, given["pictures"], live=False))
    session.record("logits_final", session.outputs_of(trained, given["pictures"], live=True))
    session.record("logits_test", session.outputs_of(trained, given["test"], live=False))
    try:
        trained.module.eval()
        with torch.no_grad():
            pictures = torch.from_numpy(np.ascontiguousarray(given["pictures"]))
            session.record("logits_saved", functional_call(trained.module, torch.load("model.pt", weights_only=True), (pictures,)))
    except Exception as error:  # noqa: BLE001 - whatever lies in the student's file
        session.record("logits_saved_error", f"{type(error).__name__}: {error}"[:300])
