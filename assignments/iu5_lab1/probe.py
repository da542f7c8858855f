"""The untrusted side of Lab 1: which of the student's functions to call with the inputs that are sent, and which objects to describe.

Part 2 takes the names of part 1 for other weights and another `forward`, so part 1 is called in the namespace that it left. Nothing
here judges: it hands over what the student's code gives back, or says where that code fails or what it did not find.
"""

import contextlib
import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

Names = dict[str, Any]
Given = Mapping[str, NDArray[Any]]

ALIASES: dict[str, tuple[str, ...]] = {
    "weights_1": ("weights_1", "weight_1", "weights1", "weight1", "W_1", "W1", "w_1", "w1"),
    "bias_1": ("bias_1", "biases_1", "bias1", "b_1", "b1"),
    "weights_2": ("weights_2", "weight_2", "weights2", "weight2", "W_2", "W2", "w_2", "w2"),
    "bias_2": ("bias_2", "biases_2", "bias2", "b_2", "b2"),
    "forward": ("forward", "forward_pass", "predict", "net"),
    "backward": ("backward", "backward_pass", "backprop", "gradients", "grad", "grads", "compute_gradients"),
    "model": ("model", "net", "mlp", "network", "best_model", "my_model"),
    "CLASSES": ("CLASSES", "classes", "MY_CLASSES", "my_classes", "CLASS_INDICES"),
}
_BY_HAND = ("weights_1", "bias_1", "weights_2", "bias_2", "forward", "backward")
WATCH: tuple[str, ...] = tuple(name for canonical in _BY_HAND for name in ALIASES[canonical])
WEIGHTS = ("weights_1", "bias_1", "weights_2", "bias_2")

_PIXELS = 32 * 32 * 3
_PARAMETERS = {
    "X": ("x", "inputs", "input", "data"),
    "y": ("y", "y_true", "target", "targets", "true", "labels", "t"),
    "pred": ("y_pred", "pred", "preds", "prediction", "predictions", "output", "outputs", "out", "y_", "y_hat", "yhat"),
}


class Trouble(Exception):  # noqa: N818 - a fact about the work, not a fault
    """What was looked for and not found: a code, and what it is about. The trusted side (grader/checks/missing.py) has the words."""

    def __init__(self, code: str, **about: Any) -> None:
        super().__init__(code)
        self.told = {"code": code, **about}


class Part:
    """One of the two parts by hand: its functions, and the namespace they ran in."""

    def __init__(self, names: Names, used: Mapping[str, str], owner: Any, cells: tuple[int, int]) -> None:
        self.names, self.used, self.owner, self.cells = names, used, owner, cells

    def value(self, canonical: str) -> Any:
        """Return what the student calls `canonical` (KeyError where there is none)."""
        name = self.used[canonical]
        return getattr(self.owner, name) if self.owner is not None else self.names[name]

    def with_weights(self, weights: Mapping[str, torch.Tensor]) -> Names:
        """Return the names of this part with the given weights in place of its own."""
        renamed = {self.used[canonical]: value for canonical, value in weights.items()}
        return {**self.names, **renamed} if self.owner is None else renamed


def describe(session: Any) -> None:
    """Record what the work consists of."""
    chosen = session.choose(ALIASES["model"], _PIXELS)
    part1, part2 = find_part(session, 1, ("forward", "backward")), find_part(session, 2, ("forward",))
    described: dict[str, Callable[[], Any]] = {
        "definitions": lambda: {name: _first(session.namespace, name) or "" for name in _BY_HAND},
        "classes": lambda: _classes(session.namespace),
        "part1_state": lambda: _state(part1),
        "part2_state": lambda: _state(part2),
        "models": lambda: _models(session, chosen),
    }
    for name, step in described.items():
        _attempt(session, (name,), lambda step=step: (step(),))  # type: ignore[misc]
    for name in ("fed_train", "fed_eval") if chosen is not None else ():
        if (fed := getattr(session.trained[chosen], name)) is not None:
            session.record(name, fed)


def answer(session: Any, given: Given) -> None:
    """Record what the student's code gives back for the given inputs."""
    if "part1_X" in given:
        _attempt(session, ("part1_forward",), lambda: _part1_forward(session, given))
        _attempt(session, ("part1_dw1", "part1_db1", "part1_dw2", "part1_db2"), lambda: _part1_gradients(session, given))
    if "part1_grid" in given:
        _attempt(session, ("part1_fit",), lambda: (_own_forward(session, _part(session, 1, ("forward",)), given["part1_grid"]),))
    if "part2_points" in given:
        _attempt(session, ("part2_output",), lambda: (_part2_output(session, given["part2_points"]),))
    for name, key, live in (("logits", "images", False), ("logits_final", "images", True), ("logits_test", "test_images", False)):
        if key in given:
            _attempt(session, (name,), lambda key=key, live=live: (_logits(session, given[key], live=live),))  # type: ignore[misc]


