"""Ways to be told what student code does without getting in its way: functions that are wrapped and put back, hooks that copy harmlessly."""

import contextlib
import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

Note = Callable[..., Any]


class Patches:
    """Attributes of modules and classes that were replaced; `undo` puts all of them back."""

    def __init__(self) -> None:
        self._restore: list[Callable[[], None]] = []

    def undo(self) -> None:
        """Put everything back."""
        for restore in reversed(self._restore):
            restore()
        self._restore.clear()

    def on_undo(self, restore: Callable[[], None]) -> None:
        """Call `restore` when everything is put back."""
        self._restore.append(restore)

    def replace(self, owner: Any, name: str, make: Callable[[Any], Callable[..., Any]]) -> None:
        """Replace a function by what `make` makes of it; nothing happens where the owner has none of its own."""
        original = vars(owner).get(name)
        if callable(original):
            setattr(owner, name, functools.wraps(original)(make(original)))
            self._restore.append(lambda: setattr(owner, name, original))

    def after(self, owner: Any, name: str, note: Note) -> None:
        """Call note(result, arguments, options) after each outermost call; what it raises is nobody's concern."""
        depth = 0

        def make(original: Any) -> Callable[..., Any]:
            def wrapper(*arguments: Any, **options: Any) -> Any:
                if torch.compiler.is_compiling():  # the compiler traces this call, and must find nothing of ours in it
                    return original(*arguments, **options)
                nonlocal depth
                depth += 1
                try:
                    result = original(*arguments, **options)
                finally:
                    depth -= 1
                if depth == 0:
                    try:  # no context manager: this runs several times in every step
                        note(result, arguments, options)
                    except Exception:  # noqa: S110 - nobody's concern
                        pass
                return result

            return wrapper

        self.replace(owner, name, make)


class Hook:
    """A hook on a module that survives what notebooks do to the module that carries it.

    A deep copy shares it (so that it must know its own module and ignore others), and a pickle of the whole module stores in its
    place a method of the standard library that takes anything and returns None.
    """

    def __deepcopy__(self, _memo: dict[int, Any]) -> "Hook":
        return self

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return getattr, (contextlib.nullcontext(), "__exit__")


class Shapes(Hook):
    """Notes the shapes that every submodule takes and gives in one forward pass, then takes itself off."""

    def __init__(self, module: nn.Module, most: int) -> None:
        self.seen: dict[int, tuple[list[int] | None, list[int] | None]] = {}
        # Code that is compiled would be compiled anew for a hook, and once more without it.
        compiled = any(type(part).__name__ == "OptimizedModule" or part._compiled_call_impl is not None for part in module.modules())  # noqa: SLF001
        self._handles = [part.register_forward_hook(self) for part in list(module.modules())[:most]] if not compiled else []

    def __call__(self, module: nn.Module, arguments: tuple[Any, ...], output: Any) -> None:
        """Note one submodule; the first call of each counts."""
        if not torch.compiler.is_compiling() and self._handles:
            self.seen.setdefault(id(module), (_shape(arguments), _shape(output)))

    def remove(self) -> None:
        """Take the hooks off."""
        for handle in self._handles:
            handle.remove()
        self._handles = []


def tensor_in(value: Any, depth: int = 3) -> torch.Tensor | None:
    """Return the first tensor in a value, a tuple, a list, a dictionary or an object with `logits`, or None."""
    if isinstance(value, torch.Tensor):
        return value
    if depth == 0:
        return None
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return next((found for found in (tensor_in(item, depth - 1) for item in value[:16]) if found is not None), None)
    return tensor_in(getattr(value, "logits", None), 0)


def _shape(value: Any) -> list[int] | None:
    found = tensor_in(value)
    return list(found.shape) if found is not None else None
