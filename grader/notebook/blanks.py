"""What of a cell a student sees: the lines of one language, with solutions blanked out or their markers taken away."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from grader.errors import AssignmentError
from grader.model import Language, Text
from grader.notebook.source import LabCell, Line

_OPEN, _CLOSE = "# solution", "# end solution"
_NEARLY = re.compile(r"#+\s*(end[\s_-]*(of\s*)?|begin\s*|start\s*)?solution\s*(begin|start|end)?\s*[:.]?", re.IGNORECASE)
_LANGUAGE_LINE = re.compile(r"(?P<indent>\s*)# ?(?P<language>ru|en):(?: (?P<rest>.*)|\s*)")
_CODE = Text(ru="...  # ваш код здесь", en="...  # your code here")
_ANSWER = Text(ru="*Ваш ответ здесь.*", en="*Your answer here.*")


def visible_lines(cell: LabCell, language: Language, path: Path, *, with_solution: bool) -> tuple[Line, ...]:
    """Return the lines of `cell` that belong into the notebook; empty when the cell is not for this language.

    Raises AssignmentError for a solution region that is nested, not opened, not closed, or marked almost correctly: such a
    slip would hand the solution out.
    """
    if cell.language not in {None, language}:
        return ()
    if cell.kind == "markdown":
        return cell.lines if with_solution or not cell.solution else (Line(text=_ANSWER.of(language), number=cell.number),)
    lines = tuple(_of_language(cell.lines, language))
    visible = tuple(_without_regions(lines, language, path, with_solution=with_solution))
    if cell.solution and not with_solution:
        return (Line(text=_CODE.of(language), number=cell.number),)
    return visible


def _of_language(lines: Sequence[Line], language: Language) -> Iterator[Line]:
    """Keep `#ru:` and `#en:` lines of one language, as plain comments, or as plain text inside a string."""
    for line in lines:
        match = _LANGUAGE_LINE.fullmatch(line.text)
        if match is None:
            yield line
        elif match["language"] == language:
            text = match["rest"] or ""
            yield replace(line, text=match["indent"] + (text if line.in_string else f"# {text}".rstrip()))


def _without_regions(lines: Sequence[Line], language: Language, path: Path, *, with_solution: bool) -> Iterator[Line]:
    opened: Line | None = None
    for line in lines:
        marker = _marker(line, path)
        if marker == _OPEN:
            if opened is not None:
                raise _slip("a solution region opens inside another", line, path, f"Close the one of line {opened.number} first.")
            opened = line
            if not with_solution:
                indent = line.text[: len(line.text) - len(line.text.lstrip())]
                yield replace(line, text=indent + _CODE.of(language))
        elif marker == _CLOSE:
            if opened is None:
                raise _slip("a solution region closes that was not opened", line, path, f"Write `{_OPEN}` above it.")
            opened = None
        elif opened is None or with_solution:
            yield line
    if opened is not None:
        raise _slip("a solution region is not closed in its cell", opened, path, f"Write `{_CLOSE}` below it.")


def _marker(line: Line, path: Path) -> str:
    """Return the marker that stands on this line, or an empty string."""
    text = line.text.strip()
    if line.in_string or not _NEARLY.fullmatch(text):
        return ""
    if text not in {_OPEN, _CLOSE}:
        raise _slip(f"`{text}` is almost the marker of a solution region", line, path, f"Write `{_OPEN}` or `{_CLOSE}`, or other words.")
    return text


def _slip(what: str, line: Line, path: Path, remedy: str) -> AssignmentError:
    return AssignmentError(f"{what}.", where=f"{path}:{line.number}", remedy=remedy)
