"""What a rule for passing does to work of known quality: the chance of a pass on every variant, by a fixed threshold and by its own line.

Pure. The work's accuracy is drawn as a future training of the reference is predicted from its calibration (docs/fairness.md), so that
few seeds make the chances less certain and not more extreme.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from grader.model import Json, Policy, Text
from grader.thresholds.decision import Reference, lines
from grader.thresholds.table import NotUsable, Thresholds, key_of

NEVER, ALWAYS = 0.05, 0.95  # a chance below the one is "fails for ever", from the other on "passes", between them it is a lottery
_DRAWS = 13  # as a power of two; chances are right to about a tenth of a percent
_Accuracies = NDArray[np.float64]
Outlook = Literal["never", "lottery", "always"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chance:
    """The chance of a pass, in 0..1, of one kind of work: by the fixed threshold (one run), and by the line of its own classes."""

    fixed: float
    own: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantChances:
    """One set of classes: the reference's trainings, the line for the mean of all allowed runs, and the chances of two kinds of work.

    `equal` is work of the reference's quality, `worse` work whose accuracy is lower on average. `sd` is the spread over seeds that the
    work is taken to have. All are shares in 0..1.
    """

    classes: tuple[int, ...]
    accuracies: tuple[float, ...]
    mean: float
    sd: float
    line: float
    equal: Chance
    worse: Chance


@dataclass(frozen=True, slots=True, kw_only=True)
class NoLine:
    """A set of classes that has no line of its own, and why: a clause without capital and full stop."""

    classes: tuple[int, ...]
    reason: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two rules held against each other: a pass from `fixed` on, and `policy` with a line per variant. The hardest variant comes first."""

    fixed: float
    worse: float
    policy: Policy
    variants: tuple[VariantChances, ...]
    without: tuple[NoLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draws:
    """Standardised draws of works: of the factor of the SD (n,), of the reference's true mean (n,), of the runs (n, runs)."""

    factor: _Accuracies
    centre: _Accuracies
    noise: _Accuracies


def compare_rules(thresholds: Thresholds, sets: Iterable[Sequence[int]], policy: Policy, *, fixed: float, worse: float) -> Comparison:
    """Return the chances on these sets of classes, each counted once, whatever the order of its classes.

    `fixed` is the threshold in 0..1, `worse` how far below the reference the other kind of work is on average. Raises ValueError for a
    set with a repeated class.
    """
    found: list[VariantChances] = []
    without: list[NoLine] = []
    for classes in dict.fromkeys(tuple(sorted(one)) for one in sets):
        try:
            reference = thresholds.reference(classes, policy)
        except NotUsable as error:
            without.append(NoLine(classes=classes, reason=error.reason))
            continue
        found.append(
            VariantChances(
                classes=classes,
                accuracies=thresholds.variants[key_of(classes)].accuracies,
                mean=reference.mean,
                sd=_spread(reference)[0],
                line=lines(reference, policy, policy.replicates).line,
                equal=chance_of_pass(reference, policy, fixed=fixed),
                worse=chance_of_pass(reference, policy, fixed=fixed, worse=worse),
            )
        )
    found.sort(key=lambda one: (one.mean, one.classes))
    return Comparison(fixed=fixed, worse=worse, policy=policy, variants=tuple(found), without=tuple(without))


def chance_of_pass(reference: Reference, policy: Policy, *, fixed: float, worse: float = 0.0) -> Chance:
    """Return how often work passes whose accuracy is that of the reference, less `worse`.

    Drawn are the SD over seeds (scaled inverse chi-square), the reference's true mean given its n trainings, and the runs; accuracies
    are whole images of the hidden set. By the fixed threshold only the first run counts. `reference` needs a spread (df > 0).
    """
    sd, df = _spread(reference)
    draws = _draws(df, policy.replicates)
    mean = reference.mean - worse + sd * draws.factor * draws.centre / math.sqrt(reference.n)
    seen = mean[:, None] + sd * draws.factor[:, None] * draws.noise
    seen = (seen * reference.hidden).round().clip(0, reference.hidden) / reference.hidden
    return Chance(fixed=_share(seen[:, 0] >= fixed - 1e-9), own=_share(_passes(seen, reference, policy)))


def _share(passes: NDArray[np.bool_]) -> float:
    """Return the share of the draws that pass; none and all of them are taken for half a draw from it, since no chance is certain."""
    half = 0.5 / len(passes)
    return min(max(float(passes.mean()), half), 1 - half)


def outlook(chance: float) -> Outlook:
    """Return what a chance of a pass in 0..1 amounts to."""
    return "never" if chance < NEVER else "always" if chance >= ALWAYS else "lottery"


def _passes(seen: _Accuracies, reference: Reference, policy: Policy) -> NDArray[np.bool_]:
    """Return which works (n, runs) pass: as `decide` does it, all at once."""
    means = seen.cumsum(axis=1) / np.arange(1, seen.shape[1] + 1)
    passed = np.zeros(len(seen), np.bool_)
    open_still = ~passed
    for run in range(1, seen.shape[1] + 1):
        bounds = lines(reference, policy, run)
        passed |= open_still & (means[:, run - 1] >= bounds.clear - 1e-9)
        open_still &= ~passed & (means[:, run - 1] >= bounds.fail - 1e-9)
    return passed | open_still


def _spread(reference: Reference) -> tuple[float, float]:
    """Return the best estimate of the variant's own spread, as SD and degrees of freedom: the last of the candidates."""
    least = 1 / (max(1, reference.hidden) * math.sqrt(12))
    own = [spread for spread in reference.spreads if spread.df > 0][-1]
    return max(own.sd, least), own.df


@lru_cache(maxsize=64)
def _draws(df: float, runs: int) -> _Draws:
    """Return evenly spread draws (a scrambled Sobol sequence, always the same one), so that chances repeat and few draws do."""
    points = stats.qmc.Sobol(runs + 2, rng=2026).random_base2(_DRAWS)
    return _Draws(
        factor=np.sqrt(df / stats.chi2.ppf(points[:, 0], df)), centre=stats.norm.ppf(points[:, 1]), noise=stats.norm.ppf(points[:, 2:])
    )


def comparison_json(comparison: Comparison) -> dict[str, Json]:
    """Return everything that was compared as plain JSON; shares are rounded to four decimals."""
    policy = comparison.policy
    return {
        "fixed": comparison.fixed,
        "worse_by": comparison.worse,
        "false_fail": policy.false_fail,
        "replicates": policy.replicates,
        "counts": {str(kind): count for kind, count in counts(comparison).items()},
        "variants": [
            {
                "classes": list(one.classes),
                "trainings": len(one.accuracies),
                "mean": round(one.mean, 4),
                "sd": round(one.sd, 4),
                "line": round(one.line, 4),
                "below_fixed": below(one, comparison.fixed),
                "equal": {"fixed": round(one.equal.fixed, 4), "own": round(one.equal.own, 4)},
                "worse": {"fixed": round(one.worse.fixed, 4), "own": round(one.worse.own, 4)},
            }
            for one in comparison.variants
        ],
        "without": [{"classes": list(one.classes), "reason": one.reason.en} for one in comparison.without],
    }


def counts(comparison: Comparison) -> dict[Outlook, int]:
    """Return on how many variants work of the reference's quality fails for ever, is a lottery, passes, by the fixed threshold."""
    found = Counter(outlook(one.equal.fixed) for one in comparison.variants)
    return {"never": found["never"], "lottery": found["lottery"], "always": found["always"]}


def below(variant: VariantChances, fixed: float) -> int:
    """Return how many of the reference's own trainings the fixed threshold fails."""
    return sum(value < fixed - 1e-9 for value in variant.accuracies)
