"""Forward passes of one model, grouped by role, mode, graph and data."""

import contextlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from .curves import Means
from .losses import LossCall, hits
from .readings import Reading

_MOST_GROUPS, _MANY, _FEW_POINTS = 64, 8, 32
_MOST_WAITING, _MUCH = 32, 1 << 16
BEFORE, DURING, AFTER = "before", "during", "after"


@dataclass(slots=True, kw_only=True, eq=False)
class Forward:
    """One call of the model. `output` (without a graph) is held against `target`: those of the loss function, else the model's and the loader's.

    `node` is the number of the operation that made the model's output, `passed_over` tells that a backward came from other passes.
    """

    train_mode: bool
    grad: bool
    rows: int
    cell: int
    reading: Reading | None
    source: int | None
    output: torch.Tensor | None = None
    target: torch.Tensor | None = None
    versions: int = 0
    node: int | None = None
    passed_over: bool = False
    length: int | None = None
    moved: bool = False
    loss: Any = None
    sigmoid_inside: bool = False

    @property
    def loader(self) -> int | None:
        """The id of the loader that was read."""
        return self.reading.loader.id if self.reading is not None and self.reading.loader is not None else None

    def compare(self, output: torch.Tensor, target: Any, *, sigmoid_inside: bool = False) -> None:
        """Note what is to be held against what, if classes can be told from it; pictures would only cost memory."""
        self.output = self.target = None
        if output.ndim <= 2 and isinstance(target, torch.Tensor):
            self.output = output.detach() if output.requires_grad else output
            self.target = target.detach() if target.requires_grad else target
            self.sigmoid_inside = sigmoid_inside
            self.versions = _versions(output, target)


@dataclass(slots=True, kw_only=True)
class Backward:
    """One backward that waits for a step: its value, what it followed, the loss function that was called last, and what made the tensor."""

    value: Any
    forwards: list[Forward]
    call: LossCall | None
    operation: str = ""


@dataclass(slots=True, kw_only=True)
class Group:
    """Passes of one kind."""

    count: int = 0
    batches: int = 0
    rows: int = 0
    first_cell: int = -1
    last_cell: int = -1
    first_epoch: int = -1
    last_epoch: int = -1
    loss: Means = field(default_factory=Means)
    accuracy: Means = field(default_factory=Means)
    moved: bool = False
    reading: Any = None
    waiting: list[tuple[torch.Tensor, torch.Tensor, bool, int]] = field(default_factory=list)
    waiting_epoch: int = -1

    def add(self, forward: Forward, epoch: int) -> None:
        """Add one call."""
        reading = forward.reading if forward.reading is not None else epoch
        if self.last_cell != forward.cell or (self.reading is not reading and self.reading != reading):
            self.count, self.reading = self.count + 1, reading
            self._widen(forward.cell, epoch)
        elif epoch > self.last_epoch:
            self.last_epoch = epoch
        self.batches += 1
        self.rows += forward.rows
        self.moved = self.moved or forward.moved
        if forward.loss is not None:
            self.loss.add(epoch, forward.loss)
        if forward.output is not None and forward.target is not None:
            if epoch != self.waiting_epoch or len(self.waiting) >= _MOST_WAITING:
                self.count_hits()
            self.waiting_epoch = epoch
            self.waiting.append((forward.output, forward.target, forward.sigmoid_inside, forward.versions))
            if forward.output.numel() > _MUCH:
                self.count_hits()

    def _widen(self, cell: int, epoch: int) -> None:
        if not self.batches:
            self.first_cell, self.first_epoch = cell, epoch
        self.first_cell, self.last_cell = min(self.first_cell, cell), max(self.last_cell, cell)
        self.first_epoch, self.last_epoch = min(self.first_epoch, epoch), max(self.last_epoch, epoch)

    def count_hits(self) -> None:
        """Hold the outputs that wait against their targets, if both are as they were: many batches at once, as that costs little more than one."""
        waiting = [(output, target, inside) for output, target, inside, versions in self.waiting if _versions(output, target) == versions]
        self.waiting = []
        kinds = {(output.shape[1:], target.shape[1:], output.dtype, target.dtype, inside) for output, target, inside in waiting}
        if len(kinds) == 1:
            outputs, targets, insides = zip(*waiting, strict=True)
            waiting = [(torch.cat(outputs), torch.cat(targets), insides[0])]
        for output, target, inside in waiting:
            with contextlib.suppress(Exception):
                found = hits(output, target, sigmoid_inside=inside)
                if found is not None:
                    self.accuracy.add(self.waiting_epoch, found, len(output))

    def join(self, other: "Group") -> None:
        """Take in the later passes `other`."""
        self.count_hits()
        other.count_hits()
        self.count, self.batches, self.rows = self.count + other.count, self.batches + other.batches, self.rows + other.rows
        self.first_cell, self.last_cell = min(self.first_cell, other.first_cell), max(self.last_cell, other.last_cell)
        self.first_epoch, self.last_epoch = min(self.first_epoch, other.first_epoch), max(self.last_epoch, other.last_epoch)
        self.moved = self.moved or other.moved
        self.loss.join(other.loss)
        self.accuracy.join(other.accuracy)

    def told(self, most: int) -> dict[str, Any]:
        """Return plain data, curves of at most so many points."""
        self.count_hits()
        return {
            "count": self.count, "batches": self.batches, "rows": self.rows, "first_cell": self.first_cell, "last_cell": self.last_cell,
            "first_epoch": self.first_epoch, "last_epoch": self.last_epoch, "loss": self.loss.told(most), "accuracy": self.accuracy.told(most),
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
            if len(self._groups) >= _MOST_GROUPS:
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


def led_to(pending: Sequence[Forward], reached: Collection[int] | None) -> list[Forward]:
    """Return the passes that led to a backward. `reached` are the numbers of the operations in its graph; None: all pending passes are alike."""
    if len(pending) < 2:
        return list(pending)
    if reached is not None:
        return [forward for forward in pending if forward.node in reached] or list(pending[-1:])
    return [forward for forward in pending if _together(forward, pending[-1])]


def _together(forward: Forward, last: Forward) -> bool:
    """Whether a pass belongs to the backward that follows the `last` one: a pass over a loader that has ended does not."""
    if forward is last:
        return True
    if not forward.grad:
        return False
    if forward.reading is not None:
        return not forward.reading.ended
    return last.reading is None and forward.source == last.source


def _versions(output: torch.Tensor, target: torch.Tensor) -> int:
    """Return what every change in place raises; those of inference tensors nobody counts."""
    return (0 if output.is_inference() else output._version) + (0 if target.is_inference() else target._version)  # noqa: SLF001
