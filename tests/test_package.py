"""What a student receives: safe for any roster, never replaced in silence, never half written."""

import json
import re
import stat
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import pytest
from markdown_it import MarkdownIt

from grader.assignment import load_assignment
from grader.assignment.folder import read_assignment
from grader.assignment.value import Assignment
from grader.content import content_dir
from grader.errors import AssignmentError, ConfigurationError
from grader.files import folder_name
from grader.model import Language
from grader.package import package, student_notebook
from variants.manifest import Variant, variant_record
from variants.roster import Student

TOML = """
slug = "small_lab"
edition = "2026"
points = 1
languages = ["ru", "en"]
[title]
ru = "Малая работа"
en = "Small lab"
[[criterion]]
id = "report"
points = 1
[criterion.title]
ru = "Отчёт"
en = "Report"
"""
LAB = """
# %% [markdown] lang="ru"
# Здравствуйте, {{ student.name }}!

# %% [markdown] lang="en"
# Hello {{ student.name }}!

# %%
CLASSES = {{ variant.classes }}
# solution
secret_word = 1
# end solution
"""


@pytest.fixture
def assignment(tmp_path: Path) -> Assignment:
    folder = tmp_path / "small_lab"
    folder.mkdir()
    (folder / "assignment.toml").write_text(TOML, encoding="utf-8")
    (folder / "lab.py").write_text(LAB, encoding="utf-8")
    return load_assignment(folder)


def variant(student: str = "s1", name: str = "Иванова Анна", **fields: Any) -> Variant:
    who = Student(id=student, name=name, group="ИУ5-61Б", number=2, stream="IU5")
    return Variant(**{"student": who, "assignment": "small_lab", "rule": "iu5-2024", "classes": (39, 58, 23), **fields})


def read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def texts(path: Path) -> list[str]:
    return ["".join(cell["source"]) for cell in read(path)["cells"]]


def test_a_package_holds_a_valid_notebook_made_for_the_student_and_a_readme(assignment: Assignment, tmp_path: Path) -> None:
    (made,) = package(assignment, [variant()], tmp_path / "out", "ru")
    assert made.notebook == tmp_path / "out" / "s1" / "small_lab.ipynb"
    assert sorted(path.name for path in made.notebook.parent.iterdir()) == ["README.md", "small_lab.ipynb"]
    nbformat.validate(nbformat.read(made.notebook, as_version=4))
    header, greeting, code = texts(made.notebook)
    assert "Иванова Анна" in header
    assert "| **Иванова Анна** | ИУ5-61Б | 2 | 39 (клавиатура), 58 (пикап), 23 (облако) |" in header
    assert greeting == "Здравствуйте, Иванова Анна!"
    assert code == "CLASSES = [39, 58, 23]\n...  # ваш код здесь"
    readme = (made.notebook.parent / "README.md").read_text(encoding="utf-8")
    assert readme.startswith("# Малая работа\n\nИванова Анна, группа ИУ5-61Б, вариант 2\n")
    assert "zachet check small_lab.ipynb" in readme


def test_the_metadata_identifies_assignment_edition_student_and_variant(assignment: Assignment, tmp_path: Path) -> None:
    (made,) = package(assignment, [variant()], tmp_path / "out", "en")
    assert read(made.notebook)["metadata"]["zachet"] == {
        "schema": 1,
        "assignment": "small_lab",
        "edition": "2026",
        "student": "s1",
        "name": "Иванова Анна",
        "variant": variant_record(variant()),
        "language": "en",
    }


def test_an_english_package_is_english_throughout(assignment: Assignment, tmp_path: Path) -> None:
    (made,) = package(assignment, [variant(name="Ann")], tmp_path / "out", "en")
    words = "".join(texts(made.notebook)) + (made.notebook.parent / "README.md").read_text(encoding="utf-8")
    assert "39 (keyboard), 58 (pickup_truck), 23 (cloud)" in words
    assert re.findall("[а-яё]+", words.replace("ИУ5-61Б", "").lower()) == []


def test_a_solution_is_kept_only_on_request(assignment: Assignment, tmp_path: Path) -> None:
    (blank,) = package(assignment, [variant()], tmp_path / "blank", "ru")
    (full,) = package(assignment, [variant()], tmp_path / "full", "ru", with_solution=True)
    assert "secret_word" not in blank.notebook.read_text(encoding="utf-8")
    assert texts(full.notebook)[-1] == "CLASSES = [39, 58, 23]\nsecret_word = 1"
    assert "Она для преподавателя" in texts(full.notebook)[0]


