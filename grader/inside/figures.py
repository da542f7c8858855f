"""Describes the matplotlib figures that a notebook shows: titles, labels, how much is drawn, and in which range."""

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .curves import number
from .hooks import Patches

_MOST_FIGURES, _MOST_AXES, _MOST_ITEMS, _LONGEST = 128, 64, 256, 200


class Figures:
    """The figures displayed so far, in order. Figures that are saved or drawn and not displayed are not among them."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self._cell = -1
        self._last: tuple[int, int] = (-1, 0)

    def install(self, patches: Patches) -> None:
        """Begin to watch."""
        from IPython.core import pylabtools

        # Every figure that is displayed is rendered by this function, once for each format.
        patches.after(pylabtools, "print_figure", lambda _, arguments, __: self._shown(arguments[0]))

    def cell_started(self, index: int) -> None:
        """Tell that a cell is about to run."""
        self._cell = index

    def _shown(self, figure: Any) -> None:
        if self._last == (self._cell, id(figure)) or len(self.told) >= _MOST_FIGURES:
            return
        self._last = (self._cell, id(figure))
        axes = [described(axis) for axis in figure.axes[:_MOST_AXES]]
        title = figure.get_suptitle() if hasattr(figure, "get_suptitle") else ""
        self.told.append({"cell": self._cell, "title": _text(title), "axes": axes, "empty": all(axis["empty"] for axis in axes)})


def described(axes: Any) -> dict[str, Any]:
    """Return plain facts of one pair of axes."""
    lines = [np.asarray(line.get_xydata(), dtype=np.float64) for line in axes.lines[:_MOST_ITEMS]]
    markers = [collection for collection in axes.collections[:_MOST_ITEMS] if type(collection).__name__.startswith("Path")]
    scattered = [np.ma.getdata(collection.get_offsets()).astype(np.float64) for collection in markers]
    bars = [patch for container in axes.containers[:_MOST_ITEMS] for patch in getattr(container, "patches", ())]
    corners = [np.array([[bar.get_x(), 0.0], [bar.get_x() + bar.get_width(), bar.get_height()]]) for bar in bars[:_MOST_ITEMS]]
    images = [list(np.shape(image.get_array())) for image in axes.images[:_MOST_ITEMS]]
    others = len(axes.collections) - len(markers) + (len(axes.patches) if not bars else 0)
    numbers = [points for points in (*lines, *scattered, *corners) if points.ndim == 2 and points.shape[1] == 2 and len(points)]
    together = np.concatenate(numbers) if numbers else np.empty((0, 2))
    drawn = bool(np.isfinite(together).all(axis=1).any()) or any(np.prod(shape) > 0 for shape in images) or others > 0
    return {
        "title": _title(axes), "xlabel": _text(axes.get_xlabel()), "ylabel": _text(axes.get_ylabel()), "legend": list(_legend(axes)),
        "lines": len(axes.lines), "scatters": len(markers), "points": sum(map(len, (*lines, *scattered))), "bars": len(bars),
        "images": images, "others": others, "x": _range(together[:, 0]), "y": _range(together[:, 1]), "empty": not drawn,
    }  # fmt: skip


def _title(axes: Any) -> str:
    titles = (axes.get_title(loc) for loc in ("center", "left", "right"))
    return next((_text(title) for title in titles if title), "")


def _legend(axes: Any) -> Iterator[str]:
    legend = axes.get_legend()
    with contextlib.suppress(Exception):
        if legend is not None:
            yield from (_text(text.get_text()) for text in legend.get_texts()[:_MOST_ITEMS])


def _range(values: NDArray[np.float64]) -> list[Any] | None:
    finite = values[np.isfinite(values)]
    return [number(finite.min()), number(finite.max())] if finite.size else None


def _text(value: object) -> str:
    return str(value)[:_LONGEST]
