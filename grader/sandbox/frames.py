"""The frames on the wire: 4 bytes of header length, a JSON header, then `header["bytes"]` bytes. Nothing that comes in is trusted."""

import json
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, TypeGuard

import numpy as np

from grader.model import Array, Json

MOST_HEADER = 64 << 10
MOST_PAYLOAD = 256 << 20
# Of one run. A value takes up to a hundred times the memory of its text, so they are counted before they are made.
MOST_VALUES = 1 << 20
_PIECE = 1 << 20
_LONGEST_NUMBER = 20
_TEXT = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_DTYPES = {"<f4", "<f8", "<i8", "<i4", "|u1", "?", "|b1"}
_MOST_DIMENSIONS = 8


class MalformedFrame(Exception):  # noqa: N818 - what the other side said, not an error of ours
    """What came from the other side is not what the protocol allows; the message says what was wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One message: its header and the bytes that came with it."""

    header: Mapping[str, Any]
    payload: bytes

    @property
    def kind(self) -> str:
        """The header's type."""
        return str(self.header["type"])


def read_frame(stream: IO[bytes], allow: Callable[[int], None]) -> Frame | None:
    """Return the next frame, or None where the stream ends between two.

    `allow(n)` is asked before n more bytes are taken and raises to refuse them. Raises MalformedFrame.
    """
    allow(4)
    prefix = _exactly(stream, 4, may_end=True)
    if not prefix:
        return None
    (length,) = struct.unpack(">I", prefix)
    if not 2 <= length <= MOST_HEADER:
        raise MalformedFrame(f"a header of {length} bytes")
    allow(length)
    header = parse_json(_exactly(stream, length))
    if not isinstance(header, dict) or not isinstance(header.get("type"), str):
        raise MalformedFrame("a header without a type")
    count = header.get("bytes", 0)
    if not is_count(count) or count > MOST_PAYLOAD:
        raise MalformedFrame(f"a payload of {str(count)[:40]} bytes")
    allow(count)
    return Frame(header=header, payload=_exactly(stream, count))


def write_frame(stream: IO[bytes], header: Mapping[str, Json], payloads: Sequence[bytes] = ()) -> None:
    """Write one frame whose payload is `payloads` one after the other; raises OSError when nobody reads, ValueError when too large."""
    head = json.dumps({**header, "bytes": sum(map(len, payloads))}, allow_nan=False).encode("ascii")
    if len(head) > MOST_HEADER:
        raise ValueError(f"a header of {len(head)} bytes is too large for a frame")
    stream.write(struct.pack(">I", len(head)) + head)
    for payload in payloads:
        stream.write(payload)
    stream.flush()


def write_arrays(stream: IO[bytes], arrays: Mapping[str, Array]) -> None:
    """Write the frame that gives `arrays` to the child: little-endian, C order."""
    plain = {name: np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")) for name, array in arrays.items()}
    described: list[Json] = [
        {"name": name, "dtype": array.dtype.str, "shape": list(arrays[name].shape), "bytes": array.nbytes} for name, array in plain.items()
    ]
    write_frame(stream, {"type": "given", "arrays": described}, [array.tobytes() for array in plain.values()])


def values_in(data: bytes, most: int) -> int:
    """Return how many values the JSON text `data` holds, at most. Raises MalformedFrame for more than `most`."""
    count = _marks(data)
    if count > most:
        count = _marks(_TEXT.sub(b"", data))  # brackets and commas within texts are none
    if count > most:
        raise MalformedFrame(f"more than {MOST_VALUES} values in all")
    return count


def parse_json(data: bytes) -> Any:
    """Return the JSON value in `data`: UTF-8 without NaN, infinities, half characters or whole numbers of over 64 bits. Raises MalformedFrame."""
    try:
        return _whole_characters(json.loads(data.decode("utf-8"), parse_constant=_refuse, parse_int=_whole_number))
    except (ValueError, RecursionError) as error:
        raise MalformedFrame(f"JSON that cannot be read ({type(error).__name__})") from error


def parse_array(header: Mapping[str, Any], payload: bytes) -> Array:
    """Return the array a record's header describes; raises MalformedFrame unless shape, dtype and bytes agree exactly."""
    code, shape = header.get("dtype"), header.get("shape")
    if not isinstance(code, str) or code not in _DTYPES:
        raise MalformedFrame(f"an array of dtype {str(code)[:40]}")
    if not isinstance(shape, list) or len(shape) > _MOST_DIMENSIONS or not all(map(is_count, shape)):
        raise MalformedFrame("an array without a usable shape")
    dtype, size = np.dtype(code), 1
    for side in shape:
        size *= side
    if size * dtype.itemsize != len(payload):
        raise MalformedFrame(f"an array of {size} numbers in {len(payload)} bytes")
    try:
        flat = np.frombuffer(payload, dtype=dtype) if payload else np.empty(0, dtype=dtype)
        return flat.reshape(shape)
    except ValueError as error:  # a side beyond what this machine can address, in an array of no numbers
        raise MalformedFrame("an array without a usable shape") from error


def is_count(value: object) -> TypeGuard[int]:
    """Whether `value` is a whole number from zero on, and not a truth value."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _exactly(stream: IO[bytes], count: int, *, may_end: bool = False) -> bytes:
    parts = []
    left = count
    while left:
        part = stream.read(min(left, _PIECE))
        if not part:
            if may_end and left == count:
                return b""
            raise MalformedFrame("a frame that breaks off")
        parts.append(part)
        left -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _marks(data: bytes) -> int:
    return 1 + data.count(b"[") + data.count(b"{") + data.count(b",")


def _whole_number(digits: str) -> int:
    """A number of thousands of digits could be counted with, but not written down again."""
    number = int(digits) if len(digits) <= _LONGEST_NUMBER else None
    if number is None or not -(2**63) <= number < 2**63:
        raise ValueError("a whole number of over 64 bits")
    return number


def _whole_characters(value: Any) -> Any:
    """Replace halves of surrogate pairs, which JSON can spell and no file can hold."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, list):
        return [_whole_characters(item) for item in value]
    if isinstance(value, dict):
        return {_whole_characters(key): _whole_characters(item) for key, item in value.items()}
    return value
