"""Keeps one run in where there are no namespaces: drops root, sets limits, gives up paths, filters calls, and ends all that is left.

Started as `python -I -S confiner.py FD` with an empty environment; FD holds the JSON specification that `reduced.py` writes. It is a
program of its own and imports nothing of the grader but the file that gives up paths, which it loads by its place. When it cannot go on
it writes one line that begins with MARK and ends with 125.

It stays: every process that loses its parent becomes its child, so that nothing of the run gets out of its sight, and a daemon ends
with the run. It ends everything on SIGTERM, when the run ends, and when whoever started it is gone. As root it takes a uid that no
other run has, by holding a name in the network namespace, and then one call ends all processes of that uid.
"""

import base64
import contextlib
import ctypes
import importlib.util
import json
import os
import shutil
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

MARK = "zachet-confiner: "
# Above what systemd gives out to services and below nobody. The last is shared by all that find no other free, and by the tier `full`.
UIDS, SHARED_UID = range(65520, 65533), 65533

_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, _PR_SET_CHILD_SUBREAPER = 22, 2, 36
_CLONE_NEWNS, _MS_BIND, _MS_REC, _MS_PRIVATE = 0x20000, 4096, 16384, 1 << 18
_LOOK_S, _ROUNDS = 0.2, 200
_CANNOT = 125


def main() -> NoReturn:
    """Read the specification, start the run, and stay until nothing of it is left."""
    sys.dont_write_bytecode = True
    starter = os.getppid()
    try:
        with os.fdopen(int(sys.argv[1]), "rb") as stream:
            spec: dict[str, Any] = json.load(stream)
        os.umask(0o022)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD, signal.SIGTERM})
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(1))
        uid, held = _own_uid() if os.geteuid() == 0 else (None, None)
        harden = _load(spec["harden"])
        above = os.open(os.path.dirname(spec["folder"]), os.O_RDONLY | os.O_CLOEXEC)  # noqa: PTH120 - before anything covers it
        if uid is not None:
            _open_the_way(spec["reached"])
            for folder in spec["owned"]:
                os.chown(folder, uid, uid)
    except OSError as error:
        _give_up(error)
    child = os.fork()
    if child == 0:
        if held:
            held.close()
        _become(spec, uid, harden)
    _let_go_of_pipes()
    code = _wait(child, starter)
    _end_all(uid if held else None)
    if os.getppid() != starter:
        # Nobody else is left to do it.
        shutil.rmtree(os.path.basename(spec["folder"]), ignore_errors=True, dir_fd=above)  # noqa: PTH119
    os._exit(code)


def _own_uid() -> tuple[int, socket.socket | None]:
    """Return a uid that no other run has now and what holds it; the shared one and None when all are taken."""
    for uid in UIDS:
        held = socket.socket(socket.AF_UNIX)
        try:
            held.bind(f"\0zachet-uid-{uid}")
        except OSError:
            held.close()
            continue
        return uid, held
    return SHARED_UID, None


def _load(path: str) -> Any:
    # Before root is given up, which alone may reach it.
    spec = importlib.util.spec_from_file_location("harden", path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _open_the_way(paths: list[str]) -> None:
    """Where a folder above one of `paths` is closed to others, cover it, in a mount namespace of our own, with one that has only these."""
    closed: dict[str, list[str]] = {}
    for path in paths:
        above = [str(folder) for folder in reversed(Path(path).parents)]
        shut = next((folder for folder in above if not os.stat(folder).st_mode & 0o001), None)  # noqa: PTH116
        if shut is not None:
            closed.setdefault(shut, []).append(path)
    libc = ctypes.CDLL(None, use_errno=True)
    if not closed or libc.unshare(_CLONE_NEWNS) != 0:
        return  # what cannot be reached is named by whoever tries
    handles = {path: os.open(path, os.O_PATH | os.O_CLOEXEC) for inner in closed.values() for path in inner}
    with contextlib.suppress(OSError):
        _mount(libc, "none", "/", _MS_REC | _MS_PRIVATE)
        for folder, inner in closed.items():
            _mount(libc, "zachet", folder, 0, kind="tmpfs", options="mode=755,size=1m")
            for path in inner:
                _bind(libc, handles[path], path)
    for handle in handles.values():
        os.close(handle)


def _bind(libc: ctypes.CDLL, handle: int, path: str) -> None:
    origin = f"/proc/self/fd/{handle}"
    if os.path.isdir(origin):  # noqa: PTH112 - a handle has no other name
        Path(path).mkdir(parents=True, exist_ok=True)
    else:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).touch()
    _mount(libc, origin, path, _MS_BIND | _MS_REC)


def _mount(libc: ctypes.CDLL, source: str, target: str, flags: int, *, kind: str = "", options: str = "") -> None:
    words = [text.encode() for text in (source, target, kind, options)]
    if libc.mount(words[0], words[1], words[2], ctypes.c_ulong(flags), words[3]) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{os.strerror(code)} (mounting {target})")


