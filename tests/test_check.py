"""`zachet check`, as students use it: what goes along with the notebook, what is refused before anything runs, and what is printed in which order."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import nbformat
import pytest

from grader.errors import ConfigurationError
from grader.intake.weights import SUFFIXES
from grader.model import Submission
from grader.sandbox import find_gpus
from grader.selfcheck import find_own, hand_in, own_variant
from grader.submission import take_in
from tests.commands import run
from tests.handed_in import zipped

OPEN = ("--isolation", "none")
IDENTITY = {"assignment": "iu5_lab1", "student": "s01", "language": "en", "variant": {"classes": [22, 57, 76]}}
SCHEMA = json.loads((Path(__file__).parent.parent / "docs" / "schema" / "score-1.json").read_text(encoding="utf-8"))


def write(path: Path, *code: str, **identity: Any) -> Path:
    """Write a notebook as it is handed out, with these cells in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cells = [nbformat.v4.new_markdown_cell("Text"), *map(nbformat.v4.new_code_cell, code)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"zachet": IDENTITY | identity}), path)
    return path


def handed_in(notebook: Path, work: Path, *, weights: Path | None = None, loads: bool = False) -> Submission:
    work.mkdir()
    own = find_own(notebook)
    variant, _ = own_variant(own, slug="", classes=None)
    return hand_in(own, variant, weights=weights, loads=loads, work=work)


