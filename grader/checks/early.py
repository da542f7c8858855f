"""Code as a tree, and whether a training in it may end before its last epoch."""

import ast
from collections.abc import Iterable, Iterator

from grader.evidence import SourceCell

_COUNTS = {"range", "trange", "count"}
_TRAINS = {"step", "backward"}


def parsed(source: str) -> ast.Module | None:
    """Return the tree of `source`, or None where it is not Python or too deep for the parser."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def can_end_early(cells: Iterable[SourceCell]) -> bool:
    """Whether a loop of the cells may end before its count: a `while`, or a way out of a loop over epochs or one that trains.

    A `break` out of a loop over rows, to show a few pictures, ends no training.
    """
    trees = [tree for cell in cells if (tree := parsed(cell.source)) is not None]
    return any(
        isinstance(node, ast.While) or (isinstance(node, ast.For | ast.AsyncFor) and _trains(node) and any(_ways_out(node.body)))
        for tree in trees
        for node in ast.walk(tree)
    )


def _trains(loop: ast.For | ast.AsyncFor) -> bool:
    counts = any(_called(node) in _COUNTS for node in ast.walk(loop.iter))
    epochs = any(isinstance(node, ast.Name) and "epoch" in node.id.lower() for node in ast.walk(loop.target))
    return counts or epochs or any(_called(node) in _TRAINS for node in ast.walk(loop))


def _called(node: ast.AST) -> str:
    """Return the last name of what a call calls, or nothing for all else."""
    function = node.func if isinstance(node, ast.Call) else None
    return function.id if isinstance(function, ast.Name) else function.attr if isinstance(function, ast.Attribute) else ""


def _ways_out(body: Iterable[ast.AST], *, inner: bool = False) -> Iterator[ast.stmt]:
    """Yield what leaves the loop with this body: its own `break`, and a `return` at any depth but that of other functions."""
    for node in body:
        if isinstance(node, ast.Return) or (isinstance(node, ast.Break) and not inner):
            yield node
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            loop = isinstance(node, ast.For | ast.AsyncFor | ast.While)
            yield from _ways_out(ast.iter_child_nodes(node), inner=inner or loop)
