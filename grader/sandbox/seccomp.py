"""The system calls that no run may make, as a filter program of the kernel.

A deny list: student code may do what a library wants to do, except what reaches for other processes, namespaces, mounts, keys,
kernel modules, clocks, or parts of the kernel with a long record of holes (io_uring, bpf, userfaultfd), and except memory that
belongs to no process (memfd_create, shmget): only a control group would count it, and an ordinary user has none.
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
    "kexec_load": (246, 104), "keyctl": (250, 219), "lookup_dcookie": (212, 18), "memfd_create": (319, 279),
    "memfd_secret": (447, 447), "mknod": (133, None), "mknodat": (259, 33),
    "modify_ldt": (154, None), "mount": (165, 40), "mount_setattr": (442, 442), "move_mount": (429, 429),
    "name_to_handle_at": (303, 264), "nfsservctl": (180, 42), "open_by_handle_at": (304, 265), "open_tree": (428, 428),
    "perf_event_open": (298, 241), "personality": (135, 92), "pidfd_getfd": (438, 438), "pivot_root": (155, 41),
    "process_madvise": (440, 440), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "ptrace": (101, 117),
    "quotactl": (179, 60), "quotactl_fd": (443, 443), "reboot": (169, 142), "request_key": (249, 218), "setdomainname": (171, 162),
    "sethostname": (170, 161), "setns": (308, 268), "settimeofday": (164, 170),
    "shmget": (29, 194), "swapoff": (168, 225), "swapon": (167, 224),
    "syslog": (103, 116), "umount2": (166, 39), "unshare": (272, 97), "uselib": (134, None), "userfaultfd": (323, 282),
    "vhangup": (153, 58), "vmsplice": (278, 75),
}  # fmt: skip

# What only namespaces would keep apart: objects of the kernel that all processes of the machine share, and names in folders.
SHARED: dict[str, tuple[int | None, int | None]] = {
    "inotify_add_watch": (254, 27), "mq_open": (240, 180), "msgctl": (71, 187),
    "msgget": (68, 186), "msgrcv": (70, 188), "msgsnd": (69, 189), "semctl": (66, 191), "semget": (64, 190), "semop": (65, 193),
    "semtimedop": (220, 192), "shmat": (30, 196), "shmctl": (31, 195),
}  # fmt: skip
# Landlock does not look at these, and the user's own files would obey. They do nothing and say that it was done: libraries that
# unpack and copy ask for them, and what they ask for is of no use in a folder that is thrown away.
PRETENDED: dict[str, tuple[int | None, int | None]] = {
    "chmod": (90, None), "chown": (92, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452), "fchown": (93, 55),
    "fchownat": (260, 54), "fremovexattr": (199, 16), "fsetxattr": (190, 7), "futimesat": (261, None), "lchown": (94, None),
    "lremovexattr": (198, 15), "lsetxattr": (189, 6), "removexattr": (197, 14), "setxattr": (188, 5), "utime": (132, None),
    "utimensat": (280, 88), "utimes": (235, None),
}  # fmt: skip
_TRUNCATE_BY_NAME: dict[str, tuple[int | None, int | None]] = {"truncate": (76, 45)}
_TRUNCATE_SINCE = 3  # the version of Landlock that looks at it

# machine: (column of the table, AUDIT_ARCH, clone, clone3, ioctl, socket)
_MACHINES = {"x86_64": (0, 0xC000003E, 56, 435, 16, 41), "aarch64": (1, 0xC00000B7, 220, 435, 29, 198)}
# The same machines: their socketpair and prlimit64.
_MACHINES_SHARED = {"x86_64": (53, 302), "aarch64": (199, 261)}
_X32_BIT = 0x40000000
_NEW_NAMESPACES = 0x7E020000  # CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
_FAMILIES = (1, 2, 10, 16)  # AF_UNIX, AF_INET, AF_INET6; AF_NETLINK, which getaddrinfo asks for the interfaces
_TYPING_FOR_OTHERS = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX

_LOAD, _EQUAL, _ANY_BIT, _AT_LEAST, _AND, _RETURN = 0x20, 0x15, 0x45, 0x35, 0x54, 0x06
_STREAM, _PACKETS, _KIND = 1, 5, 0xF  # kinds of sockets that stay with the partner they were made with
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT, _SECOND_ARGUMENT = 0, 4, 16, 24
_ALLOW, _KILL, _FAIL = 0x7FFF0000, 0x80000000, 0x00050000

_Step = tuple[int, int, int, int]  # operation, steps to skip when true, when false, operand


def filter_program(machine: str | None = None) -> bytes:
    """Return the program for `machine` (this one by default) as an array of struct sock_filter; raises IsolationError."""
    column, architecture, clone, clone3, ioctl, socket = _MACHINES[_known(machine)]
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
    return _packed(steps)


def sharing_program(landlock: int, machine: str | None = None) -> bytes:
    """Return the second program, for a run that has no namespaces of its own; `landlock` is the version that keeps its paths.

    No sockets but pairs that cannot be pointed elsewhere, no objects shared with other processes, no limits of other processes.
    """
    name = _known(machine)
    column, architecture, *_, socket = _MACHINES[name]
    socketpair, prlimit = _MACHINES_SHARED[name]
    steps = [(_LOAD, 0, 0, _ARCHITECTURE), (_EQUAL, 1, 0, architecture), (_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, _NUMBER)]
    steps += [(_EQUAL, 0, 1, socket), _fail(errno.EAFNOSUPPORT)]
    kinds = [(_LOAD, 0, 0, _SECOND_ARGUMENT), (_AND, 0, 0, _KIND), (_EQUAL, 2, 0, _STREAM), (_EQUAL, 1, 0, _PACKETS)]
    steps += _when(socketpair, [*kinds, _fail(errno.EAFNOSUPPORT)])
    steps += _when(prlimit, [(_LOAD, 0, 0, _FIRST_ARGUMENT), (_EQUAL, 1, 0, 0), _fail(errno.EPERM)])
    refused = {**SHARED, **({} if landlock >= _TRUNCATE_SINCE else _TRUNCATE_BY_NAME)}
    for table, answer in ((refused, errno.EPERM), (PRETENDED, 0)):
        for pair in table.values():
            if (number := pair[column]) is not None:
                steps += [(_EQUAL, 0, 1, number), _fail(answer)]
    return _packed([*steps, (_RETURN, 0, 0, _ALLOW)])


def _known(machine: str | None) -> str:
    name = machine or platform.machine()
    if name not in _MACHINES:
        raise IsolationError(
            f"There is no table of system calls for the processor “{name}”.",
            remedy="Run on x86_64 or aarch64, or pass --isolation none for work you trust.",
        )
    return name


def _packed(steps: list[_Step]) -> bytes:
    return b"".join(struct.pack("<HBBI", *step) for step in steps)


def _when(number: int, body: list[_Step]) -> list[_Step]:
    """Steps that a call of this number goes through, to be allowed at their end; other calls pass by."""
    return [(_EQUAL, 0, len(body) + 1, number), *body, (_RETURN, 0, 0, _ALLOW)]


def _fail(number: int) -> _Step:
    return (_RETURN, 0, 0, _FAIL | number)
