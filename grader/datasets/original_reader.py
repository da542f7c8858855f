"""Reads the one shape of Python 2 pickle that the published CIFAR files have, without the pickle module.

Reading interprets two dozen opcodes and nothing else. A global is a word compared with three known words, never an
import; a call makes one of our own placeholders; every length is held against the bytes that are there. So a hostile
file can do no more than be refused. The pixel bytes are not copied: an array is a view of the file's bytes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

_RECONSTRUCT: Final = "numpy.core.multiarray _reconstruct"
_NDARRAY: Final = "numpy ndarray"
_DTYPE: Final = "numpy dtype"
_MOST_STEPS: Final = 1_000_000  # the published train file takes a third of it
_MODERN: Final = frozenset(b"\x8c\x8a\x8e\x93\x94\x95\x96XBC")


class NotOriginalError(ValueError):
    """The bytes are not a pickle of the original layout; the message is a clause that says how."""


@dataclass(frozen=True, slots=True)
class _Global:
    name: str


@dataclass(frozen=True, slots=True)
class _ByteDtype:
    """Stands for numpy's unsigned byte, the only dtype of the published files."""


@dataclass(frozen=True, slots=True)
class _Raw:
    """A long string that stays where it is: pixel bytes."""

    offset: int
    length: int


@dataclass(slots=True)
class _ArrayShell:
    """Stands for an array until its state has been read."""

    shape: tuple[int, int] = (0, 0)
    offset: int = -1


