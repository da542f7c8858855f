"""Runs a notebook for what it defines: every statement but those that train a module, which are left at their first backward pass.

The rule needs no names. A statement runs until it would take a gradient into the parameters of a module, or step an optimiser of them;
there it is left and the next one goes on. So training in a function, in a class, in a file beside the notebook is found as well; by then
the first batch has shown which module it is and how it is fed. What is trained by hand, on tensors of no module, runs to its end.
"""

import ast
import builtins
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_pre_hook

from .graphs import nodes_of
from .rewriting import bound_names

_LEAVE, _LEAVABLE, _SHOWN, _ERROR = "__zachet_leave__", "__zachet_leavable__", "__zachet_shown__", "__zachet_error__"
_WHOLE = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Global, ast.Pass)
_MOST_NODES = 100_000
_MOST_LISTED = 200


class TrainsModule(BaseException):
    """The statement that runs was about to train a module. Not an Exception, so that no handler of the student's takes it for an error."""


class Definitions:
    """Leaves the statements that train, and keeps account of them in `left`: cell, first and last line, and why.

    `why` is "trains", or "follows" for a statement that only misses a name which a statement before should have made.
    """

    def __init__(self, namespace: Mapping[str, Any]) -> None:
        self._namespace = namespace
        self._unmade: set[str] = set()
        self._cell = -1
        self.left: list[dict[str, Any]] = []

    def install(self) -> None:
        """Stand in the way of every gradient and step from now on, and let `torch.compile` give back what it is given."""
        register_optimizer_step_pre_hook(_refuse_step)
        autograd: Any = torch.autograd
        autograd.backward, autograd.grad = _refusing(autograd.backward), _refusing(autograd.grad)
        compiler: Any = torch
        compiler.compile = _as_it_is
        setattr(builtins, _LEAVE, self._leave)
        setattr(builtins, _LEAVABLE, (TrainsModule, NameError))

    def cell_started(self, index: int) -> None:
        """Tell that the cell `index` is about to run."""
        self._cell = index

    def _leave(self, error: BaseException, first: int, last: int, names: Sequence[str]) -> bool:
        """Tell whether a statement that ended with `error` is to be left without a word of an error."""
        trains = isinstance(error, TrainsModule)
        if not trains and getattr(error, "name", None) not in self._unmade:
            return False
        self._unmade.update(name for name in names if name not in self._namespace)
        if len(self.left) < _MOST_LISTED:
            self.left.append({"cell": self._cell, "line": first, "last_line": last, "why": "trains" if trains else "follows"})
        where = f"line {first}" if first == last else f"lines {first}-{last}"
        reason = "this trains a model, and nothing is trained here" if trains else f"this needs what training would have made: {error}"
        sys.stderr.write(f"[{where}: left out, {reason}]\n")
        return True


class StatementGuard(ast.NodeTransformer):
    """Puts every statement at the top of a cell, and of `if`, `with` and `try` there, into a guard of its own."""

    def visit_Module(self, node: ast.Module) -> ast.Module:
        """Guard the statements; the value of a last expression is shown as before."""
        last = node.body[-1] if node.body else None
        if not isinstance(last, ast.Expr):
            node.body = _guarded(node.body)
            return ast.fix_missing_locations(node)
        made = [ast.Assign(targets=[ast.Name(id=_SHOWN, ctx=ast.Store())], value=value) for value in (ast.Constant(None), last.value)]
        shown = ast.Expr(value=ast.Name(id=_SHOWN, ctx=ast.Load()))
        node.body = [*_guarded(node.body[:-1]), *(ast.copy_location(made[0], last), *_guarded([ast.copy_location(made[1], last)]))]
        node.body.append(ast.copy_location(shown, last))
        return ast.fix_missing_locations(node)


def _guarded(body: Sequence[ast.stmt]) -> list[ast.stmt]:
    return [statement if isinstance(statement, _WHOLE) else _guard(statement) for statement in body]


def _guard(statement: ast.stmt) -> ast.stmt:
    if isinstance(statement, ast.If | ast.With | ast.Try):
        statement.body = _guarded(statement.body)
    if isinstance(statement, ast.If):
        statement.orelse = _guarded(statement.orelse)
    names = sorted({name for name in bound_names(statement) if not name.startswith("__zachet")})
    asked = ast.Call(
        func=ast.Name(id=_LEAVE, ctx=ast.Load()),
        args=[
            ast.Name(id=_ERROR, ctx=ast.Load()),
            ast.Constant(statement.lineno),
            ast.Constant(statement.end_lineno or statement.lineno),
            ast.Tuple(elts=[ast.Constant(name) for name in names], ctx=ast.Load()),
        ],
        keywords=[],
    )
    goes_on: list[ast.stmt] = [ast.If(test=ast.UnaryOp(op=ast.Not(), operand=asked), body=[ast.Raise()], orelse=[])]
    handler = ast.ExceptHandler(type=ast.Name(id=_LEAVABLE, ctx=ast.Load()), name=_ERROR, body=goes_on)
    return ast.copy_location(ast.Try(body=[statement], handlers=[handler], orelse=[], finalbody=[]), statement)


def trains_module(roots: Iterable[Any]) -> bool:
    """Tell whether the graph behind these tensors reaches a parameter of a module."""
    tensors = [root for root in roots if isinstance(root, torch.Tensor)]
    leaves = (getattr(node, "variable", None) for node in nodes_of(tensors, _MOST_NODES))
    return any(isinstance(tensor, nn.Parameter) for tensor in chain(tensors, leaves))


def _refusing(original: Callable[..., Any]) -> Callable[..., Any]:
    def backward(tensors: Any, *arguments: Any, **options: Any) -> Any:
        if trains_module([tensors] if isinstance(tensors, torch.Tensor) else tensors):
            raise TrainsModule
        return original(tensors, *arguments, **options)

    return backward


def _refuse_step(optimizer: Optimizer, _arguments: tuple[Any, ...], _options: dict[str, Any]) -> None:
    if any(isinstance(parameter, nn.Parameter) for group in optimizer.param_groups for parameter in group["params"]):
        raise TrainsModule


def _as_it_is(model: Any = None, **_options: Any) -> Any:
    """Stand for torch.compile: the same numbers, without the compiler."""
    return (lambda function: function) if model is None else model
