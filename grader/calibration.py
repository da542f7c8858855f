"""Calibration: what the reference reaches on every set of classes, in the same view of the data as grading.

Two engines: `fast` trains the declared recipe as batched tensor operations, `true` runs the solution's notebook, cut down to its
baseline, through the sandbox. A benchmark holds them against each other.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import nbformat
import numpy as np

from grader.assignment import Assignment
from grader.checks.accuracy import measure_accuracy
from grader.datasets import DataRoot, PreparedView, hidden_set, training_part
from grader.errors import AssignmentError, ConfigurationError
from grader.model import Recipe, Run, Submission, View
from grader.mutants import make_baseline
from grader.package import package
from grader.pipeline import Setting, run_submission
from grader.thresholds import Calibrated, Engine, Thresholds, key_of, recipe_digest, sort_out
from grader.training import Outcome, Task, device_name, train_many
from variants.manifest import Variant
from variants.roster import Student

Sets = Sequence[tuple[int, ...]]
Progress = Callable[[int], None]
# So many sets of classes are in memory at once: 5 MB each, and what is finished is safe.
_TOGETHER = {"cpu": 4, "gpu": 256}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Where calibration runs: data, view, `threads` of the CPU and `device` (auto, cpu, cuda)."""

    data: DataRoot
    prepared: PreparedView
    view: View
    threads: int = 1
    device: str = "auto"


def distinct(sets: Sequence[Sequence[int]]) -> tuple[tuple[int, ...], ...]:
    """Return every set of classes once, sorted, in the order of first appearance; raises ConfigurationError for a repeated class."""
    for classes in sets:
        if len(set(classes)) != len(classes) or len(classes) < 2:
            raise ConfigurationError(
                f"{', '.join(map(str, classes))} is not a set of two or more different classes.", where="variants", remedy="Mend the list of variants."
            )
    return tuple(dict.fromkeys(tuple(sorted(classes)) for classes in sets))


def recipe_of(assignment: Assignment) -> Recipe:
    """Return the declared recipe; raises AssignmentError when there is none to calibrate with."""
    if assignment.recipe is None or not assignment.data:
        raise AssignmentError(
            "the assignment declares no reference training.",
            where=str(assignment.path / "assignment.toml"),
            remedy="Add a table [recipe] and `data`, or leave it uncalibrated.",
        )
    return assignment.recipe


def empty(assignment: Assignment, engine: Engine, bench: Bench) -> Thresholds:
    """Return the thresholds of a calibration before its first training: where everything in it will come from."""
    device = device_name(bench.device) if engine == "fast" else "cpu"
    return Thresholds(
        assignment=assignment.slug,
        engine=engine,
        recipe=recipe_digest(recipe_of(assignment)),
        view=bench.view,
        data_name=bench.data.name,
        data=bench.data.digest,
        environment={"device": device, "torch": version("torch")},
    )


def calibrate_fast(recipe: Recipe, sets: Sets, seeds: Sequence[int], bench: Bench, progress: Progress) -> Iterator[tuple[Calibrated, ...]]:
    """Yield the calibrated sets, some at a time, in their order. Raises DataError for a class without images."""
    together = _TOGETHER["cpu" if device_name(bench.device) == "cpu" else "gpu"]
    for begin in range(0, len(sets), together):
        tasks = [task_of(classes, bench) for classes in sets[begin : begin + together]]
        outcomes = train_many(tasks, seeds, recipe, device=bench.device, threads=bench.threads, progress=progress)
        yield tuple(_calibrated(task, trained) for task, trained in zip(tasks, outcomes, strict=True))


def calibrate_true(setting: Setting, sets: Sets, seeds: Sequence[int], jobs: int, progress: Progress) -> Iterator[tuple[Calibrated, ...]]:
    """Yield the calibrated sets one by one; every training is a run of the solution's baseline in the sandbox.

    Raises ConfigurationError when a run gives nothing to measure: then the solution is at fault, not the classes.
    """
    with tempfile.TemporaryDirectory(prefix="zachet-") as folder, ThreadPoolExecutor(jobs, thread_name_prefix="calibrate") as pool:
        for classes in sets:
            notebook = _baseline(setting.assignment, classes, Path(folder))

            def one(seed: int, classes: tuple[int, ...] = classes, notebook: Path = notebook) -> tuple[float, int]:
                measured = _measured(run_submission(*_reference_student(setting.assignment, classes, seed, notebook), setting), classes)
                progress(1)
                return measured

            results = list(pool.map(one, seeds))
            yield (sort_out(classes, [accuracy for accuracy, _ in results], None, hidden=results[0][1]),)


def task_of(classes: tuple[int, ...], bench: Bench) -> Task:
    """Return the pictures of one set of classes: to train on in this view, and hidden ones. Raises DataError for a class without images."""
    hidden = hidden_set(bench.data, bench.view, classes)
    train = training_part(bench.prepared, classes)
    return Task(
        classes=classes, train=train.images, train_labels=train.labels, hidden=hidden.images, hidden_labels=hidden.labels
    )


def _calibrated(task: Task, trained: Sequence[Outcome]) -> Calibrated:
    accuracies = [outcome.accuracy for outcome in trained]
    typical = min(trained, key=lambda outcome: abs(outcome.accuracy - float(np.nanmean(accuracies)))) if np.isfinite(accuracies).any() else None
    hits = np.packbits(typical.hits).tobytes().hex() if typical is not None else ""
    return sort_out(task.classes, accuracies, [outcome.train for outcome in trained], hidden=len(task.hidden), hits=hits)


def _baseline(assignment: Assignment, classes: tuple[int, ...], folder: Path) -> Path:
    """Write the notebook of the reference training for these classes and return its path."""
    variant = Variant(student=_student(classes), assignment=assignment.slug, rule="", classes=classes)
    package(assignment, [variant], folder / "packages", language=assignment.languages[0], with_solution=True)
    solution = nbformat.read(folder / "packages" / variant.student.id / f"{assignment.slug}.ipynb", as_version=4)
    target = folder / f"{key_of(classes)}.ipynb"
    target.write_text(nbformat.writes(make_baseline(solution, assignment)), encoding="utf-8")
    return target


def _reference_student(assignment: Assignment, classes: tuple[int, ...], seed: int, notebook: Path) -> tuple[Submission, Variant]:
    student = _student((*classes, seed))
    submission = Submission(
        student=student.id, assignment=assignment.slug, source=notebook.name, digest="sha256-reference", notebook=str(notebook)
    )
    return submission, Variant(student=student, assignment=assignment.slug, rule="", classes=classes)


def _student(numbers: Sequence[int]) -> Student:
    name = "-".join(["reference", *map(str, numbers)])
    return Student(id=name, name=name, group="", number=None, stream="")


def _measured(run: Run, classes: Sequence[int]) -> tuple[float, int]:
    """Return accuracy and number of hidden images of one run of the solution."""
    logits = next((record.value for record in run.records if record.name == "logits"), None)
    labels = run.given.kept.get("labels")
    if not isinstance(logits, np.ndarray) or not isinstance(labels, np.ndarray):
        broken = next((cell.error for cell in run.execution.cells if cell.error), run.execution.message)
        raise ConfigurationError(
            f"The solution's baseline gave no model to measure ({run.execution.exit_reason}: {broken}).",
            where=f"classes {key_of(classes)}",
            remedy="Run `zachet assignment list` and the solution itself; calibration needs a solution that works.",
        )
    accuracy = measure_accuracy(logits, labels, classes)
    return (accuracy.value if accuracy else float("nan")), len(labels)
