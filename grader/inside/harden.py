"""What this process gives up before it runs student code. Linux only, by ctypes; elsewhere each step says that it was not possible."""

import ctypes
import os
import struct
import sys
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

_PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 4, 38
# The same numbers on every architecture: Landlock is younger than the common table of system calls.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_RULE_PATH_BENEATH = 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _REFER, _TRUNCATE, _IOCTL = 1, 2, 4, 8, 1 << 13, 1 << 14, 1 << 15
_READ_ONLY = _EXECUTE | _READ_FILE | _READ_DIR
_ON_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL
_NO_TCP, _SCOPED = 3, 3
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_OPEN_FILES = 1024
# The parent ends a run at its limit and says so; this is for a parent that is late.
_CPU_GRACE_S = 5


def confine(read_only: Iterable[str], writable: Iterable[str], listed: Iterable[str] = ()) -> dict[str, str]:
    """Give up new privileges, core dumps of memory, and every path but these, for this process and all it starts.

    Of the folders `listed` and of all below them only the names can be read. To be called while there is one thread: Landlock binds the calling thread and its children. Returns what was reached.
    """
    if not sys.platform.startswith("linux"):
        return {"landlock": "no: not Linux", "no_new_privs": "no: not Linux"}
    libc = ctypes.CDLL(None, use_errno=True)
    reached = {"no_new_privs": _prctl(libc, _PR_SET_NO_NEW_PRIVS, 1)}
    reached["landlock"] = _landlock(libc, read_only, writable, listed)
    reached["not_dumpable"] = _prctl(libc, _PR_SET_DUMPABLE, 0)
    return reached


def bound(limits: Mapping[str, Any], without: Collection[str] = ()) -> None:
    """Set resource limits of this process and of every program it starts, `without` some that others keep ("RLIMIT_NPROC", ...).

    Memory is bounded on top of what is mapped now: the libraries of torch alone map gigabytes that are never used.
    """
    try:
        import resource
    except ImportError:  # Windows
        return
    mapped = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    wanted = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_CPU: int(limits["cpu_s"]) + _CPU_GRACE_S,
        resource.RLIMIT_AS: mapped + (int(limits["memory_mb"]) << 20),
        resource.RLIMIT_FSIZE: int(limits["disk_mb"]) << 20,
        resource.RLIMIT_NPROC: int(limits["processes"]),
        resource.RLIMIT_NOFILE: _OPEN_FILES,
    }
    left_out = {getattr(resource, name) for name in without}
    for number, value in wanted.items():
        if number in left_out:
            continue
        hard = resource.getrlimit(number)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)  # noqa: PLW2901
        resource.setrlimit(number, (value, value))


def _prctl(libc: ctypes.CDLL, option: int, value: int) -> str:
    nothing = ctypes.c_ulong(0)
    failed = libc.prctl(option, ctypes.c_ulong(value), nothing, nothing, nothing)
    return f"no: {os.strerror(ctypes.get_errno())}" if failed else "yes"


def _landlock(libc: ctypes.CDLL, read_only: Iterable[str], writable: Iterable[str], listed: Iterable[str]) -> str:
    """Restrict this thread to the paths; return the version of Landlock, or "no: reason"."""
    try:
        version = _call(libc, _CREATE_RULESET, None, 0, 1)
        everything = _rights(version)
        rules = _ruleset(libc, version, everything)
        try:
            for path in read_only:
                _allow(libc, rules, path, _READ_ONLY)
            for path in listed:
                _allow(libc, rules, path, _READ_DIR)
            for path in (*writable, *_DEVICES):
                _allow(libc, rules, path, everything)
            _call(libc, _RESTRICT_SELF, rules, 0)
        finally:
            os.close(rules)
    except OSError as error:
        return f"no: {error.strerror}"
    return str(version)


def _rights(version: int) -> int:
    rights = (1 << 13) - 1
    for since, right in ((2, _REFER), (3, _TRUNCATE), (5, _IOCTL)):
        rights |= right if version >= since else 0
    return rights


def _ruleset(libc: ctypes.CDLL, version: int, everything: int) -> int:
    fields = [everything]
    if version >= 4:
        fields.append(_NO_TCP)
    if version >= 6:
        fields.append(_SCOPED)
    attributes = struct.pack(f"={len(fields)}Q", *fields)
    return _call(libc, _CREATE_RULESET, attributes, len(attributes), 0)


def _allow(libc: ctypes.CDLL, rules: int, path: str, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # what is not there needs no rule
    try:
        if not Path(path).is_dir():
            rights &= _ON_FILES
        _call(libc, _ADD_RULE, rules, _RULE_PATH_BENEATH, struct.pack("=Qi", rights, descriptor), 0)
    finally:
        os.close(descriptor)


def _call(libc: ctypes.CDLL, number: int, *arguments: int | bytes | None) -> int:
    words = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    result: int = libc.syscall(ctypes.c_long(number), *words)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
