"""Whether gradients were zeroed between steps, and what clipping found in them."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch.nn.utils import clip_grad

from .hooks import Patches

if TYPE_CHECKING:
    from .subjects import Subject

_CHECKED_EACH, _THEN_EVERY, _OF_GRADIENT = 64, 32, 4096


class Gradients:
    """Whether gradients were zeroed after a step, told from one parameter of the last layer."""

    def __init__(self) -> None:
        self.stepped = self.stale = self._forgotten = False
        self._checks = 0

    def begin(self) -> None:
        """Look closely again: another training begins, which may do better."""
        self._checks = 0

    def look(self, parameter: torch.Tensor | None) -> None:
        """Look, before a backward, for what an earlier step has used already."""
        if not self.stepped or parameter is None:
            return
        self.stepped = False
        gradient = parameter.grad
        if gradient is None:
            self.stale = False
            return
        self._checks += 1
        # Afterwards only now and then: a loop that forgets it forgets it each time, so the last answer stands until the next look.
        if self._checks <= _CHECKED_EACH or self._checks % _THEN_EVERY == 0:
            self._forgotten = is_nonzero(gradient)
        self.stale = self._forgotten


def is_nonzero(gradient: torch.Tensor) -> bool:
    """Tell whether a gradient holds anything but zeros, from its first numbers."""
    part = gradient.detach().reshape(-1)[:_OF_GRADIENT]
    return bool(np.any(part.numpy())) if part.device.type == "cpu" and part.layout == torch.strided else bool((part != 0).any())


class Clipping:
    """Watches torch's own functions that clip gradients. `subjects` are all that may be clipped, `last` the one that stepped last."""

    def __init__(self, subjects: Callable[[], Iterable["Subject"]], last: Callable[[], "Subject | None"]) -> None:
        self._subjects, self._last = subjects, last

    def install(self, patches: Patches) -> None:
        """Begin to watch."""
        for owner in (nn.utils, clip_grad):
            patches.after(owner, "clip_grad_norm_", self._norm)
            patches.after(owner, "clip_grad_value_", self._value)

    def _norm(self, result: Any, arguments: tuple[Any, ...], options: Mapping[str, Any]) -> None:
        limit = float(options["max_norm"] if "max_norm" in options else arguments[1])
        self._clipped("norm", limit, lambda _: float(result) > limit)

    def _value(self, _result: Any, arguments: tuple[Any, ...], options: Mapping[str, Any]) -> None:
        limit = float(options["clip_value"] if "clip_value" in options else arguments[1])
        # What was clipped ends at the limit.
        self._clipped("value", limit, lambda gradients: any(float(gradient.abs().max()) >= limit for gradient in gradients if gradient.numel()))

    def _clipped(self, kind: str, limit: float, in_force: Callable[[list[torch.Tensor]], bool]) -> None:
        waiting = next((subject for subject in self._subjects() if subject.buffer), None)
        subject = waiting if waiting is not None else self._last()
        if subject is not None:
            gradients = [tensor.grad for _, tensor in subject.tensors() if tensor.grad is not None] if kind == "value" else []
            subject.clipped(kind, limit, in_force=in_force(gradients), late=waiting is None)
