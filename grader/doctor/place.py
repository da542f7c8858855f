"""What kind of machine this is, as far as the remedies differ."""

import importlib.util
import os
import sys
from enum import StrEnum
from pathlib import Path

_APPARMOR = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
_MARKS = (Path("/.dockerenv"), Path("/run/.containerenv"))
_GROUPS = ("docker", "kubepods", "libpod", "lxc", "containerd")


class Machine(StrEnum):
    """Kinds of machines; the value is how the kind is called."""

    WINDOWS = "Windows"
    MACOS = "macOS"
    COLAB = "Colab"
    CI_CONTAINER = "a container of a CI, as root"
    CONTAINER = "a container"
    APPARMOR = "Ubuntu that restricts user namespaces by AppArmor"
    GPU_NODE = "a GPU node"
    ROOT = "Linux, as root"
    LAPTOP = "Linux, as an ordinary user"


def detect() -> tuple[Machine, ...]:
    """Return every kind that fits, the most telling one first; the last one always fits."""
    if sys.platform == "win32":
        return (Machine.WINDOWS,)
    if sys.platform == "darwin":
        return (Machine.MACOS,)
    root = os.geteuid() == 0
    contained = in_container()
    fits = {
        Machine.COLAB: "COLAB_RELEASE_TAG" in os.environ or _has_colab(),
        Machine.CI_CONTAINER: contained and root and bool(os.environ.get("CI")),
        Machine.CONTAINER: contained,
        Machine.APPARMOR: _text(_APPARMOR).strip() == "1",
        Machine.GPU_NODE: Path("/dev/nvidiactl").exists() or "SLURM_JOB_ID" in os.environ,
        Machine.ROOT: root,
        Machine.LAPTOP: not root,
    }
    return tuple(machine for machine, true in fits.items() if true)


def in_container() -> bool:
    """Return whether this looks like the inside of a container."""
    return any(mark.exists() for mark in _MARKS) or any(word in _text(Path("/proc/1/cgroup")) for word in _GROUPS)


def _has_colab() -> bool:
    try:
        return importlib.util.find_spec("google.colab") is not None
    except (ImportError, ValueError):
        return False


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
