"""Writes the one shape of Python 2 pickle that the published CIFAR files have, byte for byte.

Python 3 cannot: its pickles hold text or bytes where Python 2 wrote strings, and a notebook that reads with
`encoding="latin1"` or `encoding="bytes"` would see other keys.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from grader.datasets.original_reader import Pixels

Part = bytes | Pixels | Sequence[bytes] | Sequence[int]
_BATCH: Final = 1000


class _Writer:
    """Keeps the memo's count while the parts of one dictionary are written."""

    def __init__(self) -> None:
        self.count = 0

    def put(self) -> bytes:
        self.count += 1
        return b"q" + bytes([self.count]) if self.count < 256 else b"r" + struct.pack("<I", self.count)

    def string(self, text: bytes) -> bytes:
        head = b"U" + bytes([len(text)]) if len(text) < 256 else b"T" + struct.pack("<i", len(text))
        return head + text + self.put()

    def items(self, values: Sequence[bytes] | Sequence[int]) -> Iterator[bytes]:
        yield b"]" + self.put()
        for start in range(0, len(values), _BATCH):
            part = values[start : start + _BATCH]
            written = b"".join(self.string(item) if isinstance(item, bytes) else _number(item) for item in part)
            yield written + b"a" if len(part) == 1 else b"(" + written + b"e"

    def array(self, pixels: Pixels) -> Iterator[bytes]:
        rows, columns = pixels.shape
        yield b"cnumpy.core.multiarray\n_reconstruct\n" + self.put() + b"cnumpy\nndarray\n" + self.put()
        yield b"K\x00\x85U\x01b\x87R" + self.put() + b"(K\x01" + _number(rows) + _number(columns) + b"\x86"
        yield b"cnumpy\ndtype\n" + self.put() + b"U\x02u1K\x00K\x01\x87R" + self.put()
        yield b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T" + struct.pack("<i", pixels.size)
        yield np.ascontiguousarray(pixels).data.cast("B")  # type: ignore[misc]  # a buffer, written without a copy
        yield b"tb"


def _number(value: int) -> bytes:
    return b"K" + bytes([value]) if value < 256 else b"M" + struct.pack("<H", value)


def encode(parts: Mapping[bytes, Part]) -> Iterator[bytes]:
    """Yield the bytes of the pickle that Python 2 wrote for `parts`, in their order."""
    writer = _Writer()
    yield b"\x80\x02}" + writer.put() + b"("
    for name, part in parts.items():
        yield writer.string(name)
        if isinstance(part, bytes):
            yield writer.string(part)
        elif isinstance(part, np.ndarray):
            yield from writer.array(part)
        else:
            yield from writer.items(part)
    yield b"u."
