"""Keyed random draws: the same secret, assignment and student give the same classes for ever, whoever else is in the course."""

import hmac
import math
import os
from bisect import insort
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from variants.errors import VariantsError

SECRET_MIN_BYTES = 16
_PURPOSE = "zachet-draw-1"  # a part of every draw ever made: never change it
_MAKE_ONE = 'Make one with: python -c "import secrets; print(secrets.token_hex(32))" and keep it for the whole course.'


def draw(secret: bytes, assignment: str, student: str, *, count: int, classes: int) -> tuple[int, ...]:
    """Return `count` different classes out of 0..classes-1, ascending.

    HMAC-SHA256 keyed by the secret over purpose, assignment and student id (UTF-8, each preceded by its length in 4 bytes,
    big-endian) is read as one big-endian number and spent digit by digit, base classes, classes-1, ..., to pick from what
    is left. With count <= 10 and classes <= 100 no set is more likely than another by more than a part in 2**180.
    """
    keyed = _keyed(secret, assignment).copy()
    keyed.update(framed(student))
    number = int.from_bytes(keyed.digest(), "big") % math.perm(classes, count)  # the digits that are spent
    picked: list[int] = []  # ascending
    for size in range(classes, classes - count, -1):
        number, index = divmod(number, size)
        for taken in picked:
            if taken > index:
                break
            index += 1  # the classes left are counted, so those taken before it are stepped over
        insort(picked, index)
    return tuple(picked)


@lru_cache(maxsize=16)
def _keyed(secret: bytes, assignment: str) -> hmac.HMAC:
    return hmac.new(secret, framed(_PURPOSE) + framed(assignment), "sha256")


def framed(text: str) -> bytes:
    """Return the text in UTF-8 after its length in 4 bytes, big-endian, so that texts side by side cannot be read in two ways."""
    raw = text.encode()
    return len(raw).to_bytes(4, "big") + raw


def read_secret(file: Path | None, environment: Mapping[str, str] = os.environ) -> bytes | None:
    """Return the course secret from `file`, else from ZACHET_SECRET, else None. White space around it does not count.

    Raises VariantsError for a file that cannot be read and for a secret of less than 16 bytes.
    """
    where = str(file) if file else "ZACHET_SECRET"
    try:
        raw = file.read_bytes() if file else environment.get("ZACHET_SECRET", "").encode()
    except OSError as error:
        raise VariantsError(f"the secret cannot be read ({error.strerror or error}).", where=where, remedy=_MAKE_ONE) from error
    secret = raw.removeprefix(b"\xef\xbb\xbf").strip()
    if not secret and file is None:
        return None
    if len(secret) < SECRET_MIN_BYTES:
        raise VariantsError(f"the secret has {len(secret)} bytes, {SECRET_MIN_BYTES} are needed.", where=where, remedy=_MAKE_ONE)
    return secret


def absent_secret(rule: str) -> VariantsError:
    """Return the error for a keyed rule without its secret."""
    return VariantsError(
        "this rule draws classes with the course secret, and none was given.",
        where=f"rule {rule}",
        remedy=f"Pass --secret-file FILE or set ZACHET_SECRET. {_MAKE_ONE}",
    )
