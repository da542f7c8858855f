"""Accuracy against a calibrated reference: decision, words, figures, picture, and everything that makes a calibration unusable."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from grader.assignment import Assignment, calibrated, load_assignment, load_checks
from grader.checks import Conclusion
from grader.content import content_dir
from grader.evidence import MissingRecord
from grader.model import Finding, Given, Json, Language, Outcome, Recipe, Text, View
from grader.report import render_report
from grader.report.accuracy import draw_accuracy
from grader.scores import finding_from_json, finding_to_json
from grader.thresholds import Calibrated, Thresholds, lines, recipe_digest, sort_out
from tests.evidence_of import evidence_of
from tests.report_samples import sample_score

LAB = load_assignment(content_dir("assignments") / "iu5_lab1", [])
CHECKS = load_checks(LAB)
LABELS = np.arange(300) % 3
ORDER = np.random.default_rng(5).permutation(300)
TYPICAL = np.arange(300) < 228
SEEN = (0.76, 0.78, 0.74, 0.76, 0.75, 0.77, 0.76, 0.74, 0.78, 0.76)


def row(accuracies: tuple[float, ...] = SEEN, hits: str = np.packbits(TYPICAL).tobytes().hex(), hidden: int = 300) -> Calibrated:
    return sort_out((0, 55, 58), accuracies, [0.99] * len(accuracies), hidden=hidden, hits=hits)


def lab_with(variants: Mapping[str, Calibrated] | None = None, **change: Any) -> Assignment:
    assert LAB.recipe is not None
    made: dict[str, Any] = {
        "assignment": "iu5_lab1", "engine": "fast", "recipe": recipe_digest(LAB.recipe), "view": View.SEALED, "data_name": "cifar100",
        "data": "", "environment": {"torch": "2.0.1"}, "variants": {"0,55,58": row()} if variants is None else variants,
    }  # fmt: skip
    return calibrated(LAB, Thresholds(**{**made, **change}))


def judged(tmp_path: Path, right: int, assignment: Assignment, *, kept: Mapping[str, Json | np.ndarray[Any, Any]] | None = None) -> Conclusion:
    """Judge a work that is right on the first `right` hidden images in the order in which they were shown."""
    answers = np.where(np.arange(300) < right, LABELS, (LABELS + 1) % 3)
    given = Given(kept=kept if kept is not None else {"labels": LABELS, "order": ORDER})
    evidence = evidence_of(tmp_path, records={"logits": np.eye(3)[answers], "classes": [0, 55, 58]}, given=given)
    conclusion: Conclusion = CHECKS.functions["hidden_accuracy"](evidence, assignment)
    return conclusion


def test_work_like_the_reference_earns_everything(tmp_path: Path) -> None:
    conclusion = judged(tmp_path, 222, lab_with())
    assert (conclusion.outcome, conclusion.share, conclusion.actual) == (Outcome.PASSED, 1.0, "0.740")
    assert "reaches the pass line" in conclusion.rationale.en
    assert "не ниже порога" in conclusion.rationale.ru


def test_work_below_the_line_is_told_how_far_and_how_rare_that_is_for_honest_work(tmp_path: Path) -> None:
    conclusion = judged(tmp_path, 201, lab_with())
    line = float(conclusion.expected.removeprefix("≥ "))
    short = int(re.search(r"right answers short of it: (\d+)", conclusion.rationale.en).group(1))  # type: ignore[union-attr]
    assert conclusion.outcome is Outcome.FAILED
    assert (201 + short) / 300 >= line - 0.001 > (201 + short - 1) / 300 - 0.002
    assert "at most 1 % of the time" in conclusion.rationale.en
    assert 0.85 < conclusion.share < 1


def test_an_accuracy_just_short_of_the_line_is_not_written_as_the_line(tmp_path: Path) -> None:
    line = lines(lab_with().thresholds.reference((0, 55, 58), LAB.policy), LAB.policy, 1).fail  # type: ignore[union-attr]
    moved = lab_with({"0,55,58": replace(row(), accuracies=tuple(value + 0.7003 - line for value in SEEN))})
    conclusion = judged(tmp_path, 210, moved)
    assert conclusion.outcome is Outcome.FAILED
    assert conclusion.expected == "≥ 0.7003"
    assert "0.7000 is below the pass line 0.7003" in conclusion.rationale.en
    assert "0.7000 ниже порога 0.7003" in conclusion.rationale.ru


def several(tmp_path: Path, rights: Sequence[int | None], *, replicates: int = 3, planned: int = 1) -> Conclusion:
    """Judge a work whose runs were right on so many images each; None died before it was measured."""
    runs = []
    for number, right in enumerate(rights):
        answers = np.where(np.arange(300) < (right or 0), LABELS, (LABELS + 1) % 3)
        records: dict[str, Any] = {"classes": [0, 55, 58]} if right is None else {"logits": np.eye(3)[answers], "classes": [0, 55, 58]}
        facts: dict[str, Json] = {"replicate": number, "planned": planned}
        runs.append(evidence_of(tmp_path, records=records, given=Given(kept={"labels": LABELS, "order": ORDER}), facts=facts))
    lab = lab_with()
    lab = replace(lab, policy=replace(lab.policy, replicates=replicates))
    conclusion: Conclusion = CHECKS.functions["hidden_accuracy"](replace(runs[0], further=tuple(runs[1:])), lab)
    return conclusion


def test_a_borderline_work_asks_for_another_run_and_passes_when_there_are_no_more(tmp_path: Path) -> None:
    first = several(tmp_path, [220])
    assert (first.again, first.outcome) == (True, Outcome.PASSED)
    assert "1 of at most 3 runs" in first.rationale.en
    last = several(tmp_path, [220, 221, 220])
    assert (last.again, last.outcome, last.share) == (False, Outcome.PASSED, 1.0)
    assert "(the mean of 3 runs; their standard deviation is 0.002)" in last.rationale.en


def test_what_one_run_leaves_open_more_runs_can_decide_either_way(tmp_path: Path) -> None:
    assert not several(tmp_path, [220, 236]).again
    bad = several(tmp_path, [214, 207])
    assert (bad.outcome, bad.again) == (Outcome.FAILED, False)
    assert bad.actual == "0.702 (0.713, 0.690)"


def test_a_later_run_without_an_accuracy_is_no_zero(tmp_path: Path) -> None:
    whole, broken = several(tmp_path, [228, 229], planned=2), several(tmp_path, [228, None, 229], planned=3)
    assert broken.actual == whole.actual == "0.762 (0.760, 0.763)"
    assert broken.outcome is Outcome.PASSED


def test_the_first_run_without_an_accuracy_fails_with_its_own_reason(tmp_path: Path) -> None:
    with pytest.raises(MissingRecord):
        several(tmp_path, [None, 228], planned=2)


def test_the_picture_shows_every_run_with_its_interval_and_the_mean(tmp_path: Path) -> None:
    figures: Any = several(tmp_path, [220, 221, 219]).figures
    assert figures["accuracy"] == pytest.approx(220 / 300, abs=1e-6)
    assert figures["runs_sd"] == pytest.approx(1 / 300, abs=1e-6)
    picture = draw_accuracy(figures)
    assert picture is not None
    assert [(one.number, one.accuracy) for one in picture.runs] == [(1, 0.733333), (2, 0.736667), (3, 0.73)]
    assert all(one.low < one.place < one.high for one in picture.runs)
    assert [one.height for one in picture.runs] == sorted(one.height for one in picture.runs)

def test_exactly_on_the_line_passes_and_one_image_less_fails(tmp_path: Path) -> None:
    line = lines(lab_with().thresholds.reference((0, 55, 58), LAB.policy), LAB.policy, 1).fail  # type: ignore[union-attr]
    # The whole calibration moved so that its line is 210 of 300 images.
    moved = lab_with({"0,55,58": replace(row(), accuracies=tuple(value + 0.7 - line for value in SEEN))})
    assert judged(tmp_path / "on", 210, moved).outcome is Outcome.PASSED
    below = judged(tmp_path / "below", 209, moved)
    assert below.outcome is Outcome.FAILED
    assert "right answers short of it: 1)" in below.rationale.en


def test_guessing_earns_nothing(tmp_path: Path) -> None:
    assert judged(tmp_path, 100, lab_with()).share == 0


def test_figures_hold_what_the_picture_needs_and_the_paired_comparison(tmp_path: Path) -> None:
    figures: Any = judged(tmp_path, 201, lab_with()).figures
    assert figures["accuracy"] == 0.67
    assert figures["low"] < 0.67 < figures["high"]
    assert figures["reference"] == list(SEEN)
    both = TYPICAL[ORDER]
    mine = np.arange(300) < 201
    assert (figures["paired"]["only_work"], figures["paired"]["only_reference"]) == (int((mine & ~both).sum()), int((both & ~mine).sum()))


def test_evidence_without_the_order_of_images_has_no_paired_comparison(tmp_path: Path) -> None:
    figures: Any = judged(tmp_path, 201, lab_with(), kept={"labels": LABELS}).figures
    assert "paired" not in figures
    other: Any = judged(tmp_path, 201, lab_with({"0,55,58": row(hits="")})).figures
    assert "paired" not in other


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"data": "ab"}, "another data set"),
        ({"view": View.OFFICIAL}, "the data view official"),
        ({"recipe": recipe_digest(Recipe(hidden=(10,), lr=0.005, batch=128, epochs=25))}, "recipe has changed"),
        ({"environment": {"torch": "1.13"}}, r"made with torch 1\.13, the work ran with 2\.0"),
        ({"variants": {}}, "was not calibrated"),
        ({"variants": {"0,55,58": row((0.36, 0.35, 0.37))}}, "told from guessing"),
        ({"variants": {"0,55,58": row((0.75,))}}, "only one training"),
    ],
)
def test_a_calibration_that_does_not_fit_is_named_and_the_common_rule_applies(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    conclusion = judged(tmp_path, 222, lab_with(**change))
    assert re.search(rf"Not calibrated for this variant \(.*{words}.*\): the points", conclusion.rationale.en)
    assert "не откалиброван (" in conclusion.rationale.ru
    assert conclusion.expected == "≥ 0.750"
    assert conclusion.figures is None


def test_without_any_calibration_the_text_is_the_plain_one(tmp_path: Path) -> None:
    conclusion = judged(tmp_path, 222, LAB)
    assert "Not calibrated for this variant: the points grow linearly" in conclusion.rationale.en
    assert conclusion.figures is None


def test_outputs_that_are_not_numbers_are_wrong_and_fail(tmp_path: Path) -> None:
    given = Given(kept={"labels": LABELS, "order": ORDER})
    evidence = evidence_of(tmp_path, records={"logits": np.full((300, 3), np.nan), "classes": [0, 55, 58]}, given=given)
    conclusion = CHECKS.functions["hidden_accuracy"](evidence, lab_with())
    assert (conclusion.outcome, conclusion.share) == (Outcome.FAILED, 0)


def test_a_small_hidden_set_has_a_wide_interval_and_still_a_line(tmp_path: Path) -> None:
    assignment = lab_with({"0,55,58": row((0.75, 0.8, 0.75, 0.7, 0.75), hits="", hidden=20)})
    labels = np.arange(20) % 3
    given = Given(kept={"labels": labels, "order": np.arange(20)})
    evidence = evidence_of(tmp_path, records={"logits": np.eye(3)[labels], "classes": [0, 55, 58]}, given=given)
    conclusion = CHECKS.functions["hidden_accuracy"](evidence, assignment)
    assert conclusion.outcome is Outcome.PASSED
    assert conclusion.figures["low"] < 0.85


def finding(conclusion: Conclusion) -> Finding:
    return Finding(
        check="hidden_accuracy", title=Text(ru="Точность", en="Accuracy"), outcome=conclusion.outcome, share=conclusion.share,
        rationale=conclusion.rationale, hint=conclusion.hint, figures=conclusion.figures,
    )  # fmt: skip


def test_figures_survive_the_score_file_and_fit_its_schema(tmp_path: Path) -> None:
    made = finding(judged(tmp_path, 201, lab_with()))
    data = json.loads(json.dumps(finding_to_json(made)))
    schema = json.loads((content_dir("templates").parent / "docs" / "schema" / "score-1.json").read_text(encoding="utf-8"))
    jsonschema.validate(data, {**schema["$defs"]["finding"], "$defs": schema["$defs"]})
    assert finding_from_json(data).figures == made.figures
    assert "figures" not in finding_to_json(replace(made, figures=None))


@pytest.mark.parametrize(("language", "words"), [("ru", "порог для ваших классов"), ("en", "pass line of your classes")])
def test_the_report_draws_the_accuracy_without_scripts(tmp_path: Path, language: Language, words: str) -> None:
    score = sample_score()
    first = replace(score.criteria[0], findings=(finding(judged(tmp_path, 201, lab_with())),))
    page = render_report(replace(score, criteria=(first,)), "{}", language)
    assert '<figure class="accuracy">' in page
    assert words in page
    assert len(re.findall(r'<circle class="dot"', page)) == len(SEEN)
    assert "<script" not in page


def test_a_picture_keeps_the_order_of_what_it_shows(tmp_path: Path) -> None:
    picture = draw_accuracy(judged(tmp_path, 201, lab_with()).figures)
    assert picture is not None
    assert picture.chance < picture.low < picture.work < picture.line < picture.mean
    assert not picture.passed


@pytest.mark.parametrize("figures", [None, {}, {"kind": "other"}, {"kind": "accuracy"}, {"kind": "accuracy", "accuracy": "x"}])
def test_figures_that_make_no_picture_draw_nothing(figures: Any) -> None:
    assert draw_accuracy(figures) is None


POINTS: list[Json] = [{"run": run, "accuracy": seen, "low": seen - 0.05, "high": seen + 0.05} for run, seen in enumerate((0.69, 0.70, 0.62), 1)]


def test_several_runs_stand_each_on_a_row_of_its_own_within_the_picture(tmp_path: Path) -> None:
    figures = {**(judged(tmp_path, 201, lab_with()).figures or {}), "runs": POINTS}
    picture = draw_accuracy(figures)
    assert picture is not None
    assert picture.runs[2].place < picture.runs[0].place < picture.runs[1].place
    assert len({run.height for run in picture.runs}) == 3
    assert all(0 < run.low < run.place < run.high < 640 for run in picture.runs)


@pytest.mark.parametrize("points", [None, [], POINTS[:1], "x"])
def test_a_single_run_is_drawn_as_it_always_was(tmp_path: Path, points: Json) -> None:
    figures = {**(judged(tmp_path, 201, lab_with()).figures or {}), "runs": points}
    picture = draw_accuracy(figures)
    assert picture is not None
    assert picture.runs == ()


def test_points_that_are_no_numbers_draw_nothing(tmp_path: Path) -> None:
    known = judged(tmp_path, 201, lab_with()).figures or {}
    more: tuple[Json, ...] = (3, {"run": 4, "accuracy": "x", "low": 0, "high": 1}, {"run": 4, "accuracy": math.nan, "low": 0, "high": 1}, {"run": 4, "accuracy": 0.7})
    for wrong in more:
        assert draw_accuracy({**known, "runs": [*POINTS, wrong]}) is None


@pytest.mark.parametrize(("language", "words"), [("ru", "среднее по запускам"), ("en", "the mean of your runs")])
def test_the_report_shows_every_run_and_says_that_the_large_dot_is_their_mean(tmp_path: Path, language: Language, words: str) -> None:
    made = finding(judged(tmp_path, 201, lab_with()))
    score = sample_score()
    first = replace(score.criteria[0], findings=(replace(made, figures={**(made.figures or {}), "runs": POINTS, "runs_sd": 0.044}),))
    page = render_report(replace(score, criteria=(first,)), "{}", language)
    assert page.count('<circle class="run"') == 3
    assert words in page


def test_a_share_short_of_everything_is_never_shown_as_all_of_it(tmp_path: Path) -> None:
    score = sample_score()
    made = replace(finding(judged(tmp_path, 201, lab_with())), share=0.998)
    page = render_report(replace(score, criteria=(replace(score.criteria[0], findings=(made,)),), notes=()), "{}", "en")
    assert '<span class="share">99%</span>' in page
