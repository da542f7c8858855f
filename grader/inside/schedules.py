"""Schedulers of the learning rate: which there are, and how often each stepped."""

import weakref
from typing import Any

from torch.optim import Optimizer, lr_scheduler

from .hooks import Patches

_MOST = 16


class Schedules:
    """The schedulers of every optimiser, as plain data that goes on counting."""

    def __init__(self) -> None:
        self._of: weakref.WeakKeyDictionary[Optimizer, list[dict[str, Any]]] = weakref.WeakKeyDictionary()
        self._told: weakref.WeakKeyDictionary[Any, dict[str, Any]] = weakref.WeakKeyDictionary()
        self._stepped: weakref.WeakSet[Optimizer] = weakref.WeakSet()

    def install(self, patches: Patches) -> None:
        """Begin to watch."""
        base = lr_scheduler.LRScheduler
        for kind in (base, *base.__subclasses__()):
            patches.after(kind, "step", lambda _, arguments, __: self._after_step(arguments[0]))
        # The step that a scheduler makes at its own making is none of the notebook's; these three make none.
        patches.after(base, "_initial_step", lambda _, arguments, __: self._meet(arguments[0]).update(steps=0, before_step=False))
        for kind in (lr_scheduler.ReduceLROnPlateau, lr_scheduler.SequentialLR, lr_scheduler.ChainedScheduler):
            patches.after(kind, "__init__", lambda _, arguments, __: self._meet(arguments[0]))

    def begin(self, optimizer: Optimizer) -> list[dict[str, Any]]:
        """Return the schedulers of an optimiser that takes its first step; the list and what it holds go on changing."""
        self._stepped.add(optimizer)
        return self._of.setdefault(optimizer, [])

    def _meet(self, scheduler: Any) -> dict[str, Any]:
        if scheduler not in self._told:
            told = self._told[scheduler] = {"class_name": type(scheduler).__name__, "steps": 0, "before_step": False}
            known = self._of.setdefault(scheduler.optimizer, [])
            parts = [self._told.get(part) for part in getattr(scheduler, "_schedulers", ())]
            known[:] = [other for other in known if not any(other is part for part in parts)]  # the notebook steps the whole of them
            if len(known) < _MOST:
                known.append(told)
        return self._told[scheduler]

    def _after_step(self, scheduler: Any) -> None:
        told = self._meet(scheduler)
        told["steps"] += 1
        told["before_step"] = told["before_step"] or scheduler.optimizer not in self._stepped
