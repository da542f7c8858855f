"""Balanced draws: within the band, each set once, the same for ever, fair among the allowed sets."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.test_draw import SECRET, hmac_sha256
from variants.balance import Allowed, allowed_sets, deal
from variants.cifar100 import SUPERCLASS
from variants.difficulty import load_difficulty
from variants.errors import VariantsError
from variants.manifest import Variant, assign
from variants.roster import Student
from variants.rule import Relation, Rule, Wanted
from variants.rules import load_rule

BALANCED = load_rule("balanced-3")
# Few enough sets that students draw the same ones all the time.
TIGHT = replace(BALANCED, name="tight", wanted=Wanted(band=0.05, superclasses="same"))
SMALL = Allowed(sets=np.array([[0, 1, 2], [0, 1, 3], [5, 50, 99], [7, 8, 9], [10, 20, 30]], np.uint8), accuracies=np.full(5, 0.7))

ids = st.lists(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8), unique_by=str.casefold, max_size=25)


def people(names: list[str]) -> list[Student]:
    return [Student(id=name, name="Ли Вэй") for name in names]


def given_by(rule: Rule, names: list[str], kept: tuple[Variant, ...] = ()) -> tuple[Variant, ...]:
    return assign(people(names), rule, assignment="lab", secret=SECRET, kept=kept)


def alone(rule: Rule, allowed: Allowed, name: str) -> tuple[int, ...]:
    (found,) = deal(rule, allowed, [name], assignment="lab", secret=SECRET, kept={})
    return found


def by_the_book(student: str, sets: list[list[int]]) -> list[int]:
    """The published recipe in plain whole numbers."""
    parts = [text.encode() for text in ("zachet-deal-1", "lab", student)]
    digest = hmac_sha256(SECRET, b"".join(len(part).to_bytes(4, "big") + part for part in parts))
    number, wrap = int.from_bytes(digest[:8], "big"), (1 << 64) - 1

    def place(classes: list[int]) -> int:
        value = (sum(index << (7 * digit) for digit, index in enumerate(classes)) + number) * 0x9E3779B97F4A7C15 & wrap
        value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & wrap
        value = (value ^ value >> 27) * 0x94D049BB133111EB & wrap
        return value ^ value >> 31

    return min(sets, key=place)


@given(st.text(min_size=1))
def test_a_student_alone_gets_what_the_published_recipe_says(student: str) -> None:
    assert list(alone(BALANCED, SMALL, student)) == by_the_book(student, SMALL.sets.tolist())


@pytest.mark.parametrize("rule", [BALANCED, TIGHT], ids=["roomy", "tight"])
@settings(max_examples=30, deadline=None)
@given(names=ids)
def test_everyone_is_within_the_band_and_nobody_has_anothers_set(rule: Rule, names: list[str]) -> None:
    allowed = allowed_sets(rule, load_difficulty())

    variants = given_by(rule, names)

    predicted = [load_difficulty().predict(variant.classes) for variant in variants]
    assert len({variant.classes for variant in variants}) == len(names)
    assert all(len(set(variant.classes)) == 3 for variant in variants)
    assert not predicted or max(predicted) - min(predicted) <= 0.05
    assert {variant.classes for variant in variants} <= set(map(tuple, allowed.sets.tolist()))


@pytest.mark.parametrize("rule", [BALANCED, TIGHT], ids=["roomy", "tight"])
@settings(max_examples=30, deadline=None)
@given(names=ids, late=ids, data=st.data())
def test_students_who_are_added_change_nobody_elses_set(rule: Rule, names: list[str], late: list[str], data: st.DataObject) -> None:
    known = {name.casefold() for name in names}
    # Together they stay below the number of sets that the tight rule allows.
    new = [name for name in late if name.casefold() not in known][: len(allowed_sets(rule, load_difficulty()).sets) - len(names)]
    before = {variant.student.id: variant.classes for variant in given_by(rule, names)}

    appended = {variant.student.id: variant.classes for variant in given_by(rule, names + new)}
    mixed = data.draw(st.permutations(names + new))
    anywhere = {variant.student.id: variant.classes for variant in given_by(rule, mixed, kept=given_by(rule, names))}

    assert {name: appended[name] for name in names} == before
    assert {name: anywhere[name] for name in names} == before
    assert len(set(appended.values())) == len(set(anywhere.values())) == len(names) + len(new)


def test_a_kept_set_of_another_rule_or_assignment_does_not_count() -> None:
    (variant,) = given_by(BALANCED, ["a"])
    other = replace(variant, classes=(1, 2, 3))

    for stranger in (replace(other, rule="random-3"), replace(other, assignment="lab 2"), replace(other, student=Student(id="b", name="Б"))):
        assert given_by(BALANCED, ["a"], kept=(stranger,)) == (variant,)
    assert given_by(BALANCED, ["A"], kept=(other,))[0].classes == given_by(BALANCED, ["a"], kept=(other,))[0].classes == (1, 2, 3)


@given(st.text(min_size=1), st.integers(0, 4))
def test_a_set_that_is_no_longer_allowed_concerns_its_holder_only(student: str, gone: int) -> None:
    less = Allowed(sets=np.delete(SMALL.sets, gone, axis=0), accuracies=SMALL.accuracies[1:])

    before, after = alone(BALANCED, SMALL, student), alone(BALANCED, less, student)

    assert (before == after) == (before != tuple(SMALL.sets[gone].tolist()))


def test_every_allowed_set_is_given_about_equally_often() -> None:
    allowed = allowed_sets(TIGHT, load_difficulty())
    counts = Counter(alone(TIGHT, allowed, f"s{number}") for number in range(100 * len(allowed.sets)))

    statistic = sum((counts[tuple(classes)] - 100) ** 2 / 100 for classes in allowed.sets.tolist())
    freedom = len(allowed.sets) - 1

    assert freedom > 20
    assert statistic < freedom + 3.3 * (2 * freedom) ** 0.5 + 6  # exceeded by chance about once in a thousand


def test_secret_and_assignment_change_the_draw() -> None:
    allowed = allowed_sets(BALANCED, load_difficulty())
    drawn = {
        tuple(deal(BALANCED, allowed, ["s1"], assignment=assignment, secret=secret, kept={}))
        for assignment, secret in (("lab1", SECRET), ("lab2", SECRET), ("lab1", SECRET + b"!"))
    }

    assert len(drawn) == 3


@pytest.mark.parametrize(("relation", "kinds", "sets"), [("different", 3, 20 * 19 * 18 // 6 * 125), ("same", 1, 20 * 10)])
def test_superclasses_are_as_the_rule_asks(relation: Relation, kinds: int, sets: int) -> None:
    allowed = allowed_sets(replace(BALANCED, wanted=Wanted(superclasses=relation)), load_difficulty())

    assert len(allowed.sets) == sets
    assert all(len({SUPERCLASS[index] for index in classes}) == kinds for classes in allowed.sets[:: max(1, sets // 500)].tolist())


def test_the_band_lies_around_the_median_of_what_superclasses_leave_or_where_it_is_put() -> None:
    difficulty = load_difficulty()

    kindred = allowed_sets(replace(BALANCED, wanted=Wanted(superclasses="same")), difficulty).accuracies
    narrow = allowed_sets(TIGHT, difficulty).accuracies
    placed = allowed_sets(replace(BALANCED, wanted=Wanted(band=0.02, around=0.85)), difficulty).accuracies

    assert len(narrow) == (np.abs(kindred - np.median(kindred)) <= 0.025).sum()
    assert placed.min() >= 0.84 - 1e-12
    assert placed.max() <= 0.86 + 1e-12


def test_pairs_and_fours_are_drawn_too() -> None:
    for count, sets in ((2, 4950), (4, 3_921_225)):
        rule = replace(BALANCED, draws=count, wanted=Wanted(band=0.01))
        allowed = allowed_sets(rule, load_difficulty())

        assert len(alone(rule, allowed, "s1")) == count
        assert 0 < len(allowed.sets) < sets


def test_an_impossible_band_is_answered_with_what_there_is() -> None:
    rule = replace(BALANCED, wanted=Wanted(band=0.01, around=0.99))

    with pytest.raises(VariantsError) as caught:
        given_by(rule, ["a"])

    assert str(caught.value).startswith("rule balanced-3: no set of 3 classes is predicted between 0.985 and 0.995; the 161,700 sets run from 0.4")
    assert str(caught.value).endswith("Widen band or change around.")


def test_more_students_than_sets_is_answered_with_how_many_there_are() -> None:
    number = len(allowed_sets(TIGHT, load_difficulty()).sets)
    names = [f"s{index}" for index in range(number + 1)]

    assert len(given_by(TIGHT, names[:-1])) == number  # down to the last set
    with pytest.raises(VariantsError) as caught:
        given_by(TIGHT, names)
    assert str(caught.value) == (
        f"rule tight: the rule leaves {number:,} free sets of classes, and {number + 1:,} students need one each. "
        "Widen band, change around or drop superclasses; nobody gets another's set."
    )
    with pytest.raises(VariantsError, match=rf"leaves 0 free sets of classes, and 1 students need one each \({number} have theirs already\)"):
        given_by(TIGHT, names, kept=given_by(TIGHT, names[:-1]))


@pytest.mark.parametrize("draws", [2, 4])
def test_kept_sets_of_another_size_are_refused_with_their_students(draws: int) -> None:
    names = ["a", "b", "c"]  # nine classes would make neither pairs nor fours, six of two students would make pairs
    rule = replace(BALANCED, draws=draws)

    for some in (names, names[:2]):
        kept = given_by(BALANCED, some)
        with pytest.raises(VariantsError) as caught:
            given_by(rule, [*some, "new"], kept=kept)
        assert str(caught.value) == (
            f"rule balanced-3: the rule gives {draws} classes, and {len(some)} of {len(some)} sets in the manifest have another size:\n"
            + "".join(f"  {one.student.id}: {', '.join(map(str, one.classes))}\n" for one in kept)
            + "Give the rule another name, or delete the manifest to draw anew."
        )


def test_a_kept_set_that_was_cut_by_hand_is_named_alone_and_many_are_cut_to_twenty() -> None:
    names = [f"s{number}" for number in range(25)]
    kept = given_by(BALANCED, names)
    cut = replace(kept[3], classes=kept[3].classes[:2])

    with pytest.raises(VariantsError, match=r"1 of 25 sets in the manifest have another size:\n  s3: \d+, \d+\nGive the rule"):
        given_by(BALANCED, names, kept=(*kept[:3], cut, *kept[4:]))
    with pytest.raises(VariantsError, match=r"  s19: \d+, \d+, \d+\n  and 5 more\nGive the rule"):
        given_by(replace(BALANCED, draws=2), names, kept=kept)


def test_a_balanced_rule_needs_assignment_and_secret() -> None:
    with pytest.raises(VariantsError, match="none was named"):
        assign(people(["a"]), BALANCED, secret=SECRET)
    with pytest.raises(VariantsError, match="none was given"):
        assign(people(["a"]), BALANCED, assignment="lab")


BASE = 'name = "mine"\ntitle = "t"\nkind = "keyed"\ncount = 3\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('difficulty = "balanced"\n', ": the key band is not a number between 0 and 1. Write band = 0.05, say."),
        ('difficulty = "balanced"\nband = 5\n', ": the key band is not a number between 0 and 1."),
        ('difficulty = "balanced"\nband = 0.05\naround = "high"\n', ": the key around is not a number between 0 and 1. Write around = 0.75, say."),
        ('difficulty = "balanced"\nband = nan\n', ": the key band is not a number between 0 and 1."),
        ('difficulty = "balansed"\nband = 0.1\n', ', key difficulty: "balansed" is not known here. Did you mean "balanced"?'),
        ("band = 0.05\n", ': the key band goes with balanced draws. Add difficulty = "balanced".'),
        ("around = 0.8\nband = 0.05\n", ': the key band goes with balanced draws. Add difficulty = "balanced".'),
        ('superclasses = "differnt"\n', ', key superclasses: "differnt" is not known here. Did you mean "different"?'),
    ],
)
def test_a_bad_wish_is_refused_with_the_key(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(BASE + text, encoding="utf-8")

    with pytest.raises(VariantsError) as caught:
        load_rule(path)

    assert str(caught.value).startswith(f"{path}{message}")


def test_a_rule_that_chooses_is_for_two_to_four_classes(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(BASE.replace("3", "5") + 'superclasses = "different"\n', encoding="utf-8")

    with pytest.raises(VariantsError, match="the key count is not a whole number from 2 to 4"):
        load_rule(path)


def test_a_wish_is_read_and_said(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(BASE + 'difficulty = "balanced"\nband = 0.04\naround = 0.8\nsuperclasses = "different"\n', encoding="utf-8")

    rule = load_rule(path)

    assert rule.wanted == Wanted(band=0.04, around=0.8, superclasses="different")
    assert str(rule) == "3 keyed draws: predicted accuracy within 0.04 around 0.8, no two of one superclass, nobody has another's set"
    path.write_text(BASE + 'superclasses = "any"\n', encoding="utf-8")
    assert load_rule(path).wanted is None
