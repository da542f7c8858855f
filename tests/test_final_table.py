"""The final table that fills itself: trainings and a student's rows side by side, and how far apart their numbers may lie."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from grader.checks.final_table import Line, architecture, compare_rows, figures_of_table, tolerance
from grader.checks.tables import Row, read_results
from grader.checks.trace import Layer, Loader, Model, Optimizer, Passes, Source, Trace, TrainingRun
from grader.model import Language, View
from grader.report.final_table import final_table
from grader.report.page import page_templates

SPREAD = 0.016
HEAD = "| Конфигурация | Гиперпараметры | Точность | Комментарий |\n|---|---|---|---|\n"


def training(number: int, *, width: int = 10, lr: float = 0.005, batch: int = 128, epochs: int = 250, train: float, test: float) -> TrainingRun:
    layers = (
        Layer(name="", class_name="MLP", parameters=30763),
        Layer(name="hidden", class_name="Linear", parameters=30730, output=(batch, width)),
        Layer(name="act", class_name="ReLU", output=(batch, width)),
        Layer(name="out", class_name="Linear", parameters=33, output=(batch, 3)),
    )
    return TrainingRun(
        id=number,
        kind="module",
        first_cell=30 + number,
        steps=1000,
        epochs=epochs,
        epochs_cut="loader",
        model=Model(class_name="MLP", parameters=30763, layers=layers),
        optimizer=Optimizer(class_name="SGD", lr=((0, lr),)),
        batch_sizes=((batch, 1000),),
        passes=(
            Passes(role="training", source=0, loader=0, count=epochs, rows=1200 * epochs, accuracy=((0, 0.3), (epochs - 1, train))),
            Passes(role="evaluation", source=1, count=1, rows=300, last_epoch=epochs - 1, accuracy=((epochs - 1, test),)),
        ),
    )


RUNS = (training(0, train=0.96, test=0.75), training(1, batch=64, epochs=125, train=0.97, test=0.74), training(2, width=64, train=0.99, test=0.77))
TRACE = Trace(runs=RUNS, sources=(Source(id=0, kind="dataset"), Source(id=1, kind="dataset")), loaders=(Loader(id=0, source=0),))


ROW = "| FC(10), FC(3) | lr = 0.005, bs = 128, 250 epochs | train 0.96, test 0.75 | |\n"


def compared(rows: str, view: View = View.SEALED, runs: tuple[TrainingRun, ...] = RUNS) -> tuple[tuple[Line, ...], tuple[Row, ...]]:
    return compare_rows(TRACE, read_results(HEAD + rows), runs, spread=SPREAD, view=view)


def with_passes(**more: Any) -> TrainingRun:
    """Return the first training with one more evaluation, which found every second answer right."""
    return replace(RUNS[0], passes=(*RUNS[0].passes, Passes(role="evaluation", count=1, first_cell=60, last_cell=60, last_epoch=249, accuracy=((249, 0.5),), **more)))


def test_rows_go_to_the_trainings_they_describe_whatever_their_order() -> None:
    lines, left = compared(
        "| FC(64), FC(3) | lr = 0,005, bs = 128, 250 эпох | train 99 %, test 76 % | шире |\n"
        "| FC(10), FC(3) | lr = 0,005, bs = 64, 125 эпох | train 97 %, test 73 % | |\n"
        "| FC(10), FC(3) | lr = 0,005, bs = 128, 250 эпох | train 96 %, test 76 % | |\n"
        "| FC(10), FC(3) | lr = 0,0001, bs = 128, 500 эпох | train 80 %, test 70 % | |\n"
    )
    assert [line.row.test if line.row else None for line in lines] == [0.76, 0.73, 0.76]
    assert not any(line.differs for line in lines)
    assert [row.epochs for row in left] == [500]


def test_a_claim_that_chance_does_not_explain_is_marked_and_one_that_it_does_is_not() -> None:
    lines, _ = compared("| FC(10), FC(3) | lr = 0.005, bs = 128, 250 epochs | train 0.955, test 0.92 | |\n")
    assert lines[0].differs == ("test",)
    lines, _ = compared("| FC(10), FC(3) | lr = 0.005, bs = 128, 250 epochs | train 0.70, test 0.68 | |\n")
    assert lines[0].differs == ("train",)


def test_columns_that_were_swapped_are_no_contradiction() -> None:
    lines, _ = compared("| FC(10), FC(3) | lr = 0.005, bs = 128, 250 epochs | train 0.75, test 0.96 | |\n")
    assert lines[0].differs == ()


@pytest.mark.parametrize(
    "look",
    [
        {"when": "after", "source": 1, "loader": 1, "rows": 16},
        {"when": "after", "source": 1, "loader": 1, "rows": 64},
        {"when": "after", "source": 0, "loader": 0, "rows": 25},
        {"when": "before", "source": 1, "rows": 300},
        {"when": "before", "source": 0, "rows": 1200},
        {"when": "after", "source": None, "rows": 20},
    ],
)
def test_a_look_at_a_few_pictures_or_at_an_untrained_model_is_no_accuracy_of_the_training(look: dict[str, Any]) -> None:
    trace = replace(TRACE, sources=(replace(TRACE.sources[0], length=1200), replace(TRACE.sources[1], length=300)))
    lines, left = compare_rows(trace, read_results(HEAD + ROW), (with_passes(**look),), spread=SPREAD, view=View.SEALED)
    assert (lines[0].train, lines[0].test, lines[0].differs, left) == (0.96, 0.75, (), ())


def test_an_evaluation_of_the_training_data_says_more_than_the_moving_figures() -> None:
    assert compared(ROW, runs=(with_passes(when="after", source=0, rows=1200),))[0][0].train == 0.5


@pytest.mark.parametrize("order", [1, -1])
def test_a_row_whose_training_was_removed_does_not_take_the_training_of_another(order: int) -> None:
    removed = ROW.replace("0.96", "0.60").replace("0.75", "0.55")
    lines, left = compared("".join([removed, ROW][::order]), runs=RUNS[:1])
    assert (lines[0].row is not None and lines[0].row.test, lines[0].differs) == (0.75, ())
    assert [row.test for row in left] == [0.55]


def test_no_two_rows_are_made_to_contradict_for_the_sake_of_a_pair() -> None:
    """The first row fits the first training and could be held against the second; the other one only against the first."""
    runs = (training(0, train=0.96, test=0.75), training(1, width=64, train=0.60, test=0.45))
    vague, removed = "| сеть | lr = 0.005, bs = 128, 250 эпох | train 0.96, test 0.75 | |\n", ROW.replace("0.96", "0.30").replace("0.75", "0.35")
    lines, left = compared(vague + removed, runs=runs)
    assert [(line.row is not None, line.differs) for line in lines] == [(True, ()), (False, ())]
    assert [row.test for row in left] == [0.35]


@pytest.mark.parametrize(
    ("row", "matched"),
    [
        ("| сеть с dropout | 40 эпох | train 0.60, test 0.55 | |\n", False),
        ("| сеть с dropout | 40 эпох | train 0.96, test 0.75 | |\n", False),
        ("| сеть с dropout | lr = 0.005 | train 0.60, test 0.55 | |\n", False),
        ("| сеть с dropout | lr = 0.005 | train 0.96, test 0.75 | |\n", True),
        ("| сеть с dropout | lr = 0.005, bs = 128 | train 0.60, test 0.55 | |\n", True),
        ("| FC(10), FC(3) | lr = 0.005 | train 0.60, test 0.55 | |\n", True),
    ],
)
def test_no_row_is_accused_on_a_guess(row: str, matched: bool) -> None:
    """The training's epochs are not known, and one number in common is no proof that a row describes it."""
    lines, left = compared(row, runs=(replace(RUNS[0], epochs_cut="rows"),))
    assert (lines[0].row is not None, len(left)) == (matched, int(not matched))
    assert lines[0].differs == (("train", "test") if matched and "0.60" in row else ())


