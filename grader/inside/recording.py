"""Cuts what the hooks tell into training runs, and tells them as one record."""

import contextlib
import time
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch.nn import functional
from torch.optim import Optimizer

from . import losses
from .byhand import ByHand, Declared, named_things
from .curves import bounded
from .gradients import Clipping
from .graphs import leaves_of, numbers_of_nodes
from .hooks import Patches, tensor_in
from .passes import Backward, Forward
from .readings import Readings
from .runs import Run
from .schedules import Schedules
from .sources import Sources
from .subjects import Bare, Subject, Watched
from .trained import Modules, Trained
from .weights import Weights, record_name

_MOST_RUNS, _MOST_POINTS, _ALL_POINTS = 64, 512, 8192


class Recorder:
    """The runs of one notebook, whose names are `namespace`. Final weights may take `weights_bytes`."""

    def __init__(self, modules: Modules, namespace: Mapping[str, Any], weights_bytes: int) -> None:
        self.sources, self.weights = Sources(), Weights(weights_bytes)
        self.readings = Readings(self.sources)
        self.runs: list[Run] = []
        self.cell, self._cell_began = -1, 0.0
        self._made = 0
        self._watched: list[Watched] = []
        self._by_optimizer: weakref.WeakKeyDictionary[Optimizer, tuple[Run, Subject]] = weakref.WeakKeyDictionary()
        self._schedules = Schedules()
        self._optimised: set[int] = set()
        self._last: tuple[Watched, Forward] | None = None
        self._call: losses.LossCall | None = None
        self.stepper: Subject | None = None
        self.modules, self.namespace = modules, namespace
        self.hand = ByHand(self)

    def install(self, patches: Patches) -> None:
        """Begin to watch losses, backwards, clipping, schedulers and loaders."""
        self.readings.install(patches)
        for name in losses.FUNCTIONS:
            patches.after(functional, name, self._loss_of(name))
        patches.replace(torch.autograd, "backward", self._around_backward)
        Clipping(lambda: (*self._watched, *self.hand.subjects()), lambda: self.stepper).install(patches)
        self._schedules.install(patches)

    def watch(self, trained: Trained) -> Watched:
        """Begin to watch a module; one that is watched already goes on."""
        watched = next((known for known in self._watched if known.trained is trained), None)
        if watched is None:
            watched = Watched(trained, self._forwarded)
            self._watched.append(watched)
        watched.attach()
        return watched

    def forget(self, trained: Trained) -> None:
        """Stop watching a module that was no part of a training after all."""
        for watched in [known for known in self._watched if known.trained is trained and known.run is None]:
            watched.detach()
            self._watched.remove(watched)

    def before_step(self, optimizer: Optimizer, trained: Trained | None) -> None:
        """Take what waited into the run of this optimiser, which may begin here."""
        known = self._by_optimizer.get(optimizer)
        if known is None:
            held = [parameter for group in optimizer.param_groups for parameter in group["params"]]
            self._optimised.update(map(id, held))
            subject: Subject = self.watch(trained) if trained is not None else self.hand.of_leaves(held)
            subject.by_hand = False
            run = self.begin(subject)
            run.note_optimizer(optimizer)
            run.schedulers = self._schedules.begin(optimizer)
            run.model["optimised"] = sum(parameter.numel() for parameter in held)
            known = self._by_optimizer[optimizer] = (run, subject)
        run, subject = known
        subject.commit(run)
        run.note_rate(optimizer)
        run.note_norm(optimizer)
        self.stepper = subject

    def after_step(self, optimizer: Optimizer) -> None:
        """Count a step."""
        known = self._by_optimizer.get(optimizer)
        if known is not None:
            known[0].stepped(self.cell)

    def begin(self, subject: Subject) -> Run:
        """Begin a run of a subject, which is to be committed to it; the one before it ends."""
        for other in (*self._watched, *self.hand.subjects()):
            other.mark_end()
        if subject.run is not None:
            self.keep(subject)
            subject.describe(self._optimised)
        run = Run(id=self._made, kind="by_hand" if isinstance(subject, Bare) else "module")
        if subject.run is None:
            run.book = subject.early.book
        if isinstance(subject, Watched) and subject.trained.module is not None:
            subject.look_at(subject.trained.module)
        run.begin(self.cell, subject.tensors(), subject.initial)
        subject.initial = ""
        earlier = (other.id for other in reversed(self.runs) if other.end_digest == run.start_digest)
        run.continues = next(earlier, None)
        self._list(run)
        return run

    def _list(self, run: Run) -> None:
        self._made += 1
        self.runs.append(run)
        if len(self.runs) > _MOST_RUNS:
            self.weights.drop(self.runs.pop(0).id)

    def before_load(self, trained: Trained) -> None:
        """Other weights are about to be loaded into a module."""
        for watched in self._watched:
            if watched.trained is trained and watched.run is not None:
                watched.settle()
                watched.mark_end()
                self.keep(watched)

    def after_load(self, trained: Trained) -> None:
        """Note weights that were put back; those that the run began with are no part of it but a new beginning."""
        for watched in self._watched:
            watched.statistics_moved()  # by the loading, and not by a pass
            run = watched.run
            if watched.trained is trained and run is not None and run.steps:
                digest = watched.digest()
                if digest != run.start_digest:
                    run.restored = {"cell": self.cell, "epoch": run.states.get(digest)}
                    run.end_digest, run.kept = digest, False

    def cell_started(self, index: int) -> None:
        """Tell that a cell is about to run."""
        self.cell, self._cell_began = index, time.perf_counter()
        for watched in self._watched:
            watched.attach()

    def cell_ended(self) -> None:
        """Settle what waits, and take the hooks off: nothing crosses the end of a cell."""
        self._last = self._call = None
        self.hand.settle()
        for watched in self._watched:
            with contextlib.suppress(Exception):
                if watched.by_hand:
                    self.hand.commit_moved(watched)
                watched.mark_end()
                if watched.run is not None and watched.run.last_cell == self.cell:
                    watched.describe(self._optimised)
                watched.settle()
            watched.detach()

    def look_at_declared(self, declared: Declared, source: str) -> None:
        """Make a run of a cell that moved weights of declared names with neither an optimiser nor autograd."""
        if any(run.last_cell == self.cell for run in self.runs):
            return
        run = Run(id=self._made, kind="by_hand", first_cell=self.cell, last_cell=self.cell, began=self._cell_began, ended=time.perf_counter())
        weights = declared.cell_ended(run, source)
        if weights:
            self._list(run)
            self.weights.keep(run.id, weights)

    def keep_of(self, trained: Trained) -> None:
        """Keep the final weights of a module that is about to be let go."""
        for watched in self._watched:
            if watched.trained is trained:
                self.keep(watched)

    def told(self) -> dict[str, Any]:
        """Return the whole trace as plain data."""
        names = named_things(self.namespace)
        runs, most = [], min(_MOST_POINTS, _ALL_POINTS // max(1, len(self.runs)))
        for watched in self._watched:
            self.keep(watched)
            if watched.run is not None:
                watched.run.model["name"] = names.get(id(watched.trained.module), "") if watched.trained.module is not None else ""
        for run in self.runs:
            with contextlib.suppress(Exception):
                runs.append({**run.told(self.sources, most), "weights": record_name(run.id) if self.weights.has(run.id) else ""})
        sources, overlaps = self.sources.told(names)
        loaders = self.readings.told(names)
        told: dict[str, Any] = {"runs": runs, "sources": sources, "loaders": loaders, "overlaps": overlaps}
        return {**bounded(told), "left_out": self._made - len(self.runs)}

    def _forwarded(self, watched: Watched, arguments: tuple[Any, ...], options: dict[str, Any], output: Any) -> None:
        given = output if isinstance(output, torch.Tensor) else tensor_in(output)
        taken = arguments[0] if arguments and isinstance(arguments[0], torch.Tensor) else tensor_in((*arguments, *options.values()))
        if taken is None or given is None or taken.ndim == 0:
            return
        module = watched.trained.module
        train_mode, grad = bool(module is not None and module.training), given.requires_grad
        batch, length, node = self.readings.batch_of(taken), None, given.grad_fn
        if batch is not None:
            reading, loader = batch.reading, batch.reading.loader
            source = loader.source.id if loader is not None else None
        else:
            reading, source = None, self.sources.of_tensor((id(watched), train_mode, grad), taken)
            length = self.sources.length_of(source)
        forward = Forward(
            train_mode=train_mode, grad=grad, rows=len(taken), cell=self.cell, reading=reading, source=source,
            node=node._sequence_nr() if node is not None else None, length=length, moved=watched.statistics_moved(),  # noqa: SLF001
        )  # fmt: skip
        if batch is not None:
            forward.compare(given, batch.target)
        self._call = None
        watched.wait(forward)
        self._last = (watched, forward)

    def _loss_of(self, name: str) -> Callable[..., None]:
        def note(result: Any, arguments: tuple[Any, ...], options: Mapping[str, Any]) -> None:
            watched, forward = self._last if self._last is not None else (None, None)
            known = watched is not None and watched.run is not None and watched.run.loss.probabilities is not None
            self._call = call = losses.call_of(name, arguments, options, known=known)
            if call is None or forward is None or forward.loss is not None:
                return
            if isinstance(call.target, torch.Tensor) and len(call.output) == forward.rows:
                forward.compare(call.output, call.target, sigmoid_inside=name == losses.INSIDE)
                if forward.reading is None:
                    self.sources.add_labels_of(self.sources.id_of(forward.source), call.target)
            forward.loss = losses.value_of(result)

        return note

    def _around_backward(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def backward(tensors: Any, *arguments: Any, **options: Any) -> Any:
            if torch.compiler.is_compiling():
                return original(tensors, *arguments, **options)
            subject: Subject | None = None
            try:  # no context managers: this runs in every step
                subject = self._before_backward(tensors if isinstance(tensors, torch.Tensor) else tensor_in(tensors))
            except Exception:  # noqa: S110 - whatever is odd about the tensor is the student's concern
                pass
            result = original(tensors, *arguments, **options)
            if subject is not None:
                self.hand.check(subject)
            return result

        return backward

    def _before_backward(self, tensor: torch.Tensor | None) -> Subject | None:
        if tensor is None:
            return None
        made = Backward(value=losses.value_of(tensor), forwards=[], call=self._call)
        self._call = None
        waiting = [watched for watched in self._watched if watched.pending and watched.pending[-1].grad]
        subject = waiting[-1] if waiting else self.stepper
        if subject is None or subject.run is None or not subject.run.loss.backward_of or subject is not self.stepper:
            made.operation = losses.operation(tensor.grad_fn)
        if not waiting:
            return self.hand.backward(tensor, made)
        if len(waiting) > 1:
            leaves = leaves_of(tensor)
            waiting = [watched for watched in waiting if any(leaf is watched.reference() for leaf in leaves)] or waiting[-1:]
        reached = _reached(tensor, waiting)
        for watched in waiting:
            if watched.by_hand:
                self.hand.commit_moved(watched)
            watched.backward(Backward(value=made.value, forwards=[], call=made.call, operation=made.operation), reached)
        self.hand.expect(waiting[-1], tensor)
        return waiting[-1]

    def keep(self, subject: Subject) -> None:
        """Keep the final weights of a subject's run, as the snapshot of its module has them."""
        run = subject.run
        if run is None or run.kept or run not in self.runs:
            return
        if isinstance(subject, Watched):
            if subject.trained.dirty:
                subject.trained.take_snapshot()
            self.weights.keep(run.id, subject.trained.state)
        else:
            self.weights.keep(run.id, dict(subject.tensors()))
        run.kept = True


def _reached(tensor: torch.Tensor, waiting: Iterable[Watched]) -> set[int] | None:
    """Return what a backward reaches where passes over more than one loader wait for it; else their order tells enough."""
    for watched in waiting:
        if len(watched.pending) > 1 and len({id(forward.reading) for forward in watched.pending}) > 1:
            return numbers_of_nodes(tensor)
    return None
