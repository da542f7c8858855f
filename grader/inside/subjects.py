"""What is trained: a module under watch, or bare tensors. Passes wait here until it is seen whether a backward, and a step, follow."""

import contextlib
import weakref
from collections.abc import Callable, Collection, Sequence
from typing import Any

import torch
from torch import nn

from .digests import sample_of, weights_digest
from .gradients import Gradients, is_nonzero
from .hooks import Hook, Shapes
from .passes import Backward, Forward, led_to
from .runs import Run
from .structure import MOST_LAYERS, description, normalisation_counter
from .trained import Trained

_MOST_WAITING, _MOST_HELD = 4096, 1 << 22


class Subject:
    """`pending` are passes that a backward may still follow, `buffer` backwards that wait for a step, `by_hand` means without an optimiser."""

    def __init__(self) -> None:
        self.run: Run | None = None
        self.early = Run(id=-1)
        self.pending: list[Forward] = []
        self.buffer: list[Backward] = []
        self.gradients = Gradients()
        self.dirty = self.by_hand = False
        self.initial, self.expected = "", 0
        self._clips: list[tuple[str, float, bool]] = []
        self._seen: tuple[int, int, bytes | None] | None = None
        self._held = 0

    def reference(self) -> torch.Tensor | None:
        """Return the parameter by which gradients and updates are told."""
        raise NotImplementedError

    def tensors(self) -> list[tuple[str, torch.Tensor]]:
        """Return the weights by name."""
        raise NotImplementedError

    def describe(self, optimised: set[int]) -> None:
        """Describe the model into the run; `optimised` are the ids of all parameters that an optimiser moved."""

    def wait(self, forward: Forward) -> None:
        """Take a new pass; those before it that no backward can follow any more are evaluations."""
        last = self.pending[-1] if self.pending else None
        if last is not None and not last.grad:
            self.evaluated(self.pending.pop())
        elif last is not None and last.output is not None:
            self._held += last.output.numel()
            last.output = last.output if self._held <= _MOST_HELD else None  # an accuracy is not worth any memory
        if len(self.pending) >= _MOST_WAITING:
            self.evaluated(self.pending.pop(0))
        self.pending.append(forward)

    def backward(self, made: Backward, reached: Collection[int] | None = None) -> None:
        """Take a backward: the passes that led to it (see `led_to`) wait for a step from now on."""
        if self.run is None and not self.initial:
            self.initial = self.digest()
        if self.buffer and self._was_zeroed():
            self.buffer.clear()  # what those had left was thrown away, and no step will use it
        self.gradients.look(self.reference())
        pending, self.pending, self._held = self.pending, [], 0
        made.forwards = led_to(pending, reached)
        if len(made.forwards) < len(pending):
            led = set(map(id, made.forwards))
            self._pass_over([forward for forward in pending if id(forward) not in led], may_follow=reached is not None)
        self.buffer.append(made)
        if len(self.buffer) > _MOST_WAITING:
            del self.buffer[0]

    def take_back(self) -> Backward:
        """Give back the last backward, which was none of this subject's."""
        made = self.buffer.pop()
        self.pending[:0] = made.forwards
        made.forwards = []
        self.gradients.stepped = not self.buffer and self.run is not None
        return made

    def _pass_over(self, forwards: list[Forward], *, may_follow: bool) -> None:
        """Take for evaluations the passes from which a backward did not come, unless one of their own may follow before the step."""
        for forward in forwards:
            if may_follow and forward.grad and not (forward.reading is not None and forward.reading.ended):
                forward.passed_over = True
                self.pending.append(forward)
            else:
                self.evaluated(forward)

    def _pass_by(self) -> None:
        """Take for evaluations the passes from which no backward before this step came."""
        passed, self.pending = [forward for forward in self.pending if forward.passed_over], [forward for forward in self.pending if not forward.passed_over]
        for forward in passed:
            self.evaluated(forward)

    def _was_zeroed(self) -> bool:
        parameter = self.reference()
        return parameter is not None and (parameter.grad is None or not is_nonzero(parameter.grad))

    def commit(self, run: Run) -> None:
        """Give what waited to the run that steps."""
        if self.pending:
            self._pass_by()
        if run is not self.run:
            self.gradients.begin()
        self.run = run
        for made in self.buffer:
            first = made.forwards[0] if made.forwards else None
            if self.dirty and not run.evaluated and first is not None and not first.length and run.cut_by(first):
                run.note_state(self.digest())
            if made.call is not None and run.loss.wants_look:
                with contextlib.suppress(Exception):
                    run.loss.look(made.call)
            run.loss.calls += 1
            run.loss.backward_of = run.loss.backward_of or made.operation
            run.take_backward(made.value, made.forwards)
        self.buffer.clear()
        for kind, limit, in_force in self._clips:
            run.clip(kind, limit, in_force=in_force, late=False)
        self._clips.clear()
        run.kept = False
        run.accumulated += self.gradients.stale
        self.gradients.stepped, self.gradients.stale = True, False
        self.dirty = True

    def clipped(self, kind: str, limit: float, *, in_force: bool, late: bool) -> None:
        """Take a clipping: before the step it waits for it, after it (`late`) it is counted at once."""
        if late and self.run is not None:
            self.run.clip(kind, limit, in_force=in_force, late=True)
        elif len(self._clips) < _MOST_WAITING:
            self._clips.append((kind, limit, in_force))

    def settle(self) -> None:
        """Decide at the end of a cell: no backward and no step follow what waits."""
        for made in self.buffer:
            for forward in made.forwards:
                self.evaluated(forward)
        for forward in self.pending:
            self.evaluated(forward)
        self.buffer.clear()
        self.pending.clear()
        self._held = 0

    def evaluated(self, forward: Forward) -> None:
        """Take a pass for an evaluation."""
        run = self.run or self.early
        if self.dirty and run.reading is not forward.reading and forward.reading is not run.evaluating:
            run.evaluating = forward.reading
            run.note_state(self.digest())
        run.take_evaluation(forward)

    def digest(self) -> str:
        """Return the digest of the weights as they are."""
        return weights_digest(tensor for _, tensor in self.tensors())

    def mark_end(self) -> None:
        """Note the weights that the run has reached."""
        if self.run is not None and self.dirty:
            self.run.end_digest = self.digest()
            self.run.note_state(self.run.end_digest)
            self.dirty = False

    def replaced(self, *, ended: bool) -> bool:  # noqa: ARG002 - bare weights care
        """Tell whether new tensors took the place of the weights."""
        return False

    def moved(self) -> bool:
        """Tell whether the weights differ from those when this was asked last; the first answer is no."""
        parameter, before = self.reference(), self._seen
        if parameter is None:
            return False
        version = parameter._version  # noqa: SLF001 - counts the changes in place
        if before is not None and before[:2] == (id(parameter), version):
            # A change through `.data` or NumPy is not counted there.
            sample = sample_of(parameter)
            self._seen = (id(parameter), version, sample)
            return before[2] is not None and sample != before[2]
        self._seen = (id(parameter), version, sample_of(parameter) if before is None else None)
        return before is not None


