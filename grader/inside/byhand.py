"""Training without an optimiser: backwards that reach bare tensors, modules moved in a loop, and weights moved with no autograd at all."""

import ast
import contextlib
import sys
import types
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from .digests import weights_digest
from .graphs import leaves_of
from .passes import Backward, Forward
from .runs import Run
from .subjects import Bare, Subject, Watched

if TYPE_CHECKING:
    from .recording import Recorder

_MOST_SITES = 256
_CHECKED_EACH, _THEN_EVERY = 64, 8
_MOST_NAMES, _LARGEST, _ITEMS = 512, 1 << 22, 64


class ByHand:
    """The subjects of a notebook that no optimiser moves, found by the line that calls `backward`."""

    def __init__(self, recorder: "Recorder") -> None:
        self._recorder = recorder
        self._sites: dict[tuple[types.CodeType, int], Subject] = {}
        self._bare: list[Bare] = []
        self._before: tuple[int, int] = (0, 0)
        self._tensor: torch.Tensor | None = None

    def subjects(self) -> list[Bare]:
        """Return the bare weights that were met."""
        return self._bare

    def backward(self, tensor: torch.Tensor, made: Backward) -> Subject | None:
        """Take a backward that no watched pass led to."""
        site = _site()
        subject = self._sites.get(site) if site is not None else None
        if subject is None or subject.reference() is None:
            subject = self._subject_of(tensor)
            if site is not None and subject is not None and len(self._sites) < _MOST_SITES:
                self._sites[site] = subject
        if subject is None:
            return None
        if subject.by_hand:
            self.commit_moved(subject)
        self._add(subject, made)
        self.expect(subject, tensor)
        return subject

    def expect(self, subject: Subject, tensor: torch.Tensor) -> None:
        """Note before a backward what it must change if it reaches this subject; of many in a row, now and then."""
        subject.expected += 1
        if subject.expected <= _CHECKED_EACH or subject.expected % _THEN_EVERY == 0:
            self._tensor, self._before = tensor, _state_of(subject)

    def check(self, subject: Subject) -> None:
        """After a backward: if it did not reach the subject it was taken for, it was another's."""
        tensor, self._tensor = self._tensor, None
        if tensor is not None:
            with contextlib.suppress(Exception):
                self._check(subject, tensor)

    def _check(self, subject: Subject, tensor: torch.Tensor) -> None:
        if not subject.buffer or _state_of(subject) != self._before:
            return
        reached = leaves_of(tensor)
        if isinstance(subject, Watched) and subject.is_held_to(reached):
            return
        made, subject.expected = subject.take_back(), 0
        if isinstance(subject, Bare):
            subject.used -= 1
        other = self._subject_of(tensor)
        if other is not None:
            self.commit_moved(other)
            self._add(other, made)
            self._sites = {site: other if known is subject else known for site, known in self._sites.items()}

    def commit_moved(self, subject: Subject, *, ended: bool = False) -> None:
        """Take weights that moved since the last backward for a step; `ended` tells that no backward of this cell follows."""
        if (subject.moved() or subject.replaced(ended=ended)) and subject.buffer:
            run = subject.run
            if run is None or (isinstance(subject, Bare) and run.last_cell != self._recorder.cell):
                run = self._recorder.begin(subject)
            subject.commit(run)
            run.stepped(self._recorder.cell)
            self._recorder.stepper = subject
            if isinstance(subject, Watched):
                self._recorder.modules.stepped(subject.trained)

    def of_leaves(self, leaves: list[torch.Tensor]) -> Bare:
        """Return the subject of these bare tensors, known or new."""
        shapes, wanted = [tuple(leaf.shape) for leaf in leaves], set(map(id, leaves))
        for bare in self._bare:
            if any(id(own) in wanted for _, own in bare.tensors()):
                return bare
        # An update that makes new tensors uses every one once, so that shapes are all there is to go by.
        for bare in self._bare:
            if bare.shapes == shapes and bare.cell == self._recorder.cell and bare.used <= 1:
                bare.now(leaves)
                return bare
        bare = Bare(leaves)
        bare.cell = self._recorder.cell
        if len(self._bare) < _MOST_SITES:
            self._bare.append(bare)
        return bare

    def settle(self) -> None:
        """Settle at the end of a cell what waits."""
        for bare in self._bare:
            with contextlib.suppress(Exception):
                if bare.by_hand:
                    self.commit_moved(bare, ended=True)
                if bare.run is not None and bare.run.last_cell == self._recorder.cell:
                    names = named_things(self._recorder.namespace)
                    bare.names = [names.get(id(leaf), own) for own, leaf in bare.leaves()]
                    bare.run.model = {**described_tensors(bare.tensors()), "optimised": bare.run.model.get("optimised", 0)}
                    bare.mark_end()
                    self._recorder.keep(bare)
                bare.settle()

    def _subject_of(self, tensor: torch.Tensor) -> Subject | None:
        leaves = leaves_of(tensor)
        if not leaves:
            return None
        parameters = {id(leaf) for leaf in leaves if isinstance(leaf, nn.Parameter)}
        module = self._recorder.modules.find(parameters) if parameters else None
        if module is None:
            return self.of_leaves(leaves)
        watched = self._recorder.watch(self._recorder.modules.meet(module))
        watched.by_hand = watched.run is None or watched.by_hand
        return watched

    def _add(self, subject: Subject, made: Backward) -> None:
        """Give a backward to a subject, with the batch that bare weights can have read."""
        if isinstance(subject, Bare):
            subject.used += 1
        batch = self._recorder.readings.open_batch()
        if isinstance(subject, Bare) and batch is not None:
            loader = batch.reading.loader
            subject.pending.append(Forward(
                train_mode=True, grad=True, rows=batch.rows, cell=self._recorder.cell, reading=batch.reading,
                source=loader.source.id if loader is not None else None, output=None, target=None,
            ))  # fmt: skip
        subject.backward(made)


