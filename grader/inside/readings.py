"""Every pass over a DataLoader: which batches it gave, in which order, and whether a row came out the same when it was read again."""

import contextlib
import weakref
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Subset, TensorDataset, default_collate, sampler
from torch.utils.data.dataloader import _BaseDataLoaderIter

from .hooks import Patches, tensor_in
from .sources import Source, Sources, places

_MOST_LOADERS = 128
_LOOKED_AT_PASSES, _REREAD_ROWS, _ORDER = 8, 1024, 4096
_TARGETS = ("labels", "label", "targets", "target", "y")


@dataclass(slots=True, kw_only=True, eq=False)
class Loader:
    """One DataLoader; `fixed` means that its rows cannot vary. `first_order` is the order of its first whole pass, `digests` what its rows were by their indices."""

    id: int
    source: Source
    thing: Any
    facts: dict[str, Any]
    fixed: bool = False
    passes: int = 0
    first_order: list[Any] | None = None
    same_order: bool | None = None
    varies: bool | None = None
    digests: dict[int, str] = field(default_factory=dict)

    @property
    def looked_at(self) -> bool:
        """Whether the rows of the pass that begins are still looked at."""
        return self.same_order is None and self.passes <= _LOOKED_AT_PASSES


@dataclass(slots=True, kw_only=True, eq=False)
class Reading:
    """One pass over a loader (None: one of too many)."""

    loader: Loader | None
    looked_at: bool = False
    ended: bool = False
    reread: int = 0
    order: list[Any] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Batch:
    """The batch that was given last; `place` is where its inputs lie in memory."""

    reading: Reading
    rows: int
    place: int
    target: torch.Tensor | None


