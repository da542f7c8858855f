"""Taking in a batch: whose work is where, what counts, and what is said about the rest."""

import json
import os
from pathlib import Path

import pytest

from grader.errors import ConfigurationError
from grader.intake import notebook_texts, texts
from grader.intake.says import Words
from grader.model import Outcome
from grader.submission import take_in
from tests.handed_in import ROSTER, code_of, failures, issued, names_in, only, said, take, take_one, text_of, write, zipped
from variants.roster import Student


def test_a_folder_of_folders_gives_one_submission_per_student_in_order_of_the_roster(tmp_path: Path) -> None:
    for student in ("s03", "s01"):
        write(tmp_path / "in" / student / "lab.ipynb", text_of(f"who = '{student}'"))
    intake = take(tmp_path)
    assert [submission.student for submission in intake.submissions] == ["s01", "s03"]
    assert [code_of(submission) for submission in intake.submissions] == [["who = 's01'"], ["who = 's03'"]]
    assert intake.missing == ("s02",)
    assert said(intake.absences) == ["Nothing was handed in: Фёдорова Мария (s02)."]
    assert not intake.strays
    assert all(not submission.problems for submission in intake.submissions)


PRINTED = {"output_type": "stream", "name": "stdout", "text": "0.99\n"}


def test_the_copy_keeps_what_was_printed_no_counts_and_no_metadata_but_ours(tmp_path: Path) -> None:
    submission = take_one(tmp_path, text_of("x = 1", zachet=issued("s01"), colab={"name": "copy"}))
    assert submission.notebook == str(tmp_path / "work" / "s01" / "notebook.ipynb")
    kept = json.loads(Path(submission.notebook).read_text(encoding="utf-8"))
    assert kept == {
        "cells": [{"cell_type": "code", "execution_count": None, "id": "cell-0", "metadata": {}, "outputs": [PRINTED], "source": "x = 1"}],
        "metadata": {"zachet": issued("s01")},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


@pytest.mark.parametrize(
    "label",
    ["S02", "Фёдорова Мария", "Федорова Мария", "мария_фёдорова", "Фёдорова Мария_12345_assignsubmission_file_", "ЛР1 s02 итог", "lab1_s02"],
)
def test_a_folder_names_its_student_by_id_or_by_full_name(tmp_path: Path, label: str) -> None:
    write(tmp_path / "in" / label / "lab.ipynb", text_of("x = 1"))
    write(tmp_path / "in" / "s01" / "lab.ipynb", text_of("x = 1"))
    assert [submission.student for submission in take(tmp_path).submissions] == ["s01", "s02"]


def test_a_name_in_decomposed_unicode_is_the_same_name(tmp_path: Path) -> None:
    write(tmp_path / "in" / "Фе\u0308дорова Мария" / "lab.ipynb", text_of("x = 1"))
    assert only(take(tmp_path)).student == "s02"


def test_surname_and_first_name_are_enough_without_the_patronymic(tmp_path: Path) -> None:
    write(tmp_path / "in" / "Иванов Иван_7_assignsubmission_file_" / "lab.ipynb", text_of("x = 1"))
    assert only(take(tmp_path)).student == "s01"


def test_a_name_that_fits_two_people_is_nobodys_until_the_notebook_tells(tmp_path: Path) -> None:
    twins = (Student(id="a1", name="Иванов Иван"), Student(id="a2", name="Иванов Иван"))
    write(tmp_path / "in" / "Иванов Иван" / "lab.ipynb", text_of("x = 1"))
    intake = take(tmp_path, roster=twins)
    assert not intake.submissions
    assert said(intake.strays) == ["“in/Иванов Иван” fits several people on the roster: Иванов Иван (a1), Иванов Иван (a2)."]
    write(tmp_path / "in" / "Иванов Иван" / "lab.ipynb", text_of("x = 1", zachet=issued("a2")))
    assert only(take(tmp_path, roster=twins)).student == "a2"


def test_a_short_number_inside_a_name_is_not_an_id(tmp_path: Path) -> None:
    roster = (Student(id="1", name="Иванов Иван"), Student(id="2", name="Петров Пётр"))
    write(tmp_path / "in" / "lab 1" / "lab.ipynb", text_of("x = 1"))
    write(tmp_path / "in" / "2" / "lab.ipynb", text_of("x = 1"))
    intake = take(tmp_path, roster=roster)
    assert only(intake).student == "2"
    assert said(intake.strays) == ["It is unclear whose work this is: “in/lab 1” names nobody on the roster, and the notebook bears no mark."]


def test_notebooks_without_folders_are_told_apart_by_their_metadata(tmp_path: Path) -> None:
    for number, student in enumerate(("s01", "s02", "s99")):
        write(tmp_path / "in" / f"lab ({number}).ipynb", text_of("x = 1", zachet=issued(student)))
    intake = take(tmp_path)
    assert [submission.student for submission in intake.submissions] == ["s01", "s02"]
    assert said(intake.strays) == ["The notebook in “in/lab (2).ipynb” was issued to “s99”, who is not on the roster."]


def test_folders_of_groups_are_opened(tmp_path: Path) -> None:
    write(tmp_path / "in" / "ИУ5-61Б" / "Иванов Иван Иванович" / "lab.ipynb", text_of("x = 1"))
    write(tmp_path / "in" / "ИУ5-62Б" / "Петров Пётр" / "lab.ipynb", text_of("x = 2"))
    assert [submission.student for submission in take(tmp_path).submissions] == ["s01", "s03"]


def test_the_folder_decides_whose_work_it_is_and_a_person_looks_at_the_difference(tmp_path: Path) -> None:
    submission = take_one(tmp_path, text_of("x = 1", zachet=issued("s02")))
    assert submission.student == "s01"
    assert submission.notebook
    (problem,) = submission.problems
    assert problem.outcome is Outcome.PENDING
    assert (problem.expected, problem.actual) == ("s01", "s02")
    assert problem.rationale.en == (
        "The work was handed in as that of “s01”, but the notebook was issued to “s02”. It is graded as that of “s01”; a person decides."
    )


def test_a_notebook_of_another_assignment_is_not_graded(tmp_path: Path) -> None:
    submission = take_one(tmp_path, text_of("x = 1", zachet=issued("s01", "lab2")))
    assert submission.notebook is None
    assert failures(submission) == ["This is the notebook of another assignment (“lab2”): lab.ipynb."]


def test_a_path_may_be_one_students_folder_a_notebook_or_a_script(tmp_path: Path) -> None:
    paths = [
        write(tmp_path / "in" / "s01" / "work.ipynb", text_of("a = 1")).parent,
        write(tmp_path / "s02.ipynb", text_of("b = 1")),
        write(tmp_path / "s03" / "lab.py", "# %% [markdown]\n# text\n# %%\nc = 1\n"),
    ]
    intake = take(tmp_path, *paths)
    assert [code_of(submission) for submission in intake.submissions] == [["a = 1"], ["b = 1"], ["c = 1"]]


def test_with_a_roster_of_one_everything_is_theirs(tmp_path: Path) -> None:
    me = (Student(id="me", name=""),)
    assert only(take(tmp_path, write(tmp_path / "any.ipynb", text_of("x = 1")), roster=me)).student == "me"


def test_files_of_a_flat_download_belong_together_under_their_own_names(tmp_path: Path) -> None:
    prefix = "Петров Пётр_55_assignsubmission_file_"
    write(tmp_path / "in" / f"{prefix}LR1.ipynb", text_of("x = 1"))
    write(tmp_path / "in" / f"{prefix}data.csv", "1,2")
    write(tmp_path / "in" / "Иванов Иван_56_assignsubmission_file_LR1.ipynb", text_of("x = 2"))
    first, second = take(tmp_path).submissions
    assert (first.student, second.student) == ("s01", "s03")
    assert second.files
    assert names_in(second.files) == ["data.csv"]


def test_the_text_field_of_moodle_beside_the_files_is_no_second_submission(tmp_path: Path) -> None:
    write(tmp_path / "in" / "Петров Пётр_55_assignsubmission_file_" / "LR1.ipynb", text_of("x = 1"))
    write(tmp_path / "in" / "Петров Пётр_55_assignsubmission_onlinetext_" / "onlinetext.html", "<p>готово</p>")
    submission = only(take(tmp_path))
    assert submission.notebook
    assert not submission.problems


def test_an_empty_folder_and_a_folder_without_a_notebook_say_so(tmp_path: Path) -> None:
    (tmp_path / "in" / "s01").mkdir(parents=True)
    write(tmp_path / "in" / "s02" / "report.docx", b"PK\x03\x04")
    first, second = take(tmp_path).submissions
    assert failures(first) == ["There is not a single file here: in/s01."]
    assert failures(second) == ["There is no notebook in what was handed in; there is only: report.docx."]


def test_work_that_names_nobody_is_a_stray_and_the_batch_goes_on(tmp_path: Path) -> None:
    write(tmp_path / "in" / "s01" / "lab.ipynb", text_of("x = 1"))
    write(tmp_path / "in" / "Неизвестный Некто" / "lab.ipynb", text_of("x = 1"))
    write(tmp_path / "in" / "grades.csv", "1")
    intake = take(tmp_path)
    assert only(intake).student == "s01"
    assert said(intake.strays) == [
        "It is unclear whose work this is: “in/Неизвестный Некто” names nobody on the roster, and the notebook bears no mark.",
        "These files belong to nobody on the roster and were not graded: grades.csv.",
    ]


def test_the_digest_follows_the_bytes_and_not_the_wrapping(tmp_path: Path) -> None:
    work = text_of("x = 1")
    folder = write(tmp_path / "a" / "s01" / "lab.ipynb", work).parent
    write(folder / "data.csv", "1,2")
    archive = zipped(tmp_path / "b" / "s01.zip", {"my work/LR.ipynb": work, "my work/data.csv": "1,2"})
    digests = {only(take_in([path], assignment="lab", roster=ROSTER, work=tmp_path / "w")).digest for path in (folder, archive)}
    assert len(digests) == 1
    write(folder / "data.csv", "1,3")
    assert only(take_in([folder], assignment="lab", roster=ROSTER, work=tmp_path / "w")).digest not in digests


def test_an_earlier_intake_is_replaced_and_a_planted_link_is_not_followed(tmp_path: Path) -> None:
    canary = write(tmp_path / "canary" / "precious.txt", "precious")
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "s01").symlink_to(canary.parent, target_is_directory=True)
    assert code_of(take_one(tmp_path, text_of("x = 1"))) == ["x = 1"]
    assert code_of(take_one(tmp_path, text_of("x = 2"))) == ["x = 2"]
    assert names_in(canary.parent) == ["precious.txt"]
    assert names_in(tmp_path / "work") == ["s01"]


