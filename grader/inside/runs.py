"""One training run: its steps, epochs, rates, losses and gradients, as they are told."""

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import torch

from .curves import Curve, number, setting
from .digests import weights_digest
from .losses import INSIDE, LossUse
from .passes import AFTER, BEFORE, DURING, Forward, PassBook

_MOST_STATES, _MOST_GROUPS, _MOST_SIZES, _MOST_TOLD_SIZES = 2048, 16, 256, 16
_MOST_NORMS, _DEAR = 64, 20_000_000


@dataclass(slots=True, kw_only=True, eq=False)
class Run:
    """Everything counted of one run. `begin` it at its first step; before that it only collects."""

    id: int
    kind: str = "module"
    first_cell: int = -1
    last_cell: int = -1
    began: float = 0.0
    ended: float = 0.0
    steps: int = 0
    backwards: int = 0
    continues: int | None = None
    model: dict[str, Any] = field(default_factory=dict)
    optimizer: dict[str, Any] | None = None
    lr: Curve = field(default_factory=Curve)
    rate: float | None = None
    schedulers: list[dict[str, Any]] = field(default_factory=list)
    loss: LossUse = field(default_factory=LossUse)
    sizes: Counter[int] = field(default_factory=Counter)
    epoch: int = -1
    cut: str = "none"
    in_epoch: int = 0
    rows_in_epoch: int = 0
    reading: Any = None
    evaluating: Any = None
    source: int | None = None
    evaluated: bool = False
    per_epoch: Curve = field(default_factory=Curve)
    losses: Curve = field(default_factory=Curve)
    norms: list[tuple[int, float]] = field(default_factory=list)
    norm_every: int = 1
    accumulated: int = 0
    clipping: dict[str, dict[str, Any]] = field(default_factory=dict)
    restored: dict[str, Any] | None = None
    book: PassBook = field(default_factory=PassBook)
    mode_was_restored: bool | None = None
    saw_train_mode: bool = False
    awaits_train_mode: bool = False
    start: dict[str, str] = field(default_factory=dict)
    start_digest: str = ""
    end_digest: str = ""
    states: dict[str, int] = field(default_factory=dict)
    kept: bool = False

    def begin(self, cell: int, tensors: Iterable[tuple[str, torch.Tensor]], initial: str) -> None:
        """Note where the run begins and with which weights; `initial` is their digest where it was taken before, else empty."""
        named = list(tensors)
        self.first_cell = self.last_cell = cell
        self.began = self.ended = time.perf_counter()
        self.start = {name: weights_digest([tensor]) for name, tensor in named}
        self.start_digest = initial or weights_digest(tensor for _, tensor in named)

    def note_optimizer(self, optimizer: Any) -> None:
        """Note class and hyper-parameters."""
        groups = [
            {
                "parameters": sum(parameter.numel() for parameter in group["params"]),
                "settings": {str(name): setting(value) for name, value in list(group.items())[:64] if name not in {"params", "param_names"}},
            }
            for group in optimizer.param_groups[:_MOST_GROUPS]
        ]
        self.optimizer = {"class_name": type(optimizer).__name__, "groups": groups}

    def note_rate(self, optimizer: Any) -> None:
        """Note the first group's learning rate where it changed."""
        rate = optimizer.param_groups[0].get("lr")
        if rate is not None and rate != self.rate:
            self.rate = float(rate)
            self.lr.add(self.steps, self.rate)

    def note_norm(self, optimizer: Any) -> None:
        """Note the norm of all gradients, at a sample of steps."""
        if self.steps % self.norm_every:
            return
        gradients = [parameter.grad for group in optimizer.param_groups for parameter in group["params"] if parameter.grad is not None]
        if self.steps >= 4 and sum(gradient.numel() for gradient in gradients) > _DEAR:
            return
        total = sum(float(gradient.detach().float().norm()) ** 2 for gradient in gradients) ** 0.5
        self.norms.append((self.steps, total))
        if len(self.norms) > _MOST_NORMS:
            self.norm_every *= 2
            self.norms = [norm for norm in self.norms if norm[0] % self.norm_every == 0]

    def take_backward(self, value: Any, forwards: list[Forward]) -> None:
        """Commit one backward and the passes that it followed."""
        if value is not None:
            self.losses.add(self.backwards, value)
        self.backwards += 1
        for forward in forwards:
            self._cut(forward)
            if self.sizes[forward.rows] or len(self.sizes) < _MOST_SIZES:
                self.sizes[forward.rows] += 1
            if len(forwards) == 1 and value is not None:
                forward.loss = value
            self._watch_mode(forward)
            self.book.add(forward, "training", DURING, self.epoch)

    def stepped(self, cell: int) -> None:
        """Count one step."""
        if cell != self.last_cell:
            self.book.go_on()
            self.last_cell = cell
        self.epoch = max(self.epoch, 0)
        self.steps += 1
        self.in_epoch += 1
        self.restored = None
        self.ended = time.perf_counter()

    def take_evaluation(self, forward: Forward) -> None:
        """Take a pass that no backward followed."""
        if forward.loss is None:  # no loss function has told what its outputs are
            forward.sigmoid_inside = self.loss.function == INSIDE
        when = BEFORE if not self.steps else AFTER if forward.cell > self.last_cell else DURING
        if when == DURING and not forward.train_mode and self.saw_train_mode:
            self.awaits_train_mode = True
        self.evaluated = True
        self.book.add(forward, "evaluation", when, max(self.epoch, 0))

    def clip(self, kind: str, limit: float, *, in_force: bool, late: bool) -> None:
        """Count one clipping of the gradients; of several limits of a kind, the last is told."""
        told = self.clipping.setdefault(kind, {"kind": kind, "limit": limit, "calls": 0, "in_force": 0, "late": 0})
        told["limit"] = number(limit)
        told["calls"] += 1
        told["in_force"] += in_force
        told["late"] += late

    def note_state(self, digest: str) -> None:
        """Remember the weights of the end of an epoch."""
        if len(self.states) < _MOST_STATES:
            self.states[digest] = max(self.epoch, 0)

    def told(self, sources: Any, most: int) -> dict[str, Any]:
        """Return plain data, curves of at most so many points, without the weights' name."""
        self._close_epoch()
        optimizer = {**self.optimizer, "lr": self.lr.told(most)} if self.optimizer is not None else None
        return {
            "id": self.id, "kind": self.kind, "first_cell": self.first_cell, "last_cell": self.last_cell,
            "seconds": round(self.ended - self.began, 3), "steps": self.steps, "backwards": self.backwards, "continues": self.continues,
            "model": self.model, "optimizer": optimizer, "schedulers": self.schedulers,
            "loss": self.loss.told() if self.backwards else None,
            "batch_sizes": [list(item) for item in self.sizes.most_common(_MOST_TOLD_SIZES)],
            "epochs": self.epoch + 1, "epochs_cut": self.cut, "steps_per_epoch": self.per_epoch.told(most),
            "losses": self.losses.told(most), "gradient_norms": [[step, number(norm)] for step, norm in self.norms],
            "accumulated_steps": self.accumulated, "clipping": list(self.clipping.values()), "restored": self.restored,
            "passes": self.book.told(sources, most), "changed": self.end_digest != self.start_digest if self.end_digest else None,
            "train_mode_restored": self.mode_was_restored,
        }  # fmt: skip

    def _watch_mode(self, forward: Forward) -> None:
        self.saw_train_mode = self.saw_train_mode or forward.train_mode
        if self.awaits_train_mode:
            self.awaits_train_mode = False
            self.mode_was_restored = forward.train_mode and self.mode_was_restored is not False

    def _cut(self, forward: Forward) -> None:
        """Begin a new epoch where this training pass is the first of one."""
        cut = self.cut_by(forward)
        self.cut = cut or self.cut
        if self.epoch < 0 or (cut and self.sizes):  # a module without an optimiser is seen from its second pass on
            self._close_epoch()
            self.epoch += 1
            self.in_epoch = self.rows_in_epoch = 0
        self.reading, self.source, self.evaluated = forward.reading, forward.source, False
        self.rows_in_epoch += forward.rows

    def cut_by(self, forward: Forward) -> str:
        """Return what makes this pass the first of an epoch, or nothing."""
        if forward.reading is not None or self.reading is not None:
            return "loader" if forward.reading is not self.reading else ""
        if forward.length and forward.source == self.source:
            by = "full_batch" if forward.length == forward.rows else "rows"
            return by if self.rows_in_epoch + forward.rows > forward.length else ""
        return "evaluation" if self.evaluated else ""

    def _close_epoch(self) -> None:
        if self.in_epoch:
            self.per_epoch.add(self.epoch, self.in_epoch)
