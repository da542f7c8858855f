"""Questions about trained modules that every probe asks: which one counts, what it is, what it gives for these inputs."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.func import functional_call

from .trained import Trained

_BATCH = 256


def takes(trained: Trained, numbers: int) -> bool:
    """Tell whether the module is still held and was fed examples of so many numbers each."""
    fed = _fed(trained)
    return trained.module is not None and fed is not None and int(np.prod(fed.shape[1:])) == numbers


def choose(trained: Sequence[Trained], namespace: Mapping[str, Any], names: Sequence[str], numbers: int) -> int | None:
    """Return the place of the module that counts among those fed `numbers` per example: bound to the first of `names`, else the last."""
    usable = [index for index, item in enumerate(trained) if takes(item, numbers)]
    for name in names:
        for index in usable:
            if namespace.get(name) is trained[index].module:
                return index
    return usable[-1] if usable else None


def described(trained: Trained, namespace: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Return plain facts of a trained module; `name` is what the namespace calls it, one of `names` first, or empty."""
    fed = _fed(trained)
    bound = [name for name, value in namespace.items() if value is trained.module and not name.startswith("_")]
    preferred = next((name for name in names if name in bound), bound[0] if bound else "")
    return {
        "class": trained.kind,
        "parameters": trained.parameters,
        "steps": trained.steps,
        "cell": trained.cell,
        "optimizer": trained.optimizer,
        "lr": trained.lr,
        "changed_in_cell": trained.changed_in_cell,
        "restored": trained.restored,
        "input": list(fed.shape[1:]) if fed is not None else None,
        "name": preferred if trained.module is not None else "",
        "kept": trained.module is not None,
    }


def outputs_of(trained: Trained, inputs: NDArray[Any], *, live: bool) -> NDArray[np.float32]:
    """Return the outputs (n, C) of the snapshot, or with `live` of the module as it is now, for `inputs` (n, ...) as it was fed.

    The module runs in eval mode without gradients and gets its modes back. Raises whatever the student's code raises.
    """
    module = trained.module
    if module is None:
        raise LookupError("the module is not held any more")
    device = next((parameter.device for parameter in module.parameters()), torch.device("cpu"))
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        with torch.no_grad():
            outputs = []
            for start in range(0, len(inputs), _BATCH):
                batch = _as_fed(inputs[start : start + _BATCH], _fed(trained)).to(device)
                result = module(batch) if live else functional_call(module, trained.state, (batch,))
                outputs.append(first_tensor(result).detach().float().cpu().flatten(1))
            numbers: NDArray[np.float32] = torch.cat(outputs).numpy()
            return numbers
    finally:
        for part, mode in modes:
            part.training = mode


def first_tensor(value: Any) -> torch.Tensor:
    """Return the first tensor of a module's output, be it a tuple, a dictionary or an object with `logits`."""
    if isinstance(value, torch.Tensor):
        return value
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return next(first_tensor(item) for item in value if isinstance(item, torch.Tensor | Mapping | list | tuple))
    return first_tensor(value.logits)


def _fed(trained: Trained) -> NDArray[Any] | None:
    return trained.fed_eval if trained.fed_eval is not None else trained.fed_train


def _as_fed(inputs: NDArray[Any], fed: NDArray[Any] | None) -> torch.Tensor:
    batch = torch.from_numpy(np.ascontiguousarray(inputs))
    if fed is None:
        return batch
    dtype = torch.from_numpy(fed[:1].copy()).dtype
    return batch.to(dtype) if dtype.is_floating_point else batch.round().to(dtype)
