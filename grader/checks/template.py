"""The lab's own cells as students receive them, to tell what was changed."""

import ast
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from grader.assignment import Assignment
from grader.checks.cells import bound_names
from grader.evidence import Evidence
from grader.model import Language
from grader.notebook import cell_id, read_lab
from grader.notebook.blanks import visible_lines
from grader.notebook.source import neutral

_PLACE = re.compile(r"\\\{\\\{.*?\\\}\\\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Untouched:
    """The code cells that are still as the package had them, by index, of `blank` cells that it leaves to the student."""

    cells: tuple[int, ...]
    blank: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _HandedOut:
    """A code cell of the package with a blank in it: its id, the functions and classes it defines, and how the first of them begins."""

    id: str
    names: frozenset[str]
    begins: str


def untouched_cells(evidence: Evidence, assignment: Assignment) -> Untouched:
    """Return which cells with a blank in them are unchanged; space at line ends does not count, placeholders stand for anything."""
    patterns = [_blank_cells(assignment.lab_file, assignment.digest, language) for language in assignment.languages]
    cells = tuple(
        cell.index for cell in evidence.cells if any(pattern.fullmatch(_lean(cell.source)) for language in patterns for pattern in language)
    )
    return Untouched(cells=cells, blank=max((len(language) for language in patterns), default=0))


def cells_taken_out(evidence: Evidence, assignment: Assignment) -> tuple[str, ...]:
    """Return what the cells began that the package left to the student and that are gone, such as `def backward`.

    A cell is known by its id. It is gone only where no other cell binds its names either; a notebook in which most of these ids are
    unknown was not made from the package, or was saved by a program that drops ids, and nothing is said of it.
    """
    ids = {cell.id for cell in evidence.cells}
    bound = frozenset[str]().union(*(bound_names(cell.source) for cell in evidence.cells))
    gone: list[str] = []
    for language in assignment.languages:
        handed_out = _handed_out(assignment.lab_file, assignment.digest, assignment.slug, language)
        lost = [cell for cell in handed_out if cell.id not in ids]
        if 2 * len(lost) < len(handed_out):
            gone += [cell.begins for cell in lost if cell.names and bound.isdisjoint(cell.names)]
    return tuple(dict.fromkeys(gone))


@lru_cache(maxsize=8)
def _handed_out(lab_file: Path, _digest: str, slug: str, language: Language) -> tuple[_HandedOut, ...]:
    """Return the code cells of the package that have a blank and define something; the digest of the rubric covers the file."""
    lab = read_lab(lab_file)
    cells = []
    for position, cell in enumerate(lab.cells):
        full, blank = (tuple(visible_lines(cell, language, lab.path, with_solution=kept)) for kept in (True, False))
        if cell.kind == "code" and blank and blank != full:
            tree = ast.parse(neutral("\n".join(line.text for line in blank)))
            made = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
            begins = f"{'class' if isinstance(made[0], ast.ClassDef) else 'def'} {made[0].name}" if made else ""
            cells.append(_HandedOut(id=cell_id(slug, str(position)), names=frozenset(node.name for node in made), begins=begins))
    return tuple(cells)


@lru_cache(maxsize=8)
def _blank_cells(lab_file: Path, _digest: str, language: Language) -> tuple[re.Pattern[str], ...]:
    """Return one pattern for each code cell that is handed out with a blank; the digest of the rubric covers the file."""
    lab = read_lab(lab_file)
    patterns = []
    for cell in lab.cells:
        if cell.kind != "code":
            continue
        full, blank = (_lean("\n".join(line.text for line in visible_lines(cell, language, lab.path, with_solution=kept))) for kept in (True, False))
        if blank and blank != full:
            patterns.append(re.compile(_PLACE.sub(".*?", re.escape(blank))))
    return tuple(patterns)


def _lean(source: str) -> str:
    return "\n".join(line.rstrip() for line in source.strip().splitlines())