class Watched(Subject, Hook):
    """A module, with the hook that tells of its passes."""

    def __init__(self, trained: Trained, forwarded: Callable[["Watched", tuple[Any, ...], dict[str, Any], Any], None]) -> None:
        super().__init__()
        self.trained, self._forwarded = trained, forwarded
        self.shapes: Shapes | None = None
        self._handle: Any = None
        self._parameter: torch.Tensor | None = None
        self._counter: torch.Tensor | None = None
        self._counted = 0
        if trained.module is not None:
            self.look_at(trained.module)

    def look_at(self, module: nn.Module) -> None:
        """Choose what is watched of the module's parts."""
        trainable = [parameter for parameter in module.parameters() if parameter.requires_grad]
        self._parameter = trainable[-1] if trainable else None
        self._counter = normalisation_counter(module)
        self.statistics_moved()

    def reference(self) -> torch.Tensor | None:
        """Return the last trainable parameter."""
        return self._parameter

    def is_held_to(self, reached: Sequence[torch.Tensor]) -> bool:
        """Tell whether a backward reached some parameter, and watch that one from now on: the last layer need not take part."""
        own = {id(parameter) for _, parameter in self.tensors()}
        found = next((leaf for leaf in reached if id(leaf) in own), None)
        self._parameter = found if found is not None else self._parameter
        return found is not None

    def tensors(self) -> list[tuple[str, torch.Tensor]]:
        """Return the parameters by name."""
        return list(self.trained.module.named_parameters()) if self.trained.module is not None else []

    def attach(self) -> None:
        """Begin to watch."""
        module = self.trained.module
        if module is not None and self._handle is None:
            # First, as hooks are called in their order: the shapes are taken off when this one is called.
            if self.shapes is None:
                self.shapes = Shapes(module, MOST_LAYERS)
            self._handle = module.register_forward_hook(self, with_kwargs=True)

    def detach(self) -> None:
        """Stop watching."""
        if self._handle is not None:
            self._handle.remove()
            self._handle = None
        if self.shapes is not None:
            self.shapes.remove()
            if not self.shapes.seen:
                self.shapes = None

    def __call__(self, module: nn.Module, arguments: tuple[Any, ...], options: dict[str, Any], output: Any) -> None:
        """Note one pass of the watched module."""
        if not torch.compiler.is_compiling() and module is self.trained.module:
            try:  # no context manager: this runs in every step
                self._forwarded(self, arguments, options, output)
                if self.shapes is not None:
                    self.shapes.remove()
            except Exception:  # noqa: S110 - whatever is odd about a pass is the student's concern
                pass

    def describe(self, optimised: set[int]) -> None:
        """Describe the module into the run."""
        module, run = self.trained.module, self.run
        if module is not None and run is not None:
            run.model.update(description(module, self.shapes, run.start, optimised))

    def statistics_moved(self) -> bool:
        """Tell whether running statistics changed since this was asked last."""
        if self._counter is None or self._counter.is_inference():
            return False
        before, self._counted = self._counted, self._counter._version  # noqa: SLF001 - counts the changes in place
        return before != self._counted


