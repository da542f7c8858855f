"""Time limits of one cell: CPU seconds of this process and wall seconds, each raised inside the cell as an exception."""

import _thread
import math
import signal
import threading
import time
from types import FrameType

# A cell that swallows the exception gets it again and again; between two there is time to show the first.
_AGAIN_S = 5.0
# What the cells leave of the run's CPU seconds, and what even the last cell gets.
_RESERVE, _RESERVE_S, _LEAST_S = 0.05, 5.0, 0.2


class CellTimeLimit(BaseException):
    """A cell used up its time; the message names the limit."""


class CellClock:
    """Arms the limits around one cell. Uses interval timers where the system has them and a watching thread elsewhere."""

    def __init__(
        self, cpu_s: float, wall_s: float, *, total_cpu_s: float = math.inf, timers: bool = hasattr(signal, "setitimer")
    ) -> None:
        self._longest, self._wall_s, self._timers = cpu_s, wall_s, timers
        self._total, self._cpu_s = total_cpu_s, cpu_s
        self._deadline = math.inf
        self._armed = False
        self._fired = ""
        self._stop = threading.Event()

    def arm(self, *, last: bool = False) -> None:
        """Start counting for the cell that is about to run, or for what comes after the `last` one.

        Cells leave a part of the run's CPU seconds to what is measured after them: an endless cell must not take the points of
        those before it.
        """
        reserve = 0.0 if last else max(_RESERVE_S, _RESERVE * self._total) if self._total < math.inf else 0.0
        self._cpu_s = max(_LEAST_S, min(self._longest, self._total - reserve - time.process_time()))
        self._deadline = time.monotonic() + self._wall_s
        self._armed = True
        if self._timers:
            signal.signal(signal.SIGPROF, self._on_cpu)
            signal.signal(signal.SIGALRM, self._on_wall)
            signal.setitimer(signal.ITIMER_PROF, self._cpu_s, _AGAIN_S)
            signal.setitimer(signal.ITIMER_REAL, self._wall_s, _AGAIN_S)
            return
        self._fired = ""
        self._stop = threading.Event()
        signal.signal(signal.SIGINT, self._on_interrupt)
        threading.Thread(target=self._watch, args=(self._stop, time.process_time()), daemon=True).start()

    def disarm(self) -> None:
        """Stop counting; nothing is raised after this returns. A limit that is reached in this very moment may still come out."""
        self._armed = False
        if self._timers:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.setitimer(signal.ITIMER_REAL, 0)
            return
        self._stop.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def left(self) -> float:
        """Return the wall seconds this cell still has."""
        return max(0.0, self._deadline - time.monotonic())

    def _on_cpu(self, _number: int, _frame: FrameType | None) -> None:
        self._raise(f"the cell used up its {self._cpu_s:.3g} CPU seconds")

    def _on_wall(self, _number: int, _frame: FrameType | None) -> None:
        self._raise(f"the cell ran longer than its {self._wall_s:g} seconds")

    def _on_interrupt(self, number: int, frame: FrameType | None) -> None:
        if not self._fired:
            signal.default_int_handler(number, frame)
        self._raise(self._fired)

    def _raise(self, reason: str) -> None:
        if self._armed:
            raise CellTimeLimit(reason)

    def _watch(self, stop: threading.Event, cpu_at_start: float) -> None:
        pause = 0.05
        while not stop.wait(pause):
            if time.process_time() - cpu_at_start > self._cpu_s:
                self._fired = f"the cell used up its {self._cpu_s:.3g} CPU seconds"
            elif time.monotonic() > self._deadline:
                self._fired = f"the cell ran longer than its {self._wall_s:g} seconds"
            if self._fired:
                _thread.interrupt_main()
                pause = _AGAIN_S
