"""Outputs of cells as the format of notebooks knows them, and the executed notebook made of them."""

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from grader.model import Json
from grader.sandbox.frames import MalformedFrame

_STREAMS = ("stdout", "stderr")


def clean_outputs(value: Any) -> list[Json]:
    """Return a cell's outputs with only the fields of the format; what is no output of any kind is left out.

    Raises MalformedFrame unless `value` is a list of objects. What student code displays may be odd, and is then dropped
    piece by piece; it is never a reason to end the run.
    """
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise MalformedFrame("outputs that are not a list of objects")
    return [cleaned for item in value if (cleaned := _clean(item)) is not None]


def executed_notebook(notebook: Mapping[str, Any], outputs: Mapping[int, Sequence[Json]]) -> str:
    """Return the notebook's JSON text with these outputs, by index of cell, and no others."""
    filled = deepcopy(dict(notebook))
    count = 0
    for index, cell in enumerate(filled["cells"]):
        if cell.get("cell_type") != "code":
            continue
        ran = index in outputs
        count += ran
        cell["execution_count"] = count if ran else None
        cell["outputs"] = [
            {**output, "execution_count": count} if isinstance(output, dict) and output["output_type"] == "execute_result" else output
            for output in outputs.get(index, ())
        ]
    return json.dumps(filled, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _clean(output: dict[str, Any]) -> dict[str, Json] | None:
    kind = output.get("output_type")
    if kind == "stream":
        text = _joined(output.get("text"))
        name = output.get("name")
        return None if text is None else {"output_type": "stream", "name": name if name in _STREAMS else "stdout", "text": text}
    if kind == "error":
        trace = output.get("traceback")
        lines: list[Json] = [line for line in trace if isinstance(line, str)] if isinstance(trace, list) else []
        return {"output_type": "error", "ename": str(output.get("ename", "")), "evalue": str(output.get("evalue", "")), "traceback": lines}
    if kind in {"display_data", "execute_result"}:
        shown: dict[str, Json] = {
            "output_type": str(kind),
            "data": _bundle(output.get("data")),
            "metadata": _object(output.get("metadata")),
        }
        return {**shown, "execution_count": None} if kind == "execute_result" else shown
    return None


def _bundle(data: Any) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for kind, value in _object(data).items():
        text = _joined(value)
        if text is not None:
            found[kind] = text
        elif kind == "application/json" or kind.endswith("+json"):
            found[kind] = value
    return found


def _object(value: Any) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _joined(value: Any) -> str | None:
    """Return text that the format lets be one string or a list of lines, or None for anything else."""
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "".join(value)
    return value if isinstance(value, str) else None
