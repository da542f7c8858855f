"""How many runs this machine can hold at once."""

import os
from pathlib import Path

from grader.model import Limits

_MEMINFO = Path("/proc/meminfo")


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def at_once(wanted: int | None, limits: Limits) -> int:
    """Return how many runs go at once: one per core, or the `wanted` number as far as each can have the memory that it is allowed.

    More runs than cores gain little, and when memory ends the kernel picks who dies: then a neighbour could decide a grade.
    """
    most = cores()
    if wanted is None or wanted <= most:
        return wanted or most
    free = _available_mb()
    return wanted if free is None else min(wanted, max(most, free // limits.memory_mb))


def _available_mb() -> int | None:
    """Return the memory that can be had without swapping, or None where the system does not say."""
    try:
        lines = _MEMINFO.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith("MemAvailable:")), None)