class Declared:
    """Tensors under declared names: a cell in which they come out with other values has trained them."""

    def __init__(self, namespace: Mapping[str, Any], names: Collection[str]) -> None:
        self._namespace, self._names = namespace, tuple(names)
        self._before: dict[str, tuple[tuple[int, ...], str]] = {}

    def cell_started(self) -> None:
        """Note the values at the beginning of a cell."""
        self._before = {name: (tuple(value.shape), weights_digest([value])) for name, value in self._tensors()}

    def cell_ended(self, run: Run, source: str) -> dict[str, torch.Tensor]:
        """Describe into `run` what the cell did, and return the weights; nothing when it trained none."""
        if not self._before or not self._works(source):
            return {}
        now = dict(self._tensors())
        kept = {name: value for name, value in now.items() if self._before.get(name, ((), ""))[0] == tuple(value.shape) and name in self._before}
        moved = [name for name, value in kept.items() if weights_digest([value]) != self._before[name][1]]
        # Weights of another shape are a new beginning, and one value of many may have been set for another reason.
        if len(kept) != len(self._before) or 2 * len(moved) <= len(kept):
            return {}
        run.model = described_tensors(kept.items())
        run.start_digest, run.end_digest = "before", "after"
        return kept

    def _works(self, source: str) -> bool:
        """Whether a cell has a loop, or calls a function of the notebook that may have one."""
        try:
            nodes = list(ast.walk(ast.parse("\n".join(line for line in source.splitlines() if not line.lstrip().startswith(("%", "!"))))))
        except (SyntaxError, ValueError, RecursionError):
            return False
        called = {node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
        own = any(isinstance(self._namespace.get(name), types.FunctionType) for name in called)
        methods = any(isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in {"fit", "train"} for node in nodes)
        return own or methods or any(isinstance(node, ast.For | ast.While) for node in nodes)

    def _tensors(self) -> Iterator[tuple[str, torch.Tensor]]:
        for name in self._names:
            yield from _floats(name, self._namespace.get(name))
        for owner, thing in list(self._namespace.items())[:_MOST_NAMES]:
            # Asked of the type and past its own answers: an object may answer for itself, and badly.
            if owner.startswith("_") or issubclass(type(thing), type | types.ModuleType | types.FunctionType | nn.Module):
                continue
            attributes: Any = None
            with contextlib.suppress(Exception):
                attributes = object.__getattribute__(thing, "__dict__")
            for name in self._names if isinstance(attributes, dict) else ():
                yield from _floats(f"{owner}.{name}", attributes.get(name))


def described_tensors(tensors: Any) -> dict[str, Any]:
    """Describe bare weights as a model of one layer each."""
    layers = [
        {
            "name": name, "class_name": type(tensor).__name__, "parameters": tensor.numel(),
            "trainable": tensor.numel(), "input": None, "output": list(tensor.shape),
        }
        for name, tensor in tensors
    ]  # fmt: skip
    total = sum(int(layer["parameters"]) for layer in layers)
    return {"class_name": "", "name": "", "parameters": total, "trainable": total, "optimised": 0, "layers": layers}


def named_things(namespace: Mapping[str, Any]) -> dict[int, str]:
    """Return what the notebook calls objects, by their ids: plain names first, then places in lists, dictionaries and objects."""
    names: dict[int, str] = {}
    public = [(name, value) for name, value in list(namespace.items()) if not name.startswith("_")]
    for name, value in public:
        names.setdefault(id(value), name)
    for name, value in public:
        with contextlib.suppress(Exception):
            if isinstance(value, list | tuple):
                held = [(f"{name}[{place}]", item) for place, item in enumerate(value[:_ITEMS])]
            elif isinstance(value, dict):
                held = [(f"{name}[{key!r}]"[:80], item) for key, item in list(value.items())[:_ITEMS]]
            elif isinstance(value, type | types.ModuleType | types.FunctionType):
                held = []
            else:
                held = [(f"{name}.{key}"[:80], item) for key, item in list(vars(value).items())[:_ITEMS]]
            for place, item in held:
                names.setdefault(id(item), place)
    return names


def _floats(name: str, value: Any) -> Iterator[tuple[str, torch.Tensor]]:
    if isinstance(value, np.ndarray) and value.dtype.kind == "f" and 0 < value.size <= _LARGEST:
        yield name, torch.from_numpy(np.array(value, copy=True))
    elif isinstance(value, torch.Tensor) and value.is_floating_point() and 0 < value.numel() <= _LARGEST and value.layout is torch.strided and not value.is_meta:
        yield name, value


def _state_of(subject: Subject) -> tuple[int, int]:
    """Return what tells one state of a gradient from the next."""
    parameter = subject.reference()
    gradient = parameter.grad if parameter is not None else None
    return (id(gradient), gradient._version) if gradient is not None else (0, 0)  # noqa: SLF001 - counts the changes in place


def _site() -> tuple[types.CodeType, int] | None:
    """Return the code and the line that called `backward`, beyond torch's own frames."""
    frame: types.FrameType | None = sys._getframe(1)  # noqa: SLF001 - the only way to the caller
    while frame is not None:
        name = str(frame.f_globals.get("__name__", ""))
        if not name.startswith("torch.") and name != "torch" and not name.startswith(__package__ or "-"):
            return frame.f_code, frame.f_lineno
        frame = frame.f_back
    return None