def _become(spec: Mapping[str, Any], uid: int | None, harden: Any) -> NoReturn:
    """Give up what student code must not have, and become the runner."""
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD, signal.SIGTERM})
        os.setsid()
        for path, text in (("/proc/self/oom_score_adj", "500"), *((entrance, "0") for entrance in spec["groups"])):
            with contextlib.suppress(OSError):
                Path(path).write_text(text, encoding="ascii")
        _limit(spec, os.getuid() if uid is None else uid)
        if uid is not None:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
        for path in spec["reached"]:
            if not os.access(path, os.R_OK):
                raise PermissionError(f"{path} is not readable for uid {os.getuid()}, and root may not make mounts here")
        os.fchdir(os.open(spec["work"], os.O_RDONLY | os.O_CLOEXEC))  # this process is about to become the run
        reached = harden.confine(spec["read_only"], spec["writable"], spec["listed"])
        if not reached["landlock"].isdigit():
            raise PermissionError(f"the kernel refused Landlock ({reached['landlock']})")
        for program in spec["seccomp"]:
            _filter(base64.b64decode(program))
        os.execve(spec["command"][0], spec["command"], spec["environment"])  # noqa: S606 - there is no shell in this
    except OSError as error:
        _give_up(error)


def _limit(spec: Mapping[str, Any], uid: int) -> None:
    # Not at the top, as the parent imports this file on systems too that do not have it; and while root still reaches Python.
    import resource

    # Counted by the kernel for all processes of the uid, in whatever run or window they are.
    wanted = {**spec["rlimits"], "RLIMIT_NPROC": spec["processes"] + _tasks(uid)}
    for name, value in wanted.items():
        number = getattr(resource, name)
        hard = resource.getrlimit(number)[1]
        bounded = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(number, (bounded, bounded))


def _tasks(uid: int) -> int:
    found = 0
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError, KeyError, ValueError):
                facts = dict(line.split(":\t", 1) for line in (folder / "status").read_text(encoding="utf-8").splitlines() if ":\t" in line)
                found += int(facts["Threads"]) if int(facts["Uid"].split()[0]) == uid else 0
    return found


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_void_p))


def _filter(program: bytes) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    steps = ctypes.create_string_buffer(program, len(program))
    filled = _Program(len(program) // 8, ctypes.cast(steps, ctypes.c_void_p))
    if libc.prctl(_PR_SET_SECCOMP, ctypes.c_ulong(_SECCOMP_MODE_FILTER), ctypes.byref(filled)) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{os.strerror(code)} (the filter of system calls)")


def _let_go_of_pipes() -> None:
    """Leave the pipes to the run, so that they close when it does."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(null, descriptor)


def _wait(child: int, starter: int) -> int:
    """Wait for the run to end or for a reason to end it; return the exit code it has, or 137."""
    while True:
        found = signal.sigtimedwait({signal.SIGCHLD, signal.SIGTERM}, _LOOK_S)
        if (found is not None and found.si_signo == signal.SIGTERM) or os.getppid() != starter:
            return 128 + signal.SIGKILL
        for pid, status in _reaped():
            if pid == child:
                code = os.waitstatus_to_exitcode(status)
                return 128 - code if code < 0 else code


def _reaped() -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    with contextlib.suppress(ChildProcessError):
        while (one := os.waitpid(-1, os.WNOHANG))[0]:
            found.append(one)
    return found


def _end_all(uid: int | None) -> None:
    """End every process of the run: all of its uid at once where it is the run's own, and whatever is below us."""
    for _ in range(_ROUNDS):
        if uid is not None:
            _kill_all_of(uid)
        for pid in _below():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        _reaped()
        try:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        signal.sigtimedwait({signal.SIGCHLD}, 0.01)


def _kill_all_of(uid: int) -> None:
    killer = os.fork()
    if killer == 0:
        with contextlib.suppress(OSError):
            os.setresuid(uid, uid, uid)
            os.kill(-1, signal.SIGKILL)
        os._exit(0)
    os.waitpid(killer, 0)


def _below() -> list[int]:
    """Return every process below this one, parents first."""
    found, waiting = list[int](), [os.getpid()]
    while waiting:
        pid = waiting.pop()
        with contextlib.suppress(OSError):
            for thread in Path(f"/proc/{pid}/task").iterdir():
                with contextlib.suppress(OSError):
                    inner = [int(word) for word in (thread / "children").read_text(encoding="ascii").split()]
                    found += inner
                    waiting += inner
    return found


def _give_up(error: OSError) -> NoReturn:
    sys.stderr.write(f"{MARK}{error}\n")
    sys.stderr.flush()
    os._exit(_CANNOT)


if __name__ == "__main__":
    main()
