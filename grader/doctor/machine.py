"""Trials of the machine itself: bubblewrap, namespaces, Landlock, control groups, container engines, data sets, folders."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from grader.datasets import cache_dir, known_roots
from grader.doctor.promise import Found, held, not_held, untried
from grader.errors import IsolationError
from grader.model import Isolation
from grader.sandbox import available
from grader.sandbox.cgroup import make_group
from grader.sandbox.container import ENGINES, ask
from grader.sandbox.landlock import landlock_version

_TRY_S = 10.0
_ROOM = 1 << 30
_GROUP_MB = 64
# A user namespace is made, and given a name for its user: Ubuntu's AppArmor lets the first happen and refuses the second. As root it
# is tried for the uid that root drops to.
_NAMESPACE = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
if os.getuid() == 0:
    os.setgroups([]); os.setresgid(65533, 65533, 65533); os.setresuid(65533, 65533, 65533)
    libc.prctl(4, ctypes.c_ulong(1))
uid = os.getuid()
if libc.unshare(0x10000000) != 0:
    sys.exit("unshare: " + os.strerror(ctypes.get_errno()))
try:
    open("/proc/self/uid_map", "w").write(f"0 {uid} 1")
except OSError as error:
    sys.exit("uid_map: " + error.strerror)
if libc.unshare(0x40020000) != 0:
    sys.exit("mount and network namespaces: " + os.strerror(ctypes.get_errno()))
"""


def bubblewrap() -> Found:
    """Bubblewrap is there and new enough."""
    program = shutil.which("bwrap")
    if program is None:
        return not_held("not installed") if sys.platform.startswith("linux") else untried("there is none for this system")
    said = _output([program, "--version"])
    version = re.search(r"(\d+)\.(\d+)", said)
    if version is None:
        return not_held(f"{program} does not say its version")
    return held(f"{version[0]}, {program}") if (int(version[1]), int(version[2])) >= (0, 8) else not_held(f"{version[0]} is older than 0.8")


def namespaces() -> Found:
    """An ordinary user may make user namespaces."""
    if not sys.platform.startswith("linux"):
        return untried("not Linux")
    said = _run([sys.executable, "-I", "-S", "-c", _NAMESPACE])
    return held("made, mapped, with mounts and network of its own") if not said else not_held(said)


def tier(isolation: Isolation) -> Callable[[], Found]:
    """Return the trial that starts Python in an empty sandbox of a tier."""

    def attempt() -> Found:
        began = time.monotonic()
        try:
            available(isolation)
        except IsolationError as error:
            return not_held(f"{error.what} {error.where}".strip())
        return held(f"started in {(time.monotonic() - began) * 1000:.0f} ms")

    return attempt


def landlock() -> Found:
    """The kernel has Landlock."""
    version = landlock_version()
    if not version:
        return not_held("none in this kernel") if sys.platform.startswith("linux") else untried("not Linux")
    lacks = [what for since, what in ((3, "truncation"), (4, "TCP"), (6, "signals")) if version < since]
    return held(f"version {version}" + (f", without {', '.join(lacks)}" if lacks else ""))


def cgroup() -> Found:
    """A control group can be made around a run."""
    if not sys.platform.startswith("linux"):
        return untried("not Linux")
    if os.geteuid() == 0:
        group = make_group(_GROUP_MB << 20, _GROUP_MB)
        if group is None:
            return not_held("none can be made")
        kind = "version 2" if len(group.folders) == 1 else "version 1"
        group.remove()
        return held(kind)
    if shutil.which("systemd-run") is None:
        return not_held("not root, and systemd-run is not here")
    said = _run(["systemd-run", "--user", "--scope", "--quiet", "-p", f"MemoryMax={_GROUP_MB}M", "-p", "TasksMax=16", "true"], keep=True)
    return not_held(f"not root; systemd-run: {said}") if said else held("systemd-run --user --scope starts")


def engine() -> Found:
    """A container engine answers."""
    answers = {name: ask(name) for name in ENGINES}
    found = [f"{one.name} {one.version}" for one, _ in answers.values() if one is not None]
    if found:
        return held(", ".join(found))
    silent = [name for name in ENGINES if shutil.which(name)]
    return untried(f"{', '.join(silent)}: installed, no answer" if silent else f"none of {', '.join(ENGINES)} is installed")


def data() -> Found:
    """Real images are at hand."""
    roots = known_roots()
    damaged = next((root for root in roots if root.state == "damaged"), None)
    if damaged is not None:
        return not_held(f"{damaged.path} is damaged: {damaged.problem}")
    real = [root for root in roots if root.state == "ready" and root.name != "cifar100-synthetic"]
    return held(f"{real[0].name}, {real[0].path}") if real else not_held("no real CIFAR-100; synthetic images are used")


def cache() -> Found:
    """The cache can be written and has room."""
    return _writable(cache_dir())


def temporary() -> Found:
    """The folder for temporary files can be written and has room."""
    return _writable(Path(tempfile.gettempdir()))


def _writable(folder: Path) -> Found:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(1 << 16))
            file.flush()
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return not_held(f"{folder}: {error.strerror}")
    return held(f"{folder}, {free / 1e9:.1f} GB free") if free > _ROOM else not_held(f"{folder} has only {free / 1e6:.0f} MB left")


def _run(command: list[str], *, keep: bool = False) -> str:
    """Return what a command that failed had to say, and nothing when it did not fail; `keep` hands on the environment."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=_TRY_S, check=False, cwd="/", env=None if keep else {}
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return type(error).__name__
    lines = done.stderr.strip().splitlines()
    return "" if done.returncode == 0 else (lines[-1] if lines else f"exit code {done.returncode}")


def _output(command: list[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=_TRY_S, check=False, env={}).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