@pytest.mark.parametrize(
    ("repository", "address"),
    [
        ("iu5git/Deep-learning", "iu5git/Deep-learning/blob/main/s1/small_lab.ipynb"),
        ("iu5git/Deep-learning@spring/2026", "iu5git/Deep-learning/blob/spring/2026/s1/small_lab.ipynb"),
        ("a/b@main:packages/lab 1/", "a/b/blob/main/packages/lab%201/s1/small_lab.ipynb"),
        ("a/b:работы", "a/b/blob/main/%D1%80%D0%B0%D0%B1%D0%BE%D1%82%D1%8B/s1/small_lab.ipynb"),
    ],
)
def test_a_repository_adds_a_badge_that_opens_this_notebook(assignment: Assignment, repository: str, address: str) -> None:
    text = student_notebook(assignment, variant(), "ru", repository)
    assert f'<a href=\\"https://colab.research.google.com/github/{address}\\"' in text


def test_without_a_repository_there_is_no_badge(assignment: Assignment) -> None:
    assert "colab" not in student_notebook(assignment, variant(), "ru")


@pytest.mark.parametrize("repository", ["deep-learning", "a/b/c", "https://github.com/a/b", "a/..", "a/b:../../c", "a/b@", "a/b@x//y", 'a/b:"><script>'])
def test_a_repository_is_quoted_or_refused(assignment: Assignment, repository: str) -> None:
    if repository.endswith("<script>"):
        assert "<script>" not in student_notebook(assignment, variant(), "ru", repository)
        return
    with pytest.raises(ConfigurationError) as error:
        student_notebook(assignment, variant(), "ru", repository)
    assert str(error.value) == (
        f'--repository: "{repository}" does not name a repository. Write owner/name, owner/name@branch or owner/name@branch:folder.'
    )


def test_the_same_package_twice_is_left_alone(assignment: Assignment, tmp_path: Path) -> None:
    (first,) = package(assignment, [variant()], tmp_path / "out", "ru")
    before = first.notebook.stat()
    (second,) = package(assignment, [variant()], tmp_path / "out", "ru")
    assert (first.fresh, second.fresh) == (True, False)
    assert second.notebook.stat() == before


def test_a_changed_notebook_is_never_replaced_in_silence(assignment: Assignment, tmp_path: Path) -> None:
    (made,) = package(assignment, [variant()], tmp_path / "out", "ru")
    made.notebook.write_text("the work of a week", encoding="utf-8")
    with pytest.raises(ConfigurationError) as error:
        package(assignment, [variant("s0"), variant(), variant("s2")], tmp_path / "out", "ru")
    assert error.value.what == f"these files are there already and differ from what would be written: {made.notebook}."
    assert error.value.remedy == "Nothing was written. Name another folder with -o, or pass --force to replace them."
    assert made.notebook.read_text(encoding="utf-8") == "the work of a week"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["s1"]
    (forced,) = package(assignment, [variant()], tmp_path / "out", "ru", force=True)
    assert forced.fresh
    assert texts(forced.notebook)[1] == "Здравствуйте, Иванова Анна!"


def test_many_changed_notebooks_are_counted(assignment: Assignment, tmp_path: Path) -> None:
    students = [variant(f"s{index}") for index in range(5)]
    for made in package(assignment, students, tmp_path / "out", "ru"):
        made.notebook.write_text("", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="and 2 more"):
        package(assignment, students, tmp_path / "out", "ru")


HOSTILE_IDS = [
    "../x", "..", ".", "/etc/passwd", "C:\\x", "a/b", "CON", "nul.txt", "x.", " x", "{{7*7}}", "<script>", "я" * 300, "a\nb", "\u202ex", "", "~", "-rf",
]  # fmt: skip


@pytest.mark.parametrize("student", HOSTILE_IDS)
def test_a_hostile_id_gets_a_safe_folder_and_stays_whole_in_the_metadata(assignment: Assignment, tmp_path: Path, student: str) -> None:
    (made,) = package(assignment, [variant(student)], tmp_path / "out", "ru", "a/b")
    assert [path.name for path in (tmp_path / "out").iterdir()] == [folder_name(student)]
    assert made.notebook.parent.parent == tmp_path / "out"
    assert re.fullmatch(r"\w+-[0-9a-f]{10}", folder_name(student))
    assert read(made.notebook)["metadata"]["zachet"]["student"] == student


@pytest.mark.parametrize("student", ["s1", "iu5_61_03", "Иванов Иван", "a.petrov@example.org", "21-У-305", "ё"])
def test_an_ordinary_id_is_the_name_of_its_folder(student: str) -> None:
    assert folder_name(student) == student


def test_two_hostile_ids_never_share_a_folder() -> None:
    assert len({folder_name(student) for student in [*HOSTILE_IDS, "a_b", "a:b", "a?b"]}) == len(HOSTILE_IDS) + 3


