"""Checks of what a notebook shows: stored outputs, plots, reports, the final table, answers, blanks left blank."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import classification_report, confusion_matrix

from grader.assignment import load_assignment
from grader.checks import Conclusion, models
from grader.checks.claims import table_agrees
from grader.checks.components import forbidden
from grader.checks.outputs import outputs_fresh, plots_drawn, template_filled
from grader.checks.reports import read_reports, report_as_measured
from grader.checks.study import answers_given
from grader.checks.trace import Passes
from grader.content import content_dir
from grader.evidence import Evidence, freeze
from grader.model import Array, Given, Json, Outcome, Run, Submission, Text
from tests.evidence_of import evidence_of
from tests.test_training_checks import CHECKED, RUN, TRAINED, plain, trace_with

LAB = load_assignment(content_dir("assignments") / "iu5_lab1", [])
TINY = load_assignment(Path(__file__).parent / "labs" / "tiny_cnn", [])
TRUTH = np.repeat(np.arange(3), 20)
ANSWERS = np.where(np.arange(60) % 10 == 0, (TRUTH + 1) % 3, TRUTH)


def report(names: tuple[str, ...] = ("0", "55", "58"), repeats: int = 1, digits: int = 4) -> str:
    known = len(names) > TRUTH
    truth, answers = np.tile(TRUTH[known], repeats), np.tile(ANSWERS[known] % len(names), repeats)
    return str(classification_report(truth, answers, digits=digits, target_names=names))


def drawn(*sizes: int) -> str:
    """Return a report on so many examples of each class."""
    truth = np.repeat(np.arange(len(sizes)), sizes)
    return str(classification_report(truth, truth, digits=4))


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
        ("report(model)", report(repeats=7), report(repeats=5)),
        ("print(model)", LAYERS.format(10), LAYERS.format(64)),
        ("EPOCHS = 40", "epoch 99: 0.3", "epoch 39: 0.4"),
        ("EPOCHS = 40", "Эпоха 250/250", "Эпоха 40/40"),
        ("for epoch in range(40):\n    pass", "Эпоха 250/250", "Эпоха 40/40"),
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
        ("report(model)", drawn(98, 103, 99), drawn(80, 77, 83)),
        ("report(model)", drawn(100, 100, 100), drawn(80, 77, 83)),
        ("report(model)", report() * 2 + str(confusion_matrix(TRUTH, ANSWERS)), report()),
        ("report(model)", report(("0", "55")), report()),
        ("print(model)", LAYERS.format(10), LAYERS.format(64) + LAYERS.format(10)),
        ("for epoch in range(100):\n    train(batch=32)\n    if waited(3, 10):\n        break", "Epoch 47: 0.1", "Epoch 32: 0.1"),
        ("epoch = 0\nwhile epoch < 100:\n    epoch += train(batch=32)", "Epoch 47: 0.1", "Epoch 32: 0.1"),
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


@pytest.mark.timeout(30)
@pytest.mark.parametrize("run", ["[", "[[", "[[1 ", "[[1]", "[1],", "[[[1", " ", "\n", "1", "a  0.1 0.1 0.1 1 ", "accuracy 0.1 1\n", f"x{' ' * 299}\n", "[[1 2]\n [3 4]]\n", "epoch", "Linear(a"])
def test_no_long_run_of_anything_stops_the_readers_of_outputs(tmp_path: Path, run: str) -> None:
    for start in ("", "[[1 ", "x"):
        text = f"{(start + run * 200_000)[:200_000]} ]]"
        assert len(read_reports(text)) <= 1000
        assert outputs_fresh(ran(tmp_path / start.strip("[ "), "f()", stored=text * 3, now=text)).outcome is Outcome.PASSED


def test_numbers_beyond_all_bounds_and_arrays_of_matrices_are_no_report() -> None:
    many = "9" * 400
    assert read_reports(f"[[{many} 1]\n [1 1]]\n  a  0.1 0.1 0.1 {'9' * 5000}\n accuracy 0.5 {'9' * 5000}\n") == ()
    assert read_reports(f"[{confusion_matrix(TRUTH, ANSWERS)}\n\n {confusion_matrix(TRUTH, TRUTH)}\n\n {confusion_matrix(TRUTH, TRUTH)}]") == ()


def measured(store: Path, answers: Array, now: str, source: str = "report(model)") -> Evidence:
    given = Given(kept={"labels_test": TRUTH})
    return ran(store, source, now=now, records={"logits_test": np.eye(3)[answers], "classes": [0, 55, 58]}, given=given)


def test_a_report_of_this_very_model_passes_and_one_of_another_does_not(tmp_path: Path) -> None:
    assert report_as_measured(measured(tmp_path, ANSWERS, report())).outcome is Outcome.PASSED
    other = report_as_measured(measured(tmp_path, TRUTH, report()))
    assert (other.outcome, other.expected) == (Outcome.FAILED, "1.000")
    assert "[1] 0.900" in other.actual
    assert report_as_measured(measured(tmp_path, TRUTH, "")).outcome is Outcome.FAILED


def test_a_report_on_other_examples_is_told_from_none_at_all(tmp_path: Path) -> None:
    part = report_as_measured(measured(tmp_path, ANSWERS, str(classification_report(TRUTH[:48], ANSWERS[:48]))))
    assert (part.outcome, part.expected, part.actual) == (Outcome.FAILED, "n = 60", "[1] n = 48")
    assert "No report" not in part.rationale.en
    none = report_as_measured(measured(tmp_path, ANSWERS, ""))
    assert "No report" in none.rationale.en


def test_a_report_that_cannot_be_read_is_not_said_to_be_missing(tmp_path: Path) -> None:
    frame = str(pd.DataFrame(classification_report(TRUTH, ANSWERS, output_dict=True)).T)
    code = "pd.DataFrame(metrics.classification_report(truth, answers, output_dict=True)).T"
    assert report_as_measured(measured(tmp_path, ANSWERS, frame, code)).outcome is Outcome.SKIPPED
    assert report_as_measured(measured(tmp_path, TRUTH, report(), code)).outcome is Outcome.FAILED


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
        ("| FC(8) | lr = 0.5, bs = 64, epochs = 9 | test = 70 % |", Outcome.SKIPPED),
        ("| a | lr = 0.1 | test = 70 % |", Outcome.PASSED),
        ("| a | lr = 0.1 | test = 98 % |", Outcome.SKIPPED),
        ("| a | lr = 0.1, bs = 32 | test = 98 % |", Outcome.FAILED),
        ("| a table of something else | 7 % |", Outcome.SKIPPED),
    ],
)
def test_the_table_is_held_against_the_trainings(tmp_path: Path, rows: str, outcome: Outcome) -> None:
    trace = trace_with(replace(RUN, passes=(TRAINED, CHECKED, OWN)))
    assert table_agrees(evidence_of(tmp_path, records={"trace": plain(trace)}, texts=[HEAD + rows]), LAB).outcome is outcome


def agreed(store: Path, rows: str) -> Conclusion:
    trace = trace_with(replace(RUN, passes=(TRAINED, CHECKED, OWN)))
    return table_agrees(evidence_of(store, records={"trace": plain(trace)}, texts=[HEAD + rows]), LAB)


def test_a_table_of_which_no_row_is_known_is_neither_confirmed_nor_accused(tmp_path: Path) -> None:
    rows = "\n".join(f"| a network of {width} neurons and of many layers indeed | lr = 0.5, bs = 64, epochs = {width} | test = 99 % |" for width in range(8, 16))
    conclusion = agreed(tmp_path, rows)
    assert (conclusion.outcome, conclusion.share) == (Outcome.SKIPPED, 1.0)
    assert conclusion.expected == "lr = 0.1, batch_size = 32, epochs = 5"
    assert conclusion.actual.startswith("a network of 8 neurons and of many layers indeed, lr =…; a network of 9 ")
    assert conclusion.actual.endswith("…; … (+4)")


def test_a_long_row_is_cut_at_a_word(tmp_path: Path) -> None:
    conclusion = agreed(tmp_path, "| a network with three neurons in its layer | lr = 0.1, bs = 32, epochs = 5 | test = 98 %, train = 95 % |")
    assert conclusion.actual == "a network with three neurons in its layer, lr = 0.1, bs =…: test 98.0%"


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


def handed_out(*without: int) -> list[Any]:
    """Return the code cells of a package's solution, as nbformat has them, without those in these places."""
    from grader.verify import make_work
    from variants.manifest import Variant
    from variants.roster import Student

    variant = Variant(student=Student(id="s", name="", group="", number=None, stream=""), assignment="iu5_lab1", rule="", classes=(1, 2, 3))
    cells = [cell for cell in make_work("solution", LAB, variant, "ru").cells if cell.cell_type == "code"]
    return [cell for place, cell in enumerate(cells) if place not in without]


