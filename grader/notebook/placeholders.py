"""`{{ student.name }}` in a lab: compiled once, filled per student, and escaped for the place where it stands.

The expression is jinja2's; the escaping is ours, since a roster is other people's text: a name must stay a name in Markdown,
inside a string literal, in a comment, and as a Python value.
"""

import json
import re
import tokenize
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import jinja2.meta

from grader.errors import AssignmentError
from grader.notebook.source import PLACEHOLDER, Line, is_string

KNOWN = ("assignment", "language", "student", "variant")
_ENVIRONMENT = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)  # noqa: S701 - every value is escaped below
_LONGEST = 200
_MARKDOWN = re.compile(r"[\\`*<>&\[\]{}$~#|\"']|(?<![^\W_])_|_(?![^\W_])|^[+\-=>]|^\d+[.)]|(?<=:)//")


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One place to fill: what stands there, how it is made fit for that place, and where it is written."""

    expression: Callable[..., object]
    escape: Callable[[object], str]
    written: str
    where: str

    def fill(self, values: Mapping[str, object]) -> str:
        """Return the text for one student; raises AssignmentError when the values have nothing of that name."""
        try:
            value = self.expression(**values)
            if isinstance(value, jinja2.Undefined):
                value._fail_with_undefined_error()  # noqa: SLF001 - jinja2 has no public way to ask an undefined for its words
            return self.escape(value)
        except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
            raise _unfilled(self.written, str(error), self.where) from None


Fragment = str | Placeholder


def fragments(lines: Sequence[Line], path: Path, tokens: Sequence[tokenize.TokenInfo] | None) -> tuple[Fragment, ...]:
    """Cut lines into text and placeholders. `tokens` are those of a code cell, None for Markdown."""
    parts: list[Fragment] = []
    for row, line in enumerate(lines, start=1):
        at = 0
        for match in PLACEHOLDER.finditer(line.text):
            escape = escape_markdown if tokens is None else _code_escape(tokens, row, match.start())
            parts += [line.text[at : match.start()], _placeholder(match, f"{path}:{line.number}", escape)]
            at = match.end()
        parts.append(line.text[at:] + ("\n" if row < len(lines) else ""))
    return _joined(parts)


def _joined(parts: Sequence[Fragment]) -> tuple[Fragment, ...]:
    """Join neighbouring texts, so that a cell without placeholders is one string."""
    joined: list[Fragment] = []
    for part in parts:
        last = joined[-1] if joined else None
        if isinstance(part, str) and isinstance(last, str):
            joined[-1] = last + part
        elif part:
            joined.append(part)
    return tuple(joined)


def _placeholder(match: re.Match[str], where: str, escape: Callable[[object], str]) -> Placeholder:
    try:
        unknown = jinja2.meta.find_undeclared_variables(_ENVIRONMENT.parse(match[0])) - set(KNOWN)
        if unknown:
            raise _unfilled(match[0], f"'{min(unknown)}' is undefined", where)
        expression: Any = _ENVIRONMENT.compile_expression(match[1].strip(), undefined_to_none=False)
    except jinja2.TemplateError as error:
        raise _unfilled(match[0], str(error), where) from None
    return Placeholder(expression, escape, match[0], where)


def _unfilled(written: str, why: str, where: str) -> AssignmentError:
    return AssignmentError(
        f"`{written}` cannot be filled: {why}.",
        where=where,
        remedy=f"Use {', '.join(KNOWN)} and their fields; put a space between two braces that mean something else.",
    )


def _code_escape(tokens: Sequence[tokenize.TokenInfo], row: int, column: int) -> Callable[[object], str]:
    for token in tokens:
        if token.start <= (row, column) < token.end:
            if token.type == tokenize.COMMENT:
                return plain
            if is_string(token):
                return _in_literal
    return literal


def plain(value: object) -> str:
    """Return a value as one line of plain text: no control or direction characters, at most 200 characters."""
    if value is None:
        return "—"
    if isinstance(value, (list, tuple)):
        return ", ".join(plain(item) for item in value)
    # Categories: controls, formats (direction overrides among them), surrogates, line and paragraph separators.
    kept = (" " if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"} else char for char in str(value))
    text = " ".join("".join(kept).split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def escape_markdown(value: object) -> str:
    """Return a value as plain text for Markdown, HTML inside Markdown included.

    Character references are used instead of backslashes, which Jupyter's mathematics would read as formulas.
    """
    return _MARKDOWN.sub(lambda match: "".join(f"&#{ord(char)};" for char in match[0]), plain(value))


def literal(value: object) -> str:
    """Return a value as a Python literal; raises TypeError for what has none."""
    if isinstance(value, str):
        return json.dumps(plain(value), ensure_ascii=False)
    if value is None or isinstance(value, (bool, int, float)):
        return repr(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(literal(item) for item in value) + "]"
    raise TypeError(f"a {type(value).__name__} cannot be written into code")


def _in_literal(value: object) -> str:
    """Return a value for the inside of a string literal of any kind; braces would be code in an f-string."""
    text = json.dumps(plain(value), ensure_ascii=False)[1:-1]
    return text.replace("'", "\\'").replace("{", "\\x7b").replace("}", "\\x7d")
