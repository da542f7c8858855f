"""Watches one child from outside, several times a second, and ends it at the first limit it crosses."""

import threading
import time
from types import TracebackType
from typing import Self

from grader.model import ExitReason, Limits
from grader.sandbox.child import Child

_EVERY_S = 0.05


class OutputRefused(Exception):  # noqa: N818 - the child's doing, and the end of its run
    """The child has said more than it may."""


class Guard:
    """Holds a child to its limits. `reason` and `message` tell which one ended it, and stay empty when none did."""

    def __init__(self, child: Child, limits: Limits, stop: threading.Event | None) -> None:
        self._child, self._limits, self._stop = child, limits, stop
        self._began = time.monotonic()
        self._left = limits.output_mb << 20
        self._lock = threading.Lock()
        self._finished = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="guard", daemon=True)
        self.reason: ExitReason | None = None
        self.message = ""
        self.interrupted = False
        self.cpu_s = 0.0
        self.peak_mb = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._finished.set()
        self._thread.join()

    @property
    def wall_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._began

    def allow(self, count: int) -> None:
        """Count `count` more bytes that the child says; raises OutputRefused, and ends it, beyond its limit."""
        with self._lock:
            self._left -= count
            refused = self._left < 0
        if refused:
            self._end(ExitReason.OUTPUT_LIMIT, f"more than {self._limits.output_mb} MB of output")
            raise OutputRefused

    def look(self) -> None:
        """Compare what the child uses now with its limits."""
        usage = self._child.usage()
        with self._lock:
            self.cpu_s = max(self.cpu_s, usage.cpu_s)
            self.peak_mb = max(self.peak_mb, usage.memory / (1 << 20))
        limits = self._limits
        if usage.memory > limits.memory_mb << 20:
            self._end(ExitReason.OUT_OF_MEMORY, f"more than {limits.memory_mb} MB of memory")
        elif usage.cpu_s > limits.cpu_s:
            self._end(ExitReason.TIMED_OUT, f"more than {limits.cpu_s} CPU seconds")
        elif usage.disk > limits.disk_mb << 20:
            self._end(ExitReason.OUTPUT_LIMIT, f"more than {limits.disk_mb} MB on disk")
        elif self.wall_s > limits.wall_s:
            self._end(ExitReason.TIMED_OUT, f"more than {limits.wall_s} seconds")

    def _end(self, reason: ExitReason, message: str) -> None:
        with self._lock:
            if self.reason is None:
                self.reason, self.message = reason, message
        self._child.kill()

    def _watch(self) -> None:
        while not self._finished.wait(_EVERY_S):
            if self._stop is not None and self._stop.is_set():
                self.interrupted = True
                self._child.kill()
                return
            self.look()
