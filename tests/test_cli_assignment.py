"""The commands of `zachet assignment`, on real folders."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from grader.cli.assignment import assignment
from grader.errors import AssignmentError, ConfigurationError
from variants.errors import VariantsError
from variants.manifest import Variant, write_manifest
from variants.roster import Student

TOML = """
slug = "small_lab"
edition = "2026"
points = 1
languages = ["en", "ru"]
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


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """Return a folder with assignments/small_lab and a manifest of two students."""
    folder = tmp_path / "assignments" / "small_lab"
    folder.mkdir(parents=True)
    (folder / "assignment.toml").write_text(TOML, encoding="utf-8")
    (folder / "lab.py").write_text("# %%\n# solution\nsecret = {{ variant.classes }}\n# end solution\n", encoding="utf-8")
    manifest(tmp_path, "small_lab")
    return tmp_path


def manifest(course: Path, slug: str) -> None:
    students = [Student(id="s1", name="Анна", group="ИУ5-61Б", number=1), Student(id="s2", name="Борис", group="ИУ5-61Б", number=2)]
    write_manifest(
        course / "variants.csv", [Variant(student=student, assignment=slug, rule="iu5-2024", classes=(1, 2, 3)) for student in students]
    )


def run(course: Path, *arguments: str) -> Result:
    return CliRunner().invoke(assignment, [*arguments, "--assignments", str(course / "assignments")])


def pack(course: Path, *arguments: str, slug: str = "small_lab") -> Result:
    return run(course, "package", slug, "--variants", str(course / "variants.csv"), "-o", str(course / "out"), *arguments)


def test_list_shows_slug_edition_title_and_points(course: Path) -> None:
    result = run(course, "list")
    assert result.exit_code == 0
    assert all(word in result.output for word in ("small_lab", "2026", "Small lab", "1"))


def test_list_as_json_is_for_scripts(course: Path) -> None:
    own, *_ = json.loads(run(course, "list", "--json").output)
    assert own == {
        "slug": "small_lab",
        "edition": "2026",
        "title": {"ru": "Малая работа", "en": "Small lab"},
        "points": 1.0,
        "languages": ["en", "ru"],
        "path": str((course / "assignments" / "small_lab").resolve()),
    }


def test_package_writes_one_folder_per_student_in_the_first_language(course: Path) -> None:
    result = pack(course)
    assert result.output == f"Packages of small_lab in {course / 'out'}: 2 written, 0 already there.\n"
    assert sorted(path.name for path in (course / "out").iterdir()) == ["s1", "s2"]
    text = (course / "out" / "s2" / "small_lab.ipynb").read_text(encoding="utf-8")
    assert "...  # your code here" in text
    assert "secret" not in text


def test_package_again_finds_everything_already_there(course: Path) -> None:
    pack(course)
    assert pack(course).output.endswith("0 written, 2 already there.\n")


def test_package_takes_language_solution_repository_and_student(course: Path) -> None:
    result = pack(course, "--language", "ru", "--solution", "--repository", "a/b@main:packages", "--student", "s2")
    assert result.output.endswith("1 written, 0 already there.\n")
    text = (course / "out" / "s2" / "small_lab.ipynb").read_text(encoding="utf-8")
    assert "secret = [1, 2, 3]" in text
    assert "github/a/b/blob/main/packages/s2/small_lab.ipynb" in text
    assert json.loads(text)["metadata"]["zachet"]["language"] == "ru"


def test_package_takes_the_path_of_a_folder_as_well(course: Path) -> None:
    assert pack(course, slug=str(course / "assignments" / "small_lab")).exit_code == 0


def test_package_refuses_a_changed_notebook_until_forced(course: Path) -> None:
    pack(course)
    notebook = course / "out" / "s1" / "small_lab.ipynb"
    notebook.write_text("changed", encoding="utf-8")
    assert isinstance(pack(course).exception, ConfigurationError)
    assert notebook.read_text(encoding="utf-8") == "changed"
    assert pack(course, "--force").output.endswith("1 written, 1 already there.\n")


def test_package_names_a_student_who_is_not_in_the_manifest(course: Path) -> None:
    error = pack(course, "--student", "Anna").exception
    assert str(error) == f'{course / "variants.csv"}: there is no student "Anna". Known here: s1, s2.'


def test_package_refuses_a_manifest_of_another_assignment(course: Path) -> None:
    manifest(course, "lab2")
    assert str(pack(course).exception) == (
        f'{course / "variants.csv"}: there is no variant for "small_lab", only for lab2. '
        "Make one with: zachet variants assign ROSTER --rule RULE --assignment small_lab -o variants.csv"
    )


def test_package_passes_on_what_is_wrong_with_the_manifest_and_the_slug(course: Path) -> None:
    (course / "variants.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    assert isinstance(pack(course).exception, VariantsError)
    assert isinstance(pack(course, slug="smal_lab").exception, AssignmentError)


def test_a_manifest_without_assignment_serves_any(course: Path) -> None:
    manifest(course, "")
    assert pack(course).output.endswith("2 written, 0 already there.\n")
