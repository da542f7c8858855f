"""Which version of Landlock this kernel has."""

import ctypes
import sys

_CREATE_RULESET, _ASK_FOR_VERSION = 444, 1


def landlock_version() -> int:
    """Return the version of Landlock's interface, or 0 where there is none (older than 5.13, not configured, refused, not Linux)."""
    if not sys.platform.startswith("linux"):
        return 0
    libc = ctypes.CDLL(None, use_errno=True)
    found: int = libc.syscall(ctypes.c_long(_CREATE_RULESET), None, ctypes.c_long(0), ctypes.c_long(_ASK_FOR_VERSION))
    return max(0, found)
