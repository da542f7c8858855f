"""The command line with everything that people get wrong: one message in three parts, the right exit code, no traceback."""

import json
import shutil
from pathlib import Path

import nbformat
import pytest

from grader.assignment import load_assignment
from grader.cli import main
from grader.sandbox import find_gpus
from tests.commands import run


@pytest.fixture
def course(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    folder = tmp_path / "course"
    assert run(capsys, "init", folder)[0] == 0
    (folder / "roster.csv").write_text("id;ФИО;группа;вариант;поток\ns01;Иванов Иван;ИУ5-61Б;5;ИУ5\n", encoding="utf-8")
    arguments = ("variants", "assign", folder / "roster.csv", "--rule", "iu5-2026", "--assignment", "iu5_lab1", "-o", folder / "variants.csv")
    assert run(capsys, *arguments)[0] == 0
    return folder


def test_help_and_version_are_there(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--help")
    assert code == 0
    assert all(word in out for word in ("check", "demo", "grade", "rescore", "variants"))
    assert run(capsys, "--version")[1].startswith("zachet")


def test_an_unknown_command_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "graed")
    assert code == 2
    assert "graed" in err


def test_grading_outside_a_course_says_how_to_make_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "grade", "--course", tmp_path)
    assert code == 2
    assert "course.toml" in err
    assert "zachet init" in err


def test_an_unknown_assignment_is_named(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "grade", "--course", course, "--assignment", "iu5_lab2")
    assert code == 2
    assert "iu5_lab2" in err
    assert "iu5_lab1" in err


def test_data_that_is_not_there_is_named(course: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "grade", "--course", course, "--data-root", tmp_path / "nowhere", "--isolation", "none")
    assert code == 2
    assert "nowhere" in err


def test_without_bubblewrap_nothing_is_graded_and_the_remedy_is_said(
    course: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    code, _, err = run(capsys, "grade", "--course", course)
    assert code == 4
    assert "bubblewrap" in err
    assert "apt" in err
    assert not list((course / "results").rglob("*.json"))


def test_submissions_that_are_not_there_are_named(course: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "grade", tmp_path / "gone.zip", "--course", course, "--isolation", "none")
    assert code == 2
    assert "gone.zip" in err


def test_a_cohort_with_nothing_handed_in_is_told_who_is_missing(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "grade", "--course", course, "--isolation", "none")
    assert code == 0
    assert "s01" in err


def test_a_submission_that_cannot_be_run_gets_a_score_of_zero_a_report_and_exit_code_3(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = course / "submissions" / "iu5_lab1" / "s01" / "lab.ipynb"
    target.parent.mkdir(parents=True)
    target.write_text('{"cells": [', encoding="utf-8")
    code, out, _ = run(capsys, "grade", "--course", course, "--isolation", "none")
    assert code == 3
    assert "s01" in out
    score = json.loads((course / "results" / "scores" / "iu5_lab1" / "s01.json").read_text(encoding="utf-8"))
    assert (score["earned"], score["verdict"]) == (0, "failed")
    assert score["notes"][0]["check"] == "intake"
    page = (course / "results" / "reports" / "iu5_lab1" / "s01.html").read_text(encoding="utf-8")
    assert score["notes"][0]["rationale"]["ru"][:20] in page


def test_results_that_cannot_be_written_are_our_fault_and_said(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = course / "submissions" / "iu5_lab1" / "s01" / "lab.ipynb"
    target.parent.mkdir(parents=True)
    target.write_text("", encoding="utf-8")
    (course / "results" / "evidence").write_text("in the way", encoding="utf-8")
    code, _, err = run(capsys, "grade", "--course", course, "--isolation", "none")
    assert code == 4
    assert "s01" in err
    assert "--resume" in err


def test_checking_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "check", tmp_path / "нет.ipynb")
    assert code == 2
    assert "нет.ipynb" in err


def test_checking_a_notebook_that_names_no_classes_says_how_to_name_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nbformat.write(nbformat.v4.new_notebook(), tmp_path / "own.ipynb")
    code, _, err = run(capsys, "check", tmp_path / "own.ipynb")
    assert code == 2
    assert "--classes 0,55,58" in err


@pytest.mark.parametrize("classes", ["a,b", "1,2,300", "-1,2,3"])
def test_classes_that_are_none_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], classes: str) -> None:
    nbformat.write(nbformat.v4.new_notebook(), tmp_path / "own.ipynb")
    assert run(capsys, "check", tmp_path / "own.ipynb", f"--classes={classes}")[0] == 2


