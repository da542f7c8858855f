"""How much worse a work must be to fail, and how often an honest repetition fails, with 1, 3 and 5 allowed runs: by resampling and by formula.

python benchmarks/power.py TRAININGS.json

TRAININGS.json is written by `trainings.py`. Resampling takes real trainings of the reference: some are drawn as the runs of a work (and
shifted down by how much worse it is), the others of the same set of classes are its calibration. The formula takes accuracies as normal.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import click
import numpy as np
from fairness import thresholds_of, variants_of
from numpy.typing import NDArray
from scipy import stats

from grader.model import Policy
from grader.thresholds import Calibrated, Spread, Thresholds, key_of, lines, moderated_spread, pooled_spread

RUNS = (1, 3, 5)
_DRAWS = 40  # of the runs of a work, from every set of classes
_CAUGHT = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Works:
    """Works and their lines: accuracies of the runs, and the fail and clear line of every run, each (works, runs)."""

    seen: NDArray[np.float64]
    fail: NDArray[np.float64]
    clear: NDArray[np.float64]

    def failing(self, worse: float) -> float:
        """Return the share of the works that fail when all of them are worse by so much."""
        runs = self.seen.shape[1]
        means = (self.seen - worse).cumsum(axis=1) / np.arange(1, runs + 1)
        decided = np.where(means >= self.clear - 1e-9, 1, np.where(means < self.fail - 1e-9, -1, 0))
        first = np.where((decided != 0).any(1), (decided != 0).argmax(1), runs - 1)
        return float((decided[np.arange(len(decided)), first] < 0).mean())

    def needed(self) -> float:
        """Return how much worse they have to be for 95 % of them to fail."""
        return next((step / 1000 for step in range(500) if self.failing(step / 1000) >= _CAUGHT), math.nan)


@click.command()
@click.argument("trainings", type=click.Path(path_type=Path, exists=True))
def main(trainings: Path) -> None:
    """Print power and false fails for every number of allowed runs."""
    found = json.loads(trainings.read_text(encoding="utf-8"))
    variants = variants_of(found)
    pooled = pooled_spread([one.spread for one in variants.values()])
    click.echo(f"{len(variants)} sets of classes, pooled seed SD {pooled.sd:.4f}")
    for runs in RUNS:
        policy = Policy(replicates=runs)
        real = _resampled(variants, policy)
        seeds = min(one.n for one in variants.values()) - runs
        normal = _normal(pooled, seeds, policy)
        click.echo(
            f"up to {runs} runs, {seeds} seeds of the reference: fails 95 % when worse by {100 * real.needed():.1f} points (resampled, {len(real.seen)} works), "
            f"{100 * normal.needed():.1f} (normal, simulated), {100 * _formula(pooled, seeds, policy):.1f} (formula, last run alone); 5 points worse fails "
            f"{100 * real.failing(0.05):.0f} % / {100 * normal.failing(0.05):.0f} %; an honest repetition {100 * real.failing(0):.2f} % / {100 * normal.failing(0):.2f} %"
        )
    _by_variant(variants, pooled)


def _resampled(variants: dict[str, Calibrated], policy: Policy) -> Works:
    """Draw works from the real trainings of every set of classes, each with a calibration that has not seen them."""
    rng = np.random.default_rng(7)
    rows = [row for one in variants.values() for row in _works_of(one, thresholds_of(variants), policy, rng)]
    seen, fail, clear = (np.array(part) for part in zip(*rows, strict=True))
    return Works(seen=seen, fail=fail, clear=clear)


def _works_of(one: Calibrated, thresholds: Thresholds, policy: Policy, rng: np.random.Generator) -> Iterator[tuple[list[float], list[float], list[float]]]:
    runs = policy.replicates
    draws = [[place] for place in range(one.n)] if runs == 1 else [rng.permutation(one.n)[:runs].tolist() for _ in range(_DRAWS)]
    for drawn in draws:
        rest = replace(one, accuracies=tuple(value for place, value in enumerate(one.accuracies) if place not in drawn))
        reference = replace(thresholds, variants={**thresholds.variants, key_of(one.classes): rest}).reference(one.classes, policy)
        bounds = [lines(reference, policy, run) for run in range(1, runs + 1)]
        yield [one.accuracies[place] for place in drawn], [bound.fail for bound in bounds], [bound.clear for bound in bounds]


def _normal(pooled: Spread, seeds: int, policy: Policy, count: int = 40_000) -> Works:
    """Draw works of normal accuracies whose reference is known from so many seeds and has the pooled spread, rounded to no image."""
    rng = np.random.default_rng(7)
    runs = range(1, policy.replicates + 1)
    centre = rng.normal(0, pooled.sd / math.sqrt(seeds), (count, 1))
    down, up = ([_reach(pooled, error / policy.replicates, run, seeds) for run in runs] for error in (policy.false_fail, policy.false_pass))
    return Works(
        seen=rng.normal(0, pooled.sd, (count, policy.replicates)),
        fail=centre - np.array(down),
        clear=centre - policy.margin + np.array(up),
    )


def _reach(spread: Spread, error: float, runs: int, seeds: int) -> float:
    """Return docs/fairness.md's distance of a line from the reference's mean."""
    return float(stats.t.ppf(1 - error, spread.df)) * spread.sd * math.sqrt(1 / runs + 1 / seeds)


def _formula(spread: Spread, seeds: int, policy: Policy) -> float:
    """Return (t + z) s sqrt(1/R + 1/K): how much worse a work must be to fall below the line of its last run 95 % of the time."""
    noise = spread.sd * math.sqrt(1 / policy.replicates + 1 / seeds)
    return _reach(spread, policy.false_fail / policy.replicates, policy.replicates, seeds) + float(stats.norm.ppf(_CAUGHT)) * noise


def _by_variant(variants: dict[str, Calibrated], pooled: Spread) -> None:
    """Print how the power of one run differs between the calmest and the widest set of classes: their spreads do."""
    everyone = [one.spread for one in variants.values()]
    found = []
    for one in variants.values():
        own = moderated_spread(one.spread, everyone)
        widest = max(_reach(spread, 0.01, 1, one.n) for spread in (pooled, own))
        found.append((100 * (widest + float(stats.norm.ppf(_CAUGHT)) * own.sd * math.sqrt(1 + 1 / one.n)), own.sd))
    low, high = min(found), max(found)
    click.echo(
        f"one run, by set of classes (formula, moderated spread): from {low[0]:.1f} points (SD {low[1]:.4f}) to {high[0]:.1f} (SD {high[1]:.4f}), "
        f"median {np.median([points for points, _ in found]):.1f}"
    )


if __name__ == "__main__":
    main()
