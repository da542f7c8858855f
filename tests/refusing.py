"""Runs a command on a machine that refuses more than this one: `python refusing.py userns,landlock -- command`.

A filter of system calls stands for the kernel's settings, as those would change for everybody who works on this machine: `userns`
refuses new user namespaces as Ubuntu's AppArmor and Docker's default profile do, `landlock` answers as a kernel without it.
"""

import ctypes
import errno
import os
import struct
import sys

CLONE, CLONE3, UNSHARE = 56, 435, 272
NEW_USER = 0x10000000
LANDLOCK = (444, 445, 446)
LOAD, EQUAL, ANY_BIT, RETURN = 0x20, 0x15, 0x45, 0x06
ALLOW, FAIL = 0x7FFF0000, 0x00050000


def program(what: set[str]) -> bytes:
    steps = [(LOAD, 0, 0, 0)]
    if "userns" in what:
        for call in (CLONE, UNSHARE):
            steps += [(EQUAL, 0, 4, call), (LOAD, 0, 0, 16), (ANY_BIT, 0, 1, NEW_USER), (RETURN, 0, 0, FAIL | errno.EPERM), (RETURN, 0, 0, ALLOW)]
        steps += [(EQUAL, 0, 1, CLONE3), (RETURN, 0, 0, FAIL | errno.ENOSYS)]
    if "landlock" in what:
        for call in LANDLOCK:
            steps += [(EQUAL, 0, 1, call), (RETURN, 0, 0, FAIL | errno.ENOSYS)]
    return b"".join(struct.pack("<HBBI", *step) for step in [*steps, (RETURN, 0, 0, ALLOW)])


class Filter(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_void_p))


def main() -> None:
    what, command = set(sys.argv[1].split(",")), sys.argv[3:]
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() != 0:
        libc.prctl(38, 1, 0, 0, 0)
    content = program(what)
    steps = ctypes.create_string_buffer(content, len(content))
    filled = Filter(len(content) // 8, ctypes.cast(steps, ctypes.c_void_p))
    if libc.prctl(22, 2, ctypes.byref(filled)) != 0:
        raise OSError(ctypes.get_errno(), "the filter")
    os.execvp(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main()
