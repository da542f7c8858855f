"""Pictures from a student's run, let through only when they are what they claim to be."""

import base64
import binascii
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

Kind = Literal["image/png", "image/jpeg"]
KINDS: tuple[Kind, ...] = ("image/png", "image/jpeg")

_MOST_BYTES = 4 * 1024 * 1024
_MOST_PIXELS = 16 * 1024 * 1024
_LONGEST_SIDE = 8192
_SCAN, _MOST_SCANS = b"\xff\xda", 64
# The classes themselves, because Image.open guesses formats and warns about large pictures on its own terms.
_READERS: Mapping[Kind, type[PngImageFile | JpegImageFile]] = {"image/png": PngImageFile, "image/jpeg": JpegImageFile}


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A checked picture: `uri` is a data URI, width and height are in pixels."""

    uri: str
    width: int
    height: int


def read_picture(encoded: str, kind: Kind) -> Picture | None:
    """Return the base64 text as a picture; None when it is damaged, animated, too large or of another kind."""
    if len(encoded) > 2 * _MOST_BYTES:
        return None
    try:
        raw = base64.b64decode("".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    size = _checked_size(raw, kind) if len(raw) <= _MOST_BYTES else None
    if size is None:
        return None
    return Picture(uri=f"data:{kind};base64,{base64.b64encode(raw).decode('ascii')}", width=size[0], height=size[1])


def _checked_size(raw: bytes, kind: Kind) -> tuple[int, int] | None:
    # Every scan of a progressive JPEG is decoded over the whole picture, and takes a few bytes only.
    if raw.count(_SCAN) > _MOST_SCANS and kind == "image/jpeg":
        return None
    try:
        with _READERS[kind](io.BytesIO(raw)) as image:
            width, height = image.size
            if not 0 < width * height <= _MOST_PIXELS or max(width, height) > _LONGEST_SIDE or getattr(image, "is_animated", False):
                return None
            if isinstance(image, PngImageFile):
                image.verify()
            else:
                image.load()
    except Exception:  # noqa: BLE001 - decoders raise nearly anything on hostile bytes, and all of it means: not a picture
        return None
    return width, height
