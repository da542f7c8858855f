"""Where attacks are tried: traps and secrets in reach of whatever gets out, and a look at the machine before and after."""

import json
import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from grader.sandbox.bubblewrap import DROP_TO_GID, DROP_TO_UID
from tests.escapes.corpus import HERE

CHECKOUT = HERE.parent.parent
# What a run that got out could change for the whole machine.
_SETTINGS = ("kernel/core_pattern", "kernel/hostname", "kernel/randomize_va_space", "vm/overcommit_memory", "kernel/sysrq", "kernel/modprobe")
_EVERY_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What of the machine must be the same after the attacks as it was before."""

    settings: tuple[str, ...]
    mounts: frozenset[str]
    groups: frozenset[str]
    segments: int
    outside: Mapping[str, bytes]
    stray: frozenset[str]


class Ground:
    """The place of one campaign; use it in a `with`. `places` tells attacks where the traps are, `secrets` must come out nowhere."""

    def __init__(self, folder: Path) -> None:
        self.mark = f"98{os.getpid()}{secrets.randbelow(10**6):06}"
        self.outside = folder / "outside"
        self.outside.mkdir()
        self.outside.chmod(0o777)
        self.secrets = {name: f"zachet-canary-{name}-{secrets.token_hex(8)}" for name in ("environment", "bystander", "file", "neighbour")}
        kept = self.outside / "kept.txt"
        kept.write_text(self.secrets["file"], encoding="ascii")
        kept.chmod(0o666)
        self._survivors = _Survivors()

    def __enter__(self) -> Self:
        self._bystander = self._start_bystander()
        self.places: dict[str, object] = {
            **json.loads(_line(self._bystander)),
            "outside": str(self.outside),
            "abstract": self._abstract,
            "checkout": str(CHECKOUT),
            "mark": self.mark,
            "neighbour": self.secrets["neighbour"],
            "parent": os.getpid(),
        }
        self.before = self._state()
        self._survivors.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._survivors.stop()
        if self._bystander.stdin:
            self._bystander.stdin.close()
        self._bystander.wait(30)
        if self._bystander.stdout:
            self._bystander.stdout.close()

    @property
    def _abstract(self) -> str:
        return f"zachet-bystander-{self.mark}"

    def places_for(self, student: str) -> dict[str, object]:
        """Return the places for one student: only the neighbour is told the neighbour's secret."""
        hidden = {} if student.startswith("neighbour") else {"neighbour": ""}
        return {**self.places, **hidden}

    def after(self) -> State:
        """Look again."""
        return self._state()

    def survivors(self) -> list[str]:
        """Return the processes that runs started and that are still there, by command line."""
        named = [line for pid, line in _command_lines() if self.mark in line and pid not in {os.getpid(), self.places["pid"]}]
        return named + self._survivors.alive({int(str(self.places["pid"]))})

    def contacts(self) -> list[str]:
        """Return everything that reached the bystander, its death included."""
        if self._bystander.poll() is not None:
            return [f"it ended with {self._bystander.returncode}"]
        (self._bystander.stdin or sys.stdin).close()
        return (self._bystander.stdout.read() if self._bystander.stdout else "").splitlines()

    def _start_bystander(self) -> subprocess.Popen[str]:
        # It becomes that uid by itself, as Python and the checkout may be closed to it.
        program = (HERE / "bystander.py").read_text(encoding="utf-8")
        return subprocess.Popen(
            [str(Path(sys.executable).resolve()), "-I", "-c", program, str(self.outside), self._abstract, str(DROP_TO_UID), str(DROP_TO_GID)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"ZACHET_TEST_SECRET": self.secrets["bystander"]},
            cwd="/",
        )

    def _state(self) -> State:
        own = f"zachet-{os.getpid()}-"
        groups = {str(path) for path in Path("/sys/fs/cgroup").glob(f"**/{own}*")} if Path("/sys/fs/cgroup").is_dir() else set()
        segments = Path("/proc/sysvipc/shm")
        return State(
            settings=tuple(_text(Path("/proc/sys", name)) for name in _SETTINGS),
            mounts=frozenset(_text(Path("/proc/self/mountinfo")).splitlines()),
            groups=frozenset(groups),
            segments=len(_text(segments).splitlines()),
            outside={path.name: path.read_bytes() if path.is_file() else b"" for path in self.outside.iterdir()},
            stray=frozenset(str(path) for folder in ("/tmp", "/dev/shm", "/var/tmp") for path in Path(folder).glob("zachet-escape*")),  # noqa: S108
        )


class _Survivors:
    """Remembers every process seen below this one, so that one that slips away from its parents is still known."""

    def __init__(self) -> None:
        self._seen: set[tuple[int, str]] = set()
        self._earlier: set[int] = set()
        self._finished = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def start(self) -> None:
        self._earlier = set(_children(os.getpid()))  # what others have started from here is no business of a run's
        self._thread.start()

    def stop(self) -> None:
        self._finished.set()
        self._thread.join()

    def alive(self, known: set[int]) -> list[str]:
        return [f"{pid}: {_command_line(pid)}" for pid, started in self._seen if pid not in known and _started(pid) == started]

    def _watch(self) -> None:
        while not self._finished.wait(_EVERY_S):
            waiting = [pid for pid in _children(os.getpid()) if pid not in self._earlier]
            while waiting:
                pid = waiting.pop()
                started = _started(pid)
                if started:
                    self._seen.add((pid, started))
                    waiting += _children(pid)


def _children(pid: int) -> list[int]:
    found = []
    for task in Path("/proc", str(pid), "task").glob("*/children"):
        found += [int(word) for word in _text(task).split()]
    return found


def _started(pid: int) -> str:
    """Return when a process started, which tells it from a later one of the same number; empty for one that has ended."""
    fields = _text(Path("/proc", str(pid), "stat")).rpartition(")")[2].split()
    return fields[19] if len(fields) > 19 and fields[0] not in {"Z", "X"} else ""


def _command_lines() -> list[tuple[int, str]]:
    return [(int(path.name), _command_line(int(path.name))) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _command_line(pid: int) -> str:
    return _text(Path("/proc", str(pid), "cmdline")).replace("\0", " ")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _line(process: subprocess.Popen[str]) -> str:
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        raise RuntimeError("the bystander did not start")
    return line
