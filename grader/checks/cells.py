"""Which failed cells are causes and which only follow."""

import ast
import re
from dataclasses import dataclass

from grader.checks.early import parsed
from grader.checks.source import code_cells
from grader.evidence import Evidence, SourceCell

_BINDING = re.compile(r"^[ \t]*+(?:(?:def|class)[ \t]++(\w++)|(\w++)[ \t]*+=(?!=))", re.MULTILINE)
_NAME_ERROR = re.compile(r"^NameError: name '(?P<name>[^']+)' is not defined")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """A cell that failed for a reason of its own, and the indices of the later cells that only failed because of it."""

    cell: SourceCell
    followers: tuple[int, ...]


def first_causes(evidence: Evidence) -> tuple[Cause, ...]:
    """Return the failed cells in order, without those that only miss a name which an earlier cause missed or should have made."""
    promised: dict[str, int] = {}
    causes: dict[int, SourceCell] = {}
    followers: dict[int, list[int]] = {}
    for cell in code_cells(evidence):
        if cell.status != "error":
            continue
        missing = _NAME_ERROR.match(cell.error)
        origin = promised.get(missing["name"]) if missing else None
        if origin is None:
            causes[cell.index] = cell
            followers[cell.index] = []
            origin = cell.index
            if missing:
                promised[missing["name"]] = origin
        else:
            followers[origin].append(cell.index)
        for name in bound_names(cell.source):
            promised.setdefault(name, origin)
    return tuple(Cause(cell=cell, followers=tuple(followers[index])) for index, cell in causes.items())


def bound_names(source: str) -> frozenset[str]:
    """Return the names that the cell's code binds at any level; nothing for code that does not parse."""
    tree = parsed(source)
    if tree is None:
        return frozenset(name for pair in _BINDING.findall(source) for name in pair if name)
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names.update((alias.asname or alias.name).split(".")[0] for alias in node.names)
    return frozenset(names)
