"""The rules as data: what they give, what they say about groups and streams, and bad rule files."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from variants.cifar100 import FINE, FINE_RU, SUPERCLASS, SUPERCLASSES, SUPERCLASSES_RU, names
from variants.errors import VariantsError
from variants.group import GroupIs, group_number
from variants.roster import Student
from variants.rule import wrong_with
from variants.rules import BUNDLED, load_rule, rule_names

FORMULAS: dict[str, Callable[[int, int], dict[str, tuple[int, int, int]]]] = {
    "iu5-2022": lambda g, v: {"": (g, v, v + 30)},
    "iu5-2023": lambda g, v: {"": (g + 4, v + 17, v + 42)},
    "iu5-2024": lambda g, v: {"iu5": (g + 15, v + 56, v + 21), "guimc": (g + 15, v + 56, 80), "foreign": (g + 15, v + 56, 90)},
    "iu5-2025": lambda g, v: {"iu5": (g + 11, v + 37, v + 42), "guimc": (g + 11, v + 37, 70), "foreign": (g + 11, v + 37, 71)},
    "iu5-2026": lambda g, v: {"iu5": (g + 7, v + 30, v + 50), "guimc": (g + 7, v + 30, 90), "foreign": (g + 7, v + 30, 93)},
}
CUSTOM = """
name = "mine"
title = "My own"
kind = "formula"
group_is = "printed"
[streams]
day = ["дневной"]
[[class]]
from = "group"
[[class]]
[class.stream]
day = { from = "number", add = 10 }
"""


def custom(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", FORMULAS)
@given(group=st.integers(0, 99), number=st.integers(1, 99))
def test_a_bundled_formula_gives_the_classes_of_its_year(name: str, group: int, number: int) -> None:
    rule = load_rule(name)

    expected = FORMULAS[name](group, number)

    assert {stream: rule.evaluate(group, number, stream) for stream in rule.streams or ("",)} == expected


def test_the_bundled_rules_are_named_as_their_files() -> None:
    assert rule_names() == ("balanced-3", "iu5-2022", "iu5-2023", "iu5-2024", "iu5-2025", "iu5-2026", "random-3")
    assert [load_rule(name).name for name in rule_names()] == list(rule_names())


def test_the_sample_report_of_2024_has_the_classes_that_the_rule_gives() -> None:
    student = Student(id="s", name="Ли", group="ИУ5-24М", number=2, stream="ИУ5")

    assert load_rule("iu5-2024").classes_for(student) == (39, 58, 23)


def test_the_meaning_of_group_can_be_overridden() -> None:
    student = Student(id="s", name="Ли", group="ИУ5-24М", number=2, stream="ИУ5")

    assert load_rule("iu5-2024").classes_for(student, group_is=GroupIs.ORDINAL) == (19, 58, 23)
    assert load_rule("iu5-2026").classes_for(student) == (11, 32, 52)
    assert load_rule("iu5-2026").classes_for(student, group_is=GroupIs.PRINTED) == (31, 32, 52)


@pytest.mark.parametrize(
    ("group", "printed", "ordinal"),
    [
        ("ИУ5-61Б", 61, 1),
        ("ИУ5-24М", 24, 4),
        ("ИУ5 62Б", 62, 2),
        ("иу5–63б", 63, 3),
        ("ИУ5Ц-101Б", 101, 1),
        ("25", 25, 5),
        ("25М", 25, 5),
        ("3", 3, 3),
        ("группа 25", 25, 5),
        ("гр. 25", 25, 5),
        ("группа №3", 3, 3),
        ("№ 3", 3, 3),
    ],
)
def test_the_number_of_a_group_is_printed_or_ordinal(group: str, printed: int, ordinal: int) -> None:
    assert group_number(group, GroupIs.PRINTED) == printed
    assert group_number(group, GroupIs.ORDINAL) == ordinal


@pytest.mark.parametrize("group", ["ИУ5", "ИУ561Б", "5/1", "ИУ5-", "первая", "ИУ5-61-2", "-5"])
def test_a_group_that_does_not_parse_is_refused(group: str) -> None:
    with pytest.raises(VariantsError, match="does not parse"):
        group_number(group, GroupIs.PRINTED)


def test_a_group_without_an_ordinal_is_refused() -> None:
    with pytest.raises(VariantsError, match="has no ordinal"):
        group_number("ИУ5-60Б", GroupIs.ORDINAL)


@pytest.mark.parametrize(
    ("written", "stream"),
    [
        ("ИУ5", "iu5"),
        ("иу-5", "iu5"),
        ("IU5", "iu5"),
        ("ГУИМЦ", "guimc"),
        ("guimc", "guimc"),
        ("Иностранцы", "foreign"),
        ("Foreign", "foreign"),
    ],
)
def test_a_stream_is_known_by_its_spellings(written: str, stream: str) -> None:
    assert load_rule("iu5-2024").stream_of(written) == stream


NO_STREAM = "write one of them in a column «поток», or pass --stream for everyone without one."
NO_NUMBER = "The number of the variant is never guessed from the order of lines: write it in a column «вариант» or «номер по списку»."


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stream": "Марс"}, f'the stream "Марс" is unknown This rule has the streams iu5, guimc, foreign: {NO_STREAM}'),
        ({"stream": ""}, f"no stream is given This rule has the streams iu5, guimc, foreign: {NO_STREAM}"),
        ({"group": "ИУ5"}, 'the group "ИУ5" does not parse Write groups as ИУ5-61Б, 61Б or 61.'),
        ({"group": ""}, "no group is given Write groups as ИУ5-61Б, 61Б or 61."),
        ({"number": None}, f"no number is given {NO_NUMBER}"),
    ],
)
def test_a_student_without_what_the_rule_needs_is_named(change: dict[str, Any], message: str) -> None:
    student = replace(Student(id="s1", name="Ли Вэй", group="25", number=1, stream="ИУ5", row=7), **change)

    with pytest.raises(VariantsError) as caught:
        load_rule("iu5-2024").classes_for(student)

    assert str(caught.value) == f"s1 Ли Вэй (line 7): {message}"


def test_a_stream_for_everyone_does_not_replace_one_that_is_written() -> None:
    rule = load_rule("iu5-2024")

    assert rule.classes_for(Student(id="a", name="A", group="24", number=2), stream="ИУ5") == (39, 58, 23)
    assert rule.classes_for(Student(id="a", name="A", group="24", number=2, stream="ГУИМЦ"), stream="ИУ5") == (39, 58, 80)


def test_a_rule_without_streams_does_not_mind_any() -> None:
    assert load_rule("iu5-2022").classes_for(Student(id="a", name="A", group="24", number=2, stream="Марс")) == (24, 2, 32)


def test_a_keyed_rule_needs_an_assignment_and_a_secret() -> None:
    rule, student = load_rule("random-3"), Student(id="a", name="A")

    assert rule.classes_for(student, assignment="lab", secret=b"0123456789abcdef") == rule.classes_for(
        student, assignment="lab", secret=b"0123456789abcdef"
    )
    with pytest.raises(VariantsError, match=r"none was given\. Pass --secret-file FILE or set ZACHET_SECRET"):
        rule.classes_for(student, assignment="lab")
    with pytest.raises(VariantsError, match=r"none was named\. Pass --assignment"):
        rule.classes_for(student, secret=b"0123456789abcdef")


@pytest.mark.parametrize(
    ("classes", "wrong"),
    [
        ((1, 2, 3), ""),
        ((0, 99), ""),
        ((5, 5), "class 5 is there twice"),
        ((5, 5, 5), "class 5 is there too often"),
        ((100, 1, 1, -1), "class 1 is there twice, class 100 is outside 0..99, class -1 is outside 0..99"),
    ],
)
def test_what_is_wrong_with_classes_is_said(classes: tuple[int, ...], wrong: str) -> None:
    assert wrong_with(classes) == wrong


def test_a_rule_of_ones_own_is_loaded_by_its_path(tmp_path: Path) -> None:
    rule = load_rule(custom(tmp_path, CUSTOM))

    assert (rule.name, rule.streams, str(rule)) == ("mine", ("day",), "group, number + 10")
    assert rule.classes_for(Student(id="a", name="A", group="5", number=3, stream="Дневной")) == (5, 13)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('kind = "formula"', 'kind = "formul"', ', key kind: "formul" is not known here. Did you mean "formula"?'),
        ('title = "My own"', "title = 3", ": the key title is missing or is not a text."),
        ("group_is", "group_iz", ': "group_iz" is not known here. Did you mean "group_is"?'),
        ('"printed"', '"painted"', ', key group_is: "painted" is not known here. Did you mean "printed"?'),
        ('from = "group"', 'from = "groop"', ', class 1, key from: "groop" is not known here. Did you mean "group"?'),
        ('from = "group"', "", ", class 1: a formula has `from` (with `add` or without), or `value` alone."),
        ('from = "group"', 'from = "group"\nadd = 1.5', ", class 1: the key add is not a whole number from -10000 to 10000."),
        ('from = "group"', "value = true", ", class 1: the key value is not a whole number from 0 to 10000."),
        ("day = {", "night = {", ", class 2: the formulas are for night, but [streams] names day."),
        ("[class.stream]", 'from = "group"\n[class.stream]', ", class 2: a class has either one formula or one per stream."),
        ('["дневной"]', '"дневной"', ", [streams]: a stream is not a list of spellings."),
        ('["дневной"]', '["дневной"]\nnight = ["Day"]', ', [streams]: "Day" stands for day and for night.'),
        ("[[class]]", "[[klass]]", ': "klass" is not known here. Did you mean "class"?'),
        ('name = "mine"', 'name = "mine', ": the rule is not valid TOML ("),
    ],
)
def test_a_bad_rule_file_is_refused_with_the_key(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = custom(tmp_path, CUSTOM.replace(old, new))

    with pytest.raises(VariantsError) as caught:
        load_rule(path)

    assert str(caught.value).startswith(f"{path}{message}")


def test_a_rule_without_classes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VariantsError, match="names no classes"):
        load_rule(custom(tmp_path, CUSTOM[: CUSTOM.index("[[class]]")]))


def test_a_keyed_rule_with_a_bad_count_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VariantsError, match="the key count is not a whole number from 1 to 10"):
        load_rule(custom(tmp_path, 'name = "mine"\ntitle = "t"\nkind = "keyed"\ncount = 0\n'))


def test_an_unknown_rule_is_answered_with_the_nearest_name(tmp_path: Path) -> None:
    with pytest.raises(VariantsError) as caught:
        load_rule("iu5_2024")
    assert str(caught.value) == (
        'rule: "iu5_2024" is not known here. Did you mean "iu5-2024"? Give a bundled rule or the path of a .toml file.'
    )
    with pytest.raises(VariantsError, match="No such file"):
        load_rule(tmp_path / "none.toml")


def test_each_formula_rule_says_what_group_means() -> None:
    meanings = {name: load_rule(name).group_is for name in rule_names() if load_rule(name).kind == "formula"}

    assert meanings["iu5-2024"] is GroupIs.PRINTED
    assert meanings["iu5-2026"] is GroupIs.ORDINAL
    assert all("group_is" in (BUNDLED / f"{name}.toml").read_text(encoding="utf-8") for name in meanings)


def test_the_names_of_the_classes_are_complete_and_in_the_official_order() -> None:
    assert list(FINE) == sorted(FINE)
    assert list(SUPERCLASSES) == sorted(SUPERCLASSES)
    assert len(set(FINE)) == len(set(FINE_RU)) == len(SUPERCLASS) == 100
    assert len(set(SUPERCLASSES_RU)) == 20
    assert all(SUPERCLASS.count(index) == 5 for index in range(20))


def test_known_classes_have_their_names_and_superclasses() -> None:
    assert names((39, 58, 23)) == ("keyboard", "pickup_truck", "cloud")
    assert names((39, 58, 23), russian=True) == ("клавиатура", "пикап", "облако")
    assert [SUPERCLASSES[SUPERCLASS[index]] for index in (0, 55, 58)] == ["fruit_and_vegetables", "aquatic_mammals", "vehicles_1"]
