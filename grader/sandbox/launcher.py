"""Becomes bubblewrap: enters the control group, stages what another uid may not reach, drops root, sets limits, and executes it.

Started as `python -I -S launcher.py FD` with an empty environment; FD holds the JSON specification that `bubblewrap.py` writes, now or later. It is a
program of its own and imports nothing of the grader. When it cannot go on it writes one line that begins with MARK and ends with 125.

As root it works in a mount namespace of its own: every folder of the job is bound, read-only, to a public place, so that the uid it
drops to reaches them and nothing else below a private home. Bubblewrap run by root is not a sandbox (the kernel's settings below
/proc/sys stay writable for uid 0), hence root is given up before it starts.

With `join`, a process handle, the sandbox is made below that process's user namespace: only so may the warm process enter it.
"""

import base64
import contextlib
import ctypes
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

MARK = "zachet-launcher: "
STAGE = "/tmp"  # noqa: S108 - a mount point that every system has, in a namespace that nobody else sees

_CLONE_NEWNS, _CLONE_NEWUSER = 0x20000, 0x10000000
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_REMOUNT, _MS_BIND, _MS_REC, _MS_PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
_PATH_ONLY = getattr(os, "O_PATH", 0)


def main() -> NoReturn:
    """Read the specification, for which it may have to wait, and become bubblewrap."""
    try:
        # Not at the top, as the parent imports this file on systems too that do not have it; and while root still reaches Python.
        import resource

        with os.fdopen(int(sys.argv[1]), "rb") as stream:
            said = stream.read()
        if not said:
            os._exit(0)  # started ahead, and not needed
        spec: dict[str, Any] = json.loads(said)
        os.umask(0o022)
        with contextlib.suppress(OSError):
            _write("/proc/self/oom_score_adj", "500")
        for name, value in spec["rlimits"].items():
            number = getattr(resource, name)
            hard = resource.getrlimit(number)[1]
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)  # noqa: PLW2901
            resource.setrlimit(number, (value, value))
        sources = [source for source, _ in spec["binds"]]
        if spec["uid"] is not None:
            sources = _as_root(spec, sources)
        if spec["join"] is not None:
            _join(spec["join"])
        os.execve(spec["bwrap"], _arguments(spec, sources), {})  # noqa: S606 - there is no shell in this
    except OSError as error:
        sys.stderr.write(f"{MARK}{error}\n")
        sys.stderr.flush()
    os._exit(125)


def _as_root(spec: Mapping[str, Any], sources: Sequence[str]) -> list[str]:
    for entrance in spec["groups"]:
        with contextlib.suppress(OSError):
            _write(entrance, "0")
    staged = list(sources)
    with contextlib.suppress(OSError):  # a container may allow the namespace and refuse the mounts
        staged = _staged(sources)
    os.setgroups([])
    os.setresgid(spec["gid"], spec["gid"], spec["gid"])
    os.setresuid(spec["uid"], spec["uid"], spec["uid"])
    for source in staged:
        if not os.access(source, os.R_OK):
            raise PermissionError(f"{source} is not readable for uid {spec['uid']}, and root may not make mounts here")
    return staged


def _join(handle: int) -> None:
    """Enter the user namespace of another process. It was made by this uid, or by the one that root has become."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(handle, _CLONE_NEWUSER) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{os.strerror(code)} (joining the warm process)")
    os.close(handle)


def _staged(sources: Sequence[str]) -> list[str]:
    """Bind every source to a public place in a mount namespace of our own; return the sources themselves where that is refused."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNS) != 0:
        return list(sources)
    # Opened first: the place they are bound to may hide the place where they are.
    handles = [os.open(source, _PATH_ONLY | os.O_CLOEXEC) for source in sources]
    _mount(libc, "none", "/", _MS_REC | _MS_PRIVATE)
    _mount(libc, "zachet", STAGE, _MS_NOSUID | _MS_NODEV, kind="tmpfs", options="mode=755,size=1m")
    staged = []
    for number, handle in enumerate(handles):
        target = f"{STAGE}/{number}"
        origin = f"/proc/self/fd/{handle}"
        if os.path.isdir(origin):  # noqa: PTH112 - pathlib would double this program's start
            os.mkdir(target)  # noqa: PTH102
        else:
            os.close(os.open(target, os.O_CREAT | os.O_WRONLY))
        _mount(libc, origin, target, _MS_BIND | _MS_REC)
        with contextlib.suppress(OSError):  # bubblewrap binds it read-only in any case
            _mount(libc, "none", target, _MS_BIND | _MS_REMOUNT | _MS_RDONLY | _MS_NOSUID | _MS_NODEV)
        os.close(handle)
        staged.append(target)
    return staged


def _mount(libc: ctypes.CDLL, source: str, target: str, flags: int, *, kind: str = "", options: str = "") -> None:
    words = [text.encode() for text in (source, target, kind, options)]
    if libc.mount(words[0], words[1], words[2], ctypes.c_ulong(flags), words[3]) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{os.strerror(code)} (mounting {target})")


def _arguments(spec: Mapping[str, Any], sources: Sequence[str]) -> list[str]:
    """Return bubblewrap's command line. What describes this machine goes through a file: pid 1 inside shows its command line."""
    binds = [word for source, (_, target) in zip(sources, spec["binds"], strict=True) for word in ("--ro-bind", source, target)]
    texts = [word for path, text in spec["texts"].items() for word in ("--file", str(_memory(text.encode())), path)]
    seccomp = ["--seccomp", str(_memory(base64.b64decode(spec["seccomp"])))] if spec["seccomp"] else []
    words = [*spec["before"], *binds, *texts, *spec["after"], *seccomp]
    return ["bwrap", "--args", str(_memory(b"".join(word.encode() + b"\0" for word in words))), "--", *spec["command"]]


def _memory(content: bytes) -> int:
    handle = os.memfd_create("zachet", 0)
    os.write(handle, content)
    os.lseek(handle, 0, os.SEEK_SET)
    return handle


def _write(path: str, text: str) -> None:
    handle = os.open(path, os.O_WRONLY)
    try:
        os.write(handle, text.encode())
    finally:
        os.close(handle)


if __name__ == "__main__":
    main()
