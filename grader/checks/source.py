"""Look for code by patterns an instructor can read: `$OPT.zero_grad()` matches any name, `$$$` any arguments."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ast_grep_py import SgRoot

from grader.evidence import Evidence, SourceCell

_MAGIC = re.compile(r"^([ \t]*)[%!].*$", re.MULTILINE)
_OTHER_LANGUAGE = re.compile(r"\s*%%(?!time\b|timeit\b|capture\b|prun\b)\w")


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Where a pattern was found: the cell's index, the line inside it from 1, the matched text."""

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


def _python(source: str) -> str:
    return "" if _OTHER_LANGUAGE.match(source) else _MAGIC.sub(r"\1pass", source)


def find(cells: Iterable[SourceCell], patterns: Sequence[str]) -> tuple[Match, ...]:
    """Return every match of any of `patterns`, in reading order. Comments and strings never match: the code is parsed."""
    matches: list[Match] = []
    for cell in cells:
        root = SgRoot(cell.source, "python").root()
        for pattern in patterns:
            matches.extend(
                Match(cell=cell.index, line=node.range().start.line + 1, text=node.text()) for node in root.find_all(pattern=pattern)
            )
    return tuple(sorted(matches, key=lambda match: (match.cell, match.line)))