def test_checking_a_damaged_notebook_says_where_it_is_damaged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "own.ipynb").write_text('{"cells": [', encoding="utf-8")
    code, out, _ = run(capsys, "check", tmp_path / "own.ipynb", "--classes", "1,2,3", "--isolation", "none")
    assert code == 3
    assert "строка 1" in out


def test_a_notebook_cannot_name_a_folder_whose_checks_would_run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    evil = tmp_path / "evil"
    evil.mkdir()
    (evil / "assignment.toml").write_text('slug = "evil"\nedition = "1"\npoints = 1\nlanguages = ["en"]\n[title]\nen = "x"\n[[criterion]]\nid = "a"\npoints = 1\n[criterion.title]\nen = "x"\nchecks = ["c"]\n', encoding="utf-8")
    for name in ("lab.py", "probe.py"):
        (evil / name).write_text("", encoding="utf-8")
    (evil / "checks.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    notebook = nbformat.v4.new_notebook(metadata={"zachet": {"assignment": "./evil", "variant": {"classes": [1, 2, 3]}}})
    nbformat.write(notebook, tmp_path / "own.ipynb")
    run(capsys, "check", tmp_path / "own.ipynb", "--isolation", "none")
    assert not (tmp_path / "ran").exists()


def test_submissions_of_nobody_are_never_lost_in_silence(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nbformat.write(nbformat.v4.new_notebook(), course / "submissions" / "iu5_lab1" / "stranger.ipynb")
    (course / "submissions" / "iu5_lab1" / "other").mkdir()
    nbformat.write(nbformat.v4.new_notebook(), course / "submissions" / "iu5_lab1" / "other" / "x.ipynb")
    (course / "variants.csv").write_text((course / "variants.csv").read_text(encoding="utf-8-sig") + "s02,Пётр,ИУ5-61Б,6,ИУ5,,iu5_lab1,iu5-2026,8,36,56,,\n", encoding="utf-8")
    code, _, err = run(capsys, "grade", "--course", course, "--isolation", "none", "--quiet")
    assert code == 3
    assert "stranger" in err


def test_inside_and_outside_a_course_the_same_secret_draws_the_same(course: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    arguments = ("variants", "assign", course / "roster.csv", "--rule", "random-3", "--assignment", "iu5_lab1")
    assert run(capsys, *arguments, "-o", tmp_path / "one.csv")[0] == 0
    assert run(capsys, *arguments, "--secret-file", course / "secret.key", "-o", tmp_path / "two.csv")[0] == 0
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()


def test_rescoring_nothing_is_said(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "rescore", "--course", course)
    assert code == 4
    assert "zachet grade" in err


def test_a_fault_in_an_assignments_own_code_ends_no_batch(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = load_assignment("iu5_lab1", []).path
    own = course / "assignments" / "iu5_lab1"
    shutil.copytree(source, own, ignore=shutil.ignore_patterns("__pycache__"))
    text = (own / "checks.py").read_text(encoding="utf-8")
    (own / "checks.py").write_text(text + "\n\ndef prepare(preparation):\n    return {}['nothing']\n", encoding="utf-8")
    rows = (course / "variants.csv").read_text(encoding="utf-8-sig") + "s02,Пётр,ИУ5-61Б,6,ИУ5,,iu5_lab1,iu5-2026,8,36,56,,\n"
    (course / "variants.csv").write_text(rows, encoding="utf-8")
    for student, content in (("s01", nbformat.writes(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x = 1")]))), ("s02", "{")):
        (course / "submissions" / "iu5_lab1" / student).mkdir(parents=True)
        (course / "submissions" / "iu5_lab1" / student / "lab.ipynb").write_text(content, encoding="utf-8")
    code, out, err = run(capsys, "grade", "--course", course, "--isolation", "none")
    assert code == 4
    assert "s01: KeyError: 'nothing' (checks.py, line" in err
    assert "s02" in out


def test_debug_shows_the_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--debug", "grade", "--course", str(tmp_path)])
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(("device", "expected"), [("cuda", 4), ("cuda:7", 4), ("tpu", 2)])
def test_a_device_that_is_not_here_is_said_and_nothing_is_graded(
    course: Path, capsys: pytest.CaptureFixture[str], device: str, expected: int
) -> None:
    if find_gpus() and device != "tpu":
        pytest.skip("this machine has a GPU")
    code, _, err = run(capsys, "grade", "--course", course, "--device", device)
    assert code == expected
    assert device in err
    assert "cpu" in err
    assert not list((course / "results").rglob("*.json"))
