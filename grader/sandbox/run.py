"""One execution from start to verdict."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from signal import Signals
from typing import Any

from grader.errors import IsolationError
from grader.model import Execution, ExitReason, Given, Record, Run
from grader.sandbox.child import Child
from grader.sandbox.frames import MalformedFrame, write_arrays, write_frame
from grader.sandbox.guard import Guard
from grader.sandbox.job import Job, opening
from grader.sandbox.outputs import executed_notebook
from grader.sandbox.talk import Talk
from grader.sandbox.tiers import start_child
from grader.sandbox.transcript import Transcript

_EXIT_S = 5.0
_LONGEST_TAIL = 4000

Give = Callable[[tuple[Record, ...]], Given]
Ending = tuple[ExitReason, str]


def execute(job: Job, give: Give, stop: threading.Event | None = None, *, start: Callable[[Job], Child] = start_child) -> Run:
    """Run a notebook and return everything that came of it; blocks until it has ended and nothing of it is left.

    `give` is called once, when the last cell has run, with the records so far; what it returns as `sent` goes into the run, and
    records that come after it are measured. What student code does is never raised, it is in the run's `exit_reason`. Raises
    IsolationError when there can be no sandbox, whatever `give` raises, and KeyboardInterrupt on Ctrl-C or when `stop` is set.
    `start` makes the child: anew, unless a warm process gives it.
    """
    notebook = json.loads(job.notebook)
    talk: Talk | None = None
    try:
        with start(job) as child, Guard(child, job.limits, stop) as guard:
            talk = Talk(child, guard)
            conversation = _Conversation(job, talk, guard, child, Transcript(notebook))
            return conversation.hold(notebook, give)
    finally:
        if talk:
            talk.close()


@dataclass(frozen=True, slots=True)
class _Conversation:
    """The parts of one execution that the steps below share."""

    job: Job
    talk: Talk
    guard: Guard
    child: Child
    transcript: Transcript

    def hold(self, notebook: dict[str, Any], give: Give) -> Run:
        """Talk until the end, and return the run."""
        given, fault = self._speak(give)
        self.guard.look()
        reason, message = self._ending(fault)
        if self.guard.interrupted:
            raise KeyboardInterrupt
        unfinished = "" if reason is ExitReason.SANDBOX_FAULT else f"{reason}: the run ended while this cell was running"
        execution = Execution(
            exit_reason=reason,
            message=message,
            isolation=self.job.isolation,
            start=self.child.start,
            seed=self.job.seed,
            device=self.job.device,
            cpu_s=round(self.guard.cpu_s, 3),
            wall_s=round(self.guard.wall_s, 3),
            peak_mb=round(self.guard.peak_mb, 1),
            limits=self.job.limits,
            cells=self.transcript.cells(unfinished),
            environment=self.transcript.environment,
        )
        executed = executed_notebook(notebook, self.transcript.outputs)
        return Run(execution=execution, records=self.transcript.records, given=given, notebook=executed)

    def _speak(self, give: Give) -> tuple[Given, str]:
        """Return what was given, and what was wrong with what the child said."""
        given = Given()
        header = opening(self.job, self.child.place)
        notebook = self.job.notebook.encode("utf-8")
        self.talk.send(lambda: write_frame(self.child.stdin, header, [notebook]))
        try:
            for frame in self.talk.frames():
                self.transcript.take(frame)
                self._tell(frame.kind)
                if frame.kind == "started":
                    self._require_gpu()
                if self.transcript.done:
                    break
                if frame.kind == "ready":
                    self.guard.look()
                    given = give(self.transcript.records)
                    sent = given.sent
                    self.transcript.give()
                    self.talk.send(lambda sent=sent: write_arrays(self.child.stdin, sent))  # type: ignore[misc]
        except MalformedFrame as malformed:
            return given, str(malformed)
        return given, ""

    def _tell(self, kind: str) -> None:
        """Tell whoever watches which cell is running now."""
        running = self.transcript.running if kind in {"started", "cell"} else None
        if self.job.watch is not None and running is not None:
            self.job.watch(*running)

    def _require_gpu(self) -> None:
        """Raise IsolationError when the run cannot use the GPU it was to have; said before any code of a student's."""
        if self.job.gpu is not None and not self.transcript.environment.get("gpu"):
            raise IsolationError(
                "PyTorch cannot use the GPU in the sandbox, so this work was not run.",
                where=f"{self.job.device}: {self.transcript.environment.get('gpu_error', 'no reason given')}",
                remedy="Run `zachet doctor`; a CPU-only build of PyTorch and a driver that is too old are common. Pass --device cpu to grade on the CPU.",
            )

    def _ending(self, fault: str) -> Ending:
        if self.transcript.done:
            return (ExitReason.RAISED if self.transcript.raised else ExitReason.COMPLETED), ""
        if self.guard.reason is not None:
            return self.guard.reason, self.guard.message
        if fault:
            return ExitReason.EXITED, f"the run said something that is not part of the protocol: {fault}"
        code = self.child.exit_code(_EXIT_S)
        self.child.kill()
        reason, message = self._death(code)
        words = self.talk.last_words()[-_LONGEST_TAIL:]
        return reason, f"{message}\n{words}" if words else message

    def _death(self, code: int | None) -> Ending:
        """Say how a child died that did not come to its end."""
        limits = self.job.limits
        if self.child.ran_out_of_memory():
            return ExitReason.OUT_OF_MEMORY, f"more than {limits.memory_mb} MB of memory"
        if not self.transcript.started:
            return ExitReason.SANDBOX_FAULT, f"the sandbox did not start (exit code {code})"
        if code is None:
            return ExitReason.EXITED, "the run closed its channel and went on"
        name = Signals(code - 128).name if code - 128 in set(Signals) else ""
        if name == "SIGXCPU":
            return ExitReason.TIMED_OUT, f"more than {limits.cpu_s} CPU seconds in one process"
        if name:
            return ExitReason.KILLED_BY_SIGNAL, f"signal {code - 128} ({name})"
        return ExitReason.EXITED, f"exit code {code}"