class Bare(Subject):
    """Weights in no module: the leaves of a graph."""

    def __init__(self, leaves: Sequence[torch.Tensor]) -> None:
        super().__init__()
        self.by_hand = True
        self.cell, self.used, self.renewed = -1, 0, False
        self.shapes = [tuple(leaf.shape) for leaf in leaves]
        self.names = [f"w{place}" for place in range(len(leaves))]
        self._leaves: list[weakref.ref[torch.Tensor]] = []
        self.now(leaves)

    def now(self, leaves: Sequence[torch.Tensor]) -> None:
        """Take these leaves for the weights: an update that makes new tensors makes new leaves."""
        self._leaves = [weakref.ref(leaf) for leaf in leaves[: len(self.names)]]
        self.used, self.renewed = 0, bool(self.used)

    def reference(self) -> torch.Tensor | None:
        """Return the last leaf, if it is still there."""
        return self._leaves[-1]()

    def replaced(self, *, ended: bool) -> bool:
        """Tell whether the weights are gone, or at the end those that every update had replaced so far."""
        return self.reference() is None or (ended and self.renewed)

    def leaves(self) -> list[tuple[str, torch.Tensor | None]]:
        """Return the leaves by name, None for those that are gone."""
        return list(zip(self.names, (leaf() for leaf in self._leaves), strict=True))

    def tensors(self) -> list[tuple[str, torch.Tensor]]:
        """Return the leaves that are still there."""
        return [(name, leaf) for name, leaf in self.leaves() if leaf is not None]
