"""Look for code by patterns an instructor can read: `$OPT.zero_grad()` matches any name, `$$$` any arguments."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ast_grep_py import SgRoot

from grader.evidence import Evidence, SourceCell

_MAGIC = re.compile(r"^([ \t]*)[%!].*$", re.MULTILINE)
_MOST_MATCHES, _LONGEST_MATCH = 1000, 2000  # calls nested in calls make as many matches, each as long as what it holds
_OTHER_LANGUAGE = re.compile(r"\s*%%(?!time\b|timeit\b|capture\b|prun\b)\w")


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Where a pattern was found: the cell's index, the line inside it from 1, the matched text (its beginning, where it is long)."""

    cell: int
    line: int
    text: str


def code_cells(evidence: Evidence) -> tuple[SourceCell, ...]:
    """Return the cells that were run, with magics and shell lines taken out; a cell of another language (`%%bash`) is empty."""
    return tuple(
        replace(cell, source=_python(cell.source))
        for cell in evidence.cells
        if cell.status != "not_run"
    )


def unreached_cells(evidence: Evidence) -> tuple[SourceCell, ...]:
    """Return the cells that the run never came to, as `code_cells` does the others: what stands there earns nothing and is not missing."""
    return tuple(replace(cell, source=_python(cell.source)) for cell in evidence.cells if cell.status == "not_run")


def stopped_cell(evidence: Evidence) -> int | None:
    """Return the index of the cell in which the run was stopped; None where it came to the last one, or to none."""
    first = next((place for place, cell in enumerate(evidence.cells) if cell.status == "not_run"), 0)
    return evidence.cells[first - 1].index if first else None


def _python(source: str) -> str:
    return "" if _OTHER_LANGUAGE.match(source) else _MAGIC.sub(r"\1pass", source)


def find(cells: Iterable[SourceCell], patterns: Sequence[str]) -> tuple[Match, ...]:
    """Return the matches of any of `patterns`, a thousand a cell at most, in reading order. Comments and strings never match: the code is parsed."""
    matches: list[Match] = []
    for cell in cells:
        root = SgRoot(cell.source, "python").root()
        for pattern in patterns:
            for place in (node.range() for node in root.find_all(pattern=pattern)[:_MOST_MATCHES]):
                end = min(place.end.index, place.start.index + _LONGEST_MATCH)
                matches.append(Match(cell=cell.index, line=place.start.line + 1, text=cell.source[place.start.index : end]))
    return tuple(sorted(matches, key=lambda match: (match.cell, match.line)))
