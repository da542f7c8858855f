from pathlib import Path

import pytest

from grader.course import find_course, make_course, read_course
from grader.errors import ConfigurationError, CourseError


def test_a_made_course_reads_back(tmp_path: Path) -> None:
    make_course(tmp_path / "курс", title='Курс "А\\Б"', language="en", assignment="iu5_lab1")
    course = read_course(tmp_path / "курс")
    assert (course.title, course.language, course.assignment) == ('Курс "А\\Б"', "en", "iu5_lab1")
    assert len(course.secret()) == 64
    assert (tmp_path / "курс" / "secret.key").stat().st_mode & 0o077 == 0


def test_the_nearest_course_above_is_found(tmp_path: Path) -> None:
    made = make_course(tmp_path / "course", title="t", language="ru", assignment="iu5_lab1")
    assert find_course(made.submissions("iu5_lab1")).path.resolve() == made.path.resolve()


def test_no_course_is_said_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match=r"Neither this folder nor one above it has a course\.toml\. .* `zachet init DIR`"):
        find_course(tmp_path)


def test_what_is_there_already_is_kept(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*.bak", encoding="utf-8")
    (tmp_path / "secret.key").write_text("an old secret of enough bytes\n", encoding="utf-8")
    course = make_course(tmp_path, title="t", language="ru", assignment="iu5_lab1")
    assert course.secret() == b"an old secret of enough bytes"
    assert (tmp_path / ".gitignore").read_text(encoding="utf-8").splitlines() == ["*.bak", "secret.key", "results/", "submissions/"]


def test_a_course_without_a_folder_of_its_own_assignments_uses_the_bundled_ones(tmp_path: Path) -> None:
    course = make_course(tmp_path, title="t", language="ru", assignment="iu5_lab1")
    (tmp_path / "assignments").rmdir()
    assert course.own_assignments == ()


@pytest.mark.parametrize(("title", "assignment"), [("two\nlines", "iu5_lab1"), ("t", "no_such_lab"), ("t", 'x"y')])
def test_nothing_is_written_for_a_course_that_could_not_be_read(tmp_path: Path, title: str, assignment: str) -> None:
    with pytest.raises(ConfigurationError):
        make_course(tmp_path, title=title, language="ru", assignment=assignment)
    assert list(tmp_path.iterdir()) == []


def test_a_course_is_never_made_twice(tmp_path: Path) -> None:
    make_course(tmp_path, title="t", language="ru", assignment="iu5_lab1")
    with pytest.raises(CourseError, match="There is a course here already"):
        make_course(tmp_path, title="t", language="ru", assignment="iu5_lab1")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("title = ", "cannot be read"),
        ('title = "x"\nlanguage = "de"', "“language”"),
        ('title = "x"\nlangauge = "ru"', "“langauge”.*The keys are"),
        ("title = 5", "“title”"),
    ],
)
def test_a_wrong_course_file_is_said_in_three_parts(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "course.toml").write_text(text, encoding="utf-8")
    with pytest.raises(CourseError, match=words) as caught:
        read_course(tmp_path)
    assert "course.toml" in caught.value.where


def test_a_lost_secret_and_a_missing_list_are_named(tmp_path: Path) -> None:
    course = make_course(tmp_path, title="t", language="ru", assignment="iu5_lab1")
    (tmp_path / "secret.key").write_text("not hex", encoding="utf-8")
    with pytest.raises(CourseError, match="secret cannot be used"):
        course.secret()
    with pytest.raises(CourseError, match="no list of variants"):
        course.variants("iu5_lab1")


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(CourseError, match="cannot be made"):
        make_course(tmp_path / "file", title="t", language="ru", assignment="iu5_lab1")
