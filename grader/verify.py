"""Prove an assignment: its solution earns everything, its blank package nothing, and every mutant fails what it says and only that."""

import tempfile
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path

import nbformat

from grader.assignment import Assignment
from grader.errors import AssignmentError
from grader.model import Language, Outcome, Score, Submission
from grader.mutants import load_mutants, make_quick, wrong_work
from grader.package import student_notebook
from grader.pipeline import Setting, grade
from grader.sandbox import WarmStart
from variants.manifest import Variant, assign
from variants.roster import Student
from variants.rules import load_rule

SOLUTION, UNTOUCHED = "solution", "untouched"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What one work was expected to fail and what it failed; `problem` is empty when the two agree."""

    work: str
    student: str
    earned: float
    points: float
    problem: str


def verify(assignment: Assignment, setting: Setting, *, variants: int, jobs: int, quick: bool) -> Generator[Proof, None, None]:
    """Grade solution (on `variants` variants), blank package and mutants, and yield each as it is done.

    `quick` makes the works short with the edits of mutants/quick.toml. Raises AssignmentError for a mutant that cannot be made.
    """
    dealt = _sample(assignment, variants)
    works = [(SOLUTION, variant) for variant in dealt] + [(UNTOUCHED, dealt[0])]
    works += [(mutant.name, dealt[0]) for mutant in load_mutants(assignment)]
    with tempfile.TemporaryDirectory(prefix="zachet-") as folder, WarmStart() as warm, ThreadPoolExecutor(jobs) as pool:
        setting = replace(setting, warm=warm)
        prepared = [(name, variant, _hand_in(name, variant, assignment, Path(folder), quick=quick)) for name, variant in works]
        waiting = {
            pool.submit(grade, submission, variant, setting): (name, variant) for name, variant, submission in prepared
        }
        try:
            for future in as_completed(waiting):
                name, variant = waiting[future]
                _, scored = future.result()
                yield _compare(name, variant, scored, assignment)
        finally:
            setting.stop.set()
            pool.shutdown(wait=True, cancel_futures=True)


def make_work(name: str, assignment: Assignment, variant: Variant, language: Language) -> nbformat.NotebookNode:
    """Return the notebook of a work: the solution, the untouched package, or the mutant of that name; raises AssignmentError."""
    text = student_notebook(assignment, variant, language, with_solution=name != UNTOUCHED)
    notebook = nbformat.reads(text, as_version=4)
    if name in {SOLUTION, UNTOUCHED}:
        return notebook
    for mutant in load_mutants(assignment):
        if mutant.name == name:
            return wrong_work(mutant, notebook)
    raise AssignmentError(f'there is no mutant "{name}".', where=str(assignment.path / "mutants"), remedy="Name one of its folders.")


def _sample(assignment: Assignment, count: int) -> tuple[Variant, ...]:
    """Deal some variants by the keyed rule: the same every time, and no two alike."""
    students = [Student(id=f"verify-{number}", name="", group="", number=None, stream="") for number in range(count)]
    return assign(students, load_rule("random-3"), assignment=assignment.slug, secret=b"zachet verify: the same draws every time")


def _hand_in(name: str, variant: Variant, assignment: Assignment, folder: Path, *, quick: bool) -> Submission:
    notebook = make_work(name, assignment, variant, assignment.languages[0])
    file = folder / f"{name}-{variant.student.id}.ipynb"
    nbformat.write(make_quick(notebook, assignment) if quick else notebook, file)
    return Submission(student=variant.student.id, assignment=assignment.slug, source=file.name, digest=f"{name}-{variant.student.id}", notebook=str(file))


def _compare(name: str, variant: Variant, scored: Score, assignment: Assignment) -> Proof:
    findings = [*scored.notes, *(finding for criterion in scored.criteria for finding in criterion.findings)]
    judged = [finding for finding in findings if finding.outcome is not Outcome.PENDING]
    short = {finding.check for finding in judged if finding.share < 1}
    if name == UNTOUCHED:
        problem = f"earned {scored.earned:g} points" if scored.earned else ""
    else:
        fails = next((set(mutant.fails) for mutant in load_mutants(assignment) if mutant.name == name), set())
        missed, extra = sorted(fails - short), sorted(short - fails)
        problem = "; ".join(
            part for part in (f"not caught by {', '.join(missed)}" if missed else "", f"also fails {', '.join(extra)}" if extra else "") if part
        )
    return Proof(work=name, student=variant.student.id, earned=scored.earned, points=scored.points, problem=problem)
