"""A process and all that came from it, as /proc shows them: what they use, and how to end them. Linux only."""

import contextlib
import os
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
# Fields of /proc/N/stat after the name: utime and stime, cutime and cstime, starttime.
_OWN, _REAPED = slice(11, 13), slice(13, 15)
_STARTED = 19
_PAUSE_S = 0.002
_HEAVY = 16 << 20
_ROUNDS = 50  # in one of them a process that forks faster than it is found has nothing left to fork from


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """CPU seconds since the start and resident bytes now, of a whole tree. Pages of files do not count, shared memory does."""

    cpu_s: float
    memory: int


@dataclass(frozen=True, slots=True)
class _Process:
    """One process as it was seen; with `started` its number cannot be taken for a later process."""

    pid: int
    started: int
    own: int
    reaped: int
    ended: bool


class Tree:
    """The tree below one process that we started. `sample` looks at it; `kill` ends what was seen last."""

    def __init__(self, root: int, memory_limit: int) -> None:
        self._limit = memory_limit
        self._exact = self._resident_then = self._highest = 0
        self._exact_again = 0.0
        self._ticks = os.sysconf("SC_CLK_TCK")
        # Held, as the guard's thread and whoever ends the run both look.
        self._lock = threading.RLock()
        first = _read(root)
        self._seen = {(first.pid, first.started): first} if first else {}
        self._gone = 0
        self._cpu = 0.0

    def add(self, root: int) -> None:
        """Count the tree below one more process too."""
        with self._lock:
            process = _read(root)
            if process:
                self._seen[process.pid, process.started] = process

    def sample(self) -> Usage:
        """Return what the tree uses; never less CPU than before, whatever left the tree since."""
        with self._lock:
            living = {(process.pid, process.started): process for process in self._walk()}
            # Two lower bounds. Parents add up the children they waited for; what nobody waited for is known from our last look.
            self._gone += sum(old.own for key, old in self._seen.items() if key not in living)
            waited = sum(process.own + process.reaped for process in living.values())
            looked = sum(process.own for process in living.values()) + self._gone
            self._seen = living
            self._cpu = max(self._cpu, max(waited, looked) / self._ticks)
            return Usage(cpu_s=self._cpu, memory=self._memory(list(living.values())))

    def kill(self) -> None:
        """End every process of the tree, those included that were seen under a parent that has gone since."""
        with self._lock:
            for _ in range(_ROUNDS):
                self.sample()
                living = [pid for pid, started in self._seen if self._alive(pid, started)]
                for pid in living:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                if not living:
                    return

    def wait(self, seconds: float) -> bool:
        """Wait until every process seen has ended; return whether that was within `seconds`."""
        end = time.monotonic() + seconds
        while any(self._alive(pid, started) for pid, started in tuple(self._seen)):
            if time.monotonic() > end:
                return False
            time.sleep(_PAUSE_S)
        return True

    def _alive(self, pid: int, started: int) -> bool:
        now = _read(pid)
        return now is not None and now.started == started and not now.ended

    def _walk(self) -> list[_Process]:
        found: dict[int, _Process] = {}
        # Whoever was seen once stays, also when its parent goes: outside a process namespace nothing else would lead to it.
        waiting = [pid for pid, started in self._seen if self._alive(pid, started)]
        while waiting:
            pid = waiting.pop()
            process = None if pid in found else _read(pid)
            if process is not None:
                found[pid] = process
                waiting += children_of(pid)
        return list(found.values())

    def _memory(self, processes: list[_Process]) -> int:
        sizes = [_resident(process.pid) for process in processes]
        resident = sum(sizes)
        if sum(size > _HEAVY for size in sizes) < 2 or resident <= min(self._limit, self._highest):
            return resident
        # What several processes share, forks above all, was counted once for each. The exact shares cost the kernel a walk through
        # all pages, hence no more than a twentieth of the time is spent on them, unless so much was added that it could matter.
        began = time.monotonic()
        if began >= self._exact_again or resident - self._resident_then > self._limit - self._exact:
            self._exact, self._resident_then = sum(_proportional(process.pid) for process in processes), resident
            self._highest = max(self._highest, self._exact)
            now = time.monotonic()
            self._exact_again = now + 20 * (now - began)
        return self._exact


def _read(pid: int) -> _Process | None:
    try:
        fields = (_PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    if len(fields) <= _STARTED:
        return None
    own, reaped = sum(map(int, fields[_OWN])), sum(map(int, fields[_REAPED]))
    return _Process(pid, int(fields[_STARTED]), own, reaped, ended=fields[0] in {b"Z", b"X"})


def children_of(pid: int) -> list[int]:
    """Return the processes that a process started, in no order; none for one that has ended."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in (_PROC / str(pid) / "task").iterdir():
            with contextlib.suppress(OSError):
                found += map(int, (thread / "children").read_bytes().split())
    return found


def _resident(pid: int) -> int:
    """Return the bytes of its own and of shared memory, not of files, that are resident now; 0 for a process that has ended."""
    amounts = _kilobytes(_PROC / str(pid) / "status")
    return (amounts.get(b"RssAnon", 0) + amounts.get(b"RssShmem", 0)) << 10


def _proportional(pid: int) -> int:
    """Return the same with every page divided by the processes that share it, where the kernel says it."""
    amounts = _kilobytes(_PROC / str(pid) / "smaps_rollup")
    if b"Pss_Anon" not in amounts or b"Pss_Shmem" not in amounts:
        return _resident(pid)
    return (amounts[b"Pss_Anon"] + amounts[b"Pss_Shmem"]) << 10


def _kilobytes(path: Path) -> dict[bytes, int]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return {}
    parts = [line.split() for line in lines if line.endswith(b" kB")]
    return {part[0].rstrip(b":"): int(part[1]) for part in parts if len(part) == 3}
