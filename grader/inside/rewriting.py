"""What is changed in a cell's code before it runs: a missing module does not take the whole cell, and namespaces are cut in time."""

import ast
import builtins
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, NoReturn

MISSING, CUT = "__zachet_missing__", "__zachet_cut__"
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class MissingModule:
    """Stands for a name whose import failed; any use of it raises ModuleNotFoundError with the module's name."""

    def __init__(self, module: str) -> None:
        self.__dict__["_zachet_module"] = module

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):  # inspection by IPython, copy and pickle is not a use
            raise AttributeError(name)
        _refuse(self)

    def __call__(self, *_: object, **__: object) -> NoReturn:
        """Refuse."""
        _refuse(self)

    def __getitem__(self, _: object) -> NoReturn:
        _refuse(self)

    def __iter__(self) -> NoReturn:
        _refuse(self)

    def __mro_entries__(self, _: object) -> NoReturn:
        _refuse(self)

    def __repr__(self) -> str:
        return f"<module {self.__dict__['_zachet_module']!r} is not installed here>"


def _refuse(stand: MissingModule) -> NoReturn:
    module = stand.__dict__["_zachet_module"]
    raise ModuleNotFoundError(f"No module named {module!r}", name=module)


class CellRewriter(ast.NodeTransformer):
    """Rewrites the module of a cell. `watch` are the names before whose second binding in one cell the namespace is cut."""

    def __init__(self, watch: Collection[str]) -> None:
        self._watch = frozenset(watch)

    def visit_Module(self, node: ast.Module) -> ast.Module:
        """Guard the imports at the top level and insert the cuts."""
        body: list[ast.stmt] = []
        bound: set[str] = set()
        for statement in node.body:
            names = self._watch & set(bound_names(statement))
            if names & bound:
                body.append(_call(CUT, [], statement))
                bound.clear()
            bound |= names
            body.extend(_guarded(statement))
        node.body = body
        return ast.fix_missing_locations(node)


def install(on_missing: Callable[[str], None], on_cut: Callable[[], None]) -> None:
    """Give the rewritten cells the two functions that they call; `on_missing` is told the module."""

    def missing(namespace: dict[str, Any], names: Sequence[str], top: str) -> None:
        error = sys.exc_info()[1]
        module = getattr(error, "name", None) or top or str(error)
        for name in names:
            if not (name == top and top in sys.modules):
                namespace[name] = MissingModule(module)
            else:  # `import a.b` where only b is missing still binds a
                namespace[name] = sys.modules[top]
        on_missing(module)
        listed = f" {', '.join(names)} cannot be used;" if names else ""
        sys.stderr.write(f"[the module {module!r} is not installed here:{listed} the rest of the cell goes on]\n")

    setattr(builtins, MISSING, missing)
    setattr(builtins, CUT, on_cut)


def bound_names(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that `statement` binds in the namespace it runs in, not those inside functions and comprehensions."""
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).split(".")[0]
        if not isinstance(node, _SCOPES):
            waiting.extend(ast.iter_child_nodes(node))


def _guarded(statement: ast.stmt) -> list[ast.stmt]:
    """Return `statement`, or for an import one guarded import per name."""
    if isinstance(statement, ast.Import):
        return [_guard(ast.Import(names=[alias]), [alias], alias.name.split(".")[0], statement) for alias in statement.names]
    if isinstance(statement, ast.ImportFrom) and statement.module != "__future__":
        return [_guard(statement, statement.names, "", statement)]
    return [statement]


def _guard(imported: ast.stmt, aliases: Sequence[ast.alias], top: str, origin: ast.stmt) -> ast.stmt:
    names = [alias.asname or (alias.name.split(".")[0] if top else alias.name) for alias in aliases if alias.name != "*"]
    arguments: list[ast.expr] = [
        ast.Call(func=ast.Name(id="globals", ctx=ast.Load()), args=[], keywords=[]),
        ast.List(elts=[ast.Constant(name) for name in names], ctx=ast.Load()),
        ast.Constant(top),
    ]
    handler = ast.ExceptHandler(
        type=ast.Name(id="ModuleNotFoundError", ctx=ast.Load()), name=None, body=[_call(MISSING, arguments, origin)]
    )
    guard = ast.Try(body=[ast.copy_location(imported, origin)], handlers=[handler], orelse=[], finalbody=[])
    return ast.copy_location(guard, origin)


def _call(name: str, arguments: list[ast.expr], origin: ast.stmt) -> ast.stmt:
    call = ast.Call(func=ast.Name(id=name, ctx=ast.Load()), args=arguments, keywords=[])
    return ast.copy_location(ast.Expr(value=call), origin)
