"""`zachet fairness`: the page and the command, from a calibration to what an instructor shows to colleagues."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grader.assignment import load_assignment
from grader.calibration import recipe_of
from grader.model import Language, Policy, Text
from grader.report import render_fairness
from grader.report.fairness import called, chance, draw_variants, in_words
from grader.thresholds import Thresholds, compare_rules, recipe_digest, write_thresholds
from tests.commands import run
from tests.report_samples import Outline
from tests.test_chances import EASY, HARD, MIDDLE, calibration, compared, row

SAMPLE: Thresholds = replace(
    calibration(row(HARD, 0.60), row(MIDDLE, 0.70), row(EASY, 0.85)), recipe=recipe_digest(recipe_of(load_assignment("iu5_lab1", [])))
)


@pytest.fixture
def course(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A calibrated course of four students, one of them with classes that were not calibrated, two with the same set."""
    folder = tmp_path / "course"
    assert run(capsys, "init", folder, "--title", "Deep <learning>")[0] == 0
    rows = "s01,A,r,1,2,3\ns02,B,r,9,8,7\ns03,C,r,7,8,9\ns04,D,r,50,51,52\n"
    (folder / "variants.csv").write_text(f"id,name,rule,class_1,class_2,class_3\n{rows}", encoding="utf-8")
    write_thresholds(folder / "thresholds" / "iu5_lab1.json", SAMPLE)
    return folder


@pytest.mark.parametrize("language", ["ru", "en"])
def test_the_page_stands_alone_and_draws_every_variant_from_the_hardest_on(language: Language) -> None:
    page = render_fairness(compared(), title="A <course>", language=language)
    outline = Outline(page)
    assert f'<html lang="{language}">' in page
    assert "A &lt;course&gt;" in page
    assert not {tag for tag, _ in outline.tags} & {"script", "link", "img", "iframe"}
    assert len(re.findall(r'<path class="hill"', page)) == 3
    assert re.findall(r'<text class="label"[^>]*>([^<]*)<', page) == ["1, 2, 3", "4, 5, 6", "7, 8, 9"]
    assert all(attributes.get("scope") for attributes in outline.named("th"))


def test_the_plot_keeps_the_order_of_what_it_shows() -> None:
    plot = draw_variants(compared(), "en")
    assert plot is not None
    hard, _, easy = plot.columns
    assert [column.state for column in plot.columns] == ["failed", "partial", "passed"]
    assert hard.x < easy.x
    # The y axis points down: the hard variant stands below the fixed line, the easy one above it, and each above its own line.
    assert min(hard.dots) > plot.fixed > easy.line > max(easy.dots)
    assert hard.equal.fixed < easy.equal.fixed
    assert hard.equal.own == pytest.approx(easy.equal.own, abs=1.5)


def test_the_sentences_count_what_a_fixed_threshold_does() -> None:
    said = [sentence.en for sentence in in_words(compared(EASY, HARD, MIDDLE, (50, 51, 52)))]
    assert said[0].startswith("A fixed 70%: work of the reference's quality fails for ever on 1 of 3 variants, is a lottery on 1 and always passes on 1.")
    assert "Work that is 5 points worse" in said[2]
    assert said[3].startswith("Variants without a line of their own: 1")
    assert "run up to 3 times" in in_words(compared(policy=Policy(replicates=3)))[1].en
    assert "до 3 раз" in in_words(compared(policy=Policy(replicates=3)))[1].ru


def test_without_variants_there_is_a_page_that_names_what_is_missing() -> None:
    comparison = compare_rules(SAMPLE, [(50, 51, 52)], Policy(), fixed=0.7, worse=0.05)
    page = render_fairness(comparison, title="A", language="en", notes=[Text(ru="а", en="Not <fit>.")])
    Outline(page)
    assert "<svg viewBox" not in page
    assert "was not calibrated" in page
    assert "Not &lt;fit&gt;." in page
    assert draw_variants(comparison, "en") is None


def test_many_variants_fit_into_the_plot_without_labels() -> None:
    rows = [row((index, index + 1, index + 2), 0.5 + index / 300) for index in range(90)]
    comparison = compare_rules(calibration(*rows), [one.classes for one in rows], Policy(), fixed=0.7, worse=0.05)
    plot = draw_variants(comparison, "ru")
    assert plot is not None
    assert not plot.labels
    assert all(column.x - column.half >= 56 and column.x + column.half <= 948 for column in plot.columns)
    assert '<text class="label"' not in render_fairness(comparison, title="A", language="ru")


