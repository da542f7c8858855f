"""Make what all submissions of a batch share: checks, data views, limits, isolation that was tried."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from grader.assignment import Assignment, load_checks
from grader.datasets import find_data_root, prepare_view
from grader.errors import IsolationError
from grader.model import Isolation, Mode, View
from grader.pipeline import Setting
from grader.sandbox import Container, GpuPool, Watch, available, choose_gpus, find_gpus

# What a person may ask for: train again, load the weights that were handed in, or train, grade that, and compare.
MODES: Mapping[str, tuple[Mode, ...]] = {"retrain": (Mode.RETRAIN,), "load": (Mode.LOAD,), "both": (Mode.RETRAIN, Mode.LOAD)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a person may choose for a batch; `cpu_s` and `cell_cpu_s` None mean the assignment's own limits.

    `container` says which image the tier of that name starts, and is None for the others. `modes` are how each submission is run,
    the one that is graded first; a work that is trained is run at least `replicates` times. `device` is auto, cpu, cuda or cuda:N, and `jobs`
    how many runs share the GPUs at once.
    """

    isolation: Isolation
    data_root: Path | None
    view: View
    cpu_s: int | None = None
    cell_cpu_s: int | None = None
    container: Container | None = None
    modes: tuple[Mode, ...] = (Mode.RETRAIN,)
    replicates: int = 1
    device: str = "cpu"
    jobs: int = 1


def make_setting(assignment: Assignment, options: Options, *, secret: bytes, store: Path, watch: Watch | None = None) -> Setting:
    """Return the shared setting; `watch` is called as the cells of a run go by.

    Raises IsolationError, DataError or AssignmentError before any submission is touched.
    """
    gpus = gpus_for(options)
    available(options.isolation, options.container)
    data = find_data_root(options.data_root) if assignment.data else None
    limits = assignment.limits
    if options.cpu_s is not None:
        limits = replace(limits, cpu_s=options.cpu_s, cell_cpu_s=min(limits.cell_cpu_s, options.cpu_s), wall_s=60 + options.cpu_s * 5)
    if options.cell_cpu_s is not None:
        limits = replace(limits, cell_cpu_s=options.cell_cpu_s)
    return Setting(
        assignment=assignment,
        checks=load_checks(assignment),
        isolation=options.isolation,
        limits=limits,
        secret=secret,
        store=store,
        data=data,
        prepared=prepare_view(data, options.view) if data else None,
        view=options.view,
        stop=threading.Event(),
        container=options.container,
        modes=options.modes,
        replicates=options.replicates,
        gpus=gpus,
        watch=watch,
    )


def gpus_for(options: Options) -> GpuPool | None:
    """Return the GPUs that a batch shares, or None for the CPU; raises IsolationError when one is asked for and cannot be shown to a run."""
    chosen = choose_gpus(options.device, find_gpus())
    if not chosen:
        return None
    if options.isolation is Isolation.REDUCED or options.isolation is Isolation.CONTAINER:
        if options.device == "auto":
            return None
        raise IsolationError(
            f"The tier {options.isolation} does not take --device.",
            where=f"--device {options.device}",
            remedy="Use the tier full, or --isolation container with --gpus; pass --device cpu to grade on the CPU.",
        )
    return GpuPool(chosen, options.jobs)
