"""What data was read, told apart by content: data sets, tensors passed whole, batches cut by hand."""

import contextlib
import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
import torch
from torch.utils.data import Subset, TensorDataset

from .digests import rows_digested, sketch, weights_digest

_MOST_SOURCES, _MOST_ROWS = 64, 4096
_MOST_BYTES = 256 << 20
_DIGESTS_TOLD, _MOST_LABELS, _TARGETS_SEEN = 256, 256, 16
_BEFORE_BATCHES, _MOST_NAMES = 4, 16


@dataclass(slots=True, kw_only=True)
class Source:
    """One source; `rows` are the digests of its distinct rows so far, `whole` tells that a loader has given all of them, `same_as` the source that it turned out to be a part of."""

    id: int
    kind: str
    class_name: str = ""
    length: int | None = None
    row: list[int] = field(default_factory=list)
    dtype: str = ""
    rows: dict[str, None] = field(default_factory=dict)
    labels: set[int] = field(default_factory=set)
    whole: bool = False
    targets: int = 0
    same_as: int | None = None
    named_by: list[Callable[[], Any]] = field(default_factory=list)

    def describe(self, tensor: torch.Tensor) -> None:
        """Note what a row looks like."""
        if not self.dtype:
            self.row, self.dtype = list(tensor.shape[1:]), str(tensor.dtype).removeprefix("torch.")


@dataclass(slots=True)
class _Bucket:
    """Tensors that one model was fed in one mode, not through a loader."""

    ids: list[int] = field(default_factory=list)
    many: bool = False
    last: Callable[[], Any] = lambda: None
    version: int = -1
    found: int = -1


