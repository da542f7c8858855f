"""Watches training from torch's own hooks: which model it left, and how it went.

Nothing here draws random numbers or touches a value that student code computes with: a run gives the same numbers to the last bit with
it and without. What is dear is done for a sample, or at switches to eval mode and at the ends of cells.
"""

import contextlib
import weakref
from collections.abc import Callable, Collection, Mapping
from typing import Any

from torch import nn
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from . import searching
from .byhand import Declared
from .curves import bounded
from .figures import Figures
from .hooks import Patches
from .recording import Recorder
from .trained import Feed, Trained

_MOST_SCANS = 20
_ALWAYS_KEPT = 4


class Trace:
    """The trainings of a notebook. `install` once, then tell it of every cell; `close` ends the watching, `told` tells what was seen.

    The copies it holds stay below `most_bytes` but for the last few models, final weights to be sent below `weights_bytes`.
    `namespace` are the notebook's names, `declared` those under which an assignment expects weights.
    """

    def __init__(
        self, namespace: Mapping[str, Any] | None = None, declared: Collection[str] = (), *, most_bytes: int = 256 << 20, weights_bytes: int = 16 << 20
    ) -> None:
        self._most_bytes = most_bytes
        self._by_optimizer: weakref.WeakKeyDictionary[Optimizer, Trained] = weakref.WeakKeyDictionary()
        self._known: list[Trained] = []
        self._feeds: list[Feed] = []
        self._patches = Patches()
        self._cell = -1
        self._steps = self._depth = self._scans = 0
        self._any_dirty = False
        names = namespace if namespace is not None else {}
        self._recorder = Recorder(self, names, weights_bytes)
        self._declared, self._source = Declared(names, declared), ""
        self._figures = Figures()

    def install(self) -> None:
        """Begin to watch optimisers, switches to eval mode, restored weights, losses, backwards and data loaders."""
        self._patches.on_undo(register_optimizer_step_pre_hook(self._before_step).remove)
        self._patches.on_undo(register_optimizer_step_post_hook(self._after_step).remove)
        self._patches.after(Optimizer, "__init__", lambda _, arguments, __: self._expect(arguments[0]))
        self._patches.replace(nn.Module, "train", self._around_train)
        self._patches.replace(nn.Module, "load_state_dict", self._around_load)
        self._recorder.install(self._patches)
        self._figures.install(self._patches)

    def cell_started(self, index: int, source: str = "") -> None:
        """Tell that the cell `index` is about to run `source`."""
        self._cell, self._source = index, source
        self._recorder.cell_started(index)
        self._figures.cell_started(index)
        with contextlib.suppress(Exception):
            self._declared.cell_started()
        for feed in self._feeds:
            feed.attach()

    def cell_ended(self) -> None:
        """Copy what was trained since the last copy, and look for weights that changed without a step."""
        self._recorder.cell_ended()
        self._take_snapshots()
        for trained in self._known:
            with contextlib.suppress(Exception):
                if trained.changed_in_cell is None and not trained.dirty and trained.has_changed():
                    trained.changed_in_cell = self._cell
        for feed in self._feeds:
            feed.detach()
        with contextlib.suppress(Exception):
            self._recorder.look_at_declared(self._declared, self._source)
        self._let_go()

    def close(self) -> tuple[Trained, ...]:
        """Take every hook off and return the modules that were trained in order of their last step."""
        self._patches.undo()
        self._recorder.cell_ended()
        for feed in self._feeds:
            feed.detach()
        return tuple(sorted((trained for trained in self._known if trained.steps), key=lambda trained: trained.order))

    def told(self) -> dict[str, Any]:
        """Return the records of what was seen by name: `figures`, `trace`, and the final weights of its runs."""
        return {"figures": bounded(self._figures.told), "trace": self._recorder.told(), **self._recorder.weights.records()}

    def find(self, wanted: set[int]) -> nn.Module | None:
        """Return the outermost module that holds the parameters with these ids; a search of everything is made a few times only."""
        found = searching.module_of_callers(wanted)
        if found is None and self._scans < _MOST_SCANS:
            self._scans += 1
            found = searching.module_anywhere(wanted)
        return found

    def meet(self, module: nn.Module) -> Trained:
        """Return what is known of a module; a new one is watched from now on."""
        trained = next((known for known in self._known if known.module is module), None)
        if trained is None:
            trained = Trained(module=module, kind=type(module).__name__, parameters=sum(parameter.numel() for parameter in module.parameters()))
            self._known.append(trained)
            self._feeds.append(Feed(trained))
            self._feeds[-1].attach()
        return trained

    def stepped(self, trained: Trained) -> None:
        """Note a step of a module."""
        trained.steps += 1
        trained.cell = self._cell
        trained.dirty = self._any_dirty = True
        self._steps += 1
        trained.order = self._steps

    def _around_train(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def train(module: nn.Module, *arguments: Any, **options: Any) -> Any:
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

        return train

    def _around_load(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def load_state_dict(module: nn.Module, *arguments: Any, **options: Any) -> Any:
            loaded = [trained for trained in self._known if trained.module is module]
            with contextlib.suppress(Exception):
                for trained in loaded:
                    self._recorder.before_load(trained)
            result = original(module, *arguments, **options)
            for trained in loaded:
                # Putting the best epoch's weights back is a part of training.
                if trained.steps:
                    trained.dirty = trained.restored = self._any_dirty = True
                with contextlib.suppress(Exception):
                    self._recorder.after_load(trained)
            return result

        return load_state_dict

    def _expect(self, optimizer: Optimizer) -> None:
        """Watch the module of a new optimiser, so that its first pass is seen as well."""
        module = searching.module_of_callers(_ids_of(optimizer))
        if module is not None:
            self._recorder.watch(self.meet(module))

    def _before_step(self, optimizer: Optimizer, _arguments: tuple[Any, ...], _options: dict[str, Any]) -> None:
        try:  # no context managers here: this runs in every step
            trained = self._by_optimizer.get(optimizer)
            if trained is None:
                trained = self._by_optimizer[optimizer] = self._optimised_by(optimizer)
            self._recorder.before_step(optimizer, trained if trained.module is not None or trained.parameters else None)
        except Exception:  # noqa: S110 - whatever is odd about an optimiser is the student's concern
            pass

    def _after_step(self, optimizer: Optimizer, _arguments: tuple[Any, ...], _options: dict[str, Any]) -> None:
        trained = self._by_optimizer.get(optimizer)
        if trained is not None:
            self.stepped(trained)
            try:
                self._recorder.after_step(optimizer)
            except Exception:  # noqa: S110
                pass

    def _optimised_by(self, optimizer: Optimizer) -> Trained:
        """Find the module of an optimiser at its first step; parameters of no module make an entry that is never listed."""
        wanted = _ids_of(optimizer)
        module = self.find(wanted)
        trained = self.meet(module) if module is not None else Trained(module=None, kind="", parameters=0)
        for other in [known for known in self._known if known is not trained and not known.steps and _holds(known, wanted)]:
            self._known.remove(other)  # a part of what is trained, or a shell around it that is not there any more
            self._feeds = [feed for feed in self._feeds if not feed.let_go_of(other)]
            self._recorder.forget(other)
        trained.optimizer = type(optimizer).__name__
        trained.restored = False
        with contextlib.suppress(Exception):
            trained.lr = float(optimizer.param_groups[0]["lr"])
        return trained

    def _take_snapshots(self) -> None:
        if not self._any_dirty:
            return
        for trained in self._known:
            if trained.dirty:
                # Whatever is odd about a module, it must not break the student's own call.
                with contextlib.suppress(Exception):
                    trained.take_snapshot()
        self._any_dirty = False

    def _let_go(self) -> None:
        """Keep the copies within bounds: a search over many models is described in full and measured at its end."""
        held = sorted((trained for trained in self._known if trained.state), key=lambda trained: trained.order)
        total = sum(trained.bytes_held for trained in held)
        for trained in held[:-_ALWAYS_KEPT]:
            if total <= self._most_bytes:
                break
            total -= trained.bytes_held
            with contextlib.suppress(Exception):
                self._recorder.keep_of(trained)
            trained.let_go()


def _ids_of(optimizer: Optimizer) -> set[int]:
    return {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}


def _holds(trained: Trained, wanted: set[int]) -> bool:
    return trained.module is not None and not wanted.isdisjoint(id(parameter) for parameter in trained.module.parameters())
