"""The lab's own cells as students receive them, to tell what was changed."""

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from grader.assignment import Assignment
from grader.evidence import Evidence
from grader.model import Language
from grader.notebook import read_lab
from grader.notebook.blanks import visible_lines

_PLACE = re.compile(r"\\\{\\\{.*?\\\}\\\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Untouched:
    """The code cells that are still as the package had them, by index, of `blank` cells that it leaves to the student."""

    cells: tuple[int, ...]
    blank: int


def untouched_cells(evidence: Evidence, assignment: Assignment) -> Untouched:
    """Return which cells with a blank in them are unchanged; space at line ends does not count, placeholders stand for anything."""
    patterns = [_blank_cells(assignment.lab_file, assignment.digest, language) for language in assignment.languages]
    cells = tuple(
        cell.index for cell in evidence.cells if any(pattern.fullmatch(_lean(cell.source)) for language in patterns for pattern in language)
    )
    return Untouched(cells=cells, blank=max((len(language) for language in patterns), default=0))


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
