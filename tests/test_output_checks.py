"""Checks of what a notebook shows: stored outputs, plots, reports, the final table, answers, blanks left blank."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import classification_report, confusion_matrix

from grader.assignment import load_assignment
from grader.checks import models
from grader.checks.claims import table_agrees
from grader.checks.components import forbidden
from grader.checks.outputs import outputs_fresh, plots_drawn, template_filled
from grader.checks.reports import read_reports, report_as_measured
from grader.checks.study import answers_given
from grader.checks.trace import Passes
from grader.content import content_dir
from grader.evidence import Evidence
from grader.model import Array, Given, Json, Outcome, Text
from tests.evidence_of import evidence_of
from tests.test_training_checks import CHECKED, RUN, TRAINED, plain, trace_with

LAB = load_assignment(content_dir("assignments") / "iu5_lab1", [])
TINY = load_assignment(Path(__file__).parent / "labs" / "tiny_cnn", [])
TRUTH = np.repeat(np.arange(3), 20)
ANSWERS = np.where(np.arange(60) % 10 == 0, (TRUTH + 1) % 3, TRUTH)


def report(names: tuple[str, ...] = ("0", "55", "58"), repeats: int = 1, digits: int = 4) -> str:
    truth, answers = np.tile(TRUTH, repeats), np.tile(ANSWERS, repeats)
    return str(classification_report(truth, answers, digits=digits, target_names=names))


def ran(store: Path, source: str, *, stored: str = "", now: str = "", records: dict[str, Json | Array] | None = None, given: Given | None = None) -> Evidence:
    """Freeze evidence of one cell that was handed in with the output `stored` and printed `now` when it ran."""
    evidence = evidence_of(store, sources=[source], records=records, given=given)
    outputs = [{"output_type": "stream", "name": "stdout", "text": now}]
    executed = {"cells": [{"cell_type": "code", "source": source, "outputs": outputs}]}
    return replace(evidence, notebook=json.dumps(executed), cells=(replace(evidence.cells[0], stored=stored),))


LAYERS = "Net(\n  (head): Linear(in_features=3072, out_features={}, bias=True)\n)"


@pytest.mark.parametrize(
    ("source", "stored", "now"),
    [
        ("report(model)", report(("1", "2", "3")), report()),
        ("report(model)", report(repeats=7), report()),
        ("print(model)", LAYERS.format(10), LAYERS.format(64)),
        ("EPOCHS = 40", "epoch 99: 0.3", "epoch 39: 0.4"),
        ("EPOCHS = 40", "Эпоха 250/250", "Эпоха 40/40"),
    ],
)
def test_an_output_that_this_code_cannot_have_printed_is_stale(tmp_path: Path, source: str, stored: str, now: str) -> None:
    conclusion = outputs_fresh(ran(tmp_path, source, stored=stored, now=now))
    assert conclusion.outcome is Outcome.FAILED
    assert conclusion.expected != conclusion.actual
    assert "cells: 1" in conclusion.rationale.en


@pytest.mark.parametrize(
    ("source", "stored", "now"),
    [
        ("report(model)", "", report()),
        ("report(model)", report(digits=2), report()),
        ("report(model)", report(("58", "0", "55")), report()),
        ("report(model)", report(repeats=25), report(repeats=20)),
        ("print(model)", LAYERS.format(10), LAYERS.format(10)),
        ("EPOCHS = 40", "epoch 12: stopped early", "epoch 40: 0.4"),
        ("EPOCHS = 40", "epoch 40: 0.31", "epoch 40: 0.29"),
        ("EPOCHS = 40", "Epoch 39: 0.31", "Epoch 39: 0.29"),
        ("best_epoch = find()", "epoch 70", "epoch 55"),
        ("print(accuracy)", "0.7467", "0.7301"),
    ],
)
def test_other_figures_of_the_same_code_are_not_stale(tmp_path: Path, source: str, stored: str, now: str) -> None:
    assert outputs_fresh(ran(tmp_path, source, stored=stored, now=now)).outcome is Outcome.PASSED


def axes(**changes: Any) -> dict[str, Json]:
    return {"lines": 1, "points": 10, "xlabel": "epoch", "ylabel": "loss", "empty": False, **changes}


@pytest.mark.parametrize(
    ("figures", "share"),
    [
        ([{"cell": 1, "empty": False, "axes": [axes()]}], 1.0),
        ([{"cell": 1, "empty": False, "axes": [axes(xlabel="")]}, {"cell": 2, "empty": False, "axes": [axes()]}], 1.0),
        ([{"cell": 1, "empty": False, "axes": [{"images": [[32, 32, 3]], "empty": False}, {"empty": True}]}], 1.0),
        ([{"cell": 1, "empty": False, "axes": [axes(ylabel="")]}], 0.5),
        ([{"cell": 1, "empty": False, "axes": [axes()]}, {"cell": 2, "empty": True, "axes": [{}]}], 0.0),
        ([], 0.0),
    ],
)
def test_plots_are_there_full_and_named(tmp_path: Path, figures: Json, share: float) -> None:
    assert plots_drawn(evidence_of(tmp_path, records={"figures": figures})).share == share


def test_reports_and_matrices_are_read_as_scikit_learn_prints_them() -> None:
    text = f"test\n{report()}\n{confusion_matrix(TRUTH, ANSWERS)}\n"
    first, second = read_reports(text, 3)
    accuracy = float((TRUTH == ANSWERS).mean())
    assert (first.cell, first.labels, first.supports, first.examples) == (3, ("0", "55", "58"), (20, 20, 20), 60)
    assert first.accuracy == pytest.approx(accuracy, abs=1e-4)
    assert (second.accuracy, second.examples) == (accuracy, 60)
    assert read_reports("[[0.1 0.9]\n [0.5 0.5]]\n[[1 2 3]\n [4 5 6]]\naccuracy 1.0000") == ()


def measured(store: Path, answers: Array, now: str) -> Evidence:
    given = Given(kept={"labels_test": TRUTH})
    return ran(store, "report(model)", now=now, records={"logits_test": np.eye(3)[answers], "classes": [0, 55, 58]}, given=given)


def test_a_report_of_this_very_model_passes_and_one_of_another_does_not(tmp_path: Path) -> None:
    assert report_as_measured(measured(tmp_path, ANSWERS, report())).outcome is Outcome.PASSED
    other = report_as_measured(measured(tmp_path, TRUTH, report()))
    assert (other.outcome, other.expected) == (Outcome.FAILED, "1.000")
    assert "[1] 0.900" in other.actual
    assert report_as_measured(measured(tmp_path, TRUTH, "")).outcome is Outcome.FAILED


HEAD = "| Net | Parameters | Accuracy |\n|---|---|---|\n"
OWN = Passes(role="evaluation", source=0, loader=0, rows=600, accuracy=((4, 0.95),), when="after")


@pytest.mark.parametrize(
    ("rows", "outcome"),
    [
        ("| FC(3) | lr = 0.1, bs = 32, epochs = 5 | test = 70 %, train = 95 % |", Outcome.PASSED),
        ("| FC(3) | lr = 0,1, bs = 32, epochs = 5 | test ≈ 66 %, train ~ 99 % |", Outcome.PASSED),
        ("| FC(3) | lr = 0.1, bs = 32, epochs = 5 | train = 70 %, test = 95 % |", Outcome.PASSED),
        ("| FC(3) | lr = 0.1, bs = 32, epochs = 5 | test = 70 % |\n| FC(8) | lr = 0.5, bs = 64, epochs = 9 | test = 99 % |", Outcome.PASSED),
        ("| FC(3) | lr = 0.1, bs = 32, epochs = 5 | test = 98 %, train = 95 % |", Outcome.FAILED),
        ("| FC(8) | lr = 0.5, bs = 64, epochs = 9 | test = 70 % |", Outcome.PASSED),
        ("| a table of something else | 7 % |", Outcome.SKIPPED),
    ],
)
def test_the_table_is_held_against_the_trainings(tmp_path: Path, rows: str, outcome: Outcome) -> None:
    trace = trace_with(replace(RUN, passes=(TRAINED, CHECKED, OWN)))
    assert table_agrees(evidence_of(tmp_path, records={"trace": plain(trace)}, texts=[HEAD + rows]), LAB).outcome is outcome


QUESTION = "Why must twice the batch take twice the epochs, when two trainings are compared over the same number of iterations?"
ANSWER = "Because a larger batch makes fewer steps in one epoch, and with fewer steps the weights travel a shorter way from where they began."


@pytest.mark.parametrize(
    ("texts", "answers"),
    [
        ([ANSWER], 1),
        ([f"{QUESTION}\n\n{ANSWER}"], 1),
        ([f"{QUESTION} Because."], 0),
        ([QUESTION.upper()], 0),
        (["Yes.", "*Your answer here.*", "da " * 40], 0),
    ],
)
def test_an_answer_is_more_than_its_question(tmp_path: Path, texts: list[str], answers: int) -> None:
    conclusion = answers_given(evidence_of(tmp_path, texts=texts), TINY, 1)
    assert (conclusion.actual, conclusion.outcome is Outcome.PASSED) == (str(answers), answers == 1)


def blank_and_solved() -> tuple[list[str], list[str]]:
    from grader.verify import make_work
    from variants.manifest import Variant
    from variants.roster import Student

    variant = Variant(student=Student(id="s", name="", group="", number=None, stream=""), assignment="tiny_cnn", rule="", classes=(1, 2, 3))
    works = [make_work(name, TINY, variant, "en") for name in ("untouched", "solution")]
    blank, solved = ([str(cell.source) for cell in work.cells if cell.cell_type == "code"] for work in works)
    return blank, solved


def test_a_package_as_it_was_handed_out_is_told_from_one_cell_left_blank(tmp_path: Path) -> None:
    blank, solved = blank_and_solved()
    everything = template_filled(evidence_of(tmp_path, sources=blank), TINY)
    assert "as it was handed out" in everything.rationale.en
    assert template_filled(evidence_of(tmp_path, sources=solved), TINY).outcome is Outcome.PASSED
    one = template_filled(evidence_of(tmp_path, sources=[*solved[:-1], f"{blank[-1]}  \n"]), TINY)
    assert (one.outcome, one.rationale.en) == (Outcome.FAILED, f"These cells are still blank: {len(solved)}.")


def test_what_stands_above_a_students_own_code_is_no_blank(tmp_path: Path) -> None:
    blank, solved = blank_and_solved()
    assert template_filled(evidence_of(tmp_path, sources=[*solved[:-1], f"{blank[-1]}\nprint(probabilities)"]), TINY).outcome is Outcome.PASSED


def test_a_saved_model_is_compared_on_hidden_inputs(tmp_path: Path) -> None:
    logits = np.arange(12.0).reshape(4, 3)
    assert models.saved_model_equal(evidence_of(tmp_path, records={"logits": logits, "logits_saved": logits + 1e-6})).outcome is Outcome.PASSED
    other = models.saved_model_equal(evidence_of(tmp_path, records={"logits": logits, "logits_saved": -logits}))
    assert (other.outcome, other.actual) == (Outcome.FAILED, "0%")
    broken = models.saved_model_equal(evidence_of(tmp_path, records={"logits": logits, "logits_saved_error": "UnpicklingError: no"}))
    assert (broken.outcome, broken.actual) == (Outcome.FAILED, "UnpicklingError: no")


def test_forbidden_code_is_named_with_its_cell_and_harmless_code_is_passed_over(tmp_path: Path) -> None:
    words = Text(ru="Нельзя", en="Forbidden")
    parts = {"weight_decay": ("$F($$$A, weight_decay=$W)",)}
    cells = ["# SGD(p, weight_decay=1)", "SGD(p, lr=1, weight_decay=0)", "SGD(p, lr=1, weight_decay=1e-4)"]
    found = forbidden(evidence_of(tmp_path, sources=cells), parts, words, words, harmless=r"=0\)")
    assert (found.outcome, found.rationale.en) == (Outcome.FAILED, "Forbidden: weight_decay (cell 3).")
    assert forbidden(evidence_of(tmp_path, sources=cells[:2]), parts, words, words, harmless=r"=0\)").outcome is Outcome.PASSED
