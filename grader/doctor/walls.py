"""Trials inside a sandbox: small hostile works, run like any submission, with small limits."""

import contextlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from grader.doctor.promise import Found, held, not_held, untried
from grader.errors import ZachetError
from grader.model import ExitReason, Given, Isolation, Limits, Run
from grader.sandbox import Job, execute
from grader.sandbox.job import INSIDE

_FOLDER = INSIDE / "doctor"
_SMALL = Limits(cpu_s=5, wall_s=10, cell_cpu_s=5, memory_mb=256, processes=24, disk_mb=8, output_mb=1)
_ROOMY = Limits(cpu_s=60, wall_s=40, cell_cpu_s=60, memory_mb=4096, processes=64, disk_mb=64, output_mb=4)
_DAEMON_S, _SOME = 60, 8
_PAST_WORDS = ("No space left", "File too large", "Disk quota")


class Sandbox:
    """Runs cells in one tier of isolation, or says why nothing can be tried when there is none."""

    def __init__(self, isolation: Isolation | None) -> None:
        self._isolation = isolation
        self._looked: Mapping[str, tuple[bool, str]] | str | None = None

    def run(self, *cells: str, limits: Limits = _SMALL) -> Run | str:
        """Return the run of `cells`, or why there is none."""
        if self._isolation is None:
            return "no sandbox can be started"
        notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [_cell(source) for source in cells]}
        job = Job(
            notebook=json.dumps(notebook),
            probe=_FOLDER / "runner.py",
            files=None,
            data=None,
            limits=limits,
            seed=0,
            isolation=self._isolation,
            inside=_FOLDER,
        )
        try:
            return execute(job, lambda _: Given())
        except ZachetError as error:
            return str(error)

    def wall(self, name: str) -> Callable[[], Found]:
        """Return the trial that reads one line of the look around; the look is taken once."""

        def attempt() -> Found:
            if self._looked is None:
                self._looked = self._look()
            if isinstance(self._looked, str):
                return untried(self._looked)
            kept, seen = self._looked[name]
            return held(seen) if kept else not_held(seen)

        return attempt

    def _look(self) -> Mapping[str, tuple[bool, str]] | str:
        source = (_FOLDER / "look.py").read_text(encoding="utf-8")
        with tempfile.NamedTemporaryFile(prefix="zachet-doctor-") as file:
            # The names alone: values may be secrets, and would be in the sandbox by then.
            run = self.run(f"NAMES, PATHS = {sorted(os.environ)!r}, {[file.name, *_private_files()]!r}", source)
        if isinstance(run, str):
            return run
        try:
            found = json.loads(_said(run, 1))
        except ValueError:
            return f"the look around failed: {_how(run)}"
        return {name: (bool(kept), str(seen)) for name, (kept, seen) in found.items()}


def memory(sandbox: Sandbox) -> Found:
    """More memory than allowed ends a run."""
    run = sandbox.run("kept = []\nwhile True: kept.append(bytearray(8 << 20))")
    return _ended(run, {ExitReason.OUT_OF_MEMORY}, "MemoryError")


def processes(sandbox: Sandbox) -> Found:
    """A fork bomb finds an end."""
    bomb = "import os, time\ncount = 0\ntry:\n  while count < 200:\n    if os.fork() == 0: time.sleep(30)\n    count += 1\nexcept OSError: pass\nprint(count)"
    run = sandbox.run(bomb)
    if isinstance(run, str):
        return untried(run)
    said = _said(run, 0).strip()
    if not said.isdigit():
        return not_held(_how(run))
    return held(f"{said} of 200") if int(said) <= 2 * _SMALL.processes else not_held(f"{said} were started, {_SMALL.processes} are allowed")


