"""What a probe sees of a finished notebook, and how it calls a student's functions with other weights."""

import copy
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import models
from .epochs import Epoch
from .trained import Trained
from .wire import Wire, plain


class Session:
    """What a probe sees of a finished notebook: its names, the modules it trained, and the means to record and to call."""

    def __init__(self, namespace: dict[str, Any], epochs: Sequence[Epoch], trained: Sequence[Trained]) -> None:
        self._records: dict[str, Any] = {}
        self.namespace = namespace
        self.epochs = list(epochs)
        self.trained = list(trained)

    def record(self, name: str, value: Any) -> None:
        """Keep `value` (plain data, a numpy array or a torch tensor) to be sent under `name`; the first of a name counts."""
        if hasattr(value, "detach"):
            value = value.detach().cpu()
            value = (value.float() if "bfloat16" in str(value.dtype) else value).numpy()
        kept = np.array(value, copy=True) if isinstance(value, np.ndarray) else plain(value)
        self._records.setdefault(name, kept)

    def record_all(self, values: Mapping[str, Any]) -> None:
        """Record every value under its name."""
        for name, value in values.items():
            self.record(name, value)

    def flush(self, wire: Wire) -> None:
        """Send what was recorded; apart from `record`, as a time limit must not cut a frame in two."""
        for name, value in self._records.items():
            try:
                if isinstance(value, np.ndarray):
                    wire.send_array(name, value)
                else:
                    wire.send_json(name, value)
            except ValueError as error:
                wire.send_json(f"{name}_error", f"ValueError: {error}")
        self._records.clear()

    def choose(self, names: Sequence[str], numbers: int) -> int | None:
        """Return the place in `trained` of the module that counts; see models.choose."""
        return models.choose(self.trained, self.namespace, names, numbers)

    def described(self, trained: Trained, names: Sequence[str]) -> dict[str, Any]:
        """Return plain facts of a trained module; see models.described."""
        return models.described(trained, self.namespace, names)

    def outputs_of(self, trained: Trained, inputs: NDArray[Any], *, live: bool) -> NDArray[Any]:
        """Return a trained module's outputs for `inputs`; see models.outputs_of."""
        return models.outputs_of(trained, inputs, live=live)

    def call(self, function: Callable[..., Any], names: Mapping[str, Any], *arguments: Any) -> Any:
        """Call a student's function with some of its global names replaced, and return what it returns; see `together`."""
        return self.together((function,), names)[0](*arguments)

    def together(self, functions: Sequence[Callable[..., Any]], names: Mapping[str, Any]) -> tuple[Callable[..., Any], ...]:
        """Return the functions as they are in one copy of their world, with `names` replaced in it.

        What one of them leaves there, in a global or in its object, the next one finds. The functions they call in turn see the
        replaced names as well; the live namespace stays as it is. Methods of one object share a shallow copy of it, whose
        attributes of these names are replaced too.
        """
        owners: dict[int, Any] = {}
        worlds: dict[int, dict[str, Any]] = {}
        moved: list[Callable[..., Any]] = []
        for function in functions:
            owner = getattr(function, "__self__", None)
            if isinstance(function, types.MethodType) and owner is not None:
                shared = owners.setdefault(id(owner), copy.copy(owner))
                for name in names:
                    if hasattr(shared, name):
                        setattr(shared, name, names[name])
                inner = rebound(function.__func__, self.namespace, names, worlds)
                moved.append(types.MethodType(inner, shared))
            else:
                moved.append(rebound(function, self.namespace, names, worlds))
        return tuple(moved)


def rebound(
    function: Callable[..., Any], namespace: Mapping[str, Any], names: Mapping[str, Any], worlds: dict[int, dict[str, Any]] | None = None
) -> Callable[..., Any]:
    """Return `function` as it would be in a copy of its namespace with `names` replaced; what is no Python function stays itself.

    `worlds` holds the copies made so far, by the identity of the namespace they were made of.
    """
    inner = getattr(function, "__wrapped__", function)
    if not isinstance(inner, types.FunctionType):
        return function
    own, worlds = inner.__globals__, {} if worlds is None else worlds
    if id(own) in worlds:
        return _in_world(inner, worlds[id(own)])
    world = worlds[id(own)] = {**own, **names}
    for name, value in list(world.items()):
        if isinstance(value, types.FunctionType) and (value.__globals__ is own or value.__globals__ is namespace) and value is not inner:
            world[name] = _in_world(value, world)
    return _in_world(inner, world)


def _in_world(function: types.FunctionType, world: dict[str, Any]) -> types.FunctionType:
    moved = types.FunctionType(function.__code__, world, function.__name__, function.__defaults__, function.__closure__)
    moved.__kwdefaults__ = function.__kwdefaults__
    return moved
