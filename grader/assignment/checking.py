"""Load the checks of an assignment by path, the bundled ones exactly like an instructor's own."""

import hashlib
import importlib.util
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from graphlib import CycleError, TopologicalSorter
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, Never

from grader.assignment.schema import FILE, did_you_mean
from grader.assignment.value import Assignment, Checks
from grader.errors import AssignmentError

_MARK = "__zachet_check__"
_LOADING = threading.Lock()  # a second thread must not take a module that is still being imported


class _FreshLoader(SourceFileLoader):
    """Compiles what the file says now: no stale bytecode, and nothing written beside an instructor's files."""

    def path_stats(self, path: str) -> Never:
        """Say that there is nothing to compare bytecode with."""
        raise OSError(path)


def load_checks(assignment: Assignment) -> Checks:
    """Import checks.py and return its check functions, imported ones included, each after those it waits for.

    Raises AssignmentError when the file cannot be imported (naming the line), when it has no `prepare`, when the rubric names
    a check that it does not have, or when a check waits for one that is not there or for itself.
    """
    with _LOADING:
        module = _import(assignment)
    functions = _functions(module, assignment.checks_file)
    _prove_rubric(assignment, functions)
    prepare = getattr(module, "prepare", None)
    if not callable(prepare):
        raise AssignmentError(
            "there is no function prepare(preparation).",
            where=str(assignment.checks_file),
            remedy="Define it; it returns the hidden inputs as a Given.",
        )
    return Checks(functions=MappingProxyType(_in_order(functions, assignment.checks_file)), prepare=prepare)


def _import(assignment: Assignment) -> ModuleType:
    path = assignment.checks_file
    try:
        # Path and content make the name, so that two folders never share a module and an edited file is read anew.
        identity = hashlib.sha256(str(path).encode() + b"\0" + path.read_bytes()).hexdigest()[:16]
    except OSError as error:
        raise AssignmentError(f"the file cannot be read: {error.strerror}.", where=str(path), remedy="Add it or make it readable.") from None
    name = f"zachet_checks_{assignment.slug.replace('-', '_')}_{identity}"
    if name in sys.modules:
        return sys.modules[name]
    loader = _FreshLoader(name, str(path))
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    if spec is None:
        raise AssignmentError("the file cannot be imported.", where=str(path), remedy="Make it a Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses of the module look themselves up here
    try:
        loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise AssignmentError(
            f"the checks cannot be imported: {type(error).__name__}: {error}.",
            where=f"{path}:{_line(error, path)}",
            remedy="Correct that line.",
        ) from error
    return module


def _line(error: BaseException, path: Path) -> int:
    """Return the last line of `path` that took part in `error`."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return error.lineno or 1
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return next((line for line in reversed(lines) if line), 1)


def _functions(module: ModuleType, path: Path) -> dict[str, Callable[..., Any]]:
    functions: dict[str, Callable[..., Any]] = {}
    for value in vars(module).values():
        info = getattr(value, _MARK, None) if callable(value) else None
        if info is None:
            continue
        if functions.setdefault(info.name, value) is not value:
            raise AssignmentError(
                f'two different checks are called "{info.name}".', where=str(path), remedy="Rename one of them, here and in the rubric."
            )
    return functions


def _prove_rubric(assignment: Assignment, functions: Mapping[str, Callable[..., Any]]) -> None:
    unknown = [(criterion.id, use.name) for criterion in assignment.criteria for use in criterion.checks if use.name not in functions]
    if unknown:
        criterion, name = unknown[0]
        more = f" ({len(unknown) - 1} more in this file.)" if len(unknown) > 1 else ""
        raise AssignmentError(
            f'the check "{name}" is not in checks.py.{more}',
            where=f'{assignment.path / FILE}: criterion "{criterion}", checks',
            remedy=did_you_mean(name, functions),
        )


def _in_order(functions: Mapping[str, Callable[..., Any]], path: Path) -> dict[str, Callable[..., Any]]:
    """Return the checks so that each comes after those it waits for; the order of imports must not matter."""
    waits = {name: getattr(function, _MARK).after for name, function in functions.items()}
    for name, others in waits.items():
        for other in others:
            if other not in functions:
                raise AssignmentError(
                    f'the check "{name}" waits for "{other}", which is not in checks.py.', where=str(path), remedy=did_you_mean(other, functions)
                )
    try:
        return {name: functions[name] for name in TopologicalSorter(waits).static_order()}
    except CycleError as error:
        circle = " → ".join(error.args[1])
        raise AssignmentError(f"checks wait for each other: {circle}.", where=str(path), remedy="Let one of them go first.") from None