class _Machine:
    """The pickle machine for the opcodes in `_STEPS`: a stack, the marks on it and the memo."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.stack: list[object] = []
        self.marks: list[int] = []
        self.memo: dict[int, object] = {}

    def take(self, count: int) -> bytes:
        """Return the next `count` bytes; a file that ends before is cut off."""
        start = self.skip(count)
        return self.data[start : start + count]

    def skip(self, count: int) -> int:
        """Step over `count` bytes and return where they start."""
        start = self.at
        if count < 0:
            raise NotOriginalError("has a negative length in it")
        if start + count > len(self.data):
            raise NotOriginalError(f"is cut off: it ends after {len(self.data)} bytes, in the middle of a part")
        self.at = start + count
        return start

    def line(self) -> str:
        """Return the text up to the next line feed; names of globals are short."""
        end = self.data.find(b"\n", self.at, self.at + 100)
        if end < 0:
            raise NotOriginalError("is cut off or damaged inside a name")
        return str(self.take(end + 1 - self.at)[:-1], "latin-1")

    def push(self, value: object) -> None:
        self.stack.append(value)

    def since_mark(self) -> list[object]:
        """Remove and return what was pushed after the last mark."""
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def run(self) -> object:
        """Interpret the program and return the one value it leaves."""
        for _ in range(_MOST_STEPS):
            code = self.take(1)
            if code == b".":
                break
            step = _STEPS.get(code)
            if step is None:
                raise NotOriginalError(_unknown(code))
            step(self)
        else:
            raise NotOriginalError("has more parts than 50 000 images need")
        if len(self.stack) != 1 or self.at != len(self.data):
            raise NotOriginalError("goes on after its end")
        return self.stack[0]


def _unknown(code: bytes) -> str:
    if code[0] in _MODERN:
        return "was saved again by a newer Python, so notebooks that read it with encoding='bytes' would fail"
    return f"holds the instruction {code!r}, which the published files do not have"


def _protocol(machine: _Machine) -> None:
    version = machine.take(1)[0]
    if version != 2:
        raise NotOriginalError(f"is a pickle of protocol {version}, not 2: it was saved again by a newer Python")


def _get(index_size: int) -> Callable[[_Machine], None]:
    return lambda machine: machine.push(machine.memo[int.from_bytes(machine.take(index_size), "little")])


def _put(index_size: int) -> Callable[[_Machine], None]:
    def put(machine: _Machine) -> None:
        machine.memo[int.from_bytes(machine.take(index_size), "little")] = machine.stack[-1]

    return put


def _constant(value: object) -> Callable[[_Machine], None]:
    return lambda machine: machine.push(value)


def _integer(size: int, *, signed: bool = False) -> Callable[[_Machine], None]:
    return lambda machine: machine.push(int.from_bytes(machine.take(size), "little", signed=signed))


def _short_string(machine: _Machine) -> None:
    machine.push(machine.take(machine.take(1)[0]))


def _long_string(machine: _Machine) -> None:
    length = int.from_bytes(machine.take(4), "little", signed=True)
    machine.push(_Raw(machine.skip(length), length))


def _tuple_of(count: int) -> Callable[[_Machine], None]:
    def close(machine: _Machine) -> None:
        if len(machine.stack) < count:
            raise IndexError
        items = tuple(machine.stack[-count:])
        del machine.stack[-count:]
        machine.push(items)

    return close


def _global(machine: _Machine) -> None:
    name = f"{machine.line()} {machine.line()}"
    if name not in {_RECONSTRUCT, _NDARRAY, _DTYPE}:
        raise NotOriginalError(f"asks for {name.replace(' ', '.')!r}, which the published files never do: do not open it with pickle")
    machine.push(_Global(name))


def _call(machine: _Machine) -> None:
    arguments, function = machine.stack.pop(), machine.stack.pop()  # compared, never hashed: a deep tuple's hash ends the interpreter
    if function == _Global(_RECONSTRUCT) and arguments == (_Global(_NDARRAY), (0,), b"b"):
        machine.push(_ArrayShell())
    elif function == _Global(_DTYPE) and arguments in ((b"u1", 0, 1), (b"|u1", 0, 1)):
        machine.push(_ByteDtype())
    else:
        raise NotOriginalError("does not hold its pixels as unsigned bytes")


def _build(machine: _Machine) -> None:
    state, target = machine.stack.pop(), machine.stack[-1]
    if isinstance(target, _ByteDtype):
        return
    match target, state:
        case _ArrayShell(offset=-1), (1, (int() as rows, int() as columns), _ByteDtype(), False, _Raw(offset, length)):
            if rows < 0 or columns < 0 or rows * columns != length:
                raise NotOriginalError(f"says that its pixels are {rows} x {columns} bytes and holds {length}")
            target.shape, target.offset = (rows, columns), offset
        case _:
            raise NotOriginalError("does not hold its pixels as one table of unsigned bytes")


def _append(machine: _Machine) -> None:
    value = machine.stack.pop()
    _extend(machine, [value])


def _extend(machine: _Machine, values: list[object]) -> None:
    target = machine.stack[-1]
    if not isinstance(target, list):
        raise NotOriginalError("has a broken structure")
    target.extend(values)


def _set_items(machine: _Machine) -> None:
    items = machine.since_mark()
    target = machine.stack[-1]
    if not isinstance(target, dict) or len(items) % 2:
        raise NotOriginalError("has a broken structure")
    if not all(isinstance(name, bytes) for name in items[::2]):  # before they are hashed
        raise NotOriginalError("has parts whose names are not byte strings")
    target.update(zip(items[::2], items[1::2], strict=True))


_STEPS: Final[Mapping[bytes, Callable[[_Machine], None]]] = {
    b"\x80": _protocol,
    b"}": lambda machine: machine.push({}),
    b"]": lambda machine: machine.push([]),
    b"(": lambda machine: machine.marks.append(len(machine.stack)),
    b"q": _put(1),
    b"r": _put(4),
    b"h": _get(1),
    b"j": _get(4),
    b"K": _integer(1),
    b"M": _integer(2),
    b"J": _integer(4, signed=True),
    b"N": _constant(None),
    b"\x89": _constant(False),
    b"U": _short_string,
    b"T": _long_string,
    b"\x85": _tuple_of(1),
    b"\x86": _tuple_of(2),
    b"\x87": _tuple_of(3),
    b"t": lambda machine: machine.push(tuple(machine.since_mark())),
    b"c": _global,
    b"R": _call,
    b"b": _build,
    b"a": _append,
    b"e": lambda machine: _extend(machine, machine.since_mark()),
    b"u": _set_items,
}


@dataclass(frozen=True, slots=True)
class Located:
    """An array of unsigned bytes and where in the file it starts."""

    pixels: Pixels
    offset: int


def decode(data: bytes) -> dict[bytes, object]:
    """Return the dictionary that `data` holds: lists, byte strings, integers and `Located` arrays.

    Raises NotOriginalError with a clause that completes "the file ...".
    """
    if not data.startswith(b"\x80"):
        raise NotOriginalError("is empty" if not data else "is not a pickle")
    try:
        value = _Machine(data).run()
    except (IndexError, KeyError, TypeError) as broken:
        raise NotOriginalError("has a broken structure") from broken
    if not isinstance(value, dict):
        raise NotOriginalError("does not hold a dictionary with names of its parts")
    return {key: _located(data, part) if isinstance(part, _ArrayShell) else part for key, part in value.items()}


def _located(data: bytes, shell: _ArrayShell) -> Located:
    if shell.offset < 0:
        raise NotOriginalError("has an array without contents")
    rows, columns = shell.shape
    pixels = np.frombuffer(data, np.uint8, rows * columns, shell.offset).reshape(rows, columns)
    return Located(pixels, shell.offset)