def names(folder: str | None) -> frozenset[str]:
    return frozenset(path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file()) if folder else frozenset()


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A student's folder: the notebook, what it needs, and what else there is in such folders."""
    folder = tmp_path / "labs"
    write(folder / "s01.ipynb", "import helper")
    write(folder / "other.ipynb", "1")
    write(folder / "old" / "s01.ipynb", "1")
    for name in ("helper.py", "my.csv", "data/rows.csv", "model.pth", "best.onnx", "__pycache__/helper.pyc", "s01.txt"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(f"# {name}\n", encoding="utf-8")
    return folder


class TestBeside:
    NEEDED = frozenset({"helper.py", "my.csv", "data/rows.csv", "s01.txt"})

    def test_files_go_along_as_they_lie_and_other_notebooks_and_weights_do_not(self, own: Path, tmp_path: Path) -> None:
        submission = handed_in(own / "s01.ipynb", tmp_path / "work")
        assert (names(submission.files), submission.with_weights, submission.weights) == (self.NEEDED, None, "")
        assert not submission.problems

    def test_it_is_what_grade_takes_of_the_same_files(self, own: Path, tmp_path: Path) -> None:
        checked = handed_in(own / "s01.ipynb", tmp_path / "work", loads=True)
        for other in (own / "other.ipynb", own / "old" / "s01.ipynb"):
            other.unlink()
        own = own.rename(tmp_path / "s01")
        variant, _ = own_variant(find_own(own / "s01.ipynb"), slug="", classes=None)
        (graded,) = take_in([own], assignment="iu5_lab1", roster=[variant.student], work=tmp_path / "graded").submissions
        assert (names(checked.files), names(checked.with_weights)) == (names(graded.files), names(graded.with_weights))
        assert (checked.digest, checked.weights) == (graded.digest, graded.weights)

    def test_with_weights_it_is_the_same_and_the_weights(self, own: Path, tmp_path: Path) -> None:
        every = handed_in(own / "s01.ipynb", tmp_path / "every", loads=True)
        assert (names(every.files), names(every.with_weights)) == (self.NEEDED, self.NEEDED | {"model.pth", "best.onnx"})
        elsewhere = tmp_path / "named.pt"
        elsewhere.write_bytes(b"x")
        named = handed_in(own / "s01.ipynb", tmp_path / "named", weights=elsewhere, loads=True)
        assert (names(named.with_weights), named.weights) == (self.NEEDED | {"named.pt"}, "named.pt")

    @pytest.mark.parametrize("name", ["lab.py", "lab"])
    def test_beside_a_script_or_a_notebook_without_suffix_no_other_one_is_taken(self, own: Path, tmp_path: Path, name: str) -> None:
        for other in (name, "twin" + Path(name).suffix):
            if name.endswith(".py"):
                (own / other).write_text(f"# %%\nimport helper  # {other}\n", encoding="utf-8")
            else:
                write(own / "new.ipynb", f"# {other}").rename(own / other)
        found = find_own(own / name)
        variant, _ = own_variant(found, slug="", classes="1,2,3")
        (tmp_path / "work").mkdir()
        submission = hand_in(found, variant, weights=None, loads=False, work=tmp_path / "work")
        assert submission.notebook is not None
        assert names(submission.files) == self.NEEDED

    def test_a_link_to_the_notebook_is_followed_and_others_are_not(self, own: Path, tmp_path: Path) -> None:
        (own / "link.ipynb").symlink_to(own / "old" / "s01.ipynb")
        (own / "far.csv").symlink_to("/etc/hostname")
        submission = handed_in(own / "link.ipynb", tmp_path / "work")
        assert submission.notebook is not None
        assert names(submission.files) == self.NEEDED
        assert [problem.rationale.en for problem in submission.problems] == ["Links to other files are not followed and were left out: far.csv."]

    def test_beyond_the_bounds_what_lies_nearest_stays(self, own: Path, tmp_path: Path) -> None:
        for number in range(200):
            (own / "data" / f"{number:03}.png").touch()
        submission = handed_in(own / "s01.ipynb", tmp_path / "work")
        assert len(names(submission.files)) == 200
        assert names(submission.files) >= {"helper.py", "my.csv", "s01.txt"}
        (problem,) = submission.problems
        assert "data/199.png" in problem.rationale.en

    def test_the_run_finds_them_and_what_was_left_out_is_said_on_one_line(self, own: Path, capsys: pytest.CaptureFixture[str]) -> None:
        with (own / "huge.bin").open("wb") as stream:
            stream.truncate(65 << 20)
        looks = "import helper, os\nassert open('data/rows.csv').read()\nassert not {'huge.bin', 'model.pth', 'other.ipynb'} & set(os.listdir())"
        code, out, err = run(capsys, "check", write(own / "s01.ipynb", looks), *OPEN, "--json")
        assert code == 1
        assert json.loads(out)["execution"]["exit_reason"] == "completed"
        (left,) = [line for line in err.splitlines() if "huge.bin" in line]
        assert left.startswith("Not everything beside the notebook was taken.")
        (weights,) = [line for line in err.splitlines() if "model.pth" in line]
        assert "--mode load" in weights


class TestReport:
    def test_it_never_takes_the_place_of_the_notebook_or_of_a_file_that_is_no_page(self, own: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (own / "link.html").symlink_to(own / "s01.ipynb")
        for name in ("s01.ipynb", "link.html", "my.csv", "other.ipynb"):
            before = (own / name).read_bytes()
            code, out, err = run(capsys, "check", own / "s01.ipynb", *OPEN, "--report", own / name)
            assert (code, out) == (2, "")
            assert "would overwrite" in err
            assert name in err
            assert (own / name).read_bytes() == before

    def test_a_place_that_cannot_be_written_is_said_before_the_run(self, own: Path, capsys: pytest.CaptureFixture[str]) -> None:
        code, out, err = run(capsys, "check", own / "s01.ipynb", *OPEN, "--report", own / "my.csv" / "page.html")
        assert (code, out) == (2, "")
        assert "page.html: The report cannot be written here" in err
        assert "Running" not in err

    def test_findings_are_printed_before_a_report_that_fails_after_the_run(self, own: Path, capsys: pytest.CaptureFixture[str]) -> None:
        place = own.parent / "out"
        write(own / "s01.ipynb", f"import shutil\nshutil.rmtree({str(place)!r})\nopen({str(place)!r}, 'w').close()")
        code, out, err = run(capsys, "check", own / "s01.ipynb", *OPEN, "--report", place / "page.html")
        assert code == 2
        assert "Total: " in out
        assert "The report cannot be written here" in err

    def test_a_page_from_before_is_written_anew(self, own: Path, capsys: pytest.CaptureFixture[str]) -> None:
        page = own / "page.HTM"
        page.write_text("old", encoding="utf-8")
        assert run(capsys, "check", own / "s01.ipynb", *OPEN, "--report", page)[0] == 1
        assert "<html" in page.read_text(encoding="utf-8")


DAMAGED = {
    "cut.ipynb": b'{"cells": [',
    "conflict.ipynb": b'{\n<<<<<<< HEAD\n"cells": []}',
    "empty.ipynb": b"",
    "page.ipynb": b"<!DOCTYPE html><html></html>",
    "cp1251.ipynb": '{"cells": [], "metadata": {"a": "Привет"}}'.encode("cp1251"),
    "report.docx": b"PK\x03\x04 words",
}


class TestNothingToRun:
    @pytest.mark.parametrize("name", DAMAGED)
    def test_only_what_the_intake_found_is_said(self, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
        (tmp_path / name).write_bytes(DAMAGED[name])
        (tmp_path / "beside.csv").touch()
        code, out, err = run(capsys, "check", tmp_path / name, "--language", "en")
        assert (code, err) == (3, "")
        lines = [line for line in out.splitlines() if line and not line.startswith("    ")]
        assert len(lines) == 3
        assert lines[0].startswith("✗")
        assert name in lines[0]
        assert lines[1:] == ["Nothing to check: the notebook could not be opened.", "Total: 0 / 100, not passed"]
        assert "what to try" in out
        assert "beside.csv" not in out

    def test_the_score_and_the_page_are_made_all_the_same_and_name_no_classes(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (tmp_path / "cut.ipynb").write_bytes(DAMAGED["cut.ipynb"])
        code, out, _ = run(capsys, "check", tmp_path / "cut.ipynb", "--json", "--report", tmp_path / "page.html")
        score = json.loads(out)
        jsonschema.validate(score, SCHEMA)
        assert (code, score["earned"], score["variant"]["classes"]) == (3, 0, [])
        assert score["notes"][0]["rationale"]["ru"] in (tmp_path / "page.html").read_text(encoding="utf-8")

    def test_a_notebook_of_another_assignment_is_not_said_to_be_closed(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        code, out, _ = run(capsys, "check", write(tmp_path / "lab.ipynb", "1", assignment="other"), "--assignment", "iu5_lab1")
        assert code == 3
        assert "another assignment" in out
        assert "There is nothing to check." in out

    @pytest.mark.parametrize(("name", "content"), [("list.ipynb", "[1, 2]"), ("no.ipynb", '{"cells": 1}'), ("plain.py", "print(1)\n")])
    @pytest.mark.parametrize("classes", [(), ("--classes", "1,2,3")])
    def test_what_is_no_notebook_is_said_to_be_none(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: str, classes: tuple[str, ...]
    ) -> None:
        (tmp_path / name).write_text(content, encoding="utf-8")
        code, out, err = run(capsys, "check", tmp_path / name, *classes)
        assert (code, out) == (2, "")
        assert f"{name}: This is not a Jupyter notebook." in err

    def test_a_notebook_that_opens_but_cannot_be_run_keeps_its_classes(self, own: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (own / "far.csv").symlink_to("/etc/hostname")
        code, out, _ = run(capsys, "check", write(own / "s01.ipynb"), "--json")
        score = json.loads(out)
        assert (code, score["variant"]["classes"]) == (3, [22, 57, 76])
        assert [note["rationale"]["en"] for note in score["notes"] if note["check"] == "intake"] == [
            "There is no code cell in “s01.ipynb”; there is nothing to run."
        ]

    @pytest.mark.parametrize("name", ["lab.zip", "lab.rar", "lab.tar.gz"])
    def test_an_archive_is_to_be_unpacked(self, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
        zipped(tmp_path / name, {"lab.ipynb": write(tmp_path / "lab.ipynb", "1").read_bytes()})
        code, out, err = run(capsys, "check", tmp_path / name)
        assert (code, out) == (2, "")
        assert "This is an archive. Unpack it and check the .ipynb itself." in err

    def test_a_folder_is_answered_with_the_notebook_in_it(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        write(tmp_path / "lab.ipynb", "1")
        code, _, err = run(capsys, "check", tmp_path)
        assert code == 2
        assert f"This is a folder. Name the notebook: {tmp_path / 'lab.ipynb'}" in err
        write(tmp_path / "two.ipynb", "1")
        assert "lab.ipynb" not in run(capsys, "check", tmp_path)[2]


@pytest.mark.parametrize("student", ["me", "", 5, None, " s01 ", "s01"])
def test_nobody_is_told_that_their_own_notebook_was_issued_to_somebody_else(tmp_path: Path, student: Any) -> None:
    submission = handed_in(write(tmp_path / "lab.ipynb", "1", student=student), tmp_path / "work")
    assert submission.notebook is not None
    assert not submission.problems


@pytest.mark.parametrize(
    ("classes", "wrong"),
    [("0,999", "Class 999 is outside 0..99"), ("-1,2,3", "Class -1 is outside"), (",", "“,” names no class"), ("", "“” names no class"), ("1,1,2", "Class 1 is there twice"), ("a,b", "“a,b” is not a list")],
)  # fmt: skip
def test_classes_that_are_none_are_named(tmp_path: Path, classes: str, wrong: str) -> None:
    own = find_own(write(tmp_path / "lab.ipynb", "1"))
    with pytest.raises(ConfigurationError) as caught:
        own_variant(own, slug="", classes=classes)
    assert caught.value.what.startswith(wrong)
    assert caught.value.where == "--classes"
    assert "from 0 to 99" in caught.value.remedy


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--weights", "nope.pth"), "--weights needs --mode load or both."),
        (("--mode", "load", "--weights", "my.csv"), f"my.csv is no file of weights ({', '.join(SUFFIXES)})."),
        (("--mode", "both", "--weights", "nope.pth"), f"There is no such file of weights. Name a file of weights ({', '.join(SUFFIXES)})."),
    ],
)
def test_weights_that_would_not_be_loaded_are_refused(
    own: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(own)
    code, out, err = run(capsys, "check", "s01.ipynb", *options)
    assert (code, out) == (2, "")
    assert said in err


def test_a_gpu_on_a_machine_without_one(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if find_gpus():
        pytest.skip("this machine has a GPU")
    code, _, err = run(capsys, "check", own / "s01.ipynb", "--device", "cuda")
    assert code == 4
    assert "--device cuda: There is no GPU here. Leave out --device, or pass --device cpu" in err


def test_notes_come_after_the_criteria_under_a_heading_of_their_own(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "check", write(own / "s01.ipynb", "1 / 0"), *OPEN)
    criteria, notes = out.split("\nNotes (no points)\n")
    assert "ZeroDivisionError" in notes.split("\nTotal: ")[0]
    assert criteria[0] not in "✗✓–!…"
    assert " / " in criteria.splitlines()[0]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a terminal of its own")
def test_a_cell_without_an_end_is_cut_short_and_the_terminal_shows_which_it_is(own: Path) -> None:
    import pty

    write(own / "s01.ipynb", "x = 1", "while True: pass", "y = 1")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-I", "-c", "from grader.cli import main; main()", "check", str(own / "s01.ipynb"), *OPEN, "--cell-limit", "1", "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=theirs, check=False, timeout=120)
    shown = os.read(ours, 1 << 16).decode()
    os.close(ours)
    os.close(theirs)
    score = json.loads(done.stdout)
    assert score["execution"]["limits"]["cell_cpu_s"] == 1
    assert shown.index("cell 2 of 4") < shown.index("cell 3 of 4") < shown.index("cell 4 of 4")
    assert shown.endswith("\r\x1b[K")


def test_nothing_but_sentences_is_said_where_stderr_is_no_terminal(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, _, err = run(capsys, "check", own / "s01.ipynb", *OPEN)
    assert "\x1b" not in err
    assert "cell 2" not in err
