"""The statistics that thresholds rest on: intervals, spreads over seeds, paired comparison. Sources: docs/fairness.md."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special, stats


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """An interval of accuracies, shares in 0..1."""

    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """A standard deviation over seeds and how many degrees of freedom stand behind it; df 0 means that nothing is known."""

    sd: float
    df: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """Two models on the same images: how many images only one of them got right, and the two-sided exact p-value of that split."""

    only_first: int
    only_second: int
    p_value: float


def wilson(accuracy: float, n: int, confidence: float = 0.95) -> Interval:
    """Return Wilson's score interval of a share measured on `n` images. An accuracy that is not a number counts as 0."""
    if n < 1:
        return Interval(low=0.0, high=1.0)
    share = min(1.0, max(0.0, accuracy)) if math.isfinite(accuracy) else 0.0
    z = float(stats.norm.ppf((1 + confidence) / 2))
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return Interval(low=max(0.0, centre - half), high=min(1.0, centre + half))


def compare_paired(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> Paired:
    """Return McNemar's exact comparison of two models' hits (n,) on the same images; raises ValueError for different lengths."""
    if first.shape != second.shape:
        raise ValueError(f"{first.shape} against {second.shape}")
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    differing = only_first + only_second
    p_value = float(stats.binomtest(only_first, differing).pvalue) if differing else 1.0
    return Paired(only_first=only_first, only_second=only_second, p_value=p_value)


def pooled_spread(spreads: Sequence[Spread]) -> Spread:
    """Return the root of the mean variance, each variant weighing its degrees of freedom, which add up."""
    df = math.fsum(spread.df for spread in spreads)
    if df <= 0:
        return Spread(sd=0.0, df=0.0)
    return Spread(sd=math.sqrt(math.fsum(spread.df * spread.sd**2 for spread in spreads) / df), df=df)


def moderated_spread(own: Spread, all_spreads: Sequence[Spread]) -> Spread:
    """Return a variant's spread, drawn towards that of all variants as far as its few seeds demand (Smyth's moderated variance).

    How much the true spreads differ between variants is estimated from `all_spreads`. Where they do not differ beyond chance, or
    where fewer than three variants say something, the pooled spread is returned.
    """
    pooled = pooled_spread(all_spreads)
    known = [spread for spread in all_spreads if spread.df > 0 and spread.sd > 0]
    if own.df <= 0 or len(known) < 3:
        return pooled
    prior_df, prior_variance = _prior(known)
    if not math.isfinite(prior_df):
        return pooled
    df = prior_df + own.df
    return Spread(sd=math.sqrt((prior_df * prior_variance + own.df * own.sd**2) / df), df=min(df, pooled.df))


def _prior(spreads: Sequence[Spread]) -> tuple[float, float]:
    """Fit the scaled inverse chi-square that the variants' variances are drawn from: degrees of freedom (may be inf) and scale."""
    half = np.array([spread.df for spread in spreads]) / 2
    logs = np.log(np.array([spread.sd for spread in spreads]) ** 2) - special.digamma(half) + np.log(half)
    excess = float(logs.var(ddof=1) - special.polygamma(1, half).mean())
    if excess <= 1e-4:
        return math.inf, math.exp(float(logs.mean()))
    prior_half = float(optimize.brentq(lambda value: float(special.polygamma(1, value)) - excess, 1e-2, 1e5))
    return 2 * prior_half, math.exp(float(logs.mean()) + float(special.digamma(prior_half)) - math.log(prior_half))
