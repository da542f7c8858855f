"""What lint finds, over a range and over a roster, counted against a plain enumeration of formulas written out here."""

from collections.abc import Callable

import pytest

from variants.errors import VariantsError
from variants.lint import lint_roster, lint_rule
from variants.roster import Student
from variants.rules import load_rule

FORMULAS: dict[str, Callable[[int, int], dict[str, tuple[int, int, int]]]] = {
    "iu5-2022": lambda g, v: {"": (g, v, v + 30)},
    "iu5-2023": lambda g, v: {"": (g + 4, v + 17, v + 42)},
    "iu5-2024": lambda g, v: {"iu5": (g + 15, v + 56, v + 21), "guimc": (g + 15, v + 56, 80), "foreign": (g + 15, v + 56, 90)},
    "iu5-2025": lambda g, v: {"iu5": (g + 11, v + 37, v + 42), "guimc": (g + 11, v + 37, 70), "foreign": (g + 11, v + 37, 71)},
    "iu5-2026": lambda g, v: {"iu5": (g + 7, v + 30, v + 50), "guimc": (g + 7, v + 30, 90), "foreign": (g + 7, v + 30, 93)},
}


@pytest.mark.parametrize(
    ("name", "cases", "repeated", "identical"),
    [("iu5-2022", 350, 10, 0), ("iu5-2023", 350, 0, 0), ("iu5-2024", 1050, 24, 10), ("iu5-2025", 1050, 20, 30), ("iu5-2026", 1050, 0, 0)],
)
def test_lint_counts_what_a_plain_enumeration_counts(name: str, cases: int, repeated: int, identical: int) -> None:
    every = [classes for g in range(1, 11) for v in range(1, 36) for classes in FORMULAS[name](g, v).values()]
    sets = [frozenset(classes) for classes in every]

    found = lint_rule(load_rule(name), range(1, 11), range(1, 36))

    assert (found.cases, len(found.repeated), len(found.outside), len(found.identical)) == (cases, repeated, 0, identical)
    assert len(found.repeated) == sum(len(set(classes)) < 3 for classes in every)
    assert sum(map(len, found.identical)) == sum(sets.count(one) > 1 for one in sets)
    assert found.clean == (not repeated and not identical)


def test_lint_names_the_cases_and_finds_classes_out_of_range() -> None:
    found = lint_rule(load_rule("iu5-2024"), range(7, 8), range(1, 45))

    assert next((case.who, case.classes) for case in found.repeated) == ("group 7, number 1, iu5", (22, 57, 22))
    assert [case.who for case in found.outside] == [f"group 7, number 44, {stream}" for stream in ("iu5", "guimc", "foreign")]


def test_lint_of_too_many_cases_is_refused() -> None:
    with pytest.raises(VariantsError, match="more than 1,000,000 cases"):
        lint_rule(load_rule("iu5-2022"), range(1, 2000), range(1, 2000))


def test_a_keyed_rule_has_nothing_to_enumerate() -> None:
    found = lint_rule(load_rule("random-3"), range(1, 11), range(1, 36))

    assert (found.cases, found.clean) == (0, True)


def test_lint_of_a_roster_names_students() -> None:
    students = [
        Student(id="a", name="А", group="24", number=24, stream="ГУИМЦ", row=2),
        Student(id="b", name="Б", group="24", number=5, stream="ИУ5", row=3),
        Student(id="c", name="В", group="24", number=5, stream="ИУ5", row=4),
        Student(id="d", name="Г", group="24", stream="ИУ5", row=5),
        Student(id="e", name="Д", group="24", number=50, stream="ИУ5", row=6),
    ]

    found = lint_roster(students, load_rule("iu5-2024"))

    assert [case.who for case in found.repeated] == ["a А (line 2)"]
    assert [case.who for case in found.outside] == ["e Д (line 6)"]
    assert [[case.who for case in sharing] for sharing in found.identical] == [["b Б (line 3)", "c В (line 4)"]]
    assert found.unusable == ("d Г (line 5): no number is given",)


def test_lint_of_a_roster_without_the_secret_is_refused() -> None:
    with pytest.raises(VariantsError, match="none was given"):
        lint_roster([Student(id="a", name="А")], load_rule("random-3"), assignment="lab")
