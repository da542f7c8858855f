"""Text that was made by a student's program: what cannot be seen is shown, terminal colours become markup, length is bounded."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from markupsafe import Markup, escape

# Controls but tab and newline, soft hyphen, zero-width and direction-changing characters, line separators, tags, lone surrogates.
# The zero-width joiner stays: emoji are made with it.
_ODD = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200c\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
_COLOURS = re.compile(r"\x1b\[(?P<codes>[0-9;:]*)m")
_OTHER_COMMANDS = re.compile(r"\x1b\[(?![0-9;:]*m)[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b\n]*(?:\x07|\x1b\\)")
_CODE = re.compile(r"`([^`\n]+)`")
_STYLES = {1: "b", 3: "i", 4: "u"}
_STYLE_OFF = {22: "b", 23: "i", 24: "u"}
_GREY_SPREAD = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """Safe markup of a text; when it was too long, `left_out` counts the characters missing between `head` and `tail`."""

    head: Markup
    left_out: int = 0
    tail: Markup = Markup("")  # noqa: RUF009 - an immutable empty string


def visible(text: str) -> str:
    """Return the text with every character that cannot be seen replaced by one that can."""
    return _ODD.sub(_shown, text)


def passage(text: str, markup: Callable[[str], Markup], *, characters: int, lines: int) -> Passage:
    """Return `text` as markup, cut in the middle where it is longer than so many characters or lines. The end gets a quarter."""
    whole = text.rstrip("\n")
    head = _first_lines(whole[: characters - characters // 4], lines - lines // 4)
    if len(whole) <= characters and whole.count("\n") < lines:
        return Passage(head=markup(whole))
    tail = _last_lines(whole[max(len(head), len(whole) - characters // 4) :], lines // 4)
    return Passage(head=markup(head), left_out=len(whole) - len(head) - len(tail), tail=markup(tail))


def plain(text: str) -> Markup:
    """Return the text escaped."""
    return escape(visible(text))


def coded(text: str) -> Markup:
    """Return the text escaped, with what stands between backticks as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(plain(text))))  # noqa: S704 - escaped first; str, for joining Markup escapes again


def terminal(text: str) -> Markup:
    """Return what a terminal would show: colours and weight as classes, other commands left out, everything else escaped."""
    return Markup("").join(_spans(_OTHER_COMMANDS.sub("", text)))


def overwritten(text: str) -> str:
    """Return the text after carriage returns: of a progress bar only the last state of each line is left."""
    if "\r" not in text:
        return text
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join(next((part for part in reversed(line.split("\r")) if part), "") for line in lines)


def _shown(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"⟨U+{code:04X}⟩"


def _first_lines(text: str, count: int) -> str:
    return "\n".join(text.split("\n", count)[:count])


def _last_lines(text: str, count: int) -> str:
    return "\n".join(text.rsplit("\n", count)[-count:])


def _spans(text: str) -> Iterator[Markup]:
    look: dict[str, str] = {}
    end = 0
    for match in _COLOURS.finditer(text):
        yield _span(text[end : match.start()], look)
        look = _after(match["codes"], look)
        end = match.end()
    yield _span(text[end:], look)


def _span(text: str, look: dict[str, str]) -> Markup:
    if not text or not look:
        return plain(text)
    return Markup('<span class="{}">{}</span>').format(" ".join(sorted(look.values())), plain(text))


def _after(codes: str, look: dict[str, str]) -> dict[str, str]:
    """Return how text looks after one colour command; `look` maps an aspect (ink, paper, b, i, u) to a CSS class."""
    numbers = iter([int(code) if code and len(code) < 4 else 0 for code in re.split("[;:]", codes)])
    look = dict(look)
    for number in numbers:
        base = number % 10
        if number == 0:
            look = {}
        elif number in _STYLES:
            look[_STYLES[number]] = f"t-{_STYLES[number]}"
        elif number in _STYLE_OFF:
            look.pop(_STYLE_OFF[number], None)
        elif number in {38, 48}:
            _put(look, "ink" if number == 38 else "paper", _extended(numbers))
        elif number // 10 in {3, 9, 4, 10} and base != 8:
            _put(look, "ink" if number // 10 in {3, 9} else "paper", base if base < 8 else None)
    return look


def _put(look: dict[str, str], aspect: str, colour: int | None) -> None:
    if colour is None:
        look.pop(aspect, None)
    else:
        look[aspect] = f"t-{'f' if aspect == 'ink' else 'g'}{colour}"


def _extended(numbers: Iterator[int]) -> int | None:
    """Return which of the eight colours comes nearest to one of 256 or of 16 million; None for greys, which the page's own ink serves."""
    kind = next(numbers, 0)
    if kind == 5:
        code = next(numbers, 0)
        if code < 16:
            return code % 8
        if code > 231:
            return None
        cube = code - 16
        red, green, blue = (51 * level for level in (cube // 36, cube // 6 % 6, cube % 6))
    elif kind == 2:
        red, green, blue = (next(numbers, 0) for _ in range(3))
    else:
        return None
    brightest, darkest = max(red, green, blue), min(red, green, blue)
    if brightest - darkest < _GREY_SPREAD:
        return None
    middle = (brightest + darkest) / 2
    return (red > middle) | (green > middle) << 1 | (blue > middle) << 2