class Sources:
    """All sources of one run of a notebook."""

    def __init__(self) -> None:
        self._sources: list[Source] = []
        self._by_key: dict[Any, int] = {}
        self._buckets: dict[Any, _Bucket] = {}
        self._objects: dict[int, tuple[Callable[[], Any], int]] = {}
        self._met = 0
        self._bytes = 0

    def of_dataset(self, dataset: Any) -> Source | None:
        """Return the source of a data set: one for equal tensors, else one for each object."""
        key = self._key_of(dataset)
        if key not in self._by_key:
            source = self._new(kind="dataset", class_name=type(dataset).__name__, length=_length(dataset))
            if source is None:
                return None
            self._by_key[key] = source.id
        source = self._sources[self._by_key[key]]
        del source.named_by[:-_MOST_NAMES]
        source.named_by.append(_reference(dataset))
        if isinstance(dataset, TensorDataset):
            source.named_by.append(_reference(dataset.tensors[0]))
        return source

    def of_tensor(self, owner: Any, tensor: torch.Tensor) -> int | None:
        """Return the id of the source of an input that came from no loader; `owner` says which model took it in which mode."""
        bucket = self._buckets.setdefault(owner, _Bucket())
        base = tensor._base  # noqa: SLF001 - the tensor of which this one is a slice
        whole = base if base is not None and base.ndim == tensor.ndim and base.shape[1:] == tensor.shape[1:] else tensor
        version = -1 if whole.is_inference() else whole._version  # noqa: SLF001
        if bucket.last() is whole and bucket.version == version:
            return bucket.found
        if bucket.many:
            self.add_rows(self._sources[bucket.found], tensor)
            return bucket.found
        found = self._tensor(whole)
        if found is None:
            return None
        if found not in bucket.ids:
            bucket.ids.append(found)
        if len(bucket.ids) > _BEFORE_BATCHES:
            found = self._merge(bucket)
        bucket.last, bucket.version, bucket.found = weakref.ref(whole), version, found
        return found

    def add_rows(self, source: Source, tensor: torch.Tensor) -> list[str]:
        """Hash rows of `tensor` into a source, as many as the bounds allow, and return their digests in order."""
        source.describe(tensor)
        digests = self.digests_of(tensor, _MOST_ROWS - len(source.rows))
        source.rows.update(dict.fromkeys(digests))
        return digests

    def digests_of(self, tensor: torch.Tensor, most: int) -> list[str]:
        """Return the digests of the first rows of `tensor`, as many as the bounds allow."""
        size = max(1, tensor[:1].numel() * 4)
        left = min(most, (_MOST_BYTES - self._bytes) // size)
        digests = rows_digested(tensor, left) if left > 0 else []
        self._bytes += len(digests) * size
        return digests

    def add_labels_of(self, found: int | None, target: Any) -> None:
        """Note the labels of the first targets of a source that is read without a loader."""
        source = self._sources[found] if found is not None else None
        if source is not None and source.targets < _TARGETS_SEEN and isinstance(target, torch.Tensor):
            source.targets += 1
            self.add_labels(source, target)

    def add_labels(self, source: Source, target: torch.Tensor | None) -> None:
        """Note the whole-number labels in a target: indices or one-hot rows."""
        if target is None or target.ndim == 0 or len(source.labels) >= _MOST_LABELS:
            return
        if target.is_floating_point():
            if target.ndim != 2 or target.shape[1] < 2 or not bool((target.sum(1) == 1).all()) or not bool(((target == 0) | (target == 1)).all()):
                return
            target = target.argmax(1)
        if target.ndim <= 2 and not target.is_complex():
            source.labels.update(torch.unique(target.detach().cpu().long()).tolist()[:_MOST_LABELS])

    def length_of(self, found: int | None) -> int | None:
        """Return the rows of a tensor that was passed whole or in slices, or None."""
        source = self._sources[found] if found is not None else None
        return source.length if source is not None and source.kind == "tensor" else None

    def id_of(self, found: int | None) -> int | None:
        """Return the id under which a source is told."""
        if found is None:
            return None
        same = self._sources[found].same_as
        return found if same is None else same

    def told(self, names: Mapping[int, str]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Return sources and overlaps as plain data. `names` are what the notebook calls objects, by their ids."""
        own = [source for source in self._sources if source.same_as is None]
        sources = [
            {
                "id": source.id, "kind": source.kind, "class_name": source.class_name, "name": _name(source.named_by, names),
                "length": source.length, "row": source.row, "dtype": source.dtype, "hashed": len(source.rows),
                "digests": list(source.rows)[:_DIGESTS_TOLD], "labels": sorted(source.labels)[:_MOST_LABELS],
            }
            for source in own
        ]  # fmt: skip
        return sources, list(_overlaps(own))

    def _tensor(self, tensor: torch.Tensor) -> int | None:
        key = ("tensor", sketch(tensor))
        if key not in self._by_key:
            source = self._new(kind="tensor", class_name=type(tensor).__name__, length=len(tensor))
            if source is None:
                return None
            self._by_key[key] = source.id
            self.add_rows(source, tensor)
        source = self._sources[self._by_key[key]]
        del source.named_by[:-_MOST_NAMES]
        source.named_by.append(_reference(tensor))
        return source.id

    def _merge(self, bucket: _Bucket) -> int:
        """Take the tensors of a bucket for what they are when there are many: batches cut by hand from one source."""
        first = self._sources[bucket.ids[0]]
        first.kind, first.length, bucket.many = "batches", None, True
        for other in bucket.ids[1:]:
            self._sources[other].same_as = first.id
            first.rows.update(self._sources[other].rows)
        return first.id

    def _new(self, **known: Any) -> Source | None:
        if len(self._sources) >= _MOST_SOURCES:
            return None
        source = Source(id=len(self._sources), **known)
        self._sources.append(source)
        return source

    def _key_of(self, dataset: Any) -> Any:
        if isinstance(dataset, TensorDataset):
            return ("tensor", sketch(dataset.tensors[0]))
        if isinstance(dataset, Subset):
            whole, part = self._key_of(dataset.dataset), places(dataset.indices)
            return whole if len(part) == _length(dataset.dataset) else ("subset", whole, len(part), weights_digest([part]), float(part.double().sum()))
        held, number = self._objects.get(id(dataset), (lambda: None, 0))
        if held() is not dataset:  # a new one, maybe where one that is gone was
            self._met = number = self._met + 1
            self._objects[id(dataset)] = (_reference(dataset) if len(self._sources) < _MOST_SOURCES else lambda: None, number)
        return ("object", number)


def places(indices: Any) -> Any:
    """Return the indices of a part in rising order, each once: loaders of one part may go through it in any order."""
    return torch.from_numpy(np.unique(np.asarray(indices, dtype=np.float32)))


def _length(dataset: Any) -> int | None:
    with contextlib.suppress(Exception):
        return len(dataset)
    return None


def _overlaps(sources: Iterable[Source]) -> Iterable[dict[str, Any]]:
    for first, second in combinations([source for source in sources if source.rows], 2):
        shared = len(first.rows.keys() & second.rows.keys())
        if shared:
            yield {"first": first.id, "second": second.id, "rows": shared, "of_first": len(first.rows), "of_second": len(second.rows)}


def _name(candidates: Iterable[Callable[[], Any]], names: Mapping[int, str]) -> str:
    alive = (candidate() for candidate in candidates)
    return next((names[id(thing)] for thing in alive if thing is not None and id(thing) in names), "")


def _reference(thing: Any) -> Callable[[], Any]:
    """Return what gives a thing while it is there; what cannot be referred to weakly, a list for one, is kept."""
    try:
        return weakref.ref(thing)
    except TypeError:
        return lambda: thing
