"""Reads what a score keeps as plain JSON: a number that is none, or a list that is none, spoils no page."""

import math
from collections.abc import Sequence

from grader.model import Json


def number_in(value: Json) -> float | None:
    """Return a finite number, or None for anything else; true and false are no numbers."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) else None


def list_in(value: Json) -> Sequence[Json]:
    """Return a list, or nothing for anything else."""
    return value if isinstance(value, list) else ()
