"""Watches training from torch's own hooks, so that the model which training left can be told from the one at the end.

Nothing here draws random numbers or touches a value that student code computes with: a run gives the same numbers to the last bit with
it and without. A step costs a dictionary look-up and a flag; copies are made at switches to eval mode and at the ends of cells.
"""

import contextlib
import functools
import gc
import sys
import types
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from torch import nn
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook

from .trained import Feed, Trained

_FRAMES = 60
_ITEMS = 64
_MOST_SCANS = 20
_ALWAYS_KEPT = 4


class Trace:
    """The modules that student code optimised. `install` once, then tell it of every cell; `close` ends the watching.

    The copies it holds stay below `most_bytes` but for the last few models.
    """

    def __init__(self, most_bytes: int = 256 << 20) -> None:
        self._most_bytes = most_bytes
        self._by_optimizer: weakref.WeakKeyDictionary[Optimizer, Trained] = weakref.WeakKeyDictionary()
        self._trained: list[Trained] = []
        self._feeds: list[Feed] = []
        self._restore: list[Callable[[], None]] = []
        self._cell = -1
        self._steps = self._depth = self._scans = 0
        self._any_dirty = False

    def install(self) -> None:
        """Begin to watch optimiser steps, switches to eval mode and restored weights."""
        self._restore.append(register_optimizer_step_post_hook(self._after_step).remove)
        self._wrap("train", self._around_train)
        self._wrap("load_state_dict", self._around_load)

    def cell_started(self, index: int) -> None:
        """Tell that the cell `index` is about to run."""
        self._cell = index
        for feed in self._feeds:
            feed.attach()

    def cell_ended(self) -> None:
        """Copy what was trained since the last copy, and look for weights that changed without a step."""
        self._take_snapshots()
        for trained in self._trained:
            with contextlib.suppress(Exception):
                if trained.changed_in_cell is None and not trained.dirty and trained.has_changed():
                    trained.changed_in_cell = self._cell
        for feed in self._feeds:
            feed.detach()
        self._let_go()

    def close(self) -> tuple[Trained, ...]:
        """Take every hook off and return the optimised modules in order of their last step."""
        for restore in self._restore:
            restore()
        for feed in self._feeds:
            feed.detach()
        return tuple(sorted(self._trained, key=lambda trained: trained.order))

    def _wrap(self, name: str, around: Callable[..., Any]) -> None:
        original = getattr(nn.Module, name)

        @functools.wraps(original)
        def wrapper(module: nn.Module, *arguments: Any, **options: Any) -> Any:
            return around(original, module, *arguments, **options)

        setattr(nn.Module, name, wrapper)
        self._restore.append(lambda: setattr(nn.Module, name, original))

    def _around_train(self, original: Callable[..., Any], module: nn.Module, *arguments: Any, **options: Any) -> Any:
        # The original calls itself for every child: only the outermost call is a switch.
        self._depth += 1
        try:
            result = original(module, *arguments, **options)
        finally:
            self._depth -= 1
        if self._depth == 0 and not module.training:
            self._take_snapshots()
            for feed in self._feeds:
                feed.attach()
        return result

    def _around_load(self, original: Callable[..., Any], module: nn.Module, *arguments: Any, **options: Any) -> Any:
        result = original(module, *arguments, **options)
        for trained in self._trained:
            # Putting the best epoch's weights back is a part of training.
            if trained.module is module:
                trained.dirty = trained.restored = self._any_dirty = True
        return result

    def _after_step(self, optimizer: Optimizer, _arguments: tuple[Any, ...], _options: dict[str, Any]) -> None:
        trained = self._by_optimizer.get(optimizer)
        if trained is None:
            trained = self._meet(optimizer)
        trained.steps += 1
        trained.cell = self._cell
        trained.dirty = self._any_dirty = True
        self._steps += 1
        trained.order = self._steps

    def _meet(self, optimizer: Optimizer) -> Trained:
        """Find the module of an optimiser at its first step; parameters of no module make an entry that is never listed."""
        module = self._module_of(optimizer)
        trained = next((known for known in self._trained if known.module is module), None) if module is not None else None
        if trained is None:
            trained = Trained(module=module, kind=type(module).__name__, parameters=_count(module))
            if module is not None:
                self._trained.append(trained)
                self._feeds.append(Feed(trained))
                self._feeds[-1].attach()
        trained.optimizer = type(optimizer).__name__
        trained.restored = False
        with contextlib.suppress(Exception):
            trained.lr = float(optimizer.param_groups[0]["lr"])
        self._by_optimizer[optimizer] = trained
        return trained

    def _module_of(self, optimizer: Optimizer) -> nn.Module | None:
        wanted = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
        found = _outermost(_holders(_modules_of_callers(), wanted))
        if found is None and self._scans < _MOST_SCANS:
            self._scans += 1
            found = _outermost(_holders((item for item in gc.get_objects() if _is_module(item)), wanted))
        return found

    def _take_snapshots(self) -> None:
        if not self._any_dirty:
            return
        for trained in self._trained:
            if trained.dirty:
                # Whatever is odd about a module, it must not break the student's own call.
                with contextlib.suppress(Exception):
                    trained.take_snapshot()
        self._any_dirty = False

    def _let_go(self) -> None:
        """Keep the copies within bounds: a search over many models is described in full and measured at its end."""
        held = sorted((trained for trained in self._trained if trained.state), key=lambda trained: trained.order)
        total = sum(trained.bytes_held for trained in held)
        for trained in held[:-_ALWAYS_KEPT]:
            if total <= self._most_bytes:
                break
            total -= trained.bytes_held
            trained.let_go()


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
            callable_ = type(module).forward is not nn.Module.forward
            if callable_ and wanted <= {id(parameter) for parameter in module.parameters()}:
                holders[id(module)] = module
    return list(holders.values())


def _outermost(holders: list[nn.Module]) -> nn.Module | None:
    inner = {id(part) for module in holders for part in module.modules() if part is not module}
    return next((module for module in holders if id(module) not in inner), None)


def _count(module: nn.Module | None) -> int:
    return sum(parameter.numel() for parameter in module.parameters()) if module is not None else 0
