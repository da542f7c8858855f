"""What a model is made of: its tree, what it holds that it does not know, and what works differently in eval mode."""

import contextlib
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.dropout import _DropoutNd

from .digests import weights_digest
from .hooks import Shapes

MOST_LAYERS, _MOST_NAMES = 256, 64


def description(module: nn.Module, shapes: Shapes | None, start: Mapping[str, str], optimised: Collection[int]) -> dict[str, Any]:
    """Describe a trained model: `start` are the digests of its parameters at the beginning, `optimised` the ids of those that some optimiser held."""
    parameters = dict(module.named_parameters())
    frozen = [name for name, parameter in parameters.items() if not parameter.requires_grad]
    moved = [name for name in frozen if name in start and weights_digest([parameters[name]]) != start[name]]
    lost = [name for name, parameter in parameters.items() if parameter.requires_grad and id(parameter) not in optimised]
    return {
        "class_name": type(getattr(module, "_orig_mod", module)).__name__,  # of what was compiled, and not of its shell
        "parameters": sum(parameter.numel() for parameter in parameters.values()),
        "trainable": sum(parameter.numel() for parameter in parameters.values() if parameter.requires_grad),
        "layers": tree(module, shapes),
        "unoptimised": lost[:_MOST_NAMES],
        "frozen": frozen[:_MOST_NAMES],
        "frozen_changed": moved[:_MOST_NAMES],
        "hidden": hidden_in(module),
        "mode_sensitive": mode_sensitive(module),
    }


def tree(module: nn.Module, shapes: Shapes | None) -> list[dict[str, Any]]:
    """Return every submodule in order, the module itself first."""
    layers = []
    for name, part in list(module.named_modules())[:MOST_LAYERS]:
        parameters = list(part.parameters())
        taken, given = shapes.seen.get(id(part), (None, None)) if shapes is not None else (None, None)
        layers.append({
            "name": name,
            "class_name": type(part).__name__,
            "parameters": sum(parameter.numel() for parameter in parameters),
            "trainable": sum(parameter.numel() for parameter in parameters if parameter.requires_grad),
            "input": taken,
            "output": given,
        })  # fmt: skip
    return layers


def hidden_in(module: nn.Module) -> list[str]:
    """Return the names of modules, parameters and trained tensors that hang on the model in ways it does not know."""
    known = {id(part) for part in module.modules()} | {id(parameter) for parameter in module.parameters()}
    found: list[str] = []
    for prefix, part in list(module.named_modules())[:MOST_LAYERS]:
        for name, value in list(vars(part).items()):
            if name.startswith("_"):
                continue
            places = (f"{prefix}.{name}{place}".lstrip(".") for place, item in _items(value) if _is_lost(item, known))
            found += list(places)
    return found[:_MOST_NAMES]


def mode_sensitive(module: nn.Module) -> list[str]:
    """Return the classes of layers that drop out or normalise over the batch, each once."""
    kinds = (_DropoutNd, _NormBase, nn.MultiheadAttention, nn.RNNBase)
    found = [part for part in module.modules() if isinstance(part, kinds) and _has_modes(part)]
    return sorted({type(part).__name__ for part in found})


def normalisation_counter(module: nn.Module) -> torch.Tensor | None:
    """Return the counter that the first batch normalisation moves with its running statistics, or None."""
    counters = (getattr(part, "num_batches_tracked", None) for part in module.modules() if isinstance(part, _NormBase))
    return next((counter for counter in counters if isinstance(counter, torch.Tensor)), None)


def _has_modes(part: nn.Module) -> bool:
    if isinstance(part, _DropoutNd):
        return part.p > 0
    if isinstance(part, nn.MultiheadAttention | nn.RNNBase):
        return bool(part.dropout)
    return isinstance(getattr(part, "running_mean", None), torch.Tensor)


def _items(value: Any) -> Iterator[tuple[str, Any]]:
    yield "", value
    with contextlib.suppress(Exception):
        if isinstance(value, list | tuple):
            yield from ((f"[{place}]", item) for place, item in enumerate(value[:_MOST_NAMES]))
        elif isinstance(value, dict):
            yield from ((f"[{key!r}]"[:60], item) for key, item in list(value.items())[:_MOST_NAMES])


def _is_lost(item: Any, known: set[int]) -> bool:
    if id(item) in known:
        return False
    if isinstance(item, nn.Module):
        return any(True for _ in item.parameters())
    return isinstance(item, torch.Tensor) and (isinstance(item, nn.Parameter) or (item.requires_grad and item.is_leaf))
