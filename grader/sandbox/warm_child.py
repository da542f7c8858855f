"""A running child that a warm process forked into a sandbox of its own."""

import contextlib
import os
import select
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import IO

from grader.sandbox import bubblewrap
from grader.sandbox.child import Child
from grader.sandbox.job import Job, Place
from grader.sandbox.tree import Usage, children_of
from grader.sandbox.zygote import Ahead, Zygote, ZygoteFault, pid_of

_READY_S, _END_S, _UNDER_WAY_S = 30.0, 10.0, 1.0
_MOST_LEVELS, _LONGEST_TAIL = 8, 2000


class WarmChild(Child):
    """The process of one job, forked by `zygote`; raises ZygoteFault when it could not be had.

    Around it stands the sandbox that a cold run has, made by the same launcher, with a process in it that only holds it open.
    """

    start = "warm"

    def __init__(self, job: Job, zygote: Zygote) -> None:
        self._zygote = zygote
        self._first = self._forked = -1
        self._began = time.monotonic()
        self._pipes: list[IO[bytes]] = []
        super().__init__(job)
        if self._tree:
            self._tree.add(self._pid)

    def _start_full(self, job: Job) -> tuple[Place, subprocess.Popen[bytes]]:
        entrances = self._make_group(job)
        ahead = self._zygote.take_ahead()
        ends = self._make_pipes(ahead)
        try:
            bubblewrap.become_holder(ahead.writing, job, entrances, self._zygote.handle)
            self._first, inner = _inside_of(ahead.process, self.stderr)
            try:
                self._forked = self._zygote.fork(job.limits, inner, ends)
            finally:
                os.close(inner)
            self._pid = pid_of(self._forked)
            for entrance in entrances:
                with contextlib.suppress(OSError):
                    Path(entrance).write_text(str(self._pid), encoding="ascii")
        except BaseException:
            self._abandon(ahead.process)
            raise
        finally:
            for end in ends:
                os.close(end)
        return bubblewrap.place_of(job), ahead.process

    def _make_pipes(self, ahead: Ahead) -> tuple[int, int, int]:
        """Make the pipes to and from the child and keep our ends; return the child's."""
        reading, ours_in = os.pipe()
        ours_out, writing = os.pipe()
        self._pipes = [os.fdopen(ours_in, "wb"), os.fdopen(ours_out, "rb"), os.fdopen(ahead.reading_errors, "rb")]
        self._pipes += [stream for stream in (ahead.process.stdin, ahead.process.stdout) if stream is not None]
        return reading, writing, ahead.errors

    def _abandon(self, holder: subprocess.Popen[bytes]) -> None:
        """End what was started before the start as a whole failed."""
        self.kill()
        if self._forked >= 0:
            self._zygote.exit_code(_END_S)
        holder.kill()
        holder.wait()
        self._close()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._tree:
            self._tree.sample()
        self.kill()
        # The namespace is complete only when the warm process has taken note of the end of its child.
        if self._zygote.exit_code(_END_S) is None:
            self._zygote.close()
        super().__exit__(kind, error, trace)
        self._close()
        if self._zygote.usable:
            self._prepare_next()

    def _close(self) -> None:
        for stream in self._pipes:
            with contextlib.suppress(OSError):
                stream.close()
        for handle in (self._first, self._forked):
            if handle >= 0:
                os.close(handle)
        self._first = self._forked = -1

    @property
    def stdin(self) -> IO[bytes]:
        """Where the child listens."""
        return self._pipes[0]

    @property
    def stdout(self) -> IO[bytes]:
        """Where the child speaks."""
        return self._pipes[1]

    @property
    def stderr(self) -> IO[bytes]:
        """Everything else the child or its sandbox writes."""
        return self._pipes[2]

    def usage(self) -> Usage:
        """Return what the child and all it started use. Once it is well under way, the next job is prepared beside it."""
        if time.monotonic() > self._began + _UNDER_WAY_S:
            self._prepare_next()
        return super().usage()

    def _prepare_next(self) -> None:
        with contextlib.suppress(OSError):
            self._zygote.prepare()

    def exit_code(self, seconds: float) -> int | None:
        """Wait for the end; return the code (128 + N for signal N), or None when it still runs after `seconds`."""
        code = self._zygote.exit_code(seconds)
        return 128 - code if code is not None and code < 0 else code

    def kill(self) -> None:
        """End the child and all it started. May be called from any thread and more than once."""
        # With its first process the kernel ends the whole namespace; bubblewrap follows in order.
        for handle in (self._first, self._forked):
            if handle >= 0:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(handle, signal.SIGKILL)


def _inside_of(holder: subprocess.Popen[bytes], errors: IO[bytes]) -> tuple[int, int]:
    """Return handles of the first process in a new sandbox and of the one that holds it open, once it stands; raises ZygoteFault."""
    if holder.stdin is None or holder.stdout is None:
        raise ZygoteFault("the sandbox was started without its pipes")
    with contextlib.suppress(OSError):
        os.write(holder.stdin.fileno(), b"\n")
    ready = select.select([holder.stdout], [], [], _READY_S)[0]
    if not ready or os.read(holder.stdout.fileno(), 1) != b"\n":
        said = os.read(errors.fileno(), _LONGEST_TAIL) if select.select([errors], [], [], 0)[0] else b""
        raise ZygoteFault(f"the sandbox did not stand: {said.decode('utf-8', 'replace').strip()}")
    line = [holder.pid]
    while len(line) < _MOST_LEVELS and (below := children_of(line[-1])):
        line.append(below[0])
    try:
        return os.pidfd_open(line[-2]), os.pidfd_open(line[-1])
    except (OSError, IndexError) as error:
        raise ZygoteFault(f"the sandbox ended at once ({error})") from error
