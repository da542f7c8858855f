"""Which modules a notebook ran, and what it fed them: the outermost module of every call, with the first rows of its input."""

import contextlib
import weakref
from typing import Any

from torch import nn

from .trained import Trained

_MOST_MODULES = 64
_MOST_BYTES = 1 << 30


class Feeding:
    """Notes every module with parameters that is called by something other than a module. Holds the last 64, or a gibibyte of them."""

    def __init__(self) -> None:
        self._noted: dict[int, Trained] = {}
        self._depth = self._calls = 0
        self.loaded_by_notebook: weakref.WeakSet[nn.Module] = weakref.WeakSet()

    def install(self) -> None:
        """Begin to watch calls and `load_state_dict`."""
        call, load, feeding = nn.Module.__call__, nn.Module.load_state_dict, self

        def called(module: nn.Module, *arguments: Any, **options: Any) -> Any:
            if feeding._depth == 0:
                feeding._note(module, arguments)
            feeding._depth += 1
            try:
                return call(module, *arguments, **options)
            finally:
                feeding._depth -= 1

        def load_state_dict(module: nn.Module, *arguments: Any, **options: Any) -> Any:
            feeding.loaded_by_notebook.add(module)
            return load(module, *arguments, **options)

        watched: Any = nn.Module
        watched.__call__, watched.load_state_dict = called, load_state_dict

    @property
    def noted(self) -> tuple[Trained, ...]:
        """The modules in order of their last call."""
        return tuple(sorted(self._noted.values(), key=lambda one: one.order))

    def _note(self, module: nn.Module, arguments: tuple[Any, ...]) -> None:
        known = self._noted.get(id(module))
        fresh = known is None
        if known is None:
            known = described(module)
            if not known.parameters:
                return
            self._noted[id(module)] = known
        self._calls += 1
        known.order = self._calls
        # An input that cannot be kept must not break the student's call.
        with contextlib.suppress(Exception):
            _note_larger(known, arguments)
        if fresh:
            self._let_go()

    def _let_go(self) -> None:
        """Forget the modules that were called longest ago, when there are too many."""
        sizes = [(one, _bytes_of(one)) for one in self.noted]
        total = sum(size for _, size in sizes)
        for one, size in sizes[:-1]:
            if len(self._noted) <= _MOST_MODULES and total <= _MOST_BYTES:
                return
            del self._noted[id(one.module)]
            total -= size


def described(module: nn.Module) -> Trained:
    """Return a module that nothing trained as the probes know modules; a lazy layer without a size yet counts for no parameters."""
    parameters = 0
    with contextlib.suppress(Exception):
        parameters = sum(parameter.numel() for parameter in module.parameters())
    return Trained(module=module, kind=type(module).__name__, parameters=parameters)


def _note_larger(known: Trained, arguments: tuple[Any, ...]) -> None:
    """Let the input take the place of an earlier one in the same mode unless that has more rows: a single made-up example comes to nothing."""
    if known.module is None:
        return
    mode = "fed_train" if known.module.training else "fed_eval"
    before = getattr(known, mode)
    setattr(known, mode, None)
    known.note_input(arguments)
    noted = getattr(known, mode)
    if before is not None and (noted is None or len(noted) < len(before)):
        setattr(known, mode, before)


def _bytes_of(noted: Trained) -> int:
    return sum(parameter.nbytes for parameter in noted.module.parameters()) if noted.module is not None else 0
