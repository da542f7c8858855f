"""Reading an assignment folder: what is accepted, and the words for what is not."""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import BaseModel

from grader.assignment import list_assignments, load_assignment, load_checks
from grader.assignment.folder import read_assignment
from grader.assignment.schema import AccuracyTable, AssignmentTable, CriterionTable, LimitsTable
from grader.content import content_dir
from grader.errors import AssignmentError
from grader.model import CheckUse, Limits, Text, View
from grader.notebook import make_template, read_lab

TOML = """
slug = "loss"
edition = "2026"
points = 10
languages = ["ru", "en"]
rule = "iu5-2024"
data = "cifar100"
view = "official"
pass_share = 0.5

[title]
ru = "Потери"
en = "Loss"

[limits]
cpu_s = 60

[accuracy]
reference = 0.75
chance = 0.25

[aliases]
model = ["net", "mlp"]

[[criterion]]
id = "training"
points = 8
checks = ["loss_falls", { name = "ends_low", weight = 3 }]
[criterion.title]
ru = "Обучение"
en = "Training"

[[criterion]]
id = "report"
points = 2
public = false
[criterion.title]
ru = "Отчёт"
en = "Report"
"""
CHECKS = """
from grader.checks import check, passed
from grader.model import Given, Text


@check(ru="Потери падают", en="The loss falls")
def loss_falls(evidence):
    return passed(Text(ru="Да.", en="Yes."))


@check(ru="Потери малы", en="The loss ends low", after=("loss_falls",))
def ends_low(evidence):
    return passed(Text(ru="Да.", en="Yes."))


def prepare(preparation):
    return Given()
"""
Folder = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Return a maker of assignment folders, complete unless told otherwise."""

    def make(toml: str = TOML, checks: str = CHECKS, *, root: str = "own", name: str = "loss") -> Path:
        path = tmp_path / root / name
        path.mkdir(parents=True)
        (path / "assignment.toml").write_text(toml, encoding="utf-8")
        (path / "checks.py").write_text(checks, encoding="utf-8")
        (path / "lab.py").write_text("# %%\nx = 1\n", encoding="utf-8")
        (path / "probe.py").write_text("raise RuntimeError('the probe must not be imported here')\n", encoding="utf-8")
        return path

    return make


def words(error: pytest.ExceptionInfo[AssignmentError]) -> tuple[str, str, str]:
    """Return the three parts, the folder left out of the second."""
    return error.value.what, re.sub(r"^.*[/\\]", "", error.value.where), error.value.remedy


def refused(folder: Path) -> tuple[str, str, str]:
    with pytest.raises(AssignmentError) as error:
        load_assignment(folder)
    return words(error)


def test_a_whole_folder_is_read(folder: Folder) -> None:
    assignment = load_assignment(folder())
    assert assignment.title == Text(ru="Потери", en="Loss")
    assert (assignment.slug, assignment.edition, assignment.points, assignment.pass_share) == ("loss", "2026", 10, 0.5)
    assert (assignment.rule, assignment.data, assignment.view) == ("iu5-2024", "cifar100", View.OFFICIAL)
    assert (assignment.reference_accuracy, assignment.chance) == (0.75, 0.25)
    assert assignment.limits == Limits(cpu_s=60)
    assert dict(assignment.aliases) == {"model": ("net", "mlp")}
    training, report = assignment.criteria
    assert training.checks == (CheckUse(name="loss_falls"), CheckUse(name="ends_low", weight=3))
    assert training.public
    assert report.manual
    assert not report.public


def test_checks_come_in_the_order_of_the_file_with_prepare(folder: Folder) -> None:
    checks = load_checks(load_assignment(folder()))
    assert list(checks.functions) == ["loss_falls", "ends_low"]
    assert checks.prepare(None).sent == {}


def test_loading_imports_neither_the_probe_nor_writes_beside_the_checks(folder: Folder) -> None:
    path = folder()
    load_checks(load_assignment(path))
    assert sorted(file.name for file in path.iterdir()) == ["assignment.toml", "checks.py", "lab.py", "probe.py"]


def test_checks_edited_within_one_second_are_read_anew(folder: Folder) -> None:
    path = folder()
    assert "loss_falls" in load_checks(load_assignment(path)).functions
    (path / "assignment.toml").write_text(TOML.replace("loss_falls", "loss_fells"), encoding="utf-8")
    (path / "checks.py").write_text(CHECKS.replace("loss_falls", "loss_fells"), encoding="utf-8")
    assert "loss_fells" in load_checks(load_assignment(path)).functions


def test_an_unknown_check_is_named_with_the_nearest_known_one(folder: Folder) -> None:
    assert refused(folder(TOML.replace('"loss_falls"', '"loss_fall"'))) == (
        'the check "loss_fall" is not in checks.py.',
        'assignment.toml: criterion "training", checks',
        'Did you mean "loss_falls"?',
    )


def test_an_unknown_key_is_named_with_the_nearest_known_one(folder: Folder) -> None:
    assert refused(folder(TOML.replace("points = 8", "pionts = 8"))) == (
        'the key "pionts" is not known here. (1 more in this file.)',
        'assignment.toml: criterion "training", pionts',
        'Did you mean "points"?',
    )


def test_a_key_in_the_wrong_table_lists_the_known_ones(folder: Folder) -> None:
    assert refused(folder(TOML.replace("cpu_s = 60", "threads = 1"))) == (
        'the key "threads" is not known here.',
        "assignment.toml: limits, threads",
        "Known here: cell_cpu_s, cpu_s, disk_mb, memory_mb, output_mb, processes, wall_s.",
    )


def test_a_missing_key_is_named(folder: Folder) -> None:
    assert refused(folder(TOML.replace('edition = "2026"', ""))) == (
        'the key "edition" is missing.',
        "assignment.toml: edition",
        "Add it. docs/writing-an-assignment.md describes every key.",
    )


def test_points_that_do_not_add_up_are_refused(folder: Folder) -> None:
    assert refused(folder(TOML.replace("points = 8", "points = 7.5"))) == (
        "the criteria add up to 9.5 points, not to 10.",
        "assignment.toml: points",
        "Change the points of a criterion or the total.",
    )


@pytest.mark.parametrize(
    ("old", "new", "what", "where"),
    [
        ("points = 8", 'points = "8"', '"8" does not fit; it should be a valid number.', 'criterion "training", points'),
        ("points = 8", "points = -8", "-8 does not fit; it should be greater than or equal to 0.", 'criterion "training", points'),
        ("points = 8", "points = nan", "nan does not fit; it should be a finite number.", 'criterion "training", points'),
        ("cpu_s = 60", "cpu_s = 60.5", "60.5 does not fit; it should be a valid integer.", "limits, cpu_s"),
        ("cpu_s = 60", "cpu_s = true", "True does not fit; it should be a valid integer.", "limits, cpu_s"),
        ("weight = 3", "weight = 0", "0 does not fit; it should be greater than 0.", 'criterion "training", checks 2, weight'),
        ('view = "official"', 'view = "open"', "\"open\" does not fit; it should be 'sealed' or 'official'.", "view"),
        ('["ru", "en"]', '["ru", "de"]', "\"de\" does not fit; it should be 'ru' or 'en'.", "languages 2"),
        ("pass_share = 0.5", "pass_share = 50", "50 does not fit; it should be less than or equal to 1.", "pass_share"),
        ('id = "training"', "id = 1", "1 does not fit; it should be a valid string.", "criterion 1, id"),
    ],
)  # fmt: skip
def test_a_value_of_a_bad_type_or_range_is_named(folder: Folder, old: str, new: str, what: str, where: str) -> None:
    assert refused(folder(TOML.replace(old, new))) == (
        what,
        f"assignment.toml: {where}",
        "Correct the value. docs/writing-an-assignment.md describes every key.",
    )


def test_two_criteria_with_one_id_are_refused(folder: Folder) -> None:
    assert refused(folder(TOML.replace('id = "report"', 'id = "training"'))) == (
        'two criteria have the id "training".',
        'assignment.toml: criterion "training", id',
        "Give each criterion its own id.",
    )


def test_a_check_named_twice_in_one_criterion_is_refused(folder: Folder) -> None:
    what, where, _ = refused(folder(TOML.replace('name = "ends_low"', 'name = "loss_falls"')))
    assert (what, where) == ('the check "loss_falls" is named twice.', 'assignment.toml: criterion "training", checks')


def test_a_title_without_one_of_the_languages_is_refused(folder: Folder) -> None:
    assert refused(folder(TOML.replace('en = "Training"', ""))) == (
        'the language "en" is missing.',
        'assignment.toml: criterion "training", title',
        'Add en = "...", or take "en" out of languages.',
    )


def test_a_lab_in_one_language_needs_only_that_one(folder: Folder) -> None:
    toml = re.sub(r'\nen = ".*"', "", TOML).replace('["ru", "en"]', '["ru"]')
    assert load_assignment(folder(toml)).title == Text(ru="Потери", en="Потери")


def test_a_reference_accuracy_below_chance_is_refused(folder: Folder) -> None:
    what, where, _ = refused(folder(TOML.replace("reference = 0.75", "reference = 0.2")))
    assert (what, where) == ("the reference accuracy 0.2 is not above chance, 0.25.", "assignment.toml: accuracy, reference")


def test_a_slug_that_is_not_the_name_of_the_folder_is_refused(folder: Folder) -> None:
    what, where, _ = refused(folder(name="copy"))
    assert (what, where) == ('the slug is "loss" and the folder is "copy".', "assignment.toml: slug")


def test_broken_toml_is_refused_with_its_line(folder: Folder) -> None:
    what, where, remedy = refused(folder('slug = "loss"\nedition =\n'))
    assert what == "this is not TOML: Invalid value (at line 2, column 10)."
    assert (where, remedy) == ("assignment.toml", "Correct that line.")


def test_a_missing_file_is_named(folder: Folder) -> None:
    path = folder()
    (path / "probe.py").unlink()
    assert refused(path) == ("probe.py is missing.", "loss", "Add the file; an assignment is not complete without it.")


def test_an_error_in_checks_names_file_and_line(folder: Folder) -> None:
    assert refused(folder(checks="import json\n\njson.loads(nothing)\n")) == (
        "the checks cannot be imported: NameError: name 'nothing' is not defined.",
        "checks.py:3",
        "Correct that line.",
    )


def test_a_syntax_error_in_checks_names_file_and_line(folder: Folder) -> None:
    what, where, _ = refused(folder(checks="x = 1\ndef f(:\n"))
    assert what.startswith("the checks cannot be imported: SyntaxError")
    assert where == "checks.py:2"


def test_checks_that_leave_the_program_do_not_take_it_along(folder: Folder) -> None:
    what, where, _ = refused(folder(checks="import sys\nsys.exit(3)\n"))
    assert (what, where) == ("the checks cannot be imported: SystemExit: 3.", "checks.py:2")


def test_checks_without_prepare_are_refused(folder: Folder) -> None:
    assert refused(folder(checks=CHECKS.replace("def prepare", "def prepared"))) == (
        "there is no function prepare(preparation).",
        "checks.py",
        "Define it; it returns the hidden inputs as a Given.",
    )


def test_a_check_comes_after_those_it_waits_for_wherever_it_stands(folder: Folder) -> None:
    checks = CHECKS.replace('after=("loss_falls",)', "").replace('en="The loss falls"', 'en="The loss falls", after=("ends_low",)')
    order = list(load_checks(load_assignment(folder(checks=checks))).functions)
    assert order.index("ends_low") < order.index("loss_falls")


def test_checks_that_wait_for_each_other_are_refused(folder: Folder) -> None:
    what, _, remedy = refused(folder(checks=CHECKS.replace('en="The loss falls"', 'en="The loss falls", after=("ends_low",)')))
    assert what.startswith("checks wait for each other: ")
    assert remedy == "Let one of them go first."


def test_a_check_that_waits_for_an_unknown_one_is_refused(folder: Folder) -> None:
    what, _, remedy = refused(folder(checks=CHECKS.replace('after=("loss_falls",)', 'after=("loss_fals",)')))
    assert what == 'the check "ends_low" waits for "loss_fals", which is not in checks.py.'
    assert remedy == 'Did you mean "loss_falls"?'


def test_the_digest_follows_the_rubric_and_nothing_else(folder: Folder) -> None:
    path = folder()
    before = load_assignment(path).digest
    (path / "probe.py").write_text("x = 2\n", encoding="utf-8")
    (path / "checks.py").write_bytes(CHECKS.replace("\n", "\r\n").encode())
    assert load_assignment(path).digest == before
    (path / "checks.py").write_text(CHECKS.replace("Да.", "Нет."), encoding="utf-8")
    assert load_assignment(path).digest != before


def test_own_folders_come_before_others_and_before_the_bundled_ones(folder: Folder) -> None:
    first, second = folder(root="first"), folder(root="second")
    roots = (first.parent, second.parent)
    found = list_assignments(roots)
    bundled = [path.parent.name for path in sorted(content_dir("assignments").glob("*/assignment.toml"))]
    assert [one.slug for one in found] == ["loss", *bundled]
    assert found[0].path == first
    assert load_assignment("loss", roots).path == first


def test_listing_runs_no_checks(folder: Folder) -> None:
    path = folder(checks="raise SystemExit\n")
    assert read_assignment(path) in list_assignments((path.parent,))


def test_an_unknown_slug_gets_the_nearest_known_one(folder: Folder) -> None:
    with pytest.raises(AssignmentError) as error:
        load_assignment("los", (folder().parent,))
    assert words(error) == ('there is no assignment "los".', "", 'Did you mean "loss"?')


def test_a_folder_of_assignments_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(AssignmentError) as error:
        list_assignments((tmp_path / "nowhere",))
    assert words(error) == ("this folder of assignments does not exist.", "nowhere", "Name a folder that holds assignment folders.")


def test_the_examples_of_the_guide_make_an_assignment_that_loads(folder: Folder) -> None:
    guide = (Path(__file__).parent.parent / "docs" / "writing-an-assignment.md").read_text(encoding="utf-8")
    toml, mutant = re.findall(r"```toml\n(.*?)```", guide, re.DOTALL)
    lab, checks, probe = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    assert {"fails", "title", "edit", "printed"} == set(tomllib.loads(mutant))
    path = folder(toml, checks, name="my_lab")
    (path / "lab.py").write_text(lab, encoding="utf-8")
    assignment = load_assignment(path)
    assert "square" in load_checks(assignment).functions
    template = make_template(read_lab(assignment.lab_file), assignment.slug, "en", with_solution=False)
    assert [str(cell["source"]) for cell in template.fill({"variant": {"classes": [1]}})][-1] == "['*Your answer here.*']"
    assert "def describe(session)" in probe


def test_the_guide_names_every_key() -> None:
    guide = (Path(__file__).parent.parent / "docs" / "writing-an-assignment.md").read_text(encoding="utf-8")
    tables: dict[str, type[BaseModel]] = {"limits.": LimitsTable, "accuracy.": AccuracyTable, "criterion.": CriterionTable, "": AssignmentTable}
    keys = {f"{prefix}{key}" for prefix, table in tables.items() for key in table.model_fields} - {"limits", "accuracy", "criterion"}
    assert {key for key in keys if f"`{key}`" not in guide} == set()
