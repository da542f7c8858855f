"""Lab 1 as a student would hand it in, shortened: warm and cold measure the same to the last bit."""

import threading
from dataclasses import replace
from pathlib import Path

import nbformat
import numpy as np
import pytest

from grader.assignment import load_assignment, load_checks
from grader.datasets import prepare_view, synthetic_root
from grader.model import Isolation, Submission, View, Vouched
from grader.mutants import make_quick
from grader.package import package
from grader.pipeline import Setting, run_submission
from grader.sandbox import WarmStart
from tests.sandbox_jobs import need
from variants.manifest import Variant
from variants.roster import Student

pytestmark = [pytest.mark.sandbox, pytest.mark.train, pytest.mark.timeout(900)]


def test_the_lab_measures_the_same_warm_and_cold(tmp_path: Path) -> None:
    need(Isolation.FULL)
    assignment, data = load_assignment("iu5_lab1", []), synthetic_root()
    student = Student(id="s01", name="", group="", number=None, stream="")
    variant = Variant(student=student, assignment="iu5_lab1", rule="", classes=(0, 55, 58))
    package(assignment, [variant], tmp_path / "made", language="en", with_solution=True)
    notebook = tmp_path / "lab.ipynb"
    nbformat.write(make_quick(nbformat.read(tmp_path / "made" / "s01" / "iu5_lab1.ipynb", as_version=4), assignment), notebook)
    setting = Setting(
        assignment=assignment, checks=load_checks(assignment), isolation=Isolation.FULL, limits=assignment.limits, secret=b"test",
        store=tmp_path, data=data, prepared=prepare_view(data, View.SEALED), view=View.SEALED, stop=threading.Event(),
    )  # fmt: skip
    submission = Submission(student="s01", assignment="iu5_lab1", source="lab.ipynb", digest="0" * 64, notebook=str(notebook))
    cold = run_submission(submission, variant, setting)
    with WarmStart() as warm:
        runs = [run_submission(submission, variant, replace(setting, warm=warm)) for _ in range(2)]
    assert {"logits", "part1_forward"} <= {record.name for record in cold.records if record.vouched is Vouched.MEASURED}
    for run in runs:
        assert (run.execution.start, run.execution.note) == ("warm", "")
        assert run.execution.exit_reason is cold.execution.exit_reason
        for before, after in zip(cold.records, run.records, strict=True):
            assert (after.name, after.vouched) == (before.name, before.vouched)
            if before.vouched is Vouched.MEASURED:
                assert np.asarray(after.value).tobytes() == np.asarray(before.value).tobytes(), before.name
