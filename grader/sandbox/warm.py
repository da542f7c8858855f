"""Runs from warm processes, with the cold start to fall back on.

A run that fails in a way that could be the warm start's doing is made once more, cold; that one counts, and both are recorded.
"""

import os
import sys
import sysconfig
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from grader.model import Execution, ExitReason, Isolation, Run
from grader.sandbox.job import WARM_FILE, Job
from grader.sandbox.run import Give, execute
from grader.sandbox.warm_child import WarmChild
from grader.sandbox.zygote import Zygote, ZygoteFault

JOBS_EACH = 200
_MOST_FAULTS = 2
_LONGEST_NOTE = 500
# Memory too: libraries that a cold run would not have loaded count as its own.
_UNCLEAR = {ExitReason.SANDBOX_FAULT, ExitReason.KILLED_BY_SIGNAL, ExitReason.EXITED, ExitReason.OUT_OF_MEMORY}

_Key = tuple[object, ...]


@dataclass(slots=True)
class _State:
    """What the threads of a batch share."""

    idle: list[tuple[_Key, Zygote]] = field(default_factory=list)
    faults: int = 0
    last_fault: str = ""
    closed: bool = False


class WarmStart:
    """Warm processes, as many as jobs run at once; use it in a `with`. Each serves `jobs_each` jobs and is then replaced by a new one.

    A process lives no longer than the thread that first ran a job here: the kernel ends it then, and the next job starts another.
    """

    def __init__(self, jobs_each: int = JOBS_EACH) -> None:
        self._jobs_each = jobs_each
        self._state = _State()
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._lock:
            self._state.closed = True
            idle, self._state.idle = self._state.idle, []
        for _, zygote in idle:
            zygote.close()

    @property
    def zygotes(self) -> tuple[Zygote, ...]:
        """The warm processes that wait for a job."""
        with self._lock:
            return tuple(zygote for _, zygote in self._state.idle)

    def execute(self, job: Job, give: Give, stop: threading.Event | None = None) -> Run:
        """Run a notebook as `run.execute` does, from a warm process where the job allows it; `give` is called once more if it repeats."""
        if not serves(job):
            return execute(job, give, stop)
        try:
            run = self._execute_warm(job, give, stop)
        except ZygoteFault as fault:
            self._count(str(fault))
            return _noted(execute(job, give, stop), f"no warm start: {fault}")
        self._count("")
        if not _unclear(run.execution):
            return run
        return _noted(execute(job, give, stop), f"repeated after a warm start: {run.execution.exit_reason}: {run.execution.message}")

    def _execute_warm(self, job: Job, give: Give, stop: threading.Event | None) -> Run:
        key = _key(job.inside)
        zygote = self._borrow(key, job.inside, stop)
        try:
            return execute(job, give, stop, start=lambda job: WarmChild(job, zygote))
        except ZygoteFault:
            zygote.close()  # a sandbox that was given up half-made dies with it
            raise
        finally:
            self._give_back(key, zygote)

    def _borrow(self, key: _Key, inside: Path, stop: threading.Event | None) -> Zygote:
        """Return a waiting process of this environment, or a new one; those of an environment that has changed are ended."""
        while True:
            with self._lock:
                if self._state.faults >= _MOST_FAULTS:
                    raise ZygoteFault(self._state.last_fault)
                known, zygote = self._state.idle.pop() if self._state.idle else (None, None)
            if zygote is None:
                return Zygote(inside, stop)
            if known == key and zygote.usable:
                return zygote
            zygote.close()

    def _give_back(self, key: _Key, zygote: Zygote) -> None:
        with self._lock:
            keep = zygote.usable and zygote.served < self._jobs_each and not self._state.closed
            if keep:
                self._state.idle.append((key, zygote))
        if not keep:
            zygote.close()

    def _count(self, fault: str) -> None:
        """Count failures in a row; after some of them a batch goes on cold."""
        with self._lock:
            self._state.faults = self._state.faults + 1 if fault else 0
            self._state.last_fault = fault


def serves(job: Job) -> bool:
    """Whether a job can start warm: only the full tier has sandboxes to enter, only on Linux, and CUDA must not be there before a fork."""
    return job.gpu is None and job.isolation is Isolation.FULL and sys.platform.startswith("linux") and (job.inside / WARM_FILE).is_file()


def _key(inside: Path) -> _Key:
    """Return what must stay the same for a warm process to stand for a fresh one: user, interpreter, installed packages, runner."""
    places = {Path(sys.prefix, "pyvenv.cfg"), *(Path(sysconfig.get_path(name)) for name in ("purelib", "platlib"))}
    files = (*sorted(places), *sorted(inside.glob("*.py")))
    return (os.geteuid(), sys.executable, inside, *((file, file.stat().st_mtime_ns) for file in files if file.exists()))


def _unclear(execution: Execution) -> bool:
    """Whether the end of a run could come from its start: no clear limit, no cell's error, or a wait without work."""
    waited = execution.exit_reason is ExitReason.TIMED_OUT and execution.cpu_s <= execution.limits.cpu_s
    return waited or execution.exit_reason in _UNCLEAR


def _noted(run: Run, note: str) -> Run:
    return replace(run, execution=replace(run.execution, note=note[:_LONGEST_NOTE]))
