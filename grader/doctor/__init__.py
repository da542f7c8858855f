"""`zachet doctor`: tries every promise on this machine, and says which are held, which are not, and what to do.

Nothing is concluded from names or versions where it can be tried. The walls and the limits are tried with small hostile works that are
run like any submission, in the full tier, or where that cannot be had in the reduced one.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from grader.doctor import machine, walls
from grader.doctor.gpu import gpu
from grader.doctor.place import Machine, detect
from grader.doctor.promise import Promise, State, Trial, untried
from grader.doctor.remedies import remedy
from grader.doctor.walls import Sandbox
from grader.errors import IsolationError
from grader.model import Isolation
from grader.sandbox import available

__all__ = ["Machine", "Promise", "State", "detect", "examine", "strongest_tier"]

# Trials that would begin later are left out; the longest one after that still ends within a minute.
_BUDGET_S = 45.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Clock:
    began: float

    def spent(self) -> float:
        return time.monotonic() - self.began


def strongest_tier() -> Isolation | None:
    """Return the strongest tier that starts without an image: full, else reduced, else None."""
    for tier in (Isolation.FULL, Isolation.REDUCED):
        try:
            available(tier)
        except IsolationError:
            continue
        return tier
    return None


def examine(tier: Isolation | None) -> Iterator[Promise]:
    """Try every promise and yield each as soon as it is known; those of the sandbox in `tier`. Takes less than a minute."""
    machines, clock = detect(), _Clock(began=time.monotonic())
    for trial in _trials(tier):
        began = clock.spent()
        found = trial.attempt() if began < _BUDGET_S else untried("no time was left")
        yield Promise(
            id=trial.id,
            group=trial.group,
            title=trial.title,
            state=found.state,
            seen=found.seen,
            remedy=remedy(trial.id, trial.group, found.state, machines),
            needed=trial.needed,
            seconds=clock.spent() - began,
        )


def _trials(tier: Isolation | None) -> Iterator[Trial]:
    sandbox = Sandbox(tier)
    for name, title, needed, attempt in (
        ("bubblewrap", "bubblewrap 0.8 or newer", True, machine.bubblewrap),
        ("namespaces", "user namespaces", True, machine.namespaces),
        ("full", "the tier full starts", True, machine.tier(Isolation.FULL)),
        ("reduced", "the tier reduced starts", False, machine.tier(Isolation.REDUCED)),
        ("engine", "the tier container: an engine answers", False, machine.engine),
        ("landlock", "Landlock", False, machine.landlock),
        ("cgroup", "control groups", False, machine.cgroup),
    ):
        yield Trial(id=name, group="tiers", title=title, needed=needed, attempt=attempt)
    for name, title in (
        ("network", "the network is closed"),
        ("environment", "/proc/1/environ and others tell nothing"),
        ("kernel", "core_pattern and its like are out of reach"),
        ("files", "this machine's files are closed"),
        ("processes", "other processes are out of reach"),
        ("privileges", "no privileges, no way to new ones"),
    ):
        yield Trial(id=name, group="walls", title=title, needed=True, attempt=sandbox.wall(name))
    for name, title, limit in (
        ("limit_memory", "memory", walls.memory),
        ("limit_processes", "processes", walls.processes),
        ("limit_disk", "disk", walls.disk),
        ("limit_output", "output", walls.output),
        ("limit_cpu", "CPU seconds", walls.cpu),
        ("limit_wall", "wall seconds", walls.wall),
        ("remains", "nothing outlives a run", walls.remains),
    ):
        yield Trial(id=name, group="limits", title=title, needed=True, attempt=partial(limit, sandbox))
    # What is installed can be tried without isolation too.
    yield from _programs(sandbox if tier else Sandbox(Isolation.NONE))


def _programs(sandbox: Sandbox) -> Iterator[Trial]:
    yield Trial(id="torch", group="programs", title="import torch", needed=True, attempt=partial(walls.library, sandbox, "torch"))
    vision = partial(walls.library, sandbox, "torch", "torchvision")
    yield Trial(id="torchvision", group="programs", title="import torchvision", needed=True, attempt=vision)
    for name, title, needed, attempt in (
        ("gpu", "GPU", False, gpu),
        ("data", "real CIFAR-100", False, machine.data),
        ("cache", "the cache can be written", True, machine.cache),
        ("temporary", "temporary files can be written", True, machine.temporary),
    ):
        yield Trial(id=name, group="programs", title=title, needed=needed, attempt=attempt)
