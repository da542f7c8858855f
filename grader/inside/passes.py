"""Forward passes of one model, grouped by role, mode, graph and data."""

from dataclasses import dataclass, field
from typing import Any

import torch

from .curves import Means
from .losses import hits
from .readings import Reading

MOST_GROUPS, _MANY, _FEW_POINTS = 64, 8, 32
BEFORE, DURING, AFTER = "before", "during", "after"


@dataclass(slots=True, kw_only=True, eq=False)
class Forward:
    """One call of the model. `output` carries no graph; `loss` and `hits` are of the batch, None until they are seen."""

    train_mode: bool
    grad: bool
    rows: int
    cell: int
    reading: Reading | None
    source: int | None
    output: torch.Tensor | None
    target: torch.Tensor | None
    length: int | None = None
    moved: bool = False
    loss: Any = None
    hits: Any = None

    @property
    def loader(self) -> int | None:
        """The id of the loader that was read."""
        return self.reading.loader.id if self.reading is not None and self.reading.loader is not None else None

    def count_hits(self, *, sigmoid_inside: bool) -> None:
        """Compare the output with the batch's own target, if no loss function has shown another."""
        if self.hits is None and self.output is not None and self.target is not None:
            self.hits = hits(self.output, self.target, sigmoid_inside=sigmoid_inside)
        self.output = self.target = None


@dataclass(slots=True, kw_only=True)
class Group:
    """Passes of one kind."""

    count: int = 0
    batches: int = 0
    rows: int = 0
    cells: list[int] = field(default_factory=list)
    epochs: list[int] = field(default_factory=list)
    loss: Means = field(default_factory=Means)
    accuracy: Means = field(default_factory=Means)
    moved: bool = False
    current: Any = None

    def add(self, forward: Forward, epoch: int) -> None:
        """Add one call."""
        now = (forward.reading if forward.reading is not None else epoch, forward.cell)
        if self.current != now:
            self.count, self.current = self.count + 1, now
        self.batches += 1
        self.rows += forward.rows
        self.moved = self.moved or forward.moved
        for places, place in ((self.cells, forward.cell), (self.epochs, epoch)):
            if not places:
                places += [place, place]
            places[:] = [min(places[0], place), max(places[1], place)]
        if forward.loss is not None:
            self.loss.add(epoch, forward.loss)
        if forward.hits is not None and forward.rows:
            self.accuracy.add(epoch, forward.hits, forward.rows)

    def join(self, other: "Group") -> None:
        """Take in the later passes `other`."""
        self.count, self.batches, self.rows = self.count + other.count, self.batches + other.batches, self.rows + other.rows
        self.cells = [min(self.cells[0], other.cells[0]), max(self.cells[1], other.cells[1])]
        self.epochs = [min(self.epochs[0], other.epochs[0]), max(self.epochs[1], other.epochs[1])]
        self.moved = self.moved or other.moved
        self.loss.join(other.loss)
        self.accuracy.join(other.accuracy)

    def told(self, most: int) -> dict[str, Any]:
        """Return plain data, curves of at most so many points."""
        return {
            "count": self.count, "batches": self.batches, "rows": self.rows, "first_cell": self.cells[0], "last_cell": self.cells[1],
            "first_epoch": self.epochs[0], "last_epoch": self.epochs[1], "loss": self.loss.told(most), "accuracy": self.accuracy.told(most),
            "statistics_moved": self.moved,
        }  # fmt: skip


Key = tuple[str, str, bool, bool, int | None, int | None]


class PassBook:
    """The passes of one run."""

    def __init__(self) -> None:
        self._groups: dict[Key, Group] = {}

    def add(self, forward: Forward, role: str, when: str, epoch: int) -> None:
        """Add one call of the model."""
        key = (role, when, forward.train_mode, forward.grad, forward.source, forward.loader)
        group = self._groups.get(key)
        if group is None:
            if len(self._groups) >= MOST_GROUPS:
                return
            group = self._groups[key] = Group()
        group.add(forward, epoch)

    def go_on(self) -> None:
        """Training went on after all: what came after it came in between."""
        for key in [key for key in self._groups if key[1] == AFTER]:
            self._move(key, (key[0], DURING, *key[2:]))

    def told(self, sources: Any, most: int) -> list[dict[str, Any]]:
        """Return plain data, curves of at most so many points; sources that turned out to be one are one."""
        for key in list(self._groups):
            found = sources.id_of(key[4])
            if found != key[4]:
                self._move(key, (*key[:4], found, key[5]))
        return [
            {"role": role, "when": when, "train_mode": train_mode, "grad": grad, "source": source, "loader": loader, **group.told(most if len(self._groups) <= _MANY else _FEW_POINTS)}
            for (role, when, train_mode, grad, source, loader), group in self._groups.items()
        ]

    def _move(self, old: Key, new: Key) -> None:
        group = self._groups.pop(old)
        if new in self._groups:
            self._groups[new].join(group)
        else:
            self._groups[new] = group