@pytest.mark.parametrize(
    ("value", "digits", "ru", "en"),
    [(0.0, 0, "0 %", "0%"), (1.0, 0, "100 %", "100%"), (0.999, 0, "> 99 %", "> 99%"), (0.9891, 1, "98,9 %", "98.9%"), (0.001, 0, "< 1 %", "< 1%"), (0.5, 0, "50 %", "50%")],
)
def test_only_certainty_is_written_as_certainty(value: float, digits: int, ru: str, en: str) -> None:
    assert chance(value, "ru", digits).replace("\N{NO-BREAK SPACE}", " ") == ru
    assert chance(value, "en", digits).replace("\N{NO-BREAK SPACE}", " ") == en


def test_classes_are_called_by_their_names_where_they_have_some() -> None:
    assert called((0, 55, 58), "en") == "apple, otter, pickup truck"
    assert called((0, 55, 58), "ru") == "яблоко, выдра, пикап"
    assert called((0, 300), "en") == "0, 300"


def test_a_course_gets_table_sentences_and_page(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "fairness", "--course", course, "--language", "en")
    assert code == 0
    assert re.search(r"1, 2, 3\s+0\.600 ± 0\.01\d\s+0\.5\d\d\s+10 / 10", out)
    assert "4, 5, 6" not in out  # calibrated, but nobody has it
    assert "fails for ever on 1 of 2 variants" in out
    assert "50, 51, 52 (mouse, mushroom, oak tree): this set of classes was not calibrated" in out
    page = (course / "results" / "fairness-iu5_lab1.html").read_text(encoding="utf-8")
    assert "Deep &lt;learning&gt;: Lab 1" in page
    assert re.search(r'7, 8, 9</span></th><td class="chance">2</td>', page)


def test_the_course_s_language_is_that_of_table_and_page(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "fairness", "--course", course)
    assert "Единый порог 70" in out
    assert '<html lang="ru">' in (course / "results" / "fairness-iu5_lab1.html").read_text(encoding="utf-8")


def test_json_has_everything_and_writes_no_page(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "fairness", "--course", course, "--json", "--fixed", "0.8", "--worse", "0.1", "--replicates", "3")
    data: Any = json.loads(out)
    assert code == 0
    assert (data["fixed"], data["worse_by"], data["replicates"]) == (0.8, 0.1, 3)
    assert [one["classes"] for one in data["variants"]] == [[1, 2, 3], [7, 8, 9]]
    assert data["without"][0]["classes"] == [50, 51, 52]
    assert not (course / "results" / "fairness-iu5_lab1.html").exists()


def test_a_calibration_alone_is_enough_and_shows_all_its_variants(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, page = tmp_path / "t.json", tmp_path / "new" / "page.html"
    write_thresholds(file, SAMPLE)
    code, out, _ = run(capsys, "fairness", "--course", tmp_path, "--thresholds", file, "-o", page, "--language", "en")
    assert code == 0
    assert "of 3 variants" in out
    assert "Students" not in page.read_text(encoding="utf-8")


def test_a_calibration_that_grading_will_not_use_is_said_on_screen_and_page(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = course / "thresholds" / "iu5_lab1.json"
    write_thresholds(file, replace(SAMPLE, recipe="0" * 64))
    _, _, err = run(capsys, "fairness", "--course", course, "--language", "en")
    assert "Grading will not use this calibration: the reference recipe has changed since." in err
    assert "Grading will not use this calibration" in (course / "results" / "fairness-iu5_lab1.html").read_text(encoding="utf-8")
    write_thresholds(file, replace(SAMPLE, data_name="cifar100-synthetic"))
    assert "synthetic" in run(capsys, "fairness", "--course", course, "--language", "en")[2]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--thresholds", "nowhere.json"), "There is no calibration"),
        (("--fixed", "70"), "--fixed"),
        (("--worse", "0"), "--worse"),
        (("--replicates", "0"), "--replicates"),
        (("--variants", "nowhere.csv"), "nowhere.csv"),
        (("-o", "course.toml/page.html"), "The page cannot be written"),
    ],
)
def test_what_cannot_be_compared_is_said(
    course: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, str], words: str
) -> None:
    monkeypatch.chdir(course)
    code, _, err = run(capsys, "fairness", *arguments)
    assert code == 2
    assert words in err


def test_no_course_no_calibration_and_the_wrong_assignment_are_named(tmp_path: Path, course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "--thresholds FILE" in run(capsys, "fairness", "--course", tmp_path)[2]
    file = course / "thresholds" / "iu5_lab1.json"
    moved = file.rename(tmp_path / "t.json")
    assert "Make it with `zachet calibrate`" in run(capsys, "fairness", "--course", course)[2]
    moved.write_text(moved.read_text(encoding="utf-8").replace('"assignment": "iu5_lab1"', '"assignment": "other"'), encoding="utf-8")
    assert 'those of "other"' in run(capsys, "fairness", "--course", course, "--assignment", "iu5_lab1", "--thresholds", moved)[2]