def with_ids(store: Path, cells: list[Any], *, known: bool = True) -> Evidence:
    evidence = evidence_of(store, sources=[str(cell.source) for cell in cells])
    return replace(evidence, cells=tuple(replace(cell, id=str(given.id) if known else "") for cell, given in zip(evidence.cells, cells, strict=True)))


def test_a_cell_of_the_package_that_was_taken_out_is_named(tmp_path: Path) -> None:
    place = next(place for place, cell in enumerate(handed_out()) if "def backward" in cell.source)
    assert template_filled(with_ids(tmp_path, handed_out()), LAB).outcome is Outcome.PASSED
    gone = template_filled(with_ids(tmp_path, handed_out(place)), LAB)
    assert (gone.outcome, gone.rationale.ru) == (Outcome.FAILED, "В тетради нет выданной ячейки с `def backward`.")


def test_a_cell_written_anew_or_a_notebook_of_another_make_is_not_accused(tmp_path: Path) -> None:
    cells = handed_out()
    place = next(place for place, cell in enumerate(cells) if "def backward" in cell.source)
    moved = handed_out(place)
    moved[place - 1].source += "\n" + cells[place].source
    assert template_filled(with_ids(tmp_path, moved), LAB).outcome is Outcome.PASSED
    assert template_filled(with_ids(tmp_path, handed_out(place), known=False), LAB).outcome is Outcome.PASSED


def test_ids_of_cells_come_through_the_evidence(tmp_path: Path) -> None:
    made = evidence_of(tmp_path / "made", sources=["x = 1"])
    run = Run(execution=made.execution, records=(), given=Given(), notebook=made.notebook)
    source = json.dumps({"cells": [{"cell_type": "code", "id": "9a7b", "source": "x = 1"}, {"cell_type": "code", "source": "x"}]})
    submission = Submission(student="s01", assignment="tiny", source="s01.ipynb", digest="sha256-00")
    frozen = freeze(run, submission, facts={"variant": {}}, source=source, store=tmp_path)
    assert [cell.id for cell in frozen.cells] == ["9a7b", ""]
