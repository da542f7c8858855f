"""How a forked process becomes one of a sandbox that stands already: it joins the namespaces, then gives up what it could have kept.

Linux only. What bubblewrap does to the first process of a cold run is done here by hand, in the same order and to the same end.
"""

import ctypes
import errno
import os
import signal
import struct
from collections.abc import Mapping, Sequence

_NEW_NS, _NEW_CGROUP, _NEW_UTS, _NEW_IPC, _NEW_USER, _NEW_PID, _NEW_NET = (1 << bit for bit in (17, 25, 26, 27, 28, 29, 30))
_WITHOUT_CGROUP = _NEW_USER | _NEW_NS | _NEW_NET | _NEW_IPC | _NEW_UTS
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_CAPBSET_DROP = 1, 4, 22, 24
_PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT = 36, 38, 47
_AMBIENT_CLEAR_ALL, _FILTER = 4, 2
_CAPABILITY_VERSION = 0x20080522
_MOST_CAPABILITIES = 64
_STEP_BYTES = 8

_libc = ctypes.CDLL(None, use_errno=True)


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent has ended."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent() -> None:
    """Be killed when the parent ends."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def children_go_to(handle: int) -> None:
    """Let the processes forked from now on be in the process namespace behind `handle`, until the next call; raises OSError."""
    _checked(_libc.setns(handle, _NEW_PID))


def enter(holder: int) -> None:
    """Join all other namespaces of the process `holder` at once, as one by one would lose the right to the next; raises OSError."""
    try:
        _checked(_libc.setns(holder, _WITHOUT_CGROUP | _NEW_CGROUP))
    except PermissionError:  # nothing was joined; bubblewrap could not make a namespace of control groups, so there is none to join
        _checked(_libc.setns(holder, _WITHOUT_CGROUP))


def give_up(limits: Mapping[str, int], seccomp: bytes) -> None:
    """Give up every capability, new privileges, resources above `limits` and the calls that the filter denies; raises OSError."""
    import resource

    _drop_capabilities()
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _prctl(_PR_SET_DUMPABLE, 1)  # joining took it away; without it the folder of this process in /proc is not its own
    die_with_parent()
    for name, wanted in limits.items():
        number = getattr(resource, name)
        hard = resource.getrlimit(number)[1]
        value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(number, (value, value))
    program = ctypes.create_string_buffer(seccomp, len(seccomp))
    described = ctypes.create_string_buffer(struct.pack("@HP", len(seccomp) // _STEP_BYTES, ctypes.addressof(program)))
    _prctl(_PR_SET_SECCOMP, _FILTER, ctypes.addressof(described))


def keep_only(ends: Sequence[int]) -> None:
    """Make `ends` the descriptors 0, 1, 2 and close all others; each of `ends` must be 3 or more."""
    for number, end in enumerate(ends):
        os.dup2(end, number)
    os.closerange(len(ends), os.sysconf("SC_OPEN_MAX"))


def _drop_capabilities() -> None:
    for capability in range(_MOST_CAPABILITIES):
        try:
            _prctl(_PR_CAPBSET_DROP, capability)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            break  # past the last one that the kernel knows
    _prctl(_PR_CAP_AMBIENT, _AMBIENT_CLEAR_ALL)
    _checked(_libc.capset(struct.pack("=Ii", _CAPABILITY_VERSION, 0), bytes(24)))


def _prctl(option: int, first: int, second: int = 0) -> None:
    nothing = ctypes.c_ulong(0)
    _checked(_libc.prctl(option, ctypes.c_ulong(first), ctypes.c_ulong(second), nothing, nothing))


def _checked(result: int) -> None:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
