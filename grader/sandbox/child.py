"""One running child: what it uses, how it is ended with all it started, and what is cleaned up after it."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import IO, Literal, Self

from grader.errors import IsolationError
from grader.model import Isolation
from grader.sandbox import bubblewrap, plain
from grader.sandbox.cgroup import Group, make_group
from grader.sandbox.job import Job, Place
from grader.sandbox.tree import Tree, Usage

# The three sized folders live in memory too, and the group counts them; bubblewrap's own two processes are in it as well.
_FOLDERS_IN_MEMORY, _SPARE_MEMORY_MB, _SPARE_PROCESSES = 3, 64, 8
_END_S = 10.0


class Child:
    """The process of one job. Use it in a `with`: whatever happens there, nothing of the job is left afterwards."""

    start: Literal["cold", "warm"] = "cold"

    def __init__(self, job: Job) -> None:
        self._full = job.isolation is Isolation.FULL
        self._folder: Path | None = None
        self._group: Group | None = None
        try:
            self.place, self._process = self._start(job)
        except OSError as error:
            self._clean()
            raise IsolationError(
                f"The run cannot be started ({error}).",
                where=tempfile.gettempdir(),
                remedy="Make room there and in memory, or set TMPDIR to a folder that you may write to.",
            ) from error
        except BaseException:
            self._clean()
            raise
        self._tree = Tree(self._process.pid, job.limits.memory_mb << 20) if sys.platform.startswith("linux") else None

    def _start(self, job: Job) -> tuple[Place, subprocess.Popen[bytes]]:
        return self._start_full(job) if self._full else self._start_plain(job)

    def _start_full(self, job: Job) -> tuple[Place, subprocess.Popen[bytes]]:
        return bubblewrap.place_of(job), bubblewrap.start_job(job, self._make_group(job))

    def _make_group(self, job: Job) -> tuple[str, ...]:
        """Make the control group, where it can be had, and return its entrances."""
        limits = job.limits
        if os.geteuid() == 0:
            memory = limits.memory_mb + _FOLDERS_IN_MEMORY * limits.disk_mb + _SPARE_MEMORY_MB
            self._group = make_group(memory << 20, limits.processes + _SPARE_PROCESSES)
        return self._group.entrances if self._group else ()

    def _start_plain(self, job: Job) -> tuple[Place, subprocess.Popen[bytes]]:
        self._folder = Path(tempfile.mkdtemp(prefix="zachet-run-")).resolve()
        return plain.place_of(job, self._folder), plain.start_job(job, self._folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._tree:
            self._tree.sample()  # so that what is about to end is known, and waited for
        self.kill()
        self._process.wait()
        if self._tree:
            self._tree.wait(_END_S)
        for stream in (self.stdin, self.stdout, self.stderr):
            with contextlib.suppress(OSError):
                stream.close()
        self._clean()

    def _clean(self) -> None:
        if self._group:
            self._group.remove()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def stdin(self) -> IO[bytes]:
        """Where the child listens."""
        return _present(self._process.stdin)

    @property
    def stdout(self) -> IO[bytes]:
        """Where the child speaks."""
        return _present(self._process.stdout)

    @property
    def stderr(self) -> IO[bytes]:
        """Everything else the child or its sandbox writes."""
        return _present(self._process.stderr)

    def usage(self) -> Usage:
        """Return what the child and all it started use; nothing where the system does not say."""
        seen = self._tree.sample() if self._tree else Usage(cpu_s=0.0, memory=0)
        return Usage(cpu_s=max(seen.cpu_s, self._group.cpu_s()), memory=seen.memory) if self._group else seen

    def ran_out_of_memory(self) -> bool:
        """Return whether the kernel ended it because of its memory."""
        return self._group is not None and self._group.ran_out_of_memory()

    def exit_code(self, seconds: float) -> int | None:
        """Wait for the end; return the code (128 + N for signal N), or None when it still runs after `seconds`."""
        try:
            code = self._process.wait(seconds) if self._full else plain.wait_without_reaping(self._process, seconds)
        except subprocess.TimeoutExpired:
            return None
        return 128 - code if code < 0 else code

    def kill(self) -> None:
        """End the child and all it started. May be called from any thread and more than once."""
        if self._full:
            # With bubblewrap goes the first process inside, and with that one the kernel ends the whole namespace.
            self._process.kill()
            return
        if self._tree:
            self._tree.kill()
        plain.kill_group(self._process)


def _present(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise ValueError("the child was started without its pipes")
    return stream
