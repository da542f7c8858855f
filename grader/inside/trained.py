"""One optimised module: what training left of it, how it was fed, and whether it changed afterwards."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from .hooks import Hook

Fed = NDArray[np.generic]

_ROWS = 16
_MOST_BYTES = 16 << 20


@dataclass(slots=True, kw_only=True)
class Trained:
    """What is known of one optimised module.

    `state` holds clones of its parameters and buffers as training left them: after its last optimiser step, or after the weights
    that `load_state_dict` put back then. `lr` is the rate its last optimiser began with. `fed_train` and `fed_eval` hold at most 16
    rows of the first input it was seen to take in either mode. `changed_in_cell` is the first cell in which its live parameters came
    to differ from `state` without a step. `module` is None (and `state` empty) when it had to be let go for memory.
    """

    module: nn.Module | None
    kind: str
    parameters: int
    optimizer: str = ""
    lr: float | None = None
    steps: int = 0
    cell: int = -1
    order: int = 0
    restored: bool = False
    dirty: bool = False
    changed_in_cell: int | None = None
    state: dict[str, torch.Tensor] = field(default_factory=dict)
    fed_train: Fed | None = None
    fed_eval: Fed | None = None

    @property
    def bytes_held(self) -> int:
        """Bytes of the copy."""
        return sum(tensor.nbytes for tensor in self.state.values())

    def take_snapshot(self) -> None:
        """Copy parameters and buffers into `state`, in place where they fit."""
        if self.module is None:
            return
        kept: dict[str, torch.Tensor] = {}
        # Student code may switch to eval inside inference_mode, whose tensors nothing could be copied into later.
        with torch.inference_mode(False), torch.no_grad():
            for name, tensor in tensors_of(self.module):
                live, old = tensor.detach(), self.state.get(name)
                if old is not None and old.shape == live.shape and old.dtype == live.dtype and old.device == live.device:
                    kept[name] = old.copy_(live)
                else:
                    kept[name] = live.clone()
        self.state, self.dirty, self.changed_in_cell = kept, False, None

    def has_changed(self) -> bool:
        """Tell whether the live parameters differ from the snapshot; NaN is no difference from NaN."""
        if self.module is None or not self.state:
            return False
        for name, parameter in self.module.named_parameters(remove_duplicate=False):
            old, live = self.state.get(name), parameter.detach()
            if old is None or old.shape != live.shape or old.device != live.device:
                return True
            if not torch.equal(old, live) and not torch.allclose(old, live, rtol=0, atol=0, equal_nan=True):
                return True
        return False

    def note_input(self, arguments: tuple[Any, ...]) -> None:
        """Keep a few rows of the first tensor among `arguments`, once per mode."""
        if self.module is None:
            return
        training = self.module.training
        if (self.fed_train if training else self.fed_eval) is None:
            rows = _rows_of(arguments)
            if training:
                self.fed_train = rows
            else:
                self.fed_eval = rows

    def let_go(self) -> None:
        """Free the module and its copy."""
        self.module, self.state = None, {}


class Feed(Hook):
    """A forward pre-hook that notes how one module is fed and takes itself off when nothing is left to note."""

    def __init__(self, trained: Trained) -> None:
        self._trained = trained
        self._handle: Any = None

    def attach(self) -> None:
        """Begin to watch, if there is still something to note."""
        module = self._trained.module
        if module is not None and self._handle is None and not self._complete:
            self._handle = module.register_forward_pre_hook(self)

    def detach(self) -> None:
        """Stop watching."""
        if self._handle is not None:
            self._handle.remove()
            self._handle = None

    def let_go_of(self, trained: Trained) -> bool:
        """Stop watching if this is the feed of `trained`, and tell whether it is."""
        if self._trained is trained:
            self.detach()
        return self._trained is trained

    def __call__(self, module: nn.Module, arguments: tuple[Any, ...]) -> None:
        """Note the input of the watched module."""
        if not torch.compiler.is_compiling() and module is self._trained.module:
            # An input that cannot be kept must not break the student's call.
            with contextlib.suppress(Exception):
                self._trained.note_input(arguments)
            if self._complete:
                self.detach()

    @property
    def _complete(self) -> bool:
        return self._trained.fed_train is not None and self._trained.fed_eval is not None


class Modules(Protocol):
    """Who knows the modules: finds the one that holds the parameters of these ids, keeps its snapshots, and hears of steps without an optimiser."""

    def find(self, wanted: set[int]) -> nn.Module | None:
        """Return the outermost module that holds these parameters, or None."""

    def meet(self, module: nn.Module) -> Trained:
        """Return what is known of a module."""

    def stepped(self, trained: Trained) -> None:
        """Note a step."""


def tensors_of(module: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield every parameter and buffer of `module` by name, those that no state_dict stores included."""
    return chain(module.named_parameters(remove_duplicate=False), module.named_buffers(remove_duplicate=False))


def _rows_of(arguments: tuple[Any, ...]) -> Fed | None:
    batch = next((value for value in arguments if isinstance(value, torch.Tensor) and value.ndim > 0 and len(value)), None)
    if batch is None:
        return None
    rows = max(1, min(_ROWS, _MOST_BYTES // max(1, batch[0].nbytes)))
    kept = batch[:rows].detach().cpu()
    if kept.dtype == torch.bfloat16:
        kept = kept.float()
    return np.array(kept.numpy(), copy=True)
