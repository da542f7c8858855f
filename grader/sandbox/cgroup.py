"""A control group around one run, where one may be made: the kernel's own limit on memory and processes, and its own clock.

It is made below, or where the kernel demands it beside, the group this process is in, so that limits set from outside still hold.
Everything here is a second net: where it cannot be had, the guard's looks at /proc and the resource limits stand alone.
"""

import contextlib
import os
import re
import time
from dataclasses import dataclass
from itertools import count
from pathlib import Path

_MOUNT = Path("/sys/fs/cgroup")
_NAME = "zachet-{}-{}"
_OURS = re.compile(r"zachet-(\d+)-\d+")
_NUMBERS = count()
_END_S, _PAUSE_S = 2.0, 0.002


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The folders of one group (one for the unified hierarchy, one per controller for the old ones)."""

    folders: tuple[Path, ...]

    @property
    def entrances(self) -> tuple[str, ...]:
        """The files into which a process writes its number to enter."""
        return tuple(str(folder / "cgroup.procs") for folder in self.folders)

    def cpu_s(self) -> float:
        """Return the CPU seconds the kernel counted, or 0 where it did not."""
        used = 0.0
        for folder in self.folders:
            with contextlib.suppress(OSError, ValueError, KeyError):
                used = max(used, int((folder / "cpuacct.usage").read_text(encoding="ascii")) / 1e9)
            used = max(used, _fact(folder / "cpu.stat", "usage_usec") / 1e6)
        return used

    def ran_out_of_memory(self) -> bool:
        """Return whether the kernel ended a process here because of the limit."""
        return any(_fact(folder / name, "oom_kill") > 0 for folder in self.folders for name in ("memory.events", "memory.oom_control"))

    def remove(self) -> None:
        """Remove the group when the last process in it has ended; one that takes too long is left for a later run to sweep."""
        end = time.monotonic() + _END_S
        for folder in self.folders:
            while not _removed(folder) and time.monotonic() < end:
                time.sleep(_PAUSE_S)


def make_group(memory: int, processes: int, *, mount: Path = _MOUNT, membership: str | None = None) -> Group | None:
    """Return a new group limited to `memory` bytes and `processes`, or None where none can be made.

    `membership` is the text of /proc/self/cgroup.
    """
    try:
        lines = (Path("/proc/self/cgroup").read_text(encoding="utf-8") if membership is None else membership).splitlines()
        own = {name: path for line in lines for _, names, path in [line.split(":", 2)] for name in names.split(",")}
        name = _NAME.format(os.getpid(), next(_NUMBERS))
        if (mount / "cgroup.controllers").is_file():
            return _unified(_below(mount, own.get("", "/")), name, memory, processes)
        return _separate(mount, own, name, memory, processes)
    except (OSError, ValueError):
        return None


def _unified(own: Path, name: str, memory: int, processes: int) -> Group | None:
    # A group that holds processes may not hand its controllers on, so a sibling is the usual case.
    for parent in (own, own.parent):
        if not {"memory", "pids"} <= set((parent / "cgroup.subtree_control").read_text(encoding="ascii").split()):
            continue
        limits = {"memory.max": memory, "pids.max": processes}
        return _made((parent / name,), ({**limits, "memory.oom.group": 1},))
    return None


def _separate(mount: Path, own: dict[str, str], name: str, memory: int, processes: int) -> Group | None:
    limits = {"memory": {"memory.limit_in_bytes": memory}, "pids": {"pids.max": processes}, "cpuacct": dict[str, int]()}
    if not {"memory", "pids"} <= set(own):
        return None
    folders = {controller: _below(mount / controller, own[controller]) / name for controller in limits if controller in own}
    return _made(tuple(folders.values()), tuple(limits[controller] for controller in folders))


def _made(folders: tuple[Path, ...], limits: tuple[dict[str, int], ...]) -> Group | None:
    group = Group(folders=folders)
    for folder in folders:
        _sweep(folder.parent)
    try:
        for folder, values in zip(folders, limits, strict=True):
            folder.mkdir()
            for file, value in values.items():
                (folder / file).write_text(str(value), encoding="ascii")
    except OSError:
        group.remove()
        return None
    return group


def _sweep(parent: Path) -> None:
    """Remove groups that a process left behind which is no more."""
    for folder in parent.glob("zachet-*"):
        match = _OURS.fullmatch(folder.name)
        if match and not Path("/proc", match[1]).exists():
            with contextlib.suppress(OSError):
                folder.rmdir()


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _below(mount: Path, path: str) -> Path:
    folder = mount / path.lstrip("/")
    return folder if folder.is_dir() else mount


def _fact(file: Path, key: str) -> int:
    with contextlib.suppress(OSError, ValueError, KeyError):
        return int(dict(line.split(None, 1) for line in file.read_text(encoding="ascii").splitlines())[key])
    return 0
