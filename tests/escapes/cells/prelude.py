# The beginning of every attack that is written as cells: its honest part, and how it tells what came of what it tried.
# %%
import ctypes
import os
import platform


def answer(x):
    return 2 * x


def attempt(what, action):
    """Try something that must be refused. What was refused is `held`; what was not says so, and the tests look for that word."""
    try:
        result = action()
    except BaseException as error:
        print(f"held: {what}: {type(error).__name__}: {error}"[:300])
        return None
    print(f"ESCAPED: {what}: {result!r}"[:500])
    return result


_LIBC = ctypes.CDLL(None, use_errno=True)
_CALLS = {
    "ptrace": (101, 117), "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "unshare": (272, 97),
    "setns": (308, 268), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "kexec_load": (246, 104), "init_module": (175, 105),
    "finit_module": (313, 273), "delete_module": (176, 106), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "pidfd_open": (434, 434), "pidfd_getfd": (438, 438), "fsopen": (430, 430), "open_tree": (428, 428), "move_mount": (429, 429),
    "clone": (56, 220), "clone3": (435, 435), "sethostname": (170, 161), "settimeofday": (164, 170), "clock_settime": (227, 112), "reboot": (169, 142),
    "swapon": (167, 224), "syslog": (103, 116), "personality": (135, 92), "capset": (126, 91), "open_by_handle_at": (304, 265), "ioctl": (16, 29),
    "shmget": (29, 194), "shmat": (30, 196), "msgget": (68, 186), "kcmp": (312, 272), "quotactl": (179, 60), "process_madvise": (440, 440),
}  # fmt: skip


def system_call(name, *words):
    """Make a system call by its number, past every library; raise OSError when it fails."""
    number = _CALLS[name][0 if platform.machine() == "x86_64" else 1]
    passed = [word if isinstance(word, (bytes, ctypes.Array)) else ctypes.c_long(word) for word in words]
    _LIBC.syscall.restype = ctypes.c_long
    ctypes.set_errno(0)
    result = _LIBC.syscall(ctypes.c_long(number), *passed)
    if result == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def everything_printed(text, limit=200_000):
    print(text if len(text) <= limit else text[:limit])
