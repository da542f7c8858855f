"""The picture of an accuracy: the reference's trainings on the same classes, the pass line, the work with its interval."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from grader.model import Json
from grader.report.plain import list_in, number_in

_LEFT, _RIGHT, _BASE, _PEAK = 14, 626, 112, 30
_STEPS = 64
# The work's own point, and above it a line per run: so far apart, in so much room.
_WORK, _APART, _ROOM = 84, 12.0, 64.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPoint:
    """One run of several: its number, its accuracy, and where point and interval stand."""

    number: int
    accuracy: float
    place: float
    low: float
    high: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyPicture:
    """Where everything stands, in units of the picture; `curve` is an SVG path, `ticks` are (x, accuracy).

    `runs` are the single runs where there are several; `work` is then their mean.
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
    passed: bool
    runs: tuple[RunPoint, ...] = ()


def draw_accuracy(figures: Mapping[str, Json] | None) -> AccuracyPicture | None:
    """Return the picture of a finding's figures; None when they make no such picture."""
    if figures is None or figures.get("kind") != "accuracy":
        return None
    try:
        number = {key: _finite(figures[key]) for key in ("accuracy", "low", "high", "line", "mean", "sd", "chance")}
        trainings = [_finite(value) for value in list_in(figures["reference"])]
        runs = _runs(figures.get("runs"))
    except (KeyError, TypeError, ValueError):
        return None
    sd = max(number["sd"], 1e-3)
    first = max(0.0, min(number["chance"], number["low"], number["mean"] - 4 * sd, *(one["low"] for one in runs)) - 0.02)
    last = min(1.0, max(number["high"], number["mean"] + 4 * sd, *(one["high"] for one in runs)) + 0.02)

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
        passed=number["accuracy"] >= number["line"] - 1e-6,
        runs=_drawn(runs, place),
    )


def _drawn(runs: Sequence[Mapping[str, float]], place: Callable[[float], float]) -> tuple[RunPoint, ...]:
    """Return the runs, each on a line of its own above the work's."""
    return tuple(
        RunPoint(
            number=int(one["run"]),
            accuracy=one["accuracy"],
            place=place(one["accuracy"]),
            low=place(one["low"]),
            high=place(one["high"]),
            height=round(_WORK - min(_APART, _ROOM / len(runs)) * (len(runs) - index), 1),
        )
        for index, one in enumerate(runs)
    )


def _runs(listed: Json) -> list[dict[str, float]]:
    """Return every run of a work that was run more than once."""
    if not isinstance(listed, list) or len(listed) < 2:
        return []
    rows = [row if isinstance(row, dict) else {} for row in listed]
    return [{key: _finite(row[key]) for key in ("run", "accuracy", "low", "high")} for row in rows]


def _finite(value: Json) -> float:
    number = number_in(value)
    if number is None:
        raise ValueError(value)
    return number