@pytest.mark.parametrize("ids", [("s1", "s1"), ("s1", "S1")])
def test_two_students_in_one_folder_are_refused(assignment: Assignment, tmp_path: Path, ids: Sequence[str]) -> None:
    with pytest.raises(ConfigurationError, match=f'the students "{ids[0]}" and "{ids[1]}" would share one folder'):
        package(assignment, [variant(student) for student in ids], tmp_path / "out", "ru")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "{{7*7}}", '"><img src=x onerror=alert(1)>', "[x](javascript:alert(1))", "a|b\n# c", "$x$ `y`"])
def test_a_hostile_name_is_shown_as_text(assignment: Assignment, tmp_path: Path, name: str) -> None:
    who = Student(id="s1", name=name, group=name, number=None, stream=name)
    (made,) = package(assignment, [replace(variant(), student=who)], tmp_path / "out", "ru")
    html = MarkdownIt().enable("table").render("\n\n".join(texts(made.notebook)[:2]))
    assert "<script" not in html
    assert "<img" not in html
    assert "<code" not in html
    assert "49" not in html
    assert 'href="javascript' not in html
    shown = " ".join(name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;").split())
    assert html.count(shown) == 3
    assert read(made.notebook)["metadata"]["zachet"]["name"] == name


def test_a_variant_of_another_assignment_is_refused(assignment: Assignment, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as error:
        package(assignment, [variant(assignment="lab2")], tmp_path / "out", "ru")
    assert str(error.value) == 'the variant of student "s1" is for the assignment "lab2", not "small_lab". Assign variants for small_lab.'


def test_a_language_that_is_not_offered_is_refused(assignment: Assignment, tmp_path: Path) -> None:
    path = assignment.path / "assignment.toml"
    path.write_text(TOML.replace('["ru", "en"]', '["ru"]'), encoding="utf-8")
    with pytest.raises(AssignmentError, match='the language "en" is not offered'):
        package(load_assignment(assignment.path), [variant()], tmp_path / "out", "en")


def test_an_output_that_is_a_file_is_named(assignment: Assignment, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("", encoding="utf-8")
    with pytest.raises(ConfigurationError) as error:
        package(assignment, [variant()], tmp_path / "out", "ru")
    assert error.value.what.startswith("the packages cannot be written: ")
    assert error.value.where == str(tmp_path / "out" / "s1")


def test_a_write_that_fails_leaves_no_part_behind(assignment: Assignment, tmp_path: Path) -> None:
    (tmp_path / "out" / "s1" / "small_lab.ipynb").mkdir(parents=True)
    with pytest.raises(ConfigurationError, match="the packages cannot be written"):
        package(assignment, [variant()], tmp_path / "out", "ru", force=True)
    assert sorted(path.name for path in (tmp_path / "out" / "s1").iterdir()) == ["README.md", "small_lab.ipynb"]


def test_the_files_can_be_read_by_a_web_server_of_the_course(assignment: Assignment, tmp_path: Path) -> None:
    (made,) = package(assignment, [variant()], tmp_path / "out", "ru")
    assert stat.S_IMODE(made.notebook.stat().st_mode) & 0o044 == 0o044


def test_the_bundled_templates_exist_in_every_language() -> None:
    names = {path.name for path in (content_dir("templates") / "notebook").iterdir()}
    assert names == {"header.ru.md.j2", "header.en.md.j2", "README.ru.md.j2", "README.en.md.j2"}


def solution_lines(lab: Path) -> list[str]:
    """Return the lines of a lab's regions that say something, as text."""
    regions = re.findall(r"^[ ]*# solution$(.*?)^[ ]*# end solution$", lab.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [line.strip() for region in regions for line in region.splitlines() if len(line.strip()) > 12]


@pytest.mark.parametrize("folder", sorted(path.parent for path in content_dir("assignments").glob("*/assignment.toml")), ids=lambda path: path.name)
@pytest.mark.parametrize("language", ["ru", "en"])
def test_no_solution_of_a_bundled_lab_is_left_in_a_package(folder: Path, language: Language) -> None:
    lab = read_assignment(folder)
    who = variant(assignment=lab.slug)
    blank, full = (json.loads(student_notebook(lab, who, language, with_solution=kept)) for kept in (False, True))
    code = {line.strip() for cell in blank["cells"] for line in cell["source"]}
    given = {line.strip() for cell in full["cells"] for line in cell["source"]}
    secrets = [line for line in solution_lines(lab.lab_file) if "{{" not in line and not line.startswith(("#ru:", "#en:"))]
    assert secrets
    assert set(secrets) <= given
    outside = re.sub(r"^[ ]*# solution$.*?^[ ]*# end solution$", "", lab.lab_file.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    told = {line.strip() for line in outside.splitlines()}
    assert [line for line in secrets if line in code and line not in told] == []
