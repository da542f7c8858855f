"""Finds the module that saved weights belong to: an instance that the definitions left, or a class and the arguments the notebook gives it."""

import ast
import builtins
import contextlib
import gc
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from .feeding import described
from .fitting import Fit, Tensors, fit
from .trained import Trained

_MOST_CALLS, _MOST_MODULES, _MOST_ATTRIBUTES, _MOST_CONSTANTS, _MOST_TRIES, _WIDEST = 40, 100, 64, 60, 400, 1 << 14
_LIBRARIES = ("torch", "torchvision", "zachet_inside")

States = Sequence[tuple[str, Tensors]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A module, where it came from (a name, a call, or empty), and how the state under `key` of the file fits it."""

    trained: Trained
    where: str
    key: str
    fit: Fit


def find_module(
    states: States, namespace: Mapping[str, Any], names: Sequence[str], noted: Sequence[Trained], sources: Sequence[str]
) -> Found | None:
    """Return the module whose parameters the file fills, or the nearest; None when the notebook defines no module at all.

    Instances come before classes: those bound to the first of `names`, to any name, run by the notebook, held by an object. Of several that fit,
    the one that the file fits most exactly counts, then the first.
    """
    held = _best(states, _instances(namespace, names, noted))
    if held is not None and held.fit.complete:
        return held
    made = _best(states, _constructed(namespace, sources))
    if held is None or (made is not None and _rank(made) > _rank(held)):
        return made
    return held


def _best(states: States, candidates: Iterator[tuple[Trained, str]]) -> Found | None:
    best: Found | None = None
    for trained, where in candidates:
        for key, tensors in states:
            with contextlib.suppress(Exception):  # a lazy layer without a shape, a state_dict of the student's own that breaks
                found = Found(trained=trained, where=where, key=key, fit=fit(_module(trained), tensors))
                if best is None or _rank(found) > _rank(best):
                    best = found
                if found.fit.complete and found.fit.strict:
                    return found
    return best


def _rank(found: Found) -> tuple[bool, bool, int, int]:
    fitting = found.fit
    return fitting.complete, fitting.strict, fitting.matched, -len(fitting.extra) - len(fitting.missing)


def _module(trained: Trained) -> nn.Module:
    if trained.module is None:
        raise LookupError("the module is not held any more")
    return trained.module


def _instances(namespace: Mapping[str, Any], names: Sequence[str], noted: Sequence[Trained]) -> Iterator[tuple[Trained, str]]:
    """Yield the notebook's modules, each once; what is fed is remembered where it was seen."""
    known = {id(one.module): one for one in noted}
    seen: set[int] = set()
    for where, module in _modules(namespace, names, noted):
        if id(module) in seen or len(seen) >= _MOST_MODULES:
            continue
        seen.add(id(module))
        trained = known.get(id(module)) or described(module)
        if trained.parameters:
            yield trained, where


def _modules(namespace: Mapping[str, Any], names: Sequence[str], noted: Sequence[Trained]) -> Iterator[tuple[str, nn.Module]]:
    bound = [*names, *(name for name in reversed(list(namespace)) if name not in names and not name.startswith("_"))]
    for name in bound:
        if isinstance(namespace.get(name), nn.Module):
            yield name, namespace[name]
    for one in reversed(noted):
        if one.module is not None:
            yield "", one.module
    for name in bound:
        for attribute, value in _attributes(namespace.get(name)):
            if isinstance(value, nn.Module):
                yield f"{name}{attribute}", value
    everything = [item for item in gc.get_objects() if issubclass(type(item), nn.Module)]
    inner = {id(part) for module in everything for part in module.children()}
    yield from (("", module) for module in everything if id(module) not in inner)


def _attributes(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [(f"[{key!r}]", item) for key, item in list(value.items())[:_MOST_ATTRIBUTES]]
    if isinstance(value, list | tuple):
        return [(f"[{place}]", item) for place, item in enumerate(value[:_MOST_ATTRIBUTES])]
    if isinstance(value, type | nn.Module) or not hasattr(type(value), "__dict__"):
        return []
    try:
        return [(f".{name}", item) for name, item in list(object.__getattribute__(value, "__dict__").items())[:_MOST_ATTRIBUTES]]
    except Exception:
        return []


def _constructed(namespace: Mapping[str, Any], sources: Sequence[str]) -> Iterator[tuple[Trained, str]]:
    """Yield instances of the notebook's own classes, made by the calls that its code has, and without arguments.

    An argument that is a variable of some function has no value here; the constants that stand in the code are tried in its place.
    """
    classes = dict(_classes(namespace))
    trees = [tree for source in sources if (tree := _parsed(source)) is not None]
    known = {**namespace, **classes}
    calls = {ast.unparse(call): call for tree in reversed(trees) for call in _calls(tree, classes)}
    constants = list({repr(value): value for tree in reversed(trees) for value in _constants(tree)}.values())[:_MOST_CONSTANTS]
    for text in (*list(calls)[:_MOST_CALLS], *(f"{name}()" for name in classes)):
        unknown = sorted(_names_in(calls[text]) - known.keys() - vars(builtins).keys()) if text in calls else []
        for values in itertools.islice(itertools.product(constants, repeat=len(unknown)), _MOST_TRIES):
            chosen = dict(zip(unknown, values, strict=True))
            with contextlib.suppress(Exception):
                module = eval(text, {**known, **chosen})  # noqa: S307 - the notebook's own call, in the process that ran the notebook
                # A module of buffers alone, such as one that normalises, was not trained by anybody.
                if isinstance(module, nn.Module) and (trained := described(module)).parameters:
                    said = ", ".join(f"{name} = {value!r}" for name, value in chosen.items())
                    yield trained, (f"{text} ({said})" if said else text)[:200]


def _classes(namespace: Mapping[str, Any]) -> Iterator[tuple[str, type[nn.Module]]]:
    """Yield the classes of modules that are the student's own: of the notebook, and of the files beside it that it imported."""
    here = Path.cwd()
    for name, value in namespace.items():
        if isinstance(value, type) and issubclass(value, nn.Module) and value.__module__.split(".")[0] not in _LIBRARIES:
            yield name, value
        file = getattr(value, "__file__", None) if type(value).__name__ == "module" else None
        if isinstance(file, str) and Path(file).is_relative_to(here):
            yield from _classes({inner: item for inner, item in vars(value).items() if isinstance(item, type)})


def _parsed(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return None


def _calls(tree: ast.Module, classes: Mapping[str, Any]) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr if isinstance(node.func, ast.Attribute) else ""
            if name in classes:
                yield ast.Call(func=ast.Name(id=name, ctx=ast.Load()), args=node.args, keywords=node.keywords)


def _names_in(call: ast.Call) -> set[str]:
    return {node.id for node in ast.walk(call) if isinstance(node, ast.Name)}


def _constants(tree: ast.Module) -> Iterator[Any]:
    """Yield whole numbers and rows of them, such as sizes of layers are."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and type(node.value) is int and 0 < node.value <= _WIDEST:
            yield node.value
        elif isinstance(node, ast.Tuple | ast.List) and node.elts and all(isinstance(item, ast.Constant) for item in node.elts):
            with contextlib.suppress(ValueError, TypeError):
                yield ast.literal_eval(node)
