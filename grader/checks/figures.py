"""The figures that a run showed, as its own process describes them (reported)."""

from dataclasses import dataclass

from grader.checks.plain import read_all
from grader.evidence import Evidence

Range = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Axes:
    """One pair of axes: what is written on it, how much is drawn in it, and the range of the finite data (None: no numbers).

    `points` counts the vertices of lines and the markers of scatters; `images` have their shapes, (h, w) or (h, w, channels).
    """

    title: str = ""
    xlabel: str = ""
    ylabel: str = ""
    legend: tuple[str, ...] = ()
    lines: int = 0
    scatters: int = 0
    points: int = 0
    bars: int = 0
    images: tuple[tuple[int, ...], ...] = ()
    others: int = 0
    x: Range | None = None
    y: Range | None = None
    empty: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A matplotlib figure that was displayed below the cell `cell` (0-based over all cells); `empty`: nothing is drawn in any of its axes."""

    cell: int
    title: str = ""
    axes: tuple[Axes, ...] = ()
    empty: bool = True


def figures_of(evidence: Evidence) -> tuple[Figure, ...]:
    """Return the displayed figures in order; raises MissingRecord when the run ended before they were written."""
    return read_all(Figure, evidence.record("figures"))
