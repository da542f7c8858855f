"""Numbers along a training in bounded space: thinned curves, and means of epochs."""

import math
from typing import Any

import torch

_MOST_HELD = 1024
_LONGEST_TEXT, _MOST_ITEMS = 200, 1024


class Curve:
    """Points (x, y) of rising x. When there are too many, every second one goes; the last one always stays. `y` may be a scalar tensor."""

    __slots__ = ("_added", "_every", "_last", "_points")

    def __init__(self) -> None:
        self._points: list[tuple[int, Any]] = []
        self._every, self._added = 1, 0
        self._last: tuple[int, Any] | None = None

    def add(self, x: int, y: Any) -> None:
        """Add a point."""
        self._last = point = (x, y)
        if self._added % self._every == 0:
            self._points.append(point)
            if len(self._points) > _MOST_HELD:
                self._every *= 2
                self._points = self._points[::2]
        self._added += 1

    def join(self, other: "Curve") -> None:
        """Take in the points of `other`, which win where both have one."""
        points = dict(self.all_points()) | dict(other.all_points())
        self._points, self._every, self._added = [], 1, 0
        for x in sorted(points):
            self.add(x, points[x])

    def told(self, most: int) -> list[list[Any]]:
        """Return the points as plain lists, at most `most` of them, the first and the last among them."""
        points = self.all_points()
        if len(points) > most:
            step = (len(points) - 1) / (most - 1)
            points = [points[round(index * step)] for index in range(most)]
        return [[x, number(y)] for x, y in points]

    def all_points(self) -> list[tuple[int, Any]]:
        """Return what is held."""
        lost = self._last is not None and (not self._points or self._points[-1] is not self._last)
        return [*self._points, self._last] if lost and self._last is not None else list(self._points)


class Means:
    """Means over the epochs of a run: of a value per batch, or of a count per row. Epochs come in rising order."""

    __slots__ = ("_epoch", "_sum", "_weight", "curve")

    def __init__(self) -> None:
        self.curve = Curve()
        self._epoch = -1
        self._sum: Any = 0
        self._weight = 0

    def add(self, epoch: int, value: Any, weight: int = 1) -> None:
        """Add a value of `weight` items (already summed over them) to an epoch."""
        if epoch != self._epoch:
            self.close()
            self._epoch = epoch
        self._sum = self._sum + value
        self._weight += weight

    def join(self, other: "Means") -> None:
        """Take in the later epochs of `other`; of an epoch that both have, the later mean counts."""
        self.close()
        other.close()
        self.curve.join(other.curve)

    def told(self, most: int) -> list[list[Any]]:
        """Return (epoch, mean) for every epoch, at most so many, the first and the last among them."""
        self.close()
        return self.curve.told(most)

    def close(self) -> None:
        """Take the epoch for complete."""
        if self._weight:
            self.curve.add(self._epoch, self._sum / self._weight)
        self._sum, self._weight = 0, 0


def number(value: Any) -> Any:
    """Return a number for JSON: seven digits of a float, names for what is not finite."""
    if isinstance(value, int):
        return value
    try:
        real = float(value)
    except Exception:
        return "nan"
    return float(f"{real:.7g}") if math.isfinite(real) else str(real)


def setting(value: Any) -> Any:
    """Return a hyper-parameter for JSON: lists and what is not known as text, None as the text "None"."""
    if isinstance(value, bool | int | str):
        return value
    if isinstance(value, float) or (isinstance(value, torch.Tensor) and value.numel() == 1):
        return number(value)
    return str(value)[:_LONGEST_TEXT] if isinstance(value, list | tuple | type(None)) else type(value).__name__


def bounded(value: Any) -> Any:
    """Return plain data with texts and lists cut to what is ever read of them."""
    if isinstance(value, str):
        return value[:_LONGEST_TEXT]
    if isinstance(value, dict):
        return {str(name)[:_LONGEST_TEXT]: bounded(item) for name, item in list(value.items())[:_MOST_ITEMS]}
    if isinstance(value, list | tuple):
        return [bounded(item) for item in value[:_MOST_ITEMS]]
    return value
