"""Whether weights look as a layer is made, before any training: a fact for a talk with the student, not a proof."""

import math
from collections.abc import Mapping

import torch
from torch import nn

_LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
# How far the standard deviation of so many uniform numbers may be from the one that is due.
_CLOSE, _ENOUGH = 0.1, 100


def untouched(module: nn.Module, state: Mapping[str, torch.Tensor], *, fresh: bool) -> str:
    """Return "equal" when `state` is what the live module was made with, "initial" when it looks drawn and not trained, else nothing.

    `fresh` says that nothing was ever loaded into the live module. Drawn is what keeps, in every linear and convolutional layer, to the range
    and the deviation that PyTorch draws with (uniform within 1/sqrt of the fan-in).
    """
    own = dict(module.named_parameters(remove_duplicate=False))
    if fresh and own and all(name in state and torch.equal(value.detach(), state[name]) for name, value in own.items()):
        return "equal"
    layers = [(name, part) for name, part in module.named_modules() if isinstance(part, _LAYERS)]
    weights = [state.get(f"{name}.weight" if name else "weight") for name, _ in layers]
    drawn = [weight is not None and _as_drawn(weight) for weight in weights]
    return "initial" if drawn and all(drawn) else ""


def _as_drawn(weight: torch.Tensor) -> bool:
    if weight.numel() < _ENOUGH:
        # Too few to tell their deviation; the range alone still has to hold.
        return _within(weight)
    due = _bound(weight) / math.sqrt(3)
    return _within(weight) and abs(float(weight.std()) / due - 1) < _CLOSE


def _within(weight: torch.Tensor) -> bool:
    return bool(weight.abs().max() <= _bound(weight) * (1 + 1e-5))


def _bound(weight: torch.Tensor) -> float:
    return 1 / math.sqrt(max(1, weight[0].numel()))
