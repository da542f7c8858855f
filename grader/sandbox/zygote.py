"""The trusted end of one warm process: started, asked for a process per job, and ended."""

import base64
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.model import Limits
from grader.sandbox import bubblewrap
from grader.sandbox.seccomp import filter_program

_START_S, _ANSWER_S, _END_S, _TURN_S = 300.0, 30.0, 10.0, 0.1
_MOST_MESSAGE, _HANDLES = 64 << 10, 4
_LONGEST_TAIL = 2000
_WORK = "/work"


class ZygoteFault(Exception):  # noqa: N818 - not told to anybody: the run is made cold instead
    """The warm process cannot serve; the message says why."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """What will make the sandbox of a job to come: started already, as it takes as long to start as the sandbox takes to be made."""

    process: subprocess.Popen[bytes]
    writing: int
    reading_errors: int
    errors: int

    def give_up(self) -> None:
        """End it, when no job has come."""
        for end in (self.writing, self.reading_errors, self.errors):
            os.close(end)
        self.process.kill()
        self.process.communicate()


class Zygote:
    """One warm process, for one job at a time. `handle` is its process handle, `served` the number of jobs it took."""

    def __init__(self, inside: Path, stop: threading.Event | None) -> None:
        """Start it and wait until it is warm; raises ZygoteFault, IsolationError, and KeyboardInterrupt when `stop` is set."""
        self.served = 0
        self.handle = -1
        self._code: int | None = None
        self._idle = True
        self._lock = threading.Lock()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - for the life of the process
        self._process: subprocess.Popen[bytes] | None = None
        self._ahead: Ahead | None = None
        try:
            with theirs:
                self._process = bubblewrap.start_warm(inside, theirs.fileno(), self._errors.fileno())
            (self.handle,) = self._receive("warm", _START_S, stop)
            self.prepare()
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """The number of the process."""
        return pid_of(self.handle)

    @property
    def usable(self) -> bool:
        """Whether it lives and has no job."""
        return self._idle and self._process is not None and self._process.poll() is None

    def prepare(self) -> None:
        """Start ahead what the next job will need; may be called from any thread. Raises OSError."""
        with self._lock:
            if self._ahead is None:
                self._ahead = self._start_ahead()

    def take_ahead(self) -> Ahead:
        """Return what was started ahead, or start it: from now on the caller's to end. Raises OSError."""
        with self._lock:
            ahead, self._ahead = self._ahead, None
        return ahead or self._start_ahead()

    def _start_ahead(self) -> Ahead:
        reading, errors = os.pipe()
        try:
            process, writing = bubblewrap.start_ahead(self.handle, errors)
        except BaseException:
            os.close(reading)
            os.close(errors)
            raise
        return Ahead(process, writing, reading, errors)

    def fork(self, limits: Limits, holder: int, ends: Sequence[int]) -> int:
        """Let a new process enter the sandbox of the process `holder`, with `ends` for its descriptors; return its handle.

        It waits there for the job. Raises ZygoteFault.
        """
        self.served += 1
        self._idle, self._code = False, None
        message = {
            "work": _WORK,
            "limits": {**bubblewrap.resource_limits(limits), "RLIMIT_NPROC": limits.processes},
            "seccomp": base64.b64encode(filter_program()).decode("ascii"),
        }
        try:
            socket.send_fds(self._control, [json.dumps(message).encode("ascii")], [holder, *ends])
        except OSError as error:
            raise ZygoteFault(f"the warm process is gone ({error})") from error
        (handle,) = self._receive("running", _ANSWER_S, None)
        return handle

    def exit_code(self, seconds: float) -> int | None:
        """Wait for the end of the job's process; return its code (negative: a signal), or None when it still runs.

        When the warm process itself is gone, and with it the job, this is the code of a process that was killed.
        """
        if not self._idle:
            try:
                self._receive("ended", seconds, None)
            except ZygoteFault:
                return self._code if self._process is not None and self._process.poll() is None else -signal.SIGKILL
        return self._code

    def close(self) -> None:
        """End it, and with it what it forked."""
        self._control.close()
        self._idle = False
        if self._ahead is not None:
            self._ahead.give_up()
            self._ahead = None
        if self.handle >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.handle, signal.SIGKILL)
        if self._process is not None:
            try:
                self._process.wait(_END_S if self.handle >= 0 else 0)
            except subprocess.TimeoutExpired:
                self._process.kill()  # its first process dies with it, and the kernel ends the namespace
                self._process.wait()
            self._process = None
        if self.handle >= 0:
            os.close(self.handle)
            self.handle = -1
        self._errors.close()

    def _receive(self, kind: str, seconds: float, stop: threading.Event | None) -> list[int]:
        """Return the handles that come with the message `kind`; raises ZygoteFault for any other, for silence and for the end."""
        end = time.monotonic() + seconds
        # Turns, so that Ctrl-C and the end of a batch are noticed.
        while not select.select([self._control], [], [], max(0.0, min(_TURN_S, end - time.monotonic())))[0]:
            if stop is not None and stop.is_set():
                raise KeyboardInterrupt
            if time.monotonic() >= end:
                raise ZygoteFault(f"the warm process said nothing for {seconds:g} seconds")
        try:
            data, handles, _, _ = socket.recv_fds(self._control, _MOST_MESSAGE, _HANDLES)
            message: dict[str, Any] = json.loads(data) if data else {"type": "end"}
        except (OSError, ValueError) as error:
            raise ZygoteFault(f"the warm process cannot be understood ({error})") from error
        if message["type"] in {"ended", "failed"}:
            self._idle, self._code = True, message.get("code")
        if message["type"] != kind:
            for handle in handles:
                os.close(handle)
            raise ZygoteFault(f"the warm process failed: {message.get('error') or self._last_words() or 'it ended'}")
        return list(handles)

    def _last_words(self) -> str:
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_TURN_S)
        size = os.fstat(self._errors.fileno()).st_size
        words = os.pread(self._errors.fileno(), _LONGEST_TAIL, max(0, size - _LONGEST_TAIL)).decode("utf-8", "replace")
        lines = words.strip().splitlines()
        return "".join(character for character in lines[-1] if character.isprintable()) if lines else ""


def pid_of(handle: int) -> int:
    """Return the number of the process behind a handle, as this process sees it; -1 when it has ended."""
    for line in Path(f"/proc/self/fdinfo/{handle}").read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(":")
        if name == "Pid":
            return int(value)
    return -1
