"""The predicted difficulty of sets of classes: the formula, written out here once more, and what it refuses."""

import json
import math
import time
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.assignment import load_assignment
from grader.calibration import recipe_of
from grader.thresholds import recipe_digest
from variants.cifar100 import FINE
from variants.difficulty import SCHEMA, TABLE, difficulty_of, load_difficulty
from variants.errors import VariantsError

CONTENT = json.loads(TABLE.read_text(encoding="utf-8"))
sets = st.lists(st.integers(0, 99), min_size=2, max_size=10, unique=True)


def by_the_book(classes: list[int]) -> float:
    """The documented formula in its plainest form."""
    pictures, right, formula, count = CONTENT["pictures"], CONTENT["right"], CONTENT["formula"], len(classes)
    shares = []
    for own in classes:
        odds = [(pictures - right[own][other] + 0.5) / (right[own][other] + 0.5) for other in classes if other != own]
        shares.append(1 / (1 + sum(odds)))
    raw = (sum(shares) / count - 1 / count) / (1 - 1 / count)
    skill = formula["intercept"] + formula["slope"] * raw + formula["doubling"] * math.log2(count / 3)
    return 1 / count + (1 - 1 / count) * min(1.0, max(0.0, float(skill)))


@settings(deadline=None)
@given(sets)
def test_a_prediction_follows_the_documented_formula(classes: list[int]) -> None:
    assert load_difficulty().predict(classes) == pytest.approx(by_the_book(classes), abs=1e-12)


@settings(deadline=None)
@given(sets, st.randoms())
def test_the_order_of_the_classes_does_not_count_and_a_prediction_lies_between_guessing_and_certainty(classes: list[int], random: object) -> None:
    shuffled = list(classes)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    predicted = load_difficulty().predict(classes)

    assert predicted == load_difficulty().predict(shuffled)
    assert 1 / len(classes) <= predicted <= 1


def test_pictures_that_are_never_confused_are_predicted_without_a_mistake_and_those_always_confused_as_guessing() -> None:
    plain = {"schema": SCHEMA, "formula": {"slope": 1.0, "intercept": 0.0, "doubling": 0.0}, "errors": {"2": 0.0}, "seed_sd": 0.0, "hidden": 100, "made": {}}
    never = difficulty_of({**plain, "pictures": 10**9, "right": (10**9 * np.ones((100, 100))).tolist()})
    always = difficulty_of({**plain, "pictures": 10**9, "right": (10**9 / 2 * np.ones((100, 100))).tolist()})

    for classes in ((0, 1), (3, 50, 99), tuple(range(10))):
        assert never.predict(classes) == pytest.approx(1)
        assert always.predict(classes) == pytest.approx(1 / len(classes))


def test_all_triples_are_predicted_in_seconds_and_as_one_by_one() -> None:
    every = np.array(list(combinations(range(100), 3)))

    begin = time.perf_counter()
    found = load_difficulty().predict_many(every)

    assert time.perf_counter() - begin < 10
    assert found.shape == (161_700,)
    for place in range(0, 161_700, 10_007):
        assert found[place] == load_difficulty().predict(every[place].tolist())


def test_no_sets_give_no_predictions() -> None:
    assert load_difficulty().predict_many(np.empty((0, 3), np.int64)).shape == (0,)


def test_look_alikes_are_harder_than_classes_that_anybody_tells_apart() -> None:
    difficulty = load_difficulty()
    people = [FINE.index(name) for name in ("boy", "girl", "woman")]
    others = [FINE.index(name) for name in ("orange", "sea", "skunk")]

    assert difficulty.predict(people) < 0.5
    assert difficulty.predict(others) > 0.85


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ((5, 5, 7), "the difficulty of 5, 5, 7 cannot be predicted: class 5 is there twice."),
        ((1, 100), "the difficulty of 1, 100 cannot be predicted: class 100 is outside 0..99."),
        ((4,), "the difficulty of 4 cannot be predicted: 1 classes."),
        ((), "the difficulty of nothing cannot be predicted: no classes."),
        (tuple(range(11)), "cannot be predicted: 11 classes."),
    ],
)
def test_what_is_no_set_of_classes_is_refused(classes: tuple[int, ...], message: str) -> None:
    with pytest.raises(VariantsError) as caught:
        load_difficulty().predict(classes)

    assert message in str(caught.value)
    assert str(caught.value).endswith("Give 2 to 10 different classes within 0..99.")


def test_the_table_is_whole_small_and_says_where_it_comes_from() -> None:
    right = np.array(CONTENT["right"])

    assert right.shape == (100, 100)
    assert right.min() >= 0
    assert right.max() <= CONTENT["pictures"]
    assert TABLE.stat().st_size < 100_000
    assert len(CONTENT["made"]["data"]["digest"]) == 64
    assert CONTENT["made"]["measured"]["view"] == "sealed"
    assert len(CONTENT["made"]["measured"]["recipe"]) == 64


@pytest.mark.parametrize("schema", ["zachet-difficulty-0", None])
def test_a_table_of_another_schema_is_refused(schema: str | None) -> None:
    with pytest.raises(VariantsError) as caught:
        difficulty_of({**CONTENT, "schema": schema})

    assert str(caught.value) == (
        f'the table of difficulty: the schema is "{schema}", and this release reads zachet-difficulty-1. '
        "Install zachet again, or make the table with benchmarks/difficulty.py."
    )


def test_the_table_was_measured_with_the_recipe_of_lab_1() -> None:
    assert CONTENT["made"]["measured"]["recipe"] == recipe_digest(recipe_of(load_assignment("iu5_lab1", [])))


def test_the_typical_error_of_larger_sets_is_that_of_the_largest_measured() -> None:
    difficulty = load_difficulty()

    assert difficulty.error(3) == CONTENT["errors"]["3"]
    assert difficulty.error(9) == CONTENT["errors"]["4"]
    assert difficulty.error(1) == difficulty.error(2) == CONTENT["errors"]["2"]


def test_a_pass_line_has_to_clear_guessing_by_a_standard_error() -> None:
    difficulty = load_difficulty()

    assert difficulty.least_line(3) == pytest.approx(1 / 3 + math.sqrt(2 / 9 / 300))
    assert 0.70 < difficulty.line(0.75) < 0.73