def test_an_id_that_is_no_folder_name_stays_in_the_work_area(tmp_path: Path) -> None:
    roster = (Student(id="../../up", name="Иванов Иван"), Student(id="CON", name="Петров Пётр"), Student(id=" ", name="Мария Фёдорова"))
    for name in ("Иванов Иван", "Петров Пётр", "Мария Фёдорова"):
        write(tmp_path / "in" / name / "lab.ipynb", text_of("x = 1"))
    intake = take(tmp_path, roster=roster)
    places = {Path(submission.notebook or "").parent for submission in intake.submissions}
    assert len(places) == 3
    assert {place.parent for place in places} == {tmp_path / "work"}
    assert not {"CON", "..", " "} & {place.name for place in places}


@pytest.mark.parametrize(("name", "what"), [("nowhere", "There is nothing to take in"), ("fifo", "neither a folder nor a regular file")])
def test_a_path_that_cannot_be_taken_in_is_an_error_of_the_command(tmp_path: Path, name: str, what: str) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(ConfigurationError, match=what):
        take(tmp_path, tmp_path / name)


def test_the_work_area_itself_cannot_be_taken_in(tmp_path: Path) -> None:
    write(tmp_path / "work" / "s01" / "lab.ipynb", text_of("x = 1"))
    with pytest.raises(ConfigurationError, match="lies in the work area"):
        take(tmp_path, tmp_path / "work" / "s01")
    assert (tmp_path / "work" / "s01" / "lab.ipynb").exists()


