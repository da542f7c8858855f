"""The frames between this process and its parent: 4 bytes of header length, a JSON header, then `header["bytes"]` bytes."""

import json
import os
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_HEADER = 64 << 10
MOST_PAYLOAD = 256 << 20

_WORD, _LONGEST_NUMBER = 64, 100  # the parent takes whole numbers of one machine word

_SENDABLE = {"f4": "<f4", "f8": "<f8", "i8": "<i8", "i4": "<i4", "u1": "|u1", "b1": "?"}
_WIDENED = {"f2": "f4", "i1": "i4", "i2": "i4", "u2": "i4", "u4": "i8"}


class WireClosed(Exception):  # noqa: N818 - the parent is gone, which is nobody's error
    """The parent went away."""


class Wire:
    """One end of the protocol. Only the main thread of the process that made it may use it."""

    def __init__(self, reading: int, writing: int) -> None:
        self._reading, self._writing = reading, writing
        if hasattr(os, "register_at_fork"):
            # A forked child that came back into the runner would tell the parent everything twice.
            os.register_at_fork(after_in_child=self._abandon)

    def receive(self) -> tuple[dict[str, Any], bytes]:
        """Return the next header and its payload; raises WireClosed."""
        (length,) = struct.unpack(">I", self._exactly(4))
        header: dict[str, Any] = json.loads(self._exactly(length))
        return header, self._exactly(int(header.get("bytes", 0)))

    def send(self, header: Mapping[str, Any], payload: bytes = b"") -> None:
        """Send one frame; raises WireClosed, and ValueError for what no parent would take."""
        head = json.dumps({**header, "bytes": len(payload)}, allow_nan=False).encode("ascii")
        if len(head) > MOST_HEADER or len(payload) > MOST_PAYLOAD:
            raise ValueError("too large for one frame")
        self._write(struct.pack(">I", len(head)) + head)
        self._write(payload)

    def send_json(self, name: str, value: Any) -> None:
        """Send a record of plain data; what JSON has no word for becomes text."""
        payload = json.dumps(plain(value), allow_nan=False).encode("ascii")
        self.send({"type": "record", "name": name, "kind": "json"}, payload)

    def send_array(self, name: str, value: NDArray[Any]) -> None:
        """Send a record of numbers; raises ValueError for a dtype that is not numbers."""
        code = f"{value.dtype.kind}{value.dtype.itemsize}"
        code = _WIDENED.get(code, code)
        if code not in _SENDABLE:
            raise ValueError(f"arrays of {value.dtype} cannot be recorded")
        dtype = _SENDABLE[code]
        data = np.ascontiguousarray(value.astype(np.dtype(dtype), copy=False))
        # ascontiguousarray makes a scalar one-dimensional, hence the shape of the original.
        self.send({"type": "record", "name": name, "kind": "array", "dtype": dtype, "shape": list(value.shape)}, data.tobytes())

    def _abandon(self) -> None:
        for end in (self._reading, self._writing):
            os.close(end)
        self._reading = self._writing = -1

    def _exactly(self, count: int) -> bytes:
        parts = []
        while count:
            part = os.read(self._reading, min(count, 1 << 20)) if self._reading >= 0 else b""
            if not part:
                raise WireClosed
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            if self._writing < 0:
                raise WireClosed
            try:
                view = view[os.write(self._writing, view[: 1 << 20]) :]
            except BrokenPipeError as error:
                raise WireClosed from error


def plain(value: Any) -> Any:
    """Return `value` as JSON knows it: numpy scalars unwrapped, non-finite and very large numbers by name, unknown objects as text."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, int) and value.bit_length() >= _WORD:
        return hex(value)[:_LONGEST_NUMBER]
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if np.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return str(value)
