"""`zachet variants` from the outside: files in, files and words out."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from grader.cli.variants import variants
from grader.model import Recipe, View
from grader.thresholds import Thresholds, key_of, recipe_digest, sort_out, write_thresholds
from variants.difficulty import load_difficulty
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
        "kept": [],
        "gone": [],
        "kept_against_the_rule": [],
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


def balanced(folder: Path, text: str = "band = 0.05") -> Path:
    path = folder / "mine.toml"
    path.write_text(f'name = "mine"\ntitle = "t"\nkind = "keyed"\ncount = 3\ndifficulty = "balanced"\n{text}\n', encoding="utf-8")
    return path


def test_a_balanced_set_is_kept_when_the_roster_grows_and_when_the_rule_is_edited(roster: Path, tmp_path: Path) -> None:
    out, rule = tmp_path / "variants.csv", balanced(tmp_path)
    arguments = ("assign", roster, "--rule", rule, "-o", out, "--assignment", "iu5_lab1")
    secret = {"ZACHET_SECRET": "0123456789abcdef"}

    first = run(*arguments, env=secret)
    before = {one.student.id: one.classes for one in read_manifest(out)}
    roster.write_text(ROSTER.replace("20У101;", "20У100;Ли Вэй;ИУ5-24М;1;ИУ5\n20У101;"), encoding="utf-8")
    second = run(*arguments, env=secret)
    after = {one.student.id: one.classes for one in read_manifest(out)}
    balanced(tmp_path, "band = 0.01\naround = 0.9")
    third = run(*arguments, env=secret)

    assert "Kept" not in first.output
    assert second.output.splitlines()[1:] == ["Kept from the manifest that was there: 2"]
    assert {name: after[name] for name in before} == before
    assert third.output.splitlines()[1:3] == [
        "Kept from the manifest that was there: 3",
        "Of these, not allowed by the rule as it is now (delete the manifest to draw anew): 3",
    ]
    assert {one.student.id: one.classes for one in read_manifest(out)} == after
    assert json.loads(run(*arguments, "--json", env=secret).output)["kept_against_the_rule"] == list(after)


def test_assign_names_who_left_the_roster_and_frees_their_sets(roster: Path, tmp_path: Path) -> None:
    out, secret = tmp_path / "variants.csv", {"ZACHET_SECRET": "0123456789abcdef"}
    arguments = ("assign", roster, "--rule", balanced(tmp_path), "-o", out, "--assignment", "iu5_lab1")
    run(*arguments, env=secret)
    left = next(one for one in read_manifest(out) if one.student.id == "20У102")
    roster.write_text(ROSTER.replace("20У102", "20У103"), encoding="utf-8")
    kept = out.read_bytes()

    text = run(*arguments, env=secret)
    out.write_bytes(kept)
    found = json.loads(run(*arguments, "--json", env=secret).output)

    assert text.output.splitlines()[1:] == [
        "Kept from the manifest that was there: 1",
        "In the manifest that was there, and not in the roster (their sets are free again): 1",
        f"  20У102 Петров Пётр: {', '.join(map(str, left.classes))}",
    ]
    assert (found["kept"], found["gone"]) == (["20У101"], ["20У102"])


def test_a_balanced_rule_with_another_count_refuses_the_sets_that_are_kept(roster: Path, tmp_path: Path) -> None:
    out, rule, secret = tmp_path / "variants.csv", balanced(tmp_path), tmp_path / "secret"
    secret.write_text("0123456789abcdef\n", encoding="utf-8")
    arguments = ("assign", roster, "--rule", rule, "-o", out, "--assignment", "iu5_lab1", "--secret-file", secret)
    run(*arguments)
    before = out.read_bytes()
    rule.write_text(rule.read_text(encoding="utf-8").replace("count = 3", "count = 2"), encoding="utf-8")

    message = refusal(*arguments)

    assert message.startswith("rule mine: the rule gives 2 classes, and 2 of 2 sets in the manifest have another size:\n  20У101: ")
    assert out.read_bytes() == before


def test_a_balanced_rule_refuses_a_file_that_is_no_manifest(roster: Path, tmp_path: Path) -> None:
    (tmp_path / "variants.csv").write_text("id;name\n1;x\n", encoding="utf-8")

    message = refusal("assign", roster, "--rule", balanced(tmp_path), "-o", tmp_path / "variants.csv", "--assignment", "iu5_lab1")

    assert "this is not a manifest of variants" in message


def test_show_of_a_balanced_rule_gives_what_assign_gives(roster: Path, tmp_path: Path) -> None:
    out, rule, secret = tmp_path / "variants.csv", balanced(tmp_path, "band = 0.02"), tmp_path / "secret"
    secret.write_text("0123456789abcdef\n", encoding="utf-8")
    options = ("--rule", rule, "--assignment", "iu5_lab1", "--secret-file", secret)
    run("assign", roster, "-o", out, *options)

    shown = json.loads(run("show", roster, "20У102", *options, "--json").output)

    assert [tuple(one["classes"]) for one in shown["variants"]] == [one.classes for one in read_manifest(out) if one.student.id == "20У102"]


def test_show_and_lint_of_a_balanced_rule_go_by_the_manifest_of_the_course(roster: Path, tmp_path: Path) -> None:
    out, rule, secret = tmp_path / "variants.csv", balanced(tmp_path), tmp_path / "secret"
    secret.write_text("0123456789abcdef\n", encoding="utf-8")
    options = ("--rule", rule, "--assignment", "iu5_lab1", "--secret-file", secret)
    run("assign", roster, "-o", out, *options)
    has = next(one.classes for one in read_manifest(out) if one.student.id == "20У102")
    balanced(tmp_path, "band = 0.01\naround = 0.9")  # a fresh draw would give other sets
    alone = "As if nobody had a set yet: the roster is not in a course with a variants.csv."

    def seen() -> tuple[list[int], str | None, list[int], str | None, str, str]:
        shown = json.loads(run("show", roster, "20У102", *options, "--json").output)
        found = json.loads(run("lint", rule, roster, *options[2:], "--json").output)
        (linted,) = [one["classes"] for one in found["difficulty"]["variants"] if one["who"].startswith("20У102")]
        texts = run("show", roster, "20У102", *options).output, run("lint", rule, roster, *options[2:]).output
        return shown["variants"][0]["classes"], shown["manifest"], linted, found["manifest"], texts[0].splitlines()[-1], texts[1].splitlines()[1]

    fresh = seen()
    (tmp_path / "course.toml").write_text('title = "t"\n', encoding="utf-8")
    in_course = seen()

    assert fresh[0] == fresh[2] != list(has)
    assert (fresh[1], fresh[3:]) == (None, (None, alone, alone))
    keeps = f"Whoever has a set in {out} keeps it."
    assert in_course == (list(has), str(out), list(has), str(out), keeps, keeps)


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


def test_lint_names_the_unlucky_and_how_unequal_the_variants_are(roster: Path) -> None:
    lines = run("lint", "iu5-2026").output.splitlines()
    place = lines.index("The unlucky, the lowest of all:")
    found = json.loads(run("lint", "iu5-2026", "--json").output)["difficulty"]

    assert lines[place - 1].startswith("What the reference reaches, predicted for 1,050 variants: least 0.529, quartiles ")
    assert lines[place + 1] == "  group 4, number 16, iu5: 11, 46, 66: 0.529 ± 0.029, predicted"
    assert lines[place + 6] == "No pass line could tell good work from guessing: 0"
    assert [one["who"] for one in found["lowest"]][:1] == ["group 4, number 16, iu5"]
    assert found["min"] <= found["q1"] <= found["median"] <= found["q3"] <= found["max"]
    assert len(found["variants"]) == found["sets"] == 1050
    assert all(one["accuracy"] == round(load_difficulty().predict(one["classes"]), 4) for one in found["variants"][::50])
    assert "  20У101 Иванова Анна (line 2): 39, 58, 23: 0." in run("lint", "iu5-2024", roster).output


def test_lint_leaves_out_of_the_spread_what_is_no_set_of_classes(tmp_path: Path) -> None:
    found = json.loads(run("lint", "iu5-2024", "--json").output)
    single = tmp_path / "one.toml"
    single.write_text('name = "one"\ntitle = "t"\nkind = "formula"\ngroup_is = "printed"\n[[class]]\nfrom = "group"\n', encoding="utf-8")

    assert found["difficulty"]["sets"] == found["variants"] - len(found["repeated"])
    assert json.loads(run("lint", single, "--json").output)["difficulty"] is None


def test_lint_of_a_keyed_rule_has_the_spread_of_all_sets_that_can_be_drawn() -> None:
    plain, narrow = (json.loads(run("lint", rule, "--json").output)["difficulty"] for rule in ("random-3", "balanced-3"))

    assert plain["sets"] == 161_700
    assert narrow["max"] - narrow["min"] <= 0.05 + 1e-4  # rounded to four digits
    assert "each of the 161,700 sets that can be drawn: least 0.4" in run("lint", "random-3").output


def test_lint_flags_sets_too_close_to_guessing(tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.toml"
    pairs.write_text(
        'name = "pairs"\ntitle = "t"\nkind = "formula"\ngroup_is = "printed"\n[[class]]\nvalue = 35\n[[class]]\nfrom = "number"\n', encoding="utf-8"
    )

    result = run("lint", pairs, "--groups", "1", "--variants", "11,71")

    assert result.exit_code == 1
    assert (
        "No pass line could tell good work from guessing: 1\n"
        "  group 1, number 11: 35, 11: predicted 0.560; the pass line would be about 0.523, and guessing reaches 0.535\n"
    ) in result.output


def calibration(path: Path, *, mean: float, train: float = 0.99, recipe: Recipe | None = None) -> Path:
    """Write a calibration of the set that group 4, number 16 of iu5-2026 has."""
    made, classes = load_difficulty().made, (11, 46, 66)
    accuracies = [mean + step / 100 for step in (-1, 1, 0, 0, -1, 1, 0, 0, 0, 0)]
    thresholds = Thresholds(
        assignment="iu5_lab1",
        engine="fast",
        recipe=recipe_digest(recipe or Recipe(hidden=(10,), lr=0.005, batch=128, epochs=250)),
        view=View.SEALED,
        data_name="cifar100",
        data=made["data"]["digest"],
        environment={},
        variants={key_of(classes): sort_out(classes, accuracies, [train] * len(accuracies), hidden=300)},
    )
    write_thresholds(path, thresholds)
    return path


def test_lint_believes_what_was_measured_before_what_is_predicted(tmp_path: Path) -> None:
    result = run("lint", "iu5-2026", "--thresholds", calibration(tmp_path / "t.json", mean=0.5))

    assert result.exit_code == 0
    assert "predicted for 1,050 variants, measured for 1 of them: least 0.500," in result.output
    assert "  group 4, number 16, iu5: 11, 46, 66: 0.500, measured\n" in result.output
    assert "do not compare" not in result.output


def test_lint_flags_a_measured_set_without_a_usable_line_and_another_recipe(tmp_path: Path) -> None:
    file = calibration(tmp_path / "t.json", mean=0.36, recipe=Recipe(hidden=(20,), lr=0.005, batch=128, epochs=250))

    result = run("lint", "iu5-2026", "--thresholds", file)

    assert result.exit_code == 1
    assert (
        "No pass line could tell good work from guessing: 1\n"
        "  group 4, number 16, iu5: 11, 46, 66: measured 0.360; on these classes the reference itself cannot be told from guessing\n"
    ) in result.output
    assert "The calibration is of another recipe, view or data set than the prediction" in result.output


def test_lint_flags_a_set_on_which_no_training_of_the_reference_converged(tmp_path: Path) -> None:
    result = run("lint", "iu5-2026", "--thresholds", calibration(tmp_path / "t.json", mean=0.33, train=0.33))

    assert result.exit_code == 1
    assert (
        "  group 4, number 16, iu5: 11, 46, 66: predicted 0.529; the reference did not converge on these classes (10 of 10 trainings)\n"
    ) in result.output


def test_lint_takes_the_calibration_of_the_course_around_the_roster(roster: Path, tmp_path: Path) -> None:
    (tmp_path / "course.toml").write_text('title = "t"\n', encoding="utf-8")
    (tmp_path / "thresholds").mkdir()
    calibration(tmp_path / "thresholds" / "iu5_lab1.json", mean=0.5)
    roster.write_text(ROSTER + "20У103;Ли Вэй;ИУ5-24М;16;ИУ5\n", encoding="utf-8")

    assert "  20У103 Ли Вэй (line 4): 11, 46, 66: 0.500, measured\n" in run("lint", "iu5-2026", roster).output


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
