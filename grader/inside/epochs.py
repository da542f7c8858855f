"""Stretches of a notebook during which some names kept their bindings: a later part may take the names of an earlier one."""

import types
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

_MOST_BYTES = 4 << 20
_ITEMS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """Cells `first_cell` to `last_cell`, and a shallow copy of the namespace at their end (large data left out)."""

    first_cell: int
    last_cell: int
    names: Mapping[str, Any]


class Epochs:
    """Cuts the namespace into epochs at each new binding of a watched name. Call `note` at the end of each cell and at a cut."""

    def __init__(self, namespace: Mapping[str, Any], watch: Collection[str]) -> None:
        self._namespace, self._watch = namespace, tuple(watch)
        self._bindings: tuple[Any, ...] = ()
        self._cell = -1
        self.epochs: list[Epoch] = []

    def cell_started(self, index: int) -> None:
        """Tell that the cell `index` is about to run."""
        self._cell = index

    def note(self) -> None:
        """Take the namespace as it is now for the end of an epoch, new or still the same."""
        bindings = tuple(self._namespace.get(name) for name in self._watch)
        same = bool(self.epochs) and all(old is new for old, new in zip(self._bindings, bindings, strict=True))
        first = self.epochs.pop().first_cell if same else self._cell
        self._bindings = bindings
        self.epochs.append(Epoch(first_cell=first, last_cell=self._cell, names=small_copy(self._namespace)))


def small_copy(namespace: Mapping[str, Any]) -> dict[str, Any]:
    """Return a shallow copy of a namespace without IPython's own names and without what would keep much memory alive."""
    return {name: value for name, value in list(namespace.items()) if not name.startswith("_") and _is_small(value)}


def _is_small(value: Any) -> bool:
    try:
        return _fits(value)
    except Exception:  # an object may answer for its own class, and badly
        return False


def _fits(value: Any, depth: int = 2) -> bool:
    if isinstance(value, types.FunctionType | types.ModuleType | type):
        return True
    if isinstance(value, dict | list | tuple | set):
        items = value.values() if isinstance(value, dict) else value
        return depth > 0 and len(value) <= _ITEMS and all(_fits(item, depth - 1) for item in items)
    if isinstance(value, str | bytes):
        return len(value) <= _MOST_BYTES
    return int(getattr(value, "nbytes", 0)) <= _MOST_BYTES
