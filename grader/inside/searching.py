"""Finds the module that holds some parameters: among the variables of the code that runs, else among all objects."""

import contextlib
import gc
import sys
import types
from collections.abc import Iterable, Iterator
from typing import Any

from torch import nn

_FRAMES = 60
_ITEMS = 64


def module_of_callers(wanted: set[int]) -> nn.Module | None:
    """Return the outermost module in reach of the running code that holds the parameters with these ids."""
    return _outermost(_holders(_modules_of_callers(), wanted))


def module_anywhere(wanted: set[int]) -> nn.Module | None:
    """Return the outermost module of this process that holds the parameters with these ids; looks at every object."""
    return _outermost(_holders((item for item in gc.get_objects() if _is_module(item)), wanted))


def _modules_of_callers() -> Iterator[nn.Module]:
    """Yield modules in reach of the code that is running: its variables, and what these hold one level down."""
    frame: types.FrameType | None = sys._getframe(1)  # noqa: SLF001 - the only way to a caller's variables
    for _ in range(_FRAMES):
        if frame is None:
            return
        for value in list(frame.f_locals.values()):
            if _is_module(value):
                yield value
            else:
                yield from (item for item in _held_by(value) if _is_module(item))
        frame = frame.f_back


def _held_by(value: Any) -> Iterable[Any]:
    if isinstance(value, list | tuple):
        return value[:_ITEMS]
    if isinstance(value, dict):
        return list(value.values()) if len(value) <= _ITEMS else ()
    if isinstance(value, type | types.ModuleType | types.FunctionType):
        return ()
    try:
        return list(object.__getattribute__(value, "__dict__").values())[:_ITEMS]
    except Exception:
        return ()


def _is_module(value: object) -> bool:
    return issubclass(type(value), nn.Module)


def _holders(modules: Iterable[nn.Module], wanted: set[int]) -> list[nn.Module]:
    """Return the modules that can be called and hold all the parameters whose ids are `wanted`, each once."""
    holders: dict[int, nn.Module] = {}
    seen: set[int] = set()
    for module in modules:
        if id(module) in seen:
            continue
        seen.add(id(module))
        with contextlib.suppress(Exception):
            # A compiled module has its `forward` as an attribute of its own.
            callable_ = type(module).forward is not nn.Module.forward or "forward" in vars(module)
            if callable_ and wanted <= {id(parameter) for parameter in module.parameters()}:
                holders[id(module)] = module
    return list(holders.values())


def _outermost(holders: list[nn.Module]) -> nn.Module | None:
    inner = {id(part) for module in holders for part in module.modules() if part is not module}
    return next((module for module in holders if id(module) not in inner), None)
