"""From bytes to text and from text to plain JSON values, with every way to fail named."""

import codecs
import json
from typing import Any, NoReturn

from grader.intake import notebook_texts as texts
from grader.intake.bounds import Bounds
from grader.intake.says import Refused, say
from grader.intake.texts import EMPTY_FILE
from grader.model import Finding, Text

_KINDS: tuple[tuple[tuple[bytes, ...], Text], ...] = (
    ((b"<!doctype", b"<html", b"<?xml", b"<head", b"<svg"), texts.HTML),
    ((b"%pdf",), texts.PDF),
    ((b"pk\x03\x04", b"rar!", b"7z\xbc\xaf", b"\x1f\x8b", b"\xd0\xcf\x11\xe0"), texts.PACKED),
    ((b"\x89png", b"\xff\xd8\xff", b"gif8", b"riff"), texts.PICTURE),
)
_MARKS = (
    (codecs.BOM_UTF8, "utf-8", "UTF-8 with BOM"),
    (codecs.BOM_UTF32_LE, "utf-32-le", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32-be", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
)
_LONGEST_NUMBER = 400


def decoded(data: bytes, name: str) -> tuple[str, list[Finding]]:
    """Return the text of a file and a note when it was not plain UTF-8; raises Refused."""
    beginning = data[:64].lstrip().lower()
    if not data.strip():
        raise Refused(say(EMPTY_FILE, name=name))
    for starts, kind in _KINDS:
        if beginning.startswith(starts):
            raise Refused(say(texts.OTHER_KIND, name=name, kind=kind))
    if not data.strip(b"\0"):
        raise Refused(say(texts.OTHER_KIND, name=name, kind=texts.ZEROS))
    mark, codec, shown = next((known for known in _MARKS if data.startswith(known[0])), (b"", *_unmarked(data)))
    try:
        text = data[len(mark) :].decode(codec)
    except UnicodeDecodeError as error:
        raise Refused(say(texts.NOT_UTF8, name=name, offset=error.start + len(mark))) from None
    if not text.strip():
        raise Refused(say(EMPTY_FILE, name=name))
    return text, [say(texts.RECODED, name=name, encoding=shown)] if shown else []


def parsed(text: str, name: str, bounds: Bounds) -> tuple[Any, list[Text]]:
    """Return the JSON value and what had to be repaired in it; raises Refused.

    Brackets and commas are counted first, because a value takes up to a hundred times the memory of its text.
    """
    if text.count("[") + text.count("{") > bounds.containers or text.count(",") > bounds.values:
        raise Refused(say(texts.TOO_COMPLEX, name=name, what=texts.NESTED_VALUES))
    constants: list[str] = []

    def integer(digits: str) -> int | float:
        return int(digits) if len(digits) <= _LONGEST_NUMBER else float("nan")

    try:
        value = json.loads(text, parse_constant=constants.append, parse_int=integer)
    except json.JSONDecodeError as error:
        _damaged(error, text, name)
    except RecursionError:
        raise Refused(say(texts.TOO_DEEP, name=name)) from None
    return value, [texts.NOT_A_NUMBER] if constants else []


def _unmarked(data: bytes) -> tuple[str, str]:
    """Return codec and name to show for a file without a mark: JSON begins with ASCII, so its zero bytes tell UTF-16."""
    if data[:1] != b"\0" and data[1:2] == b"\0":
        return "utf-16-le", "UTF-16"
    if data[:1] == b"\0" and data[1:2] != b"\0":
        return "utf-16-be", "UTF-16"
    return "utf-8", ""


def _damaged(error: json.JSONDecodeError, text: str, name: str) -> NoReturn:
    if text.lstrip()[:1] not in {"{", "["}:
        raise Refused(say(texts.OTHER_KIND, name=name, kind=texts.PLAIN_TEXT)) from None
    at_the_end = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string")
    words = texts.CUT_SHORT if at_the_end else texts.DAMAGED_JSON
    raise Refused(say(words, name=name, line=error.lineno, column=error.colno, actual=error.msg)) from None