@pytest.mark.parametrize("rows", ["", ROW])
def test_accuracies_that_are_no_shares_and_missing_sides_make_no_error(rows: str) -> None:
    broken = replace(RUNS[0], passes=tuple(replace(passes, accuracy=((0, value),)) for passes, value in zip(RUNS[0].passes, (float("nan"), 1e308), strict=True)))
    (line,), left = compared(rows, runs=(broken,))
    assert (line.train, line.test, line.differs, left) == (None, None, (), ())
    assert compared(rows, runs=())[0] == ()


@pytest.mark.parametrize("other", [True, False])
def test_one_honest_pair_in_a_hundred_lies_outside_the_tolerance(other: bool) -> None:
    rng = np.random.default_rng(1)
    recipe, n, pairs = 0.75, 300, 40_000
    truth = recipe + rng.normal(0, SPREAD, (pairs, 2))
    seen = rng.binomial(n, truth) / n if other else truth
    outside = np.abs(seen[:, 0] - seen[:, 1]) > tolerance(recipe, n, spread=SPREAD, other_examples=other)
    assert 0.006 < outside.mean() < 0.014


def test_the_same_images_leave_less_room_than_others() -> None:
    row = "| FC(10), FC(3) | lr = 0.005, bs = 128, 250 epochs | train 0.96, test 0.83 | |\n"
    assert compared(row, View.SEALED)[0][0].differs == ()
    assert compared(row, View.OFFICIAL)[0][0].differs == ("test",)


def test_a_model_is_named_as_tables_of_results_name_it() -> None:
    assert architecture(RUNS[0]) == "FC(10), FC(3)"
    assert architecture(TrainingRun(id=9, kind="by_hand")) == ""


@pytest.mark.parametrize(("language", "words"), [("ru", ("Конфигурация", "250 эпох", "≠ 0,92")), ("en", ("Configuration", "250 epochs", "≠ 0.92"))])
def test_the_report_shows_both_and_escapes_what_the_student_wrote(language: Language, words: tuple[str, ...]) -> None:
    lines, left = compared("| FC(10), FC(3) <script>alert(1)</script> | lr = 0.005, bs = 128, 250 epochs | train 0.96, test 0.92 | |\n| <b>x</b> | lr = 1, 3 epochs | test 40 % | |\n")
    table = final_table(figures_of_table(TRACE, lines, left, spread=SPREAD))
    assert table is not None
    page = page_templates(language).from_string('{% from "table.html.j2" import table_of_trainings with context %}{{ table_of_trainings(table) }}').render(table=table)
    assert all(word in page for word in words)
    assert "<script>" not in page
    assert "<b>x" not in page


def test_figures_of_another_kind_or_damaged_ones_make_no_table_and_no_error() -> None:
    assert final_table(None) is None
    assert final_table({"kind": "accuracy"}) is None
    broken = final_table({"kind": "table", "rows": [{"cell": "x", "lr": float("nan"), "differs": 3}, 7], "left": None, "spread": "a"})
    assert broken is not None
    assert [(row.cell, row.lr, row.differs) for row in broken.rows] == [(0, None, ())]
