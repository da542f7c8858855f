"""Jobs for tests of the sandbox: cells in, the run out. The child is the stand-in unless the test asks for the real one."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.errors import IsolationError
from grader.model import Execution, Given, Isolation, Limits, Record, Run
from grader.sandbox import Job, available, execute
from grader.sandbox.job import INSIDE
from grader.sandbox.landlock import landlock_version

STANDIN = Path(__file__).parent / "standin_runner.py"
SMALL = Limits(cpu_s=20, wall_s=30, cell_cpu_s=20, memory_mb=512, processes=40, disk_mb=16, output_mb=4)
PROBE = """
WATCH = ()
def describe(session):
    session.record("names", sorted(name for name in session.namespace if name in {"a", "b"}))
def answer(session, given):
    for name, value in given.items():
        session.record(f"twice_{name}", value * 2)
"""

# The tier `container` needs an engine and an image; tests/test_container.py is about it.
TIERS = pytest.mark.parametrize("isolation", [tier for tier in Isolation if tier is not Isolation.CONTAINER])


def need(isolation: Isolation) -> None:
    """Skip the test where this machine refuses the tier; when only our own way to it fails, let it fail."""
    try:
        available(isolation)
    except IsolationError as error:
        if isolation is Isolation.REDUCED and landlock_version():
            raise
        bare = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "true"]
        dropping = ["setpriv", "--reuid=65533", "--regid=65533", "--clear-groups"] if os.geteuid() == 0 else []
        if shutil.which("bwrap") and subprocess.run([*dropping, *bare], env={}, cwd="/", capture_output=True, check=False).returncode == 0:
            raise
        pytest.skip(str(error))


def notebook_of(*cells: str) -> str:
    listed: list[dict[str, object]] = [
        {"cell_type": "code", "id": f"c{place}", "metadata": {}, "source": source, "outputs": [], "execution_count": None}
        for place, source in enumerate(cells)
    ]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": listed})


def job_of(
    folder: Path,
    *cells: str,
    isolation: Isolation = Isolation.FULL,
    limits: Limits = SMALL,
    files: Path | None = None,
    data: Path | None = None,
    real: bool = False,
) -> Job:
    inside = folder / "inside"
    if not real and not inside.exists():
        inside.mkdir(parents=True)
        shutil.copy(STANDIN, inside / "runner.py")
    probe = folder / "probe.py"
    probe.write_text(PROBE, encoding="utf-8")
    return Job(
        notebook=notebook_of(*cells),
        probe=probe,
        files=files,
        data=data,
        limits=limits,
        seed=7,
        isolation=isolation,
        inside=INSIDE if real else inside,
    )


def nothing(_records: tuple[Record, ...]) -> Given:
    return Given()


def run(job: Job, give: Callable[[tuple[Record, ...]], Given] = nothing) -> Run:
    need(job.isolation)
    return execute(job, give)


def said(result: Run, cell: int = 0) -> str:
    """Return what a cell printed, once it is sure that it ran without an error."""
    ending: Execution = result.execution
    assert ending.cells[cell].status == "ok", (ending.cells, ending.message)
    outputs = json.loads(result.notebook)["cells"][cell]["outputs"]
    return "".join(output.get("text", "") for output in outputs).strip()


def running(marker: str) -> bool:
    """Return whether a process of this machine has `marker` for an argument."""
    for folder in Path("/proc").iterdir():
        try:
            arguments = (folder / "cmdline").read_bytes().split(b"\0") if folder.name.isdigit() else []
        except OSError:
            continue
        if marker.encode() in arguments:
            return True
    return False
