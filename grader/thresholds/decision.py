"""From accuracies of one work to pass, fail or borderline, and to points. Pure functions; the rule is explained in docs/fairness.md."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy import stats

from grader.model import Policy
from grader.thresholds.statistics import Spread


class Decision(StrEnum):
    """What the accuracies so far allow to say."""

    PASS = "pass"  # noqa: S105 - a verdict
    FAIL = "fail"
    BORDERLINE = "borderline"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What is known of the reference on one variant.

    `mean` of `n` trainings; `spreads` are the candidates for its spread over seeds, the widest line of them counts; `hidden` is the
    number of images that measured it; `chance` the accuracy of guessing.
    """

    mean: float
    n: int
    spreads: tuple[Spread, ...]
    hidden: int
    chance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Below `fail` a mean of so many runs fails, from `clear` on it passes at once; between the two it is borderline."""

    fail: float
    clear: float

    @property
    def line(self) -> float:
        """The pass line: `clear` lies below `fail` where the margin is wider than the spread, and reaching it is then enough."""
        return min(self.fail, self.clear)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What was decided: the work's mean accuracy, the line it had to reach, the share of the points that it earns.

    `borderline` passes only because the doubt counts for the work; `again` says that one more run might still settle it.
    """

    decision: Decision
    accuracy: float
    line: float
    share: float
    borderline: bool
    again: bool = False


def lines(reference: Reference, policy: Policy, run: int, first: int = 1) -> Lines:
    """Return the lines for the mean of `run` runs of a work that is looked at from its run `first` on, up to `policy.replicates`.

    The fail line is a one-sided t prediction bound: at each look a work as good as the reference falls below it with probability
    `false_fail` over the number of looks, so that over all of them together it fails at most with probability `false_fail`. The clear
    line is the same bound from below for work that is worse by `margin`.
    """
    looks = max(policy.replicates, run, first) - first + 1
    down = _reach(reference, policy.false_fail / looks, run)
    up = _reach(reference, policy.false_pass / looks, run)
    return Lines(fail=reference.mean - down, clear=reference.mean - policy.margin + up)


def decide(accuracies: Sequence[float], reference: Reference, policy: Policy, first: int = 1) -> Decision:
    """Return the decision after these runs of one work, in their order; one that is not a number counts as 0.

    From run `first` on each run is judged by the mean up to it, and the first run that decides counts. After the last run that the
    policy allows nothing stays borderline: the work passes.
    """
    last = max(policy.replicates, first)
    values = _finite(accuracies)[:last]
    for run in range(first, len(values) + 1):
        decision = _look(values[:run], lines(reference, policy, run, first))
        if decision is not Decision.BORDERLINE:
            return decision
    return Decision.PASS if len(values) >= last else Decision.BORDERLINE


def judge(accuracies: Sequence[float], reference: Reference, policy: Policy, *, first: int = 1, silent: int = 0) -> Judgement:
    """Return decision and points for a work from all its runs so far; what is still borderline passes. Needs one run at least.

    `first` runs were made before anybody looked; `silent` further runs gave no accuracy: they tell nothing and are not repeated.
    Whoever runs a work again only while `again` is said has the error rates of `decide`; runs beyond that change the mean, and an
    honest repetition still fails at most with probability `false_fail`.
    """
    values = _finite(accuracies)
    mean = math.fsum(values) / len(values)
    bounds = lines(reference, policy, len(values), first)
    seen = _look(values, bounds)
    decision = Decision.FAIL if seen is Decision.FAIL else Decision.PASS
    share = share_of_points(mean, chance=reference.chance, line=bounds.line, mean=reference.mean, line_share=policy.line_share)
    if decision is Decision.PASS:
        share = max(share, policy.line_share)
    doubtful = seen is Decision.BORDERLINE
    made, last = len(values) + silent, max(policy.replicates, first)
    return Judgement(
        decision=decision,
        accuracy=mean,
        line=bounds.line,
        share=share,
        borderline=doubtful and last > 1,
        again=made < first or (doubtful and made < last),
    )


def _look(values: Sequence[float], bounds: Lines) -> Decision:
    mean = math.fsum(values) / len(values)
    if _reaches(mean, bounds.clear):
        return Decision.PASS
    return Decision.BORDERLINE if _reaches(mean, bounds.fail) else Decision.FAIL


def _finite(accuracies: Sequence[float]) -> list[float]:
    return [value if math.isfinite(value) else 0.0 for value in accuracies]


def share_of_points(accuracy: float, *, chance: float, line: float, mean: float, line_share: float) -> float:
    """Return the share of the points: 0 up to `chance`, `line_share` at `line`, 1 from `mean` on, linear between (all in 0..1).

    A line at or below chance cannot tell good work from none and raises ValueError.
    """
    if not chance < line < mean:
        raise ValueError(f"chance {chance}, line {line}, mean {mean}")
    return float(np.interp(accuracy, [chance, line, mean], [0.0, line_share, 1.0]))


def _reach(reference: Reference, error: float, run: int) -> float:
    """How far the mean of `run` runs may lie from the mean of the reference by chance; infinite when no spread is known."""
    # The lattice of n images alone makes a spread; seeds that happen to agree do not prove that there is none.
    least = 1 / (max(1, reference.hidden) * math.sqrt(12))
    root = math.sqrt(1 / run + 1 / reference.n)
    known = [spread for spread in reference.spreads if spread.df > 0]
    return max((float(stats.t.ppf(1 - error, spread.df)) * max(spread.sd, least) * root for spread in known), default=math.inf)


def _reaches(value: float, line: float) -> bool:
    """Exactly on the line is over it, whatever the last bit says."""
    return value >= line - 1e-9
