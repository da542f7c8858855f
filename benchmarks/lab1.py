"""The notebooks that the benchmarks of Lab 1 run, made exactly as a student's would be."""

import tempfile
import threading
from dataclasses import replace
from pathlib import Path

import nbformat

from grader.assignment import Assignment, load_assignment, load_checks
from grader.datasets import find_data_root, prepare_view
from grader.model import Isolation, Submission, View
from grader.package import package
from grader.pipeline import Setting
from grader.sandbox import available
from variants.manifest import Variant
from variants.roster import Student

CLASSES = (0, 55, 58)


def lab() -> Assignment:
    """Return Lab 1."""
    return load_assignment("iu5_lab1", [])


def student(name: str) -> Variant:
    """Return a student with the classes that the lab's published result is about."""
    return Variant(student=Student(id=name, name=name, group="", number=None, stream=""), assignment="iu5_lab1", rule="", classes=CLASSES)


def solution(variant: Variant, work: Path) -> Submission:
    """Write the solution notebook of `variant` below `work` and return it as a submission."""
    with tempfile.TemporaryDirectory() as made:
        package(lab(), [variant], Path(made), language="en", with_solution=True)
        notebook = nbformat.read(Path(made) / variant.student.id / "iu5_lab1.ipynb", as_version=4)
    target = work / f"{variant.student.id}.ipynb"
    nbformat.write(notebook, target)
    return Submission(student=variant.student.id, assignment="iu5_lab1", source=target.name, digest=f"sha256-{variant.student.id}", notebook=str(target))


def setting(data_root: Path | None, view: View, store: Path) -> Setting:
    """Return what the runs share, in the full tier where this machine has it."""
    available(Isolation.FULL)
    data = find_data_root(data_root)
    assignment = lab()
    return Setting(
        assignment=assignment,
        checks=load_checks(assignment),
        isolation=Isolation.FULL,
        limits=replace(assignment.limits, cpu_s=1800, cell_cpu_s=900),
        secret=b"benchmark",
        store=store,
        data=data,
        prepared=prepare_view(data, view),
        view=view,
        stop=threading.Event(),
    )
