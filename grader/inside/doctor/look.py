"""Tries to get out, and prints as JSON what came of it: for each promise whether it held, and what was seen.

Executed as a cell of a notebook, below a line that sets NAMES (of the variables in the environment of the grader) and PATHS (files of
this machine that must not be readable).
"""

import ctypes
import json
import os
import socket
import sys
from pathlib import Path

NAMES: list[str] = list(globals().get("NAMES", []))
PATHS: list[str] = list(globals().get("PATHS", []))
_NEW_USER, _PORT = 0x10000000, 53
_REACHED = {111}  # a refusal by the other side means that there is a way to it


def network() -> tuple[bool, str]:
    """No address can be reached, and no service of this machine."""
    reached: list[str] = []
    refusal = ""
    for kind, address in ((socket.SOCK_DGRAM, ("198.51.100.1", _PORT)), (socket.SOCK_STREAM, ("198.51.100.1", _PORT))):
        try:
            with socket.socket(socket.AF_INET, kind) as door:
                door.settimeout(2)
                door.connect(address)
                door.send(b"x")
                reached.append(kind.name)
        except TimeoutError:
            reached.append(f"{kind.name} (no answer, and no refusal)")
        except OSError as error:
            refusal = error.strerror or str(error)
            if error.errno in _REACHED:
                reached.append(kind.name)
    return not reached, ", ".join(reached) or refusal


def environment() -> tuple[bool, str]:
    """No process that can be seen has an environment in which something of the grader stands."""
    sizes, found = dict[str, int](), set[str]()
    for name in ("1", "self", str(os.getppid())):
        try:
            text = Path(f"/proc/{name}/environ").read_bytes()
        except OSError:
            continue
        sizes[name] = len(text)
        there = {variable.split(b"=")[0].decode(errors="replace") for variable in text.split(b"\0")}
        found |= (there & set(NAMES)) - set(os.environ)
    if found:
        return False, f"variables of the grader: {', '.join(sorted(found))[:200]}"
    return True, f"{sizes['1']} bytes in /proc/1/environ, none of the grader's" if "1" in sizes else "closed"


def kernel() -> tuple[bool, str]:
    """The settings of the kernel that lead out cannot be opened for writing."""
    opened = []
    for path in ("/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sysrq-trigger", "/sys/kernel/uevent_helper"):
        try:
            os.close(os.open(path, os.O_WRONLY))
            opened.append(path)
        except OSError:
            continue
    return not opened, ", ".join(opened) or "refused"


def files() -> tuple[bool, str]:
    """Files of this machine cannot be read, and its folders cannot be written."""
    opened = []
    for path in PATHS:
        try:
            os.close(os.open(path, os.O_RDONLY))
            opened.append(path)
        except OSError:
            continue
    for folder in (Path("/"), Path("/usr"), Path("/etc"), Path("/var/tmp"), Path(os.__file__).parent):
        name = folder / ".zachet-doctor"
        try:
            os.close(os.open(name, os.O_CREAT | os.O_WRONLY))
            name.unlink()
            opened.append(f"{folder} (written)")
        except OSError:
            continue
    return not opened, ", ".join(opened) or "not there or refused"


def processes() -> tuple[bool, str]:
    """Other processes can be neither listed nor ended."""
    try:
        seen = sum(folder.name.isdigit() for folder in Path("/proc").iterdir())
    except OSError:
        seen = 0
    try:
        reached = os.getppid() > 1
        if reached:
            os.kill(os.getppid(), 0)
    except OSError:
        reached = False
    return seen <= 3 and not reached, f"{seen} seen" + (", the parent can be sent signals" if reached else "")


def privileges() -> tuple[bool, str]:
    """No capabilities, no way to new ones, a filter on system calls, not root, no namespaces of its own."""
    lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    facts = dict(line.split(":", 1) for line in lines if ":" in line)
    powers = {name: facts.get(name, "?").strip() for name in ("CapEff", "CapPrm", "NoNewPrivs", "Seccomp")}
    libc = ctypes.CDLL(None, use_errno=True)
    apart = libc.unshare(_NEW_USER) == 0
    held = not int(powers["CapEff"], 16) and not int(powers["CapPrm"], 16) and powers["NoNewPrivs"] == "1" and powers["Seccomp"] == "2"
    seen = f"uid {os.getuid()}, no capabilities, filter on" if held else ", ".join(f"{name} {value}" for name, value in powers.items())
    return held and not apart and os.getuid() != 0, seen + (", new namespaces allowed" if apart else "")


if __name__ == "__main__":
    trials = (network, environment, kernel, files, processes, privileges)
    sys.stdout.write(json.dumps({trial.__name__: trial() for trial in trials}))
