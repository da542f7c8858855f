"""A notebook built from the lab's original text, not from our package, graded on real images."""

import os
import threading
from pathlib import Path

import nbformat
import pytest

from grader.assignment import load_assignment, load_checks
from grader.datasets import find_data_root, prepare_view
from grader.model import ExitReason, Finding, Isolation, Submission, View
from grader.pipeline import Setting, grade
from tests.original_lab import original_notebook
from variants.manifest import Variant
from variants.roster import Student

SEED, DATA = os.environ.get("ZACHET_TEST_SEED"), os.environ.get("ZACHET_TEST_DATA")
pytestmark = [pytest.mark.sandbox, pytest.mark.train, pytest.mark.data, pytest.mark.timeout(900)]

# Group ИУ5-24М, variant 2 by iu5-2024: written in this order, which is not the sorted one.
CLASSES = (39, 58, 23)


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Finding]:
    if not SEED:
        pytest.skip("ZACHET_TEST_SEED does not name the original text")
    if not DATA:
        pytest.skip("ZACHET_TEST_DATA does not name the real CIFAR-100")
    work = tmp_path_factory.mktemp("original")
    notebook = work / "original.ipynb"
    nbformat.write(original_notebook(Path(SEED).read_text(encoding="utf-8"), CLASSES), notebook)
    assignment = load_assignment("iu5_lab1", [])
    data = find_data_root(Path(DATA))
    setting = Setting(
        assignment=assignment, checks=load_checks(assignment), isolation=Isolation.FULL, limits=assignment.limits, secret=b"test",
        store=work / "evidence", data=data, prepared=prepare_view(data, View.SEALED), view=View.SEALED, stop=threading.Event(),
    )  # fmt: skip
    student = Student(id="original", name="", group="ИУ5-24М", number=2, stream="iu5")
    variant = Variant(student=student, assignment="iu5_lab1", rule="iu5-2024", classes=CLASSES)
    submission = Submission(student="original", assignment="iu5_lab1", source="original.ipynb", digest="0" * 64, notebook=str(notebook))
    evidence, score = grade(submission, variant, setting)
    assert evidence.execution.exit_reason is ExitReason.COMPLETED
    every = [*score.notes, *(finding for criterion in score.criteria for finding in criterion.findings)]
    return {finding.check: finding for finding in every}


def test_the_parts_by_hand_are_measured_by_the_original_names(findings: dict[str, Finding]) -> None:
    for check in ("forward_by_hand", "gradients_by_hand", "curve_fitted", "own_logloss", "autograd_used"):
        assert findings[check].share == 1, check


def test_everything_part_3_asks_for_is_found(findings: dict[str, Finding]) -> None:
    for check in ("classes_of_variant", "loaders_made", "module_trained", "training_loop", "validation_loop", "report_printed", "weights_pictured"):
        assert findings[check].share == 1, check


def test_the_model_that_training_left_is_measured_and_the_plots_damage_is_said(findings: dict[str, Finding]) -> None:
    before, after = (float(figure) for figure in findings["weights_unchanged"].actual.split(" → "))
    assert 0.60 < before < 0.80, "the students' own reports for these classes say 0.69"
    assert before - after > 0.1
    assert findings["hidden_accuracy"].actual == f"{before:.3f}"


def test_swapped_class_names_are_explained_and_cost_nothing(findings: dict[str, Finding]) -> None:
    assert findings["names_in_order"].share == 0
    assert findings["names_in_order"].expected == "[23, 39, 58]"
    assert "costs no points" in findings["names_in_order"].rationale.en