def find_parts(session: Any, inputs: int, needed: Sequence[str]) -> Iterator[Part]:
    """Yield the states of the notebook whose weights fit `inputs` numbers per example, the last first; by plain names or an object's."""
    for epoch in reversed(session.epochs):
        for owner in (None, *epoch.names.values()):
            if isinstance(owner, type | nn.Module | torch.Tensor) or (owner is not None and not hasattr(owner, "__dict__")):
                continue
            names = epoch.names if owner is None else _attributes(owner)
            used = _used(names, needed)
            if used and _fits(used, names, inputs):
                yield Part(dict(epoch.names), used, owner, (epoch.first_cell, epoch.last_cell))
                break


def find_part(session: Any, inputs: int, needed: Sequence[str]) -> Part | None:
    """Return the last of `find_parts`. Part 1 ends where `forward` is taken by part 2, even while the weights are still its own."""
    found = list(find_parts(session, inputs, needed))
    whole = list(find_parts(session, inputs, ("forward", "backward"))) if inputs == 1 else []
    if not whole or "forward" not in needed:
        return found[0] if found else None
    own = [part for part in whole if part.value("backward") == whole[0].value("backward")]
    meant = next(part for part in own if part.cells[0] == own[-1].cells[0])  # the last word of the cell that made `backward`
    return next((part for part in found if part.value("forward") == meant.value("forward")), None)


def _part1_forward(session: Any, given: Given) -> tuple[Any, ...]:
    part, weights = _part(session, 1, ("forward",)), _given_weights(given)
    inputs = torch.from_numpy(given["part1_X"])
    function = part.value("forward")
    outputs = session.call(function, part.with_weights(weights), *_arguments(function, {"X": inputs}, weights))
    return (_numbers(_returned(outputs, "forward")),)


def _part1_gradients(session: Any, given: Given) -> tuple[Any, ...]:
    part, weights = find_part(session, 1, ("forward", "backward")) or _part(session, 1, ("backward",)), _given_weights(given)
    tensors = {key: torch.from_numpy(given[f"part1_{key}"]) for key in ("X", "y", "pred")}
    names = [name for name in ("forward", "backward") if name in part.used]
    functions = dict(zip(names, session.together([part.value(name) for name in names], part.with_weights(weights)), strict=True))
    with torch.no_grad():
        if "forward" in functions:  # a forward pass may leave behind what the backward pass needs
            functions["forward"](*_arguments(part.value("forward"), {"X": tensors["X"]}, weights))
        result = functions["backward"](*_arguments(part.value("backward"), tensors, weights))
    return _in_order(result, weights)


def _in_order(result: Any, weights: Mapping[str, torch.Tensor]) -> tuple[Any, ...]:
    """Return the four gradients in the order of WEIGHTS: by their keys, else by their shapes, else as they came."""
    values = list(result.values()) if isinstance(result, dict) else list(_returned(result, "backward"))
    if len(values) != len(WEIGHTS):
        raise Trouble("other_count", names=["backward"], count=len(values), wanted=["dW1", "db1", "dW2", "db2"])
    if isinstance(result, dict):
        said = [re.sub(r"^(grad_?|d_?)(?=[wb])", "", str(key).lower()) for key in result]
        meant = [next((name for name in WEIGHTS if key in {known.lower() for known in ALIASES[name]}), "") for key in said]
        if sorted(meant) == sorted(WEIGHTS):
            return tuple(_numbers(values[meant.index(name)]) for name in WEIGHTS)
    gradients = [_numbers(value) for value in values]
    wanted = [tuple(weights[name].shape) for name in WEIGHTS]
    shapes = [gradient.shape for gradient in gradients]
    if shapes != wanted and sorted(shapes) == sorted(wanted):
        gradients = [gradients[shapes.index(shape)] for shape in wanted]
    return tuple(gradients)


def _logits(session: Any, images: NDArray[Any], *, live: bool) -> Any:
    chosen = session.choose(ALIASES["model"], _PIXELS)
    if chosen is None:
        raise Trouble("no_model")
    return session.outputs_of(session.trained[chosen], images, live=live)


def _part2_output(session: Any, points: NDArray[Any]) -> NDArray[Any]:
    part = find_part(session, 2, ("forward",))
    chosen = session.choose((), 2) if part is None else None
    if part is None and chosen is None:
        raise _not_found(session, 2, ("forward",))
    outputs = _own_forward(session, part, points) if part is not None else session.outputs_of(session.trained[chosen], points, live=False)
    return outputs[:, 1] if outputs.ndim == 2 and outputs.shape[1] == 2 else outputs.ravel()


def _own_forward(session: Any, part: Part, inputs: NDArray[Any]) -> NDArray[Any]:
    """The part's own `forward` with its own trained weights."""
    names = part.names if part.owner is None else {}
    with torch.no_grad():
        function, own = part.value("forward"), {name: part.value(name) for name in WEIGHTS}
        return _numbers(_returned(session.call(function, names, *_arguments(function, {"X": torch.from_numpy(inputs)}, own)), "forward"))


def _part(session: Any, number: int, needed: Sequence[str]) -> Part:
    part = find_part(session, number, needed)
    if part is None:
        raise _not_found(session, number, needed)
    return part


