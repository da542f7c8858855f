"""Read lab.py, the single source of a lab: cells with their language, their lines, and where each line stands in the file."""

import ast
import io
import re
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from grader.errors import AssignmentError
from grader.model import Language

PLACEHOLDER = re.compile(r"\{\{(.*?)\}\}")
_LANGUAGES: tuple[Language, ...] = ("ru", "en")
_TAG = "solution"
_IGNORED = {"lines_to_next_cell", "lines_to_end_of_cell_marker", "cell_marker"}  # jupytext's own notes on white space
# jupytext would also turn comments such as "# copy the weights" into commands, so magics are recognised in notebook/blanks.py.
_FORMAT = {"extension": ".py", "format_name": "percent", "comment_magics": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a cell; `number` counts from 1 in the file; `in_string`: it begins inside a string literal."""

    text: str
    number: int
    in_string: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LabCell:
    """One cell of the source. `language` is None for a cell that stands in both; `solution`: it is blanked as a whole."""

    kind: Literal["markdown", "code"]
    language: Language | None
    solution: bool
    lines: tuple[Line, ...]
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """The cells of one lab.py, in order."""

    path: Path
    cells: tuple[LabCell, ...]


def read_lab(path: Path) -> Lab:
    """Read the percent-format file at `path`; raises AssignmentError naming the file and the line."""
    import jupytext

    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise AssignmentError(f"the lab cannot be read: {error.strerror}.", where=str(path), remedy="Add it or make it readable.") from None
    except UnicodeDecodeError:
        raise AssignmentError("the lab is not UTF-8.", where=str(path), remedy="Save it as UTF-8.") from None
    cells = jupytext.reads(text, fmt=_FORMAT).cells
    return Lab(
        path=path, cells=tuple(_cell(cell, start, path) for cell, start in zip(cells, _starts(cells, text), strict=True) if cell.source.strip())
    )


def python_tokens(lines: Sequence[Line], path: Path, what: str = "this code cell is not valid Python") -> tuple[tokenize.TokenInfo, ...]:
    """Return the tokens of a code cell; placeholders count as names. Raises AssignmentError, saying `what`, for what is not Python."""
    text = neutral("\n".join(line.text for line in lines))
    try:
        ast.parse(text)
        return tuple(tokenize.generate_tokens(io.StringIO(text).readline))
    except (SyntaxError, tokenize.TokenError, ValueError) as error:
        row = min(getattr(error, "lineno", None) or 1, len(lines))
        raise AssignmentError(
            f"{what}: {getattr(error, 'msg', error)}.",
            where=f"{path}:{lines[row - 1].number}",
            remedy="Correct it; a magic is written as a comment, such as `# %matplotlib inline`.",
        ) from None


def is_string(token: tokenize.TokenInfo) -> bool:
    """Say whether a token is text of a string literal; since Python 3.12 an f-string has tokens of its own."""
    return token.type == tokenize.STRING or tokenize.tok_name[token.type] == "FSTRING_MIDDLE"


def neutral(text: str) -> str:
    """Return `text` with every placeholder replaced by a name of the same width, so that it reads as Python in any context."""
    return PLACEHOLDER.sub(lambda match: "x" * len(match[0]), text)


def _starts(cells: Sequence[Any], text: str) -> list[int]:
    """Return the line in the file, from 1, of each cell's first line.

    jupytext does not say where it found a cell, so each cell's lines are looked for in order below the one before.
    """
    raw = [line.strip() for line in text.split("\n")]
    commented = [line.removeprefix("#").strip() for line in raw]
    starts: list[int] = []
    at = 0
    for cell in cells:
        lines = [line.strip() for line in cell.source.split("\n")]
        inside = raw if cell.cell_type == "code" else commented
        found = (row for row in range(at, len(raw)) if lines in (inside[row : row + len(lines)], raw[row : row + len(lines)]))
        start = next(found, at)
        starts.append(start + 1)
        at = min(start + len(lines), len(raw))
    return starts


def _cell(cell: Any, start: int, path: Path) -> LabCell:
    where = f"{path}:{start}"
    if cell.cell_type not in {"markdown", "code"}:
        raise AssignmentError("only markdown and code cells are known.", where=where, remedy="Use `# %% [markdown]` or `# %%`.")
    language, solution = _metadata(dict(cell.metadata), where)
    lines = tuple(Line(text=text, number=start + row) for row, text in enumerate(cell.source.split("\n")))
    if cell.cell_type == "code":
        inside = {row for token in python_tokens(lines, path) if is_string(token) for row in range(token.start[0], token.end[0])}
        lines = tuple(replace(line, in_string=row in inside) for row, line in enumerate(lines))
    return LabCell(kind=cell.cell_type, language=language, solution=solution, lines=lines, number=start)


def _metadata(metadata: dict[str, Any], where: str) -> tuple[Language | None, bool]:
    """Return language and solution tag of a cell; anything else in its header is a slip worth naming."""
    unknown = set(metadata) - _IGNORED - {"lang", "tags"}
    if unknown:
        word = metadata["title"] if "title" in unknown else min(unknown)
        raise AssignmentError(
            f'the header of this cell says "{word}", which is not known.', where=where, remedy='A cell may have lang="ru", lang="en" and tags=["solution"].'
        )
    language = metadata.get("lang")
    if language is not None and language not in _LANGUAGES:
        raise AssignmentError(f'the language "{language}" is not known.', where=where, remedy='Write lang="ru" or lang="en", or neither for both.')
    tags = metadata.get("tags", [])
    tags = [tags] if isinstance(tags, str) else tags
    for tag in tags:
        if tag != _TAG:
            raise AssignmentError(f'the tag "{tag}" is not known.', where=where, remedy='The only tag of a cell is "solution".')
    return language, _TAG in tags