class Readings:
    """Watches every DataLoader. `install` once."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._loaders: list[Loader] = []
        self._by_loader: weakref.WeakKeyDictionary[Any, Loader] = weakref.WeakKeyDictionary()
        self._by_iterator: weakref.WeakKeyDictionary[Any, Reading] = weakref.WeakKeyDictionary()
        self._indices: weakref.WeakKeyDictionary[Any, deque[Any]] = weakref.WeakKeyDictionary()
        self._recent: deque[Batch] = deque(maxlen=4)

    def install(self, patches: Patches) -> None:
        """Begin to watch."""
        patches.after(DataLoader, "__iter__", lambda iterator, arguments, _: self._began(iterator, arguments[0]))
        patches.after(_BaseDataLoaderIter, "_next_index", lambda index, arguments, _: self._drew(arguments[0], index))
        patches.replace(_BaseDataLoaderIter, "__next__", self._watched)

    def batch_of(self, inputs: torch.Tensor) -> Batch | None:
        """Return the batch that a model takes: the one in the same memory, else the last one of as many rows."""
        place, rows = inputs.data_ptr(), len(inputs) if inputs.ndim else 0
        for batch in reversed(self._recent):
            if batch.place == place and batch.rows == rows:
                return batch
        last = self._recent[-1] if self._recent else None
        return last if last is not None and not last.reading.ended and last.rows == rows else None

    def open_batch(self) -> Batch | None:
        """Return the last batch of a pass that goes on."""
        last = self._recent[-1] if self._recent else None
        return last if last is not None and not last.reading.ended else None

    def told(self, names: Mapping[int, str]) -> list[dict[str, Any]]:
        """Return the loaders as plain data."""
        return [
            {
                **loader.facts, "id": loader.id, "source": self._sources.id_of(loader.source.id), "passes": loader.passes,
                "name": names.get(id(loader.thing()), "") if loader.thing() is not None else "",
                "varies": loader.varies, "same_order": loader.same_order,
            }
            for loader in self._loaders
        ]  # fmt: skip

    def _began(self, iterator: Any, thing: Any) -> None:
        loader = self._by_loader.get(thing)
        if loader is None:
            source = self._sources.of_dataset(_read_by(thing))
            loader = self._loader_of(source, thing) if source is not None else None
        if loader is not None:
            self._by_loader[thing] = loader
            loader.passes += 1
        self._by_iterator[iterator] = Reading(loader=loader, looked_at=loader is not None and loader.looked_at)

    def _loader_of(self, source: Source, thing: Any) -> Loader | None:
        """Return a loader that is new, or takes the place of one like it that is gone: some notebooks make theirs in every epoch."""
        facts = _facts(thing)
        loader = next((known for known in self._loaders if known.source is source and known.facts == facts and known.thing() is None), None)
        if loader is None and len(self._loaders) < _MOST_LOADERS:
            fixed = isinstance(thing.dataset, TensorDataset) and thing.collate_fn is default_collate
            loader = Loader(id=len(self._loaders), source=source, thing=weakref.ref(thing), facts=facts, fixed=fixed)
            self._loaders.append(loader)
        if loader is not None:
            loader.thing = weakref.ref(thing)
            source.named_by.append(loader.thing)
        return loader

    def _drew(self, iterator: Any, index: Any) -> None:
        reading = self._by_iterator.get(iterator)
        if reading is None or reading.looked_at:  # a loader with workers draws before its iterator is known
            self._indices.setdefault(iterator, deque(maxlen=256)).append(index)

    def _watched(self, original: Any) -> Any:
        def wrapper(iterator: Any) -> Any:
            try:
                data = original(iterator)
            except StopIteration:
                with contextlib.suppress(Exception):
                    self._ended(self._by_iterator[iterator])
                raise
            try:  # no context manager: this runs in every step
                self._gave(iterator, data)
            except Exception:  # noqa: S110 - a batch that cannot be looked at is the student's concern
                pass
            return data

        return wrapper

    def _gave(self, iterator: Any, data: Any) -> None:
        reading = self._by_iterator[iterator]
        drawn = self._indices.get(iterator) if reading.looked_at else None
        index = drawn.popleft() if drawn else None
        inputs, target = parts_of(data)
        if inputs is None or inputs.ndim == 0:
            return
        self._recent.append(Batch(reading=reading, rows=inputs.shape[0], place=inputs.data_ptr(), target=target))
        if reading.looked_at and reading.loader is not None:
            self._look(reading, reading.loader, inputs, target, index)

    def _look(self, reading: Reading, loader: Loader, inputs: torch.Tensor, target: torch.Tensor | None, index: Any) -> None:
        known = isinstance(index, list) and len(index) == len(inputs) and all(isinstance(place, int) for place in index)
        again = loader.passes > 1
        if loader.fixed and (again or loader.source.whole):  # a data set of tensors gives the same rows each time
            digests = []
        elif again:
            digests = self._sources.digests_of(inputs, _REREAD_ROWS - reading.reread)
            reading.reread += len(digests)
        else:
            digests = self._sources.add_rows(loader.source, inputs)
        if len(reading.order) < _ORDER:
            reading.order += index if known else digests
        for place, digest in zip(index if known else (), digests, strict=False):
            before = loader.digests.setdefault(place, digest)
            if again and before != digest:
                loader.varies = True
            elif again and loader.varies is None:
                loader.varies = False
        if not loader.source.whole:
            self._sources.add_labels(loader.source, target)

    def _ended(self, reading: Reading) -> None:
        loader = reading.loader
        if loader is not None and not reading.ended and reading.looked_at:
            loader.source.whole = True
            if loader.first_order is None:
                loader.first_order = reading.order
            elif loader.same_order is None and reading.order:
                loader.same_order = loader.first_order == reading.order
                loader.first_order, loader.digests = [], {}
                loader.varies = False if loader.fixed else loader.varies
        reading.ended = True


def parts_of(data: Any) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    """Return inputs and targets of a batch: the first two tensors of a sequence, or the first of a dictionary and its labels."""
    if isinstance(data, dict):
        target = next((data[name] for name in _TARGETS if isinstance(data.get(name), torch.Tensor)), None)
        return next((value for value in data.values() if isinstance(value, torch.Tensor) and value is not target), None), target
    if isinstance(data, list | tuple) and len(data) > 1:
        return tensor_in(data[0]), tensor_in(data[1])
    return tensor_in(data), None


def _read_by(loader: Any) -> Any:
    """Return the data set, or that part of it from which the loader's sampler draws."""
    drawn_by = _sampler_of(loader)
    indices = drawn_by if isinstance(drawn_by, Sequence | torch.Tensor | np.ndarray) else getattr(drawn_by, "indices", None)
    if indices is not None:
        with contextlib.suppress(Exception):  # a sampler of one's own may keep anything there
            return Subset(loader.dataset, places(indices))
    return loader.dataset


def _sampler_of(loader: Any) -> Any:
    """Return what draws the rows: a batch sampler has a sampler of its own."""
    batches: Any = getattr(loader, "batch_sampler", None)
    return batches.sampler if hasattr(batches, "sampler") else getattr(loader, "sampler", None)


def _facts(loader: Any) -> dict[str, Any]:
    drawn_by = _sampler_of(loader)
    batches = None
    with contextlib.suppress(Exception):
        batches = len(loader)
    random = isinstance(drawn_by, sampler.RandomSampler | sampler.SubsetRandomSampler | sampler.WeightedRandomSampler)
    own = drawn_by is not None and not isinstance(drawn_by, sampler.SequentialSampler) and hasattr(drawn_by, "generator")
    return {
        "class_name": type(loader).__name__, "batch_size": getattr(loader, "batch_size", None), "batches": batches,
        "shuffle": random or own, "sampler": type(drawn_by).__name__, "drop_last": bool(getattr(loader, "drop_last", False)),
        "num_workers": int(getattr(loader, "num_workers", 0)),
    }  # fmt: skip
