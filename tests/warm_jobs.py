"""What the tests of the warm start share."""

from pathlib import Path

from grader.model import Limits

ROOMY = Limits(cpu_s=120, wall_s=300, cell_cpu_s=60, memory_mb=2048, processes=64, disk_mb=64, output_mb=16)


def children() -> set[int]:
    """Return the processes that this one started and that are still there."""
    found: set[int] = set()
    for thread in Path("/proc/self/task").iterdir():
        found |= set(map(int, (thread / "children").read_text(encoding="ascii").split()))
    return found


def descriptors() -> int:
    """Return how many files this process has open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def below(root: int) -> set[int]:
    """Return all living processes below one."""
    found: set[int] = set()
    waiting = [root]
    while waiting:
        try:
            threads = list(Path(f"/proc/{waiting.pop()}/task").iterdir())
        except OSError:
            continue
        for thread in threads:
            new = set(map(int, (thread / "children").read_text(encoding="ascii").split())) - found
            found |= new
            waiting += new
    return found
