"""The statistics and the decision: error rates by simulation, edges by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from grader.model import Policy, Recipe, Text, View
from grader.thresholds import (
    Decision,
    NotUsable,
    Reference,
    Spread,
    Thresholds,
    compare_paired,
    decide,
    judge,
    key_of,
    lines,
    moderated_spread,
    pooled_spread,
    recipe_digest,
    require_fresh,
    share_of_points,
    sort_out,
    wilson,
)

RECIPE = Recipe(hidden=(10,), lr=0.005, batch=128, epochs=250)
REFERENCE = Reference(mean=0.76, n=10, spreads=(Spread(sd=0.016, df=144),), hidden=300, chance=1 / 3)
CLASSES = (0, 55, 58)


def table(**variants: tuple[float, ...]) -> Thresholds:
    rows = {f"{index},{index + 1},{index + 2}": (index, values) for index, values in enumerate(variants.values())}
    return Thresholds(
        assignment="tiny", engine="fast", recipe=recipe_digest(RECIPE), view=View.SEALED, data_name="cifar100", data="d",
        environment={"torch": "2.15.0+cpu"},
        variants={key: sort_out((index, index + 1, index + 2), values, [0.99] * len(values), hidden=300) for key, (index, values) in rows.items()},
    )  # fmt: skip


@pytest.mark.parametrize(("accuracy", "n"), [(0.0, 300), (0.71, 300), (1.0, 20), (0.5, 20)])
def test_the_wilson_interval_is_that_of_scipy(accuracy: float, n: int) -> None:
    known = stats.binomtest(round(accuracy * n), n).proportion_ci(0.95, method="wilson")
    ours = wilson(accuracy, n)
    assert ours.low == pytest.approx(known.low, abs=1e-12)
    assert ours.high == pytest.approx(known.high, abs=1e-12)


def test_an_interval_from_nothing_says_nothing() -> None:
    assert (wilson(0.5, 0).low, wilson(0.5, 0).high) == (0, 1)
    assert wilson(math.nan, 20) == wilson(0.0, 20)


def test_a_paired_comparison_counts_only_the_images_where_two_models_differ() -> None:
    first, second = np.zeros(300, np.bool_), np.zeros(300, np.bool_)
    first[:200], second[10:204] = True, True
    paired = compare_paired(first, second)
    assert (paired.only_first, paired.only_second) == (10, 4)
    assert paired.p_value == pytest.approx(stats.binomtest(4, 14).pvalue)
    assert compare_paired(first, first).p_value == 1


def test_paired_models_have_to_be_measured_on_the_same_images() -> None:
    with pytest.raises(ValueError, match="against"):
        compare_paired(np.zeros(3, np.bool_), np.zeros(4, np.bool_))


def test_the_pooled_spread_weighs_by_degrees_of_freedom() -> None:
    pooled = pooled_spread([Spread(sd=0.01, df=9), Spread(sd=0.03, df=1), Spread(sd=0, df=0)])
    assert pooled.df == 10
    assert pooled.sd == pytest.approx(math.sqrt((9 * 0.0001 + 0.0009) / 10))


def test_a_moderated_spread_lies_between_the_variants_own_and_the_common_one() -> None:
    rng = np.random.default_rng(1)
    spreads = [Spread(sd=float(sd), df=9) for sd in np.sqrt(rng.chisquare(9, 60) / 9) * rng.uniform(0.005, 0.03, 60)]
    wide = max(spreads, key=lambda spread: spread.sd)
    moderated, pooled = moderated_spread(wide, spreads), pooled_spread(spreads)
    assert pooled.sd < moderated.sd < wide.sd
    assert 9 < moderated.df <= pooled.df


def test_variants_of_one_true_spread_share_the_pooled_one() -> None:
    spreads = [Spread(sd=0.0158 * (1 + 0.01 * step), df=9) for step in range(-5, 6)]
    assert moderated_spread(spreads[0], spreads) == pooled_spread(spreads)
    assert moderated_spread(Spread(sd=0, df=0), spreads) == pooled_spread(spreads)


@pytest.mark.parametrize("seeds", [1, 3, 10])
@pytest.mark.parametrize("replicates", [1, 3])
def test_an_honest_repetition_fails_at_most_as_often_as_declared(seeds: int, replicates: int) -> None:
    rng = np.random.default_rng(seeds * 10 + replicates)
    policy = Policy(replicates=replicates)
    trials, fails = 3000, 0
    for _ in range(trials):
        drawn = rng.normal(0.76, 0.016, (30, max(2, seeds)))
        spread = Spread(sd=float(np.sqrt(drawn.var(axis=1, ddof=1).mean())), df=30 * (drawn.shape[1] - 1))
        reference = replace(REFERENCE, mean=float(drawn[0, :seeds].mean()), n=seeds, spreads=(spread,))
        fails += decide(rng.normal(0.76, 0.016, replicates).tolist(), reference, policy) is Decision.FAIL
    assert stats.binomtest(fails, trials, policy.false_fail, alternative="greater").pvalue > 1e-4
    assert fails > 0


def test_replicates_find_work_that_one_run_cannot_tell() -> None:
    rng = np.random.default_rng(4)
    found = {}
    for replicates in (1, 3, 5):
        policy = Policy(replicates=replicates)
        worse = rng.normal(0.76 - 0.04, 0.016, (2000, replicates))
        found[replicates] = np.mean([decide(row.tolist(), REFERENCE, policy) is Decision.FAIL for row in worse])
    assert found[1] < found[3] < found[5]


def test_work_worse_by_the_margin_passes_early_at_most_as_often_as_declared() -> None:
    rng = np.random.default_rng(5)
    policy = Policy(replicates=3)
    bounds = [lines(REFERENCE, policy, run) for run in (1, 2)]
    early = 0
    for row in rng.normal(0.76 - policy.margin, 0.016, (4000, 3)):
        means = [row[0], row[:2].mean()]
        early += any(mean >= bound.clear for mean, bound in zip(means, bounds, strict=True))
    assert early / 4000 < policy.false_pass


def test_the_line_is_where_judging_begins_to_pass_also_where_the_margin_is_wider_than_the_spread() -> None:
    calm, policy = replace(REFERENCE, spreads=(Spread(sd=0.004, df=144),)), Policy()
    bounds = lines(calm, policy, 1)
    assert bounds.clear < bounds.fail
    assert judge([bounds.line], calm, policy).decision is Decision.PASS
    assert judge([bounds.line - 1e-6], calm, policy).decision is Decision.FAIL
    assert judge([0.75], calm, policy).line == bounds.line


def test_between_the_lines_a_work_is_run_again_and_passes_in_the_end() -> None:
    policy = Policy(replicates=3)
    assert lines(REFERENCE, policy, 1).fail < 0.73 < lines(REFERENCE, policy, 1).clear
    assert decide([0.73], REFERENCE, policy) is Decision.BORDERLINE
    assert decide([0.73, 0.735], REFERENCE, policy) is Decision.BORDERLINE
    assert decide([0.73, 0.735, 0.74], REFERENCE, policy) is Decision.PASS
    assert decide([0.73, 0.60], REFERENCE, policy) is Decision.FAIL
    judgement = judge([0.73], REFERENCE, policy)
    assert (judgement.decision, judgement.share, judgement.borderline) == (Decision.PASS, 1.0, True)


def graded(accuracies: list[float], reference: Reference, policy: Policy, first: int = 1) -> tuple[Decision, int]:
    """Judge a work as grading does: run it on for as long as one more run could settle it."""
    made = first
    while (judgement := judge(accuracies[:made], reference, policy, first=first)).again:
        made += 1
    return judgement.decision, made


@pytest.mark.parametrize(("replicates", "first"), [(1, 1), (3, 1), (5, 1), (1, 3), (1, 5), (5, 3)])
def test_honest_work_fails_as_rarely_as_declared_however_often_it_is_run(replicates: int, first: int) -> None:
    rng = np.random.default_rng(100 * replicates + first)
    policy = Policy(replicates=replicates)
    trials, fails, most = 4000, 0, max(replicates, first)
    for _ in range(trials):
        drawn = rng.normal(0.76, 0.016, (30, 10))
        spread = Spread(sd=float(np.sqrt(drawn.var(axis=1, ddof=1).mean())), df=270)
        reference = replace(REFERENCE, mean=float(drawn[0].mean()), spreads=(spread,))
        decision, made = graded(rng.normal(0.76, 0.016, most).tolist(), reference, policy, first)
        assert first <= made <= most
        fails += decision is Decision.FAIL
    assert stats.binomtest(fails, trials, policy.false_fail, alternative="greater").pvalue > 1e-4


@given(
    accuracies=st.lists(st.floats(0.3, 1.0), min_size=5, max_size=5), replicates=st.integers(1, 5), first=st.integers(1, 5), silent=st.integers(0, 3)
)
def test_a_work_is_never_run_more_often_than_declared_and_the_doubt_never_costs_points(
    accuracies: list[float], replicates: int, first: int, silent: int
) -> None:
    policy = Policy(replicates=replicates)
    decision, made = graded(accuracies, REFERENCE, policy, first)
    assert first <= made <= max(replicates, first)
    assert decision is decide(accuracies[: max(replicates, first)], REFERENCE, policy, first)
    judgement = judge(accuracies[:made], REFERENCE, policy, first=first, silent=silent)
    assert judgement.share == 1 if judgement.decision is Decision.PASS else judgement.share < 1
    assert not (judgement.again and made + silent >= max(replicates, first))


def test_runs_that_gave_nothing_are_not_made_up_for() -> None:
    policy = Policy(replicates=3)
    assert judge([0.73], REFERENCE, policy, silent=1).again
    last = judge([0.73], REFERENCE, policy, silent=2)
    assert (last.again, last.borderline, last.decision, last.share) == (False, True, Decision.PASS, 1.0)


def test_exactly_on_the_line_passes_and_one_image_below_fails() -> None:
    policy = Policy()
    line = lines(REFERENCE, policy, 1).fail
    assert judge([line], REFERENCE, policy).decision is Decision.PASS
    assert judge([line - 1 / 300], REFERENCE, policy).decision is Decision.FAIL


def test_points_grow_linearly_from_chance_to_the_line_and_never_fall() -> None:
    policy = Policy()
    line = lines(REFERENCE, policy, 1).fail
    halfway = (1 / 3 + line) / 2
    assert judge([halfway], REFERENCE, policy).share == pytest.approx(0.5)
    assert judge([1 / 3], REFERENCE, policy).share == judge([0.1], REFERENCE, policy).share == 0
    shares = [judge([value], REFERENCE, policy).share for value in np.linspace(0, 1, 301)]
    assert shares == sorted(shares)


def test_the_line_may_be_declared_to_earn_less_than_everything() -> None:
    assert share_of_points(0.7, chance=0.3, line=0.7, mean=0.8, line_share=0.6) == pytest.approx(0.6)
    assert share_of_points(0.75, chance=0.3, line=0.7, mean=0.8, line_share=0.6) == pytest.approx(0.8)
    with pytest.raises(ValueError, match="line"):
        share_of_points(0.5, chance=0.4, line=0.35, mean=0.45, line_share=1)


def test_an_accuracy_that_is_not_a_number_fails() -> None:
    assert judge([math.nan], REFERENCE, Policy()).decision is Decision.FAIL
    assert judge([math.nan], REFERENCE, Policy()).share == 0


def test_seeds_that_agree_by_chance_do_not_make_the_line_touch_the_mean() -> None:
    reference = Reference(mean=0.75, n=10, spreads=(Spread(sd=0.0, df=9),), hidden=20, chance=1 / 3)
    assert lines(reference, Policy(), 1).fail < 0.75 - 0.03


def test_a_key_is_the_set_of_classes_and_a_repeated_class_is_refused() -> None:
    assert key_of((58, 0, 55)) == "0,55,58"
    for wrong in ((1, 1, 2), ()):
        with pytest.raises(ValueError, match="not a set"):
            key_of(wrong)


def test_one_training_borrows_the_spread_of_the_other_variants() -> None:
    thresholds = table(a=(0.75,), b=(0.80, 0.82, 0.78))
    assert thresholds.reference((0, 1, 2), Policy()).spreads[0].df == 2
    with pytest.raises(NotUsable, match="only one training"):
        table(a=(0.75,)).reference((0, 1, 2), Policy())


def test_a_set_that_was_not_calibrated_is_not_judged() -> None:
    with pytest.raises(NotUsable, match="was not calibrated"):
        table(a=(0.7, 0.72)).reference((7, 8, 9), Policy())


def test_one_training_of_many_that_did_not_converge_is_set_aside_and_a_second_one_ends_it() -> None:
    good = [0.75, 0.76, 0.74, 0.75, 0.77]
    one = sort_out((0, 1, 2), [*good, 1 / 3], [*[0.99] * 5, 0.34], hidden=300)
    two = sort_out((0, 1, 2), [*good, 1 / 3, math.nan], [*[0.99] * 5, 0.34, 0.99], hidden=300)
    assert (one.n, one.set_aside) == (5, (0.333333,))
    assert replace(table(), variants={"0,1,2": one}).reference((0, 1, 2), Policy()).n == 5
    with pytest.raises(NotUsable, match=r"2 of 7"):
        replace(table(), variants={"0,1,2": two}).reference((0, 1, 2), Policy())


def test_a_training_that_learnt_its_own_images_converged_even_where_the_hidden_ones_look_alike() -> None:
    assert sort_out(CLASSES, [0.36], [0.97], hidden=300).n == 1
    assert sort_out(CLASSES, [0.36], [0.34], hidden=300).n == 0


def test_a_reference_near_chance_is_not_used() -> None:
    with pytest.raises(NotUsable, match="told from guessing"):
        table(a=(0.37, 0.38, 0.39)).reference((0, 1, 2), Policy())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"data": "other"}, "another data set"),
        ({"view": View.OFFICIAL}, "data view sealed"),
        ({"recipe": replace(RECIPE, epochs=25)}, "recipe has changed"),
        ({"recipe": None}, "recipe has changed"),
        ({"torch": "2.16.0"}, r"torch 2\.15"),
        ({"torch": ""}, r"torch 2\.15"),
    ],
)
def test_a_calibration_made_otherwise_is_stale_and_says_why(change: dict[str, object], words: str) -> None:
    known: dict[str, object] = {"data": "d", "view": View.SEALED, "recipe": RECIPE, "torch": "2.15.3"}
    require_fresh(table(a=(0.7, 0.72)), **known)  # type: ignore[arg-type]
    with pytest.raises(NotUsable, match=words) as caught:
        require_fresh(table(a=(0.7, 0.72)), **{**known, **change})  # type: ignore[arg-type]
    assert isinstance(caught.value.reason, Text)