def _not_found(session: Any, number: int, needed: Sequence[str]) -> Trouble:
    """Say what of a part is nowhere in the notebook; part 1 takes one number per example and part 2 two."""
    known = (session.namespace, *(epoch.names for epoch in session.epochs))
    weights, functions = ([name for name in names if all(_first(one, name) is None for one in known)] for names in (WEIGHTS, needed))
    if weights or functions:
        return Trouble("no_weights" if weights else "no_function", part=number, names=weights or functions)
    return Trouble("other_shapes", part=number, names=list(WEIGHTS), count=number)


def _given_weights(given: Given) -> dict[str, torch.Tensor]:
    short = {"weights_1": "w1", "bias_1": "b1", "weights_2": "w2", "bias_2": "b2"}
    return {name: torch.from_numpy(given[f"part1_{key}"].copy()) for name, key in short.items()}


def _arguments(function: Callable[..., Any], tensors: Mapping[str, Any], weights: Mapping[str, Any]) -> list[Any]:
    """Return the arguments of a pass by the names of its parameters, or the tensors in their order where they say nothing."""
    usual, meant = list(tensors.values()), list[Any]()
    parameters = inspect.signature(function).parameters.values()
    for parameter in [item for item in parameters if item.default is item.empty and item.kind <= item.POSITIONAL_OR_KEYWORD]:
        name = parameter.name
        key = next((key for key, known in _PARAMETERS.items() if name.lower() in known), None)
        weight = next((canonical for canonical in WEIGHTS if name in ALIASES[canonical]), None)
        if (key is None or key not in tensors) and weight is None:
            return usual
        meant.append(tensors[key] if key in tensors else weights[str(weight)])
    return meant or usual


def _attempt(session: Any, records: Sequence[str], step: Callable[[], tuple[Any, ...]]) -> None:
    """Record what `step` returns, or under `<record>_error` why it could not."""
    try:
        for name, value in zip(records, step(), strict=True):
            session.record(name, value)
    except Exception as error:  # noqa: BLE001 - it is the student's code that runs here
        for name in records:
            session.record(f"{name}_error", error.told if isinstance(error, Trouble) else f"{type(error).__name__}: {error}"[:500])


def _attributes(owner: Any) -> Names:
    """Return the attributes and methods of an object that have a name to look for."""
    found = {}
    for name in WATCH:
        with contextlib.suppress(Exception):  # a property of the student's own
            found[name] = getattr(owner, name)
    return found


def _used(names: Mapping[str, Any], needed: Sequence[str]) -> dict[str, str]:
    """Return the student's name of each weight and needed function, or nothing unless all are there."""
    used = {canonical: _first(names, canonical) for canonical in (*WEIGHTS, *needed)}
    return {canonical: name for canonical, name in used.items() if name is not None} if all(used.values()) else {}


def _fits(used: Mapping[str, str], names: Mapping[str, Any], inputs: int) -> bool:
    """Tell whether the four weights make one network of `inputs` inputs and one output."""
    try:
        first, bias, second, last = (tuple(names[used[name]].shape) for name in WEIGHTS)
    except Exception:  # noqa: BLE001 - whatever the student gave these names to
        return False
    hidden = first[-1] if first else 0
    return first == (inputs, hidden) and int(np.prod(bias)) == hidden and int(np.prod(second)) == hidden and int(np.prod(last)) == 1


def _first(names: Mapping[str, Any], canonical: str) -> str | None:
    """Return what the student calls `canonical`: a name of something that can be called where a function is meant."""
    there = callable if canonical in {"forward", "backward"} else lambda value: value is not None
    return next((name for name in ALIASES[canonical] if there(names.get(name))), None)


def _state(part: Part | None) -> Any:
    """What can be said of a part: where it is, how it calls its things, its shapes."""
    if part is None:
        return None
    values = {name: part.value(name) for name in WEIGHTS}
    return {
        "cells": list(part.cells), "names": dict(part.used), "in_object": part.owner is not None,
        "hidden": int(values["weights_1"].shape[-1]),
        "shapes": {name: list(value.shape) for name, value in values.items()},
    }


def _models(session: Any, chosen: int | None) -> list[dict[str, Any]]:
    return [{**session.described(trained, ALIASES["model"]), "chosen": index == chosen} for index, trained in enumerate(session.trained)]


def _classes(names: Mapping[str, Any]) -> list[int] | None:
    """Return the student's list of classes where it is one: distinct or not, but whole numbers in 0..99."""
    for name in ALIASES["CLASSES"]:
        value = names.get(name)
        if not isinstance(value, list | tuple | set | range | np.ndarray | torch.Tensor) or len(value) > 100:
            continue
        items = value.tolist() if isinstance(value, np.ndarray | torch.Tensor) else list(value)
        whole = [int(item) for item in items if isinstance(item, int | np.integer) and 0 <= item < 100]
        if items and len(whole) == len(items):
            return whole
    return None


def _returned(value: Any, function: str) -> Any:
    if value is None:
        raise Trouble("nothing_returned", names=[function])
    return value


def _numbers(value: Any) -> NDArray[Any]:
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().numpy().copy()
    return np.array(value, dtype=np.float64)
