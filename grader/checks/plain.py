"""Reads frozen dataclasses from JSON that nobody vouches for: whatever is there, the result is bounded and of the declared types.

A field that is missing or not of its type takes its default; one without a default makes the whole object None, and a list leaves
such objects out. A list is cut at MOST_ITEMS, or at what the field's metadata says under "most". Supported annotations: bool, int, float, str, Literal of strings, X | None, tuple[X, ...], tuple[X, Y],
Mapping[str, X] and dataclasses of these.
"""

import dataclasses
import functools
import math
import types
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

MOST_ITEMS = 1024
LONGEST_TEXT = 200
_LARGEST = 2**53
_NAMED = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}

T = TypeVar("T")


class _Unreadable(Exception):  # noqa: N818 - never leaves this module
    """The value is not what the annotation says."""


def read(kind: type[T], raw: object) -> T | None:
    """Return `raw` as the dataclass `kind`, or None where it is none."""
    try:
        made: T = _dataclass(kind, raw)
    except _Unreadable:
        return None
    return made


def read_all(kind: type[T], raw: object) -> tuple[T, ...]:
    """Return the objects of the list `raw` that are of the dataclass `kind`; nothing where it is no list."""
    items = raw[:MOST_ITEMS] if isinstance(raw, list) else []
    return tuple(item for item in (read(kind, value) for value in items) if item is not None)


class _Raw:
    """A value that is the same only as itself. Whoever keeps this keeps the value, so that no other one takes its identity."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Raw) and self.value is other.value


def read_once(kind: type[T], raw: object) -> T | None:
    """Return `read(kind, raw)`, read once for all who ask for the very same object `raw`, one after the other."""
    known: Any = kind  # mypy does not take a class for hashable
    return cast("T | None", _read_once(known, _Raw(raw)))


@functools.lru_cache(maxsize=8)
def _read_once(kind: Any, raw: _Raw) -> object:
    return read(kind, raw.value)


@functools.cache
def _hints(kind: type) -> Mapping[str, Any]:
    return get_type_hints(kind)


def _dataclass(kind: Any, raw: object) -> Any:
    if not isinstance(raw, dict):
        raise _Unreadable
    hints, values = _hints(kind), {}
    for field in (field for field in dataclasses.fields(kind) if field.init):
        value = raw.get(field.name)
        most = field.metadata.get("most")
        try:
            values[field.name] = _value(hints[field.name], value[:most] if most and isinstance(value, list) else raw[field.name])
        except (KeyError, _Unreadable):
            if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
                raise _Unreadable from None
    return kind(**values)


def _value(kind: Any, raw: object) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in {Union, types.UnionType}:
        return _first_of(arguments, raw)
    if origin is Literal:
        return _one_of(arguments, raw)
    if origin is tuple:
        return _tuple(arguments, raw)
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(arguments[1], raw)
    return _dataclass(kind, raw) if dataclasses.is_dataclass(kind) else _scalar(kind, raw)


def _first_of(kinds: tuple[Any, ...], raw: object) -> Any:
    if raw is None and type(None) in kinds:
        return None
    for kind in kinds:
        if kind is not type(None):
            try:
                return _value(kind, raw)
            except _Unreadable:
                continue
    raise _Unreadable


def _one_of(words: tuple[Any, ...], raw: object) -> Any:
    if not isinstance(raw, str) or raw not in words:
        raise _Unreadable
    return raw


def _tuple(kinds: tuple[Any, ...], raw: object) -> tuple[Any, ...]:
    if not isinstance(raw, list):
        raise _Unreadable
    if kinds[-1] is not Ellipsis:
        if len(raw) != len(kinds):
            raise _Unreadable
        return tuple(_value(kind, item) for kind, item in zip(kinds, raw, strict=True))
    kept = []
    for item in raw[:MOST_ITEMS]:
        try:
            kept.append(_value(kinds[0], item))
        except _Unreadable:
            continue
    return tuple(kept)


def _mapping(kind: Any, raw: object) -> Mapping[str, Any]:
    if not isinstance(raw, dict):
        raise _Unreadable
    kept = {}
    for name in list(raw)[:MOST_ITEMS]:
        try:
            kept[str(name)[:LONGEST_TEXT]] = _value(kind, raw[name])
        except _Unreadable:
            continue
    return types.MappingProxyType(kept)


def _scalar(kind: Any, raw: object) -> Any:
    if kind is bool and isinstance(raw, bool):
        return raw
    if kind is str and isinstance(raw, str):
        return raw[:LONGEST_TEXT]
    if kind is int and isinstance(raw, int) and not isinstance(raw, bool) and abs(raw) < _LARGEST:
        return raw
    if kind is float:
        return _float(raw)
    raise _Unreadable


def _float(raw: object) -> float:
    if isinstance(raw, str) and raw in _NAMED:
        return _NAMED[raw]
    if isinstance(raw, int | float) and not isinstance(raw, bool) and (isinstance(raw, float) or abs(raw) < _LARGEST):
        return float(raw)
    raise _Unreadable
