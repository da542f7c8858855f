"""The system calls that no run may make, as a filter program of the kernel.

A deny list: student code may do what a library wants to do, except what reaches for other processes, namespaces, mounts, keys,
kernel modules, clocks, or parts of the kernel with a long record of holes (io_uring, bpf, userfaultfd).
"""

import errno
import platform
import struct

from grader.errors import IsolationError

# name: (x86-64, aarch64); None where the architecture never had the call.
DENIED: dict[str, tuple[int | None, int | None]] = {
    "acct": (163, 89), "add_key": (248, 217), "adjtimex": (159, 171), "bpf": (321, 280), "chroot": (161, 51),
    "clock_adjtime": (305, 266), "clock_settime": (227, 112), "create_module": (174, None), "delete_module": (176, 106),
    "fanotify_init": (300, 262), "finit_module": (313, 273), "fsconfig": (431, 431), "fsmount": (432, 432), "fsopen": (430, 430),
    "fspick": (433, 433), "init_module": (175, 105), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425), "ioperm": (173, None), "iopl": (172, None), "kcmp": (312, 272), "kexec_file_load": (320, 294),
    "kexec_load": (246, 104), "keyctl": (250, 219), "lookup_dcookie": (212, 18), "mknod": (133, None), "mknodat": (259, 33),
    "modify_ldt": (154, None), "mount": (165, 40), "mount_setattr": (442, 442), "move_mount": (429, 429),
    "name_to_handle_at": (303, 264), "nfsservctl": (180, 42), "open_by_handle_at": (304, 265), "open_tree": (428, 428),
    "perf_event_open": (298, 241), "personality": (135, 92), "pidfd_getfd": (438, 438), "pivot_root": (155, 41),
    "process_madvise": (440, 440), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "ptrace": (101, 117),
    "quotactl": (179, 60), "quotactl_fd": (443, 443), "reboot": (169, 142), "request_key": (249, 218), "setdomainname": (171, 162),
    "sethostname": (170, 161), "setns": (308, 268), "settimeofday": (164, 170), "swapoff": (168, 225), "swapon": (167, 224),
    "syslog": (103, 116), "umount2": (166, 39), "unshare": (272, 97), "uselib": (134, None), "userfaultfd": (323, 282),
    "vhangup": (153, 58), "vmsplice": (278, 75),
}  # fmt: skip

# machine: (column of the table, AUDIT_ARCH, clone, clone3, ioctl, socket)
_MACHINES = {"x86_64": (0, 0xC000003E, 56, 435, 16, 41), "aarch64": (1, 0xC00000B7, 220, 435, 29, 198)}
_X32_BIT = 0x40000000
_NEW_NAMESPACES = 0x7E020000  # CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
_FAMILIES = (1, 2, 10, 16)  # AF_UNIX, AF_INET, AF_INET6; AF_NETLINK, which getaddrinfo asks for the interfaces
_TYPING_FOR_OTHERS = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX

_LOAD, _EQUAL, _ANY_BIT, _AT_LEAST, _RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT, _SECOND_ARGUMENT = 0, 4, 16, 24
_ALLOW, _KILL, _FAIL = 0x7FFF0000, 0x80000000, 0x00050000

_Step = tuple[int, int, int, int]  # operation, steps to skip when true, when false, operand


def filter_program(machine: str | None = None) -> bytes:
    """Return the program for `machine` (this one by default) as an array of struct sock_filter; raises IsolationError."""
    name = machine or platform.machine()
    if name not in _MACHINES:
        raise IsolationError(
            f"There is no table of system calls for the processor “{name}”.",
            remedy="Run on x86_64 or aarch64, or pass --isolation none for work you trust.",
        )
    column, architecture, clone, clone3, ioctl, socket = _MACHINES[name]
    steps = [(_LOAD, 0, 0, _ARCHITECTURE), (_EQUAL, 1, 0, architecture), (_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, _NUMBER)]
    steps += [(_AT_LEAST, 0, 1, _X32_BIT), _fail(errno.ENOSYS)]
    # The flags of clone3 lie in memory, where a filter cannot read them; without it the C library falls back to clone.
    steps += [(_EQUAL, 0, 1, clone3), _fail(errno.ENOSYS)]
    steps += _when(clone, [(_LOAD, 0, 0, _FIRST_ARGUMENT), (_ANY_BIT, 0, 1, _NEW_NAMESPACES), _fail(errno.EPERM)])
    families: list[_Step] = [(_EQUAL, len(_FAMILIES) - place, 0, family) for place, family in enumerate(_FAMILIES)]
    steps += _when(socket, [(_LOAD, 0, 0, _FIRST_ARGUMENT), *families, _fail(errno.EAFNOSUPPORT)])
    requests: list[_Step] = [step for request in _TYPING_FOR_OTHERS for step in ((_EQUAL, 0, 1, request), _fail(errno.EPERM))]
    steps += _when(ioctl, [(_LOAD, 0, 0, _SECOND_ARGUMENT), *requests])
    denied = [number for pair in DENIED.values() if (number := pair[column]) is not None]
    steps += [(_EQUAL, len(denied) - place, 0, number) for place, number in enumerate(denied)]
    steps += [(_RETURN, 0, 0, _ALLOW), _fail(errno.EPERM)]
    return b"".join(struct.pack("<HBBI", *step) for step in steps)


def _when(number: int, body: list[_Step]) -> list[_Step]:
    """Steps that a call of this number goes through, to be allowed at their end; other calls pass by."""
    return [(_EQUAL, 0, len(body) + 1, number), *body, (_RETURN, 0, 0, _ALLOW)]


def _fail(number: int) -> _Step:
    return (_RETURN, 0, 0, _FAIL | number)
