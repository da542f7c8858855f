"""The chance of a pass under a fixed threshold and under a line per variant: against simulation with the decision itself, and edges."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from grader.model import Policy, Recipe, View
from grader.thresholds import (
    Calibrated,
    Comparison,
    Decision,
    Reference,
    Spread,
    Thresholds,
    below,
    compare_rules,
    comparison_json,
    counts,
    decide,
    lines,
    outlook,
    recipe_digest,
    sort_out,
)
from grader.thresholds.chances import chance_of_pass

REFERENCE = Reference(mean=0.72, n=10, spreads=(Spread(sd=0.016, df=144), Spread(sd=0.014, df=40)), hidden=300, chance=1 / 3)
HARD, MIDDLE, EASY = (1, 2, 3), (4, 5, 6), (7, 8, 9)
SHAPE = np.array([-0.02, -0.015, -0.01, -0.005, 0, 0, 0.005, 0.01, 0.015, 0.02])


def row(classes: tuple[int, ...], mean: float) -> Calibrated:
    return sort_out(classes, (mean + SHAPE).tolist(), [0.99] * len(SHAPE), hidden=300)


def calibration(*rows: Calibrated) -> Thresholds:
    recipe = Recipe(hidden=(10,), lr=0.005, batch=128, epochs=250)
    return Thresholds(
        assignment="iu5_lab1", engine="fast", recipe=recipe_digest(recipe), view=View.SEALED, data_name="cifar100", data="d",
        environment={"torch": "2.15.0+cpu"}, variants={",".join(map(str, one.classes)): one for one in rows},
    )  # fmt: skip


def compared(*sets: tuple[int, ...], policy: Policy | None = None, **change: float) -> Comparison:
    thresholds = calibration(row(HARD, 0.60), row(MIDDLE, 0.70), row(EASY, 0.85))
    return compare_rules(thresholds, sets or (EASY, HARD, MIDDLE), policy or Policy(), fixed=change.get("fixed", 0.70), worse=change.get("worse", 0.05))


@pytest.mark.parametrize("replicates", [1, 3])
@pytest.mark.parametrize("worse", [0.0, 0.05])
def test_chances_are_the_frequencies_of_the_decision_itself(replicates: int, worse: float) -> None:
    rng = np.random.default_rng(replicates)
    policy, own = Policy(replicates=replicates), REFERENCE.spreads[-1]
    trials, passed, fixed = 4000, 0, 0
    for _ in range(trials):
        sd = own.sd * math.sqrt(own.df / rng.chisquare(own.df))
        mean = rng.normal(REFERENCE.mean, sd / math.sqrt(REFERENCE.n)) - worse
        seen = (rng.normal(mean, sd, replicates) * 300).round() / 300
        passed += decide(seen.tolist(), REFERENCE, policy) is Decision.PASS
        fixed += seen[0] >= 0.70 - 1e-9
    found = chance_of_pass(REFERENCE, policy, fixed=0.70, worse=worse)
    assert stats.binomtest(passed, trials, found.own).pvalue > 1e-4
    assert stats.binomtest(fixed, trials, found.fixed).pvalue > 1e-4


def test_one_run_against_the_line_follows_the_t_distribution_up_to_an_image() -> None:
    own, line = REFERENCE.spreads[-1], lines(REFERENCE, Policy(), 1).fail
    whole = math.ceil(line * 300 - 1e-9) - 0.5  # half an image below the line is rounded up to it
    known = stats.t.sf((whole / 300 - REFERENCE.mean) / (own.sd * math.sqrt(1 + 1 / REFERENCE.n)), own.df)
    assert chance_of_pass(REFERENCE, Policy(), fixed=0.7).own == pytest.approx(known, abs=5e-4)


def test_honest_work_passes_its_own_line_as_often_as_declared_whatever_the_variant() -> None:
    for one in compared().variants:
        assert 0.985 < one.equal.own <= 1


def test_a_fixed_threshold_fails_the_hard_variant_for_ever_and_passes_worse_work_on_the_easy_one() -> None:
    hard, middle, easy = compared().variants
    assert [one.classes for one in (hard, middle, easy)] == [HARD, MIDDLE, EASY]
    assert [outlook(one.equal.fixed) for one in (hard, middle, easy)] == ["never", "lottery", "always"]
    assert easy.worse.fixed > 0.99
    assert easy.worse.own < 0.5
    assert counts(compared()) == {"never": 1, "lottery": 1, "always": 1}
    assert (below(hard, 0.70), below(easy, 0.70)) == (10, 0)


def test_chances_fall_as_work_gets_worse_and_more_runs_find_it() -> None:
    own = [chance_of_pass(REFERENCE, Policy(), fixed=0.7, worse=worse).own for worse in (0, 0.02, 0.04, 0.06, 0.2)]
    assert own == sorted(own, reverse=True)
    assert 0 < own[-1] < 1e-3
    easy = chance_of_pass(REFERENCE, Policy(), fixed=0.01)
    assert 0.999 < easy.fixed < 1
    runs = [chance_of_pass(REFERENCE, Policy(replicates=count), fixed=0.7, worse=0.05).own for count in (1, 3, 5)]
    assert runs == sorted(runs, reverse=True)


def test_chances_repeat_exactly() -> None:
    assert compared() == compared()


def test_a_set_counts_once_whatever_its_order_and_one_that_was_not_calibrated_is_named() -> None:
    comparison = compared((3, 2, 1), HARD, (50, 51, 52))
    assert [one.classes for one in comparison.variants] == [HARD]
    (missing,) = comparison.without
    assert missing.classes == (50, 51, 52)
    assert "not calibrated" in missing.reason.en
    with pytest.raises(ValueError, match="not a set"):
        compared((1, 1, 2))


def test_a_variant_near_chance_has_no_line_and_no_chances() -> None:
    thresholds = calibration(row(HARD, 0.36), row(EASY, 0.85))
    comparison = compare_rules(thresholds, [HARD, EASY], Policy(), fixed=0.7, worse=0.05)
    assert [one.classes for one in comparison.without] == [HARD]
    assert "guessing" in comparison.without[0].reason.en


def test_one_training_takes_the_spread_of_the_others() -> None:
    alone = replace(row(HARD, 0.60), accuracies=(0.60,))
    one, _ = compare_rules(calibration(alone, row(EASY, 0.85)), [HARD, EASY], Policy(), fixed=0.7, worse=0.05).variants
    assert one.equal.own == pytest.approx(0.99, abs=0.008)
    assert one.sd == pytest.approx(float(SHAPE.std(ddof=1)))


def test_twenty_hidden_images_give_chances_in_whole_images() -> None:
    few = replace(REFERENCE, hidden=20)
    # 0.72 is 14.4 images: whether 14 or 15 are right is a toss, and a threshold between two images is the next image.
    assert chance_of_pass(few, Policy(), fixed=0.71).fixed == chance_of_pass(few, Policy(), fixed=0.75).fixed
    assert chance_of_pass(few, Policy(), fixed=0.70).fixed > chance_of_pass(few, Policy(), fixed=0.71).fixed


def test_the_comparison_is_plain_json() -> None:
    data = json.loads(json.dumps(comparison_json(compared(HARD, EASY, (50, 51, 52)))))
    assert [one["classes"] for one in data["variants"]] == [list(HARD), list(EASY)]
    assert data["variants"][0]["below_fixed"] == 10
    assert data["without"] == [{"classes": [50, 51, 52], "reason": "this set of classes was not calibrated"}]
    assert data["counts"] == {"never": 1, "lottery": 0, "always": 1}
