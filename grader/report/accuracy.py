"""The picture of an accuracy: the reference's trainings on the same classes, the pass line, the work with its interval."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from grader.model import Json

WIDTH, HEIGHT = 640, 150
_LEFT, _RIGHT, _BASE, _PEAK = 14, 626, 112, 30
_STEPS = 64
_ROWS = (30, 78)  # where the runs of one work stand


@dataclass(frozen=True, slots=True, kw_only=True)
class RunMark:
    """One run of a work that was run several times: its accuracy and the ends of its interval, on a row of its own."""

    x: float
    low: float
    high: float
    y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyPicture:
    """Where everything stands, in units of the picture; `curve` is an SVG path, `ticks` are (x, accuracy).

    `work` is the accuracy that was judged; `runs` are the runs that it is the mean of, the first one on top, or empty.
    """

    curve: str
    dots: tuple[float, ...]
    ticks: tuple[tuple[float, float], ...]
    line: float
    chance: float
    work: float
    low: float
    high: float
    mean: float
    runs: tuple[RunMark, ...]
    passed: bool


def draw_accuracy(figures: Mapping[str, Json] | None) -> AccuracyPicture | None:
    """Return the picture of a finding's figures; None when they make no such picture."""
    if figures is None or figures.get("kind") != "accuracy":
        return None
    try:
        number = {key: _finite(figures[key]) for key in ("accuracy", "low", "high", "line", "mean", "sd", "chance")}
        listed = figures["reference"]
        trainings = [_finite(value) for value in listed] if isinstance(listed, list) else []
        runs = _runs(figures.get("runs"))
    except (KeyError, TypeError, ValueError):
        return None
    sd = max(number["sd"], 1e-3)
    first = max(0.0, min(number["chance"], number["low"], number["mean"] - 4 * sd, *(low for _, low, _ in runs)) - 0.02)
    last = min(1.0, max(number["high"], number["mean"] + 4 * sd, *(high for _, _, high in runs)) + 0.02)

    def place(value: float) -> float:
        return round(_LEFT + (min(max(value, first), last) - first) / (last - first) * (_RIGHT - _LEFT), 1)

    points = [number["mean"] + sd * (8 * step / _STEPS - 4) for step in range(_STEPS + 1)]
    heights = [_BASE - (_BASE - _PEAK) * math.exp(-(((value - number["mean"]) / sd) ** 2) / 2) for value in points]
    curve = "M" + " L".join(f"{place(value)},{height:.1f}" for value, height in zip(points, heights, strict=True))
    every = 20 if last - first <= 0.4 else 10
    ticks = [step / every for step in range(every + 1) if first <= step / every <= last]
    return AccuracyPicture(
        curve=curve,
        dots=tuple(place(value) for value in trainings),
        ticks=tuple((place(value), value) for value in ticks),
        line=place(number["line"]),
        chance=place(number["chance"]),
        work=place(number["accuracy"]),
        low=place(number["low"]),
        high=place(number["high"]),
        mean=place(number["mean"]),
        runs=tuple(
            RunMark(x=place(seen), low=place(low), high=place(high), y=round(_ROWS[0] + (_ROWS[1] - _ROWS[0]) * (row + 0.5) / len(runs), 1))
            for row, (seen, low, high) in enumerate(runs)
        ),
        passed=number["accuracy"] >= number["line"] - 1e-6,
    )


def _runs(listed: Json) -> list[tuple[float, float, float]]:
    """Return accuracy, low and high of every run of a work that was run more than once."""
    if not isinstance(listed, list) or len(listed) < 2:
        return []
    rows = [row if isinstance(row, dict) else {} for row in listed]
    return [(_finite(row["accuracy"]), _finite(row["low"]), _finite(row["high"])) for row in rows]


def _finite(value: Json) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(value)
    return float(value)
