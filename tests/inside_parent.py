"""A small trusted parent for tests of the child: it speaks the frames, believes everything and limits nothing but time."""

import json
import struct
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

INSIDE = Path(__file__).parent.parent / "grader" / "inside"
LIMITS = {"cpu_s": 300, "wall_s": 600, "cell_cpu_s": 60, "memory_mb": 4096, "processes": 256, "disk_mb": 512, "output_mb": 64}
QUIET_PROBE = """
WATCH = ()
def describe(session): pass
def answer(session, given): pass
"""

Records = Mapping[str, Any]
Give = Callable[[Records], Mapping[str, NDArray[Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell as the child reported it."""

    status: str
    error: str
    cpu_s: float
    outputs: list[dict[str, Any]]

    def text(self, name: str = "stdout") -> str:
        return "".join(output["text"] for output in self.outputs if output.get("name") == name)

    def kinds(self) -> list[str]:
        return [output["output_type"] for output in self.outputs]

    def pictures(self) -> list[str]:
        return [output["data"]["image/png"] for output in self.outputs if "image/png" in output.get("data", {})]


@dataclass(slots=True, kw_only=True)
class Told:
    """Everything one run told its parent."""

    environment: dict[str, str] = field(default_factory=dict)
    cells: dict[int, Cell] = field(default_factory=dict)
    records: dict[str, Any] = field(default_factory=dict)
    code: int = -1
    stderr: str = ""


def notebook_of(*sources: str) -> dict[str, Any]:
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "code", "source": source} for source in sources]}


def run_cells(work: Path, *sources: str, **settings: Any) -> Told:
    return run_notebook(work, notebook_of(*sources), **settings)


def run_notebook(work: Path, notebook: Mapping[str, Any], *, give: Give | None = None, probe: Path | None = None, **settings: Any) -> Told:
    """Run a notebook in a fresh child whose working folder is `work`/cwd; `settings` go into the job."""
    cwd = work / "cwd"
    cwd.mkdir()
    if probe is None:
        probe = work / "quiet_probe.py"
        probe.write_text(QUIET_PROBE, encoding="utf-8")
    job = {
        "type": "job", "seed": 7, "cell_cpu_s": 120, "cell_wall_s": 240, "limits": LIMITS, "isolation": "none", "work": str(cwd), "data": "",
        "files": "", "probe": str(probe), "standins": str(INSIDE / "standins"), "harden": False, "landlock_ro": [], "landlock_rw": [], **settings,
    }  # fmt: skip
    complaints = (work / "stderr").open("w+b")
    child = subprocess.Popen(
        [sys.executable, "-I", str(INSIDE / "runner.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=complaints,
        cwd=work,
        env={"PATH": "/usr/bin:/bin", "HOME": str(work), "TMPDIR": str(work)},
    )
    assert child.stdin is not None
    assert child.stdout is not None
    with complaints, child.stdin, child.stdout:
        _write(child.stdin, job, json.dumps(notebook).encode())
        told = _listen(child.stdin, child.stdout, give)
        told.code = child.wait()
        complaints.seek(0)
        told.stderr = complaints.read().decode(errors="replace")
    return told


def _listen(to_child: IO[bytes], from_child: IO[bytes], give: Give | None) -> Told:
    told = Told()
    while (frame := _read(from_child)) is not None:
        header, payload = frame
        match header["type"]:
            case "started":
                told.environment = header["environment"]
            case "cell":
                told.cells[header["index"]] = Cell(
                    status=header["status"], error=header["error"], cpu_s=header["cpu_s"], outputs=json.loads(payload)
                )
            case "record":
                assert header["name"] not in told.records
                told.records[header["name"]] = _value(header, payload)
            case "ready":
                arrays = {name: np.ascontiguousarray(value) for name, value in (give(told.records) if give else {}).items()}
                items = [
                    {"name": name, "dtype": value.dtype.str, "shape": value.shape, "bytes": value.nbytes} for name, value in arrays.items()
                ]
                _write(to_child, {"type": "given", "arrays": items}, b"".join(value.tobytes() for value in arrays.values()))
    return told


def _value(header: Mapping[str, Any], payload: bytes) -> Any:
    if header["kind"] == "json":
        return json.loads(payload)
    assert header["dtype"] in {"<f4", "<f8", "<i8", "<i4", "|u1", "?"}
    return np.frombuffer(payload, dtype=header["dtype"]).reshape(header["shape"])


def _write(stream: IO[bytes], header: Mapping[str, Any], payload: bytes) -> None:
    head = json.dumps({**header, "bytes": len(payload)}).encode("ascii")
    stream.write(struct.pack(">I", len(head)) + head + payload)
    stream.flush()


def _read(stream: IO[bytes]) -> tuple[dict[str, Any], bytes] | None:
    length = stream.read(4)
    if not length:
        return None
    header = json.loads(stream.read(struct.unpack(">I", length)[0]))
    return header, stream.read(header["bytes"])
