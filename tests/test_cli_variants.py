"""`zachet variants` from the outside: files in, files and words out."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from grader.cli.variants import variants
from variants.errors import VariantsError
from variants.manifest import read_manifest

ROSTER = """Зачётка;ФИО;Группа;Вариант;Поток
20У101;Иванова Анна;ИУ5-24М;2;ИУ5
20У102;Петров Пётр;ИУ5-24М;7;ГУИМЦ
"""


@pytest.fixture
def roster(tmp_path: Path) -> Path:
    path = tmp_path / "roster.csv"
    path.write_bytes(ROSTER.encode("cp1251"))
    return path


def run(*arguments: str | Path, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(variants, [str(argument) for argument in arguments], env={"ZACHET_SECRET": "", **(env or {})})


def refusal(*arguments: str | Path) -> str:
    result = run(*arguments)
    assert isinstance(result.exception, VariantsError)
    return str(result.exception)


def test_assign_writes_the_manifest_and_says_so(roster: Path, tmp_path: Path) -> None:
    out = tmp_path / "variants.csv"

    result = run("assign", roster, "--rule", "iu5-2024", "-o", out, "--assignment", "iu5_lab1")

    assert result.exit_code == 0
    assert result.output == (
        f"{out}: 2 students, rule iu5-2024 (group + 15, number + 56, iu5: number + 21 / guimc: 80 / foreign: 90; group is printed).\n"
    )
    assert [(one.student.id, one.classes, one.assignment) for one in read_manifest(out)] == [
        ("20У101", (39, 58, 23), "iu5_lab1"),
        ("20У102", (39, 63, 80), "iu5_lab1"),
    ]


def test_assign_refuses_and_writes_nothing_when_somebody_has_no_valid_classes(roster: Path, tmp_path: Path) -> None:
    roster.write_text(ROSTER.replace(";7;", ";24;"), encoding="utf-8")

    message = refusal("assign", roster, "--rule", "iu5-2024", "-o", tmp_path / "variants.csv")

    assert "20У102 Петров Пётр (line 3): 39, 80, 80: class 80 is there twice" in message
    assert not (tmp_path / "variants.csv").exists()


def test_assign_names_what_was_resolved_and_who_shares_a_set(roster: Path, tmp_path: Path) -> None:
    roster.write_text(ROSTER.replace(";7;", ";24;") + "20У103;Ли Вэй;ИУ5-24М;2;ИУ5\n", encoding="utf-8")
    arguments = ("assign", roster, "--rule", "iu5-2024", "-o", tmp_path / "variants.csv", "--resolve", "next-free")

    assert run(*arguments).output.splitlines()[1:] == [
        "Moved to the next free class: 1",
        "  20У102 Петров Пётр: next-free: class_3 80 -> 81",
        "Sets of classes that several students have: 1",
        "  23, 39, 58: 20У101; 20У103",
    ]
    assert json.loads(run(*arguments, "--json").output) == {
        "manifest": str(tmp_path / "variants.csv"),
        "rule": "iu5-2024",
        "assignment": "",
        "group_is": "printed",
        "students": 3,
        "resolved": [{"id": "20У102", "resolution": "next-free: class_3 80 -> 81"}],
        "identical": [{"classes": [23, 39, 58], "who": ["20У101", "20У103"]}],
    }


def test_assign_reads_group_and_stream_as_told(roster: Path, tmp_path: Path) -> None:
    out = tmp_path / "variants.csv"
    roster.write_text("id;ФИО;группа;вариант\n1;Ли Вэй;ИУ5-24М;2\n", encoding="utf-8")

    assert run("assign", roster, "--rule", "iu5-2024", "-o", out, "--group-is", "ordinal", "--stream", "ИУ5").exit_code == 0

    (variant,) = read_manifest(out)
    assert (variant.classes, variant.resolution) == ((19, 58, 23), "group is ordinal")


def test_a_keyed_rule_takes_the_secret_from_a_file_or_the_environment(roster: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("0123456789abcdef\n", encoding="utf-8")
    arguments = ("assign", roster, "--rule", "random-3", "--assignment", "iu5_lab1")

    assert run(*arguments, "-o", tmp_path / "a.csv", "--secret-file", secret).exit_code == 0
    assert run(*arguments, "-o", tmp_path / "b.csv", env={"ZACHET_SECRET": "0123456789abcdef"}).exit_code == 0

    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    assert "none was given. Pass --secret-file FILE or set ZACHET_SECRET." in refusal(*arguments, "-o", tmp_path / "c.csv")


def test_assign_does_not_replace_its_roster(roster: Path) -> None:
    assert "the manifest would replace the roster" in refusal("assign", roster, "--rule", "iu5-2024", "-o", roster)
    assert roster.read_bytes() == ROSTER.encode("cp1251")


@pytest.mark.parametrize(("rule", "repeated", "code"), [("iu5-2024", 24, 1), ("iu5-2025", 20, 1), ("iu5-2026", 0, 0)])
def test_lint_counts_over_the_default_range(rule: str, repeated: int, code: int) -> None:
    result = run("lint", rule)

    assert result.exit_code == code
    assert "groups 1-10, numbers 1-35, streams iu5, guimc, foreign: 1,050 variants\n" in result.output
    assert f"The same class twice, of 1,050: {repeated}\n" in result.output
    assert len(json.loads(run("lint", rule, "--json").output)["repeated"]) == repeated


def test_lint_takes_other_ranges(roster: Path) -> None:
    result = run("lint", "iu5-2024", "--groups", "7,9-10", "--variants", "44")

    assert "groups 7, 9, 10, numbers 44, " in result.output
    assert "Classes outside 0..99, of 9: 9\n  group 7, number 44, iu5: 22, 100, 65\n" in result.output
    for wrong in ("10-1", "a", "1-", "1,,2"):
        assert "is not a range such as 1-10" in run("lint", "iu5-2024", "--groups", wrong).output
    assert "for a RULE without a ROSTER" in run("lint", "iu5-2024", roster, "--groups", "1-3").output
    assert "how to read a ROSTER" in run("lint", "iu5-2024", "--stream", "ИУ5").output


def test_lint_cuts_a_long_list() -> None:
    assert "  and 30 more; --json lists all\n" in run("lint", "iu5-2022", "--groups", "1-50", "--variants", "1-50").output


def test_lint_of_a_roster_finds_what_assign_would_refuse(roster: Path) -> None:
    assert run("lint", "iu5-2024", roster).exit_code == 0

    roster.write_text(ROSTER.replace(";7;", ";;"), encoding="utf-8")
    result = run("lint", "iu5-2024", roster)

    assert result.exit_code == 1
    assert "No classes at all: 1\n  20У102 Петров Пётр (line 3): no number is given\n" in result.output


def test_show_prints_one_student_of_a_manifest_or_of_a_roster(roster: Path, tmp_path: Path) -> None:
    out = tmp_path / "variants.csv"
    run("assign", roster, "--rule", "iu5-2024", "-o", out)
    classes = (
        "\niu5-2024\n"
        "  39  keyboard       клавиатура             household_electrical_devices\n"
        "  58  pickup_truck   пикап                  vehicles_1\n"
        "  23  cloud          облако                 large_natural_outdoor_scenes\n"
    )
    student = "20У101  Иванова Анна\ngroup ИУ5-24М · number 2 · ИУ5\n"

    assert run("show", out, "20у101").output == student + classes
    assert run("show", roster, "20У101", "--rule", "iu5-2024").output == student + classes
    assert run("show", roster, "20У101").output == student
    shown = json.loads(run("show", out, "20У101", "--json").output)
    assert (shown["id"], shown["variants"][0]["classes"], shown["variants"][0]["class_names_ru"][1]) == ("20У101", [39, 58, 23], "пикап")


def test_show_of_somebody_unknown_suggests_the_nearest_id(roster: Path, tmp_path: Path) -> None:
    assert refusal("show", roster, "20У19") == f'{roster}: nobody here has the id "20У19". Did you mean "20У102"?'
    run("assign", roster, "--rule", "iu5-2024", "-o", tmp_path / "variants.csv")
    assert (
        "--rule, --resolve and --group-is are for a roster" in run("show", tmp_path / "variants.csv", "20У101", "--rule", "iu5-2024").output
    )


def test_every_command_has_help() -> None:
    for command in ("assign", "lint", "show"):
        result = run(command, "--help")
        assert result.exit_code == 0
        assert "--json" in result.output


def test_the_house_of_variants_imports_nothing_of_the_grader_and_nothing_heavy() -> None:
    code = "import sys, variants.lint, variants.rules; print(sorted({'grader', 'torch', 'numpy', 'click'} & set(sys.modules)))"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