def disk(sandbox: Sandbox) -> Found:
    """More files than allowed end a run or cannot be written."""
    fill = "import time\nfor number in range(8):\n  with open(str(number), 'wb') as file: file.write(bytes(4 << 20))\ntime.sleep(5)"
    run = sandbox.run(fill)
    if isinstance(run, str):
        return untried(run)
    if run.execution.exit_reason is ExitReason.OUTPUT_LIMIT or any(word in cell.error for cell in run.execution.cells for word in _PAST_WORDS):
        return held(_how(run))
    return not_held("32 MB were written, 8 are allowed")


def output(sandbox: Sandbox) -> Found:
    """Endless output ends a run."""
    return _ended(sandbox.run("import os\nwhile True: os.write(2, b'x' * 65536)"), {ExitReason.OUTPUT_LIMIT})


def cpu(sandbox: Sandbox) -> Found:
    """CPU seconds are counted, those of children too."""
    busy = "import os\nos.fork()\nwhile True: pass"
    return _ended(sandbox.run(busy, limits=replace(_SMALL, cpu_s=1)), {ExitReason.TIMED_OUT})


def wall(sandbox: Sandbox) -> Found:
    """A run that only waits is ended."""
    return _ended(sandbox.run("import time\ntime.sleep(60)", limits=replace(_SMALL, wall_s=1)), {ExitReason.TIMED_OUT})


def remains(sandbox: Sandbox) -> Found:
    """A process that detached itself ends with the run."""
    mark = f"{_DAEMON_S}.{os.getpid()}"
    daemon = f"import os\nif os.fork() == 0:\n  os.setsid()\n  if os.fork() == 0: os.execvp('sleep', ['sleep', '{mark}'])\n  os._exit(0)\nos.wait()\nprint('left')"
    run = sandbox.run(daemon)
    if isinstance(run, str):
        return untried(run)
    if _said(run, 0).strip() != "left":
        return not_held(_how(run))
    return not_held("a process goes on") if _lives(mark) else held("nothing is left")


def library(sandbox: Sandbox, *names: str) -> Found:
    """Libraries can be imported in the sandbox; the last one's version is told."""
    run = sandbox.run(*(f"import {name}" for name in names), f"print({names[-1]}.__version__)", limits=_ROOMY)
    if isinstance(run, str):
        return untried(run)
    broken = next((cell for cell in run.execution.cells if cell.status != "ok"), None)
    if broken is None:
        return held(f"{_said(run, len(names)).strip()}, {run.execution.wall_s:.1f} s")
    return not_held(explain_import(broken.error) or run.execution.message)


def explain_import(error: str) -> str:
    """Say what an error of an import means, where its own words do not."""
    if "torchvision::nms" in error:
        return "torchvision is built for another torch than the one installed (operator torchvision::nms does not exist)"
    return error


def _private_files() -> list[str]:
    """Return some files of this machine that no run has any business with."""
    found = [str(Path(__file__).resolve()), "/etc/shadow", "/proc/kcore", "/var/log/syslog"]
    with contextlib.suppress(OSError, RuntimeError):
        found += [str(path) for path in sorted(Path.home().iterdir()) if path.is_file()][:_SOME]
    return found


def _cell(source: str) -> dict[str, object]:
    return {"cell_type": "code", "id": "c", "metadata": {}, "source": source, "outputs": [], "execution_count": None}


def _ended(run: Run | str, reasons: set[ExitReason], error: str = "") -> Found:
    if isinstance(run, str):
        return untried(run)
    raised = bool(error) and any(error in cell.error for cell in run.execution.cells)
    return held(_how(run)) if raised or run.execution.exit_reason in reasons else not_held(_how(run))


def _how(run: Run) -> str:
    ending = run.execution
    told = ending.message.splitlines()[0] if ending.message else next((cell.error for cell in ending.cells if cell.error), "")
    return f"{ending.exit_reason}: {told}" if told else str(ending.exit_reason)


def _said(run: Run, cell: int) -> str:
    return "".join(str(output.get("text", "")) for output in json.loads(run.notebook)["cells"][cell]["outputs"])


def _lives(mark: str) -> bool:
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and mark.encode() in (folder / "cmdline").read_bytes().split(b"\0"):
                return True
        except OSError:
            continue
    return False