def test_a_work_area_inside_the_handed_in_folder_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path / "in" / "s01" / "lab.ipynb", text_of("x = 1"))
    for _ in range(2):
        intake = take_in([tmp_path / "in"], assignment="lab", roster=ROSTER, work=tmp_path / "in" / "work")
        assert not intake.strays
        assert not only(intake).problems


def test_a_work_area_that_cannot_be_made_is_an_error_of_the_command(tmp_path: Path) -> None:
    write(tmp_path / "in" / "s01" / "lab.ipynb", text_of("x = 1"))
    blocked = write(tmp_path / "file", "")
    with pytest.raises(ConfigurationError, match="The work area cannot be written"):
        take_in([tmp_path / "in"], assignment="lab", roster=ROSTER, work=blocked / "work")


SENTENCES = {
    f"{module.__name__}.{name}": words
    for module in (texts, notebook_texts)
    for name, words in vars(module).items()
    if isinstance(words, Words)
}


@pytest.mark.parametrize("words", SENTENCES.values(), ids=SENTENCES.keys())
def test_every_sentence_exists_in_both_languages_with_the_same_blanks(words: Words) -> None:
    import string

    for text in (words.rationale, words.hint):
        blanks = [{field for _, field, _, _ in string.Formatter().parse(side) if field} for side in (text.ru, text.en)]
        assert blanks[0] == blanks[1]
        assert any("а" <= letter <= "я" for letter in text.ru.lower())
        assert not any("а" <= letter <= "я" for letter in text.en.lower())
        assert text.ru.endswith(".")
        assert text.en.endswith(".")
