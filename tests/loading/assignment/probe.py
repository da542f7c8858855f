"""Fetches what the model gives for the hidden images."""

from collections.abc import Mapping
from typing import Any

WATCH = ()
ALIASES = {"model": ("model", "net")}
_NUMBERS = 32 * 32 * 3


def describe(session: Any) -> None:
    """Record the models, and what the one that counts was fed."""
    chosen = session.choose(ALIASES["model"], _NUMBERS)
    described = [session.described(trained, ALIASES["model"]) for trained in session.trained]
    session.record("models", [{**model, "chosen": place == chosen} for place, model in enumerate(described)])
    for name in ("fed_train", "fed_eval") if chosen is not None else ():
        fed = getattr(session.trained[chosen], name)
        if fed is not None:
            session.record(name, fed)


def answer(session: Any, given: Mapping[str, Any]) -> None:
    """Record the logits."""
    if "images" not in given:
        return
    try:
        chosen = session.choose(ALIASES["model"], _NUMBERS)
        session.record("logits", session.outputs_of(session.trained[chosen], given["images"], live=False))
    except Exception as error:  # noqa: BLE001 - it is the student's code that runs here
        session.record("logits_error", f"{type(error).__name__}: {error}"[:500])
