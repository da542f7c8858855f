"""Several notebooks in one hand-in, several hand-ins of one student: which one counts."""

import json
from pathlib import Path

from grader.intake.bounds import Bounds
from tests.handed_in import code_of, failures, issued, notebook, only, said, take, text_of, write, zipped


def test_two_usable_submissions_of_one_student_are_not_graded(tmp_path: Path) -> None:
    write(tmp_path / "in" / "s01" / "lab.ipynb", text_of("x = 1"))
    zipped(tmp_path / "in" / "s01.zip", {"lab.ipynb": text_of("x = 2")})
    submission = only(take(tmp_path))
    assert submission.notebook is None
    assert failures(submission) == ["The work was handed in several times, and the files do not tell which is the latest: in/s01, in/s01.zip."]


def test_the_same_work_handed_in_twice_is_one_work(tmp_path: Path) -> None:
    write(tmp_path / "in" / "s01" / "lab.ipynb", text_of("x = 1"))
    zipped(tmp_path / "in" / "s01.zip", {"renamed.ipynb": text_of("x = 1")})
    submission = only(take(tmp_path))
    assert submission.notebook
    assert not submission.problems


def test_the_only_usable_one_of_several_submissions_is_graded_with_a_note(tmp_path: Path) -> None:
    write(tmp_path / "in" / "s01" / "lab.ipynb", text_of("x = 1"))
    write(tmp_path / "in" / "s01.zip", b"PK\x03\x04 broken")
    submission = only(take(tmp_path))
    assert code_of(submission) == ["x = 1"]
    assert not failures(submission)
    assert said(submission.problems) == ["It was handed in several times; the only usable work, “in/s01”, is graded, the others are not: in/s01.zip."]


def test_two_different_notebooks_are_named_and_not_graded(tmp_path: Path) -> None:
    write(tmp_path / "in" / "s01" / "a.ipynb", text_of("x = 1"))
    write(tmp_path / "in" / "s01" / "b.ipynb", text_of("x = 2"))
    submission = only(take(tmp_path))
    assert submission.notebook is None
    assert failures(submission) == ["Several different notebooks were handed in, and it is unclear which one to grade: a.ipynb, b.ipynb."]


def test_the_notebook_that_was_issued_for_this_assignment_is_preferred(tmp_path: Path) -> None:
    write(tmp_path / "in" / "s01" / "draft.ipynb", text_of("x = 1"))
    write(tmp_path / "in" / "s01" / "friend.ipynb", text_of("x = 2", zachet=issued("s02")))
    write(tmp_path / "in" / "s01" / "mine.ipynb", text_of("x = 3", zachet=issued("s01")))
    write(tmp_path / "in" / "s01" / "next.ipynb", text_of("x = 4", zachet=issued("s01", "lab2")))
    submission = only(take(tmp_path))
    assert code_of(submission) == ["x = 3"]
    assert said(submission.problems) == ["Of several notebooks “mine.ipynb” is graded; the others are not: draft.ipynb, friend.ipynb, next.ipynb."]


def test_a_damaged_notebook_beside_a_good_one_does_not_matter(tmp_path: Path) -> None:
    write(tmp_path / "in" / "s01" / "Untitled.ipynb", "")
    write(tmp_path / "in" / "s01" / "lab.ipynb", text_of("x = 1"))
    submission = only(take(tmp_path))
    assert code_of(submission) == ["x = 1"]
    assert not failures(submission)


def test_many_notebooks_in_one_folder_are_not_all_read(tmp_path: Path) -> None:
    for number in range(4):
        write(tmp_path / "in" / "s01" / f"{number}.ipynb", json.dumps(notebook(f"x = {number}")))
    submission = only(take(tmp_path, bounds=Bounds(candidates=2)))
    assert failures(submission) == [
        "Several different notebooks were handed in, and it is unclear which one to grade: 0.ipynb, 1.ipynb.",
        "There are too many notebooks (4); not all were looked at.",
    ]
