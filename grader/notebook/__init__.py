"""From the single source of a lab to the notebook of one language, for one student.

`read_lab` reads lab.py once, `NotebookTemplate` holds one language of it with or without solutions, and `fill` makes the cells
of one student. Everything that can be wrong with a lab is found before the first student is filled in.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.errors import AssignmentError
from grader.model import Json, Language
from grader.notebook.blanks import visible_lines
from grader.notebook.placeholders import Fragment, escape_markdown, fragments, plain
from grader.notebook.source import PLACEHOLDER, Lab, LabCell, Line, python_tokens, read_lab

__all__ = ["Cell", "Lab", "NotebookTemplate", "cell_id", "escape_markdown", "make_template", "markdown_cell", "notebook_json", "plain", "read_lab"]

Cell = dict[str, Json]
# Only names that no sentence would begin with; any other comment stays a comment.
_MAGIC = re.compile(
    r"(?P<indent>\s*)# (?P<command>%%?(?:autoreload|capture|cd|conda|config|env|load_ext|matplotlib|pip|reload_ext|time|timeit)\b.*|![a-z].*)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _CellTemplate:
    id: str
    kind: str
    parts: tuple[Fragment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotebookTemplate:
    """One language of a lab, ready to be filled in for any number of students."""

    language: Language
    cells: tuple[_CellTemplate, ...]

    def fill(self, values: Mapping[str, object]) -> list[Cell]:
        """Return the nbformat 4.5 cells for one student; raises AssignmentError for a placeholder that `values` cannot fill."""
        return [
            _cell(cell.kind, cell.id, "".join(part if isinstance(part, str) else part.fill(values) for part in cell.parts))
            for cell in self.cells
        ]


def make_template(lab: Lab, slug: str, language: Language, *, with_solution: bool) -> NotebookTemplate:
    """Return `lab` in one language, solutions kept or blanked out; raises AssignmentError naming file and line.

    The id of a cell comes from the assignment and the cell's place in the source, so two renderings are the same to the byte.
    """
    cells = []
    for position, cell in enumerate(lab.cells):
        lines = visible_lines(cell, language, lab.path, with_solution=with_solution)
        if any(line.text.strip() for line in lines):
            parts = _parts(cell, lines, lab.path)
            cells.append(_CellTemplate(id=cell_id(slug, str(position)), kind=cell.kind, parts=parts))
    return NotebookTemplate(language=language, cells=tuple(cells))


def cell_id(slug: str, place: str) -> str:
    """Return the lasting id of the cell at `place` of an assignment's notebook."""
    return hashlib.sha256(f"{slug}\0{place}".encode()).hexdigest()[:12]


def markdown_cell(slug: str, place: str, source: str) -> Cell:
    """Return a markdown cell that is not from the lab, such as a package's header."""
    return _cell("markdown", cell_id(slug, place), source)


def notebook_json(cells: Sequence[Cell], metadata: Mapping[str, Json]) -> str:
    """Return a notebook, nbformat 4.5, as the text of its file; the same cells always give the same bytes."""
    kernel: dict[str, Json] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook: dict[str, Json] = {
        "cells": list(cells),
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}, **metadata},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(notebook, ensure_ascii=False, indent=1) + "\n"


def _cell(kind: str, identity: str, source: str) -> Cell:
    cell: Cell = {"cell_type": kind, "id": identity, "metadata": {}, "source": list(source.splitlines(keepends=True))}
    return cell if kind == "markdown" else cell | {"execution_count": None, "outputs": []}


def _parts(cell: LabCell, lines: Sequence[Line], path: Path) -> tuple[Fragment, ...]:
    if cell.kind == "markdown":
        return fragments(lines, path, None)
    # A blank that leaves half a statement behind is found here, in either rendering, and before any student gets it.
    tokens = python_tokens(lines, path, "without its blanked lines and those of the other language this cell is not valid Python")
    return fragments([_with_magic(line, path) for line in lines], path, tokens)


def _with_magic(line: Line, path: Path) -> Line:
    """Turn a commented magic back into one; nothing of a student's may reach a shell."""
    match = None if line.in_string else _MAGIC.fullmatch(line.text)
    if match is None:
        return line
    if PLACEHOLDER.search(line.text):
        raise AssignmentError(
            "a magic or a shell command holds a placeholder.", where=f"{path}:{line.number}", remedy="Put the value into a variable first."
        )
    return Line(text=match["indent"] + match["command"], number=line.number)
