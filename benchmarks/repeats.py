"""How often honest work fails, and how often it is run, when a borderline result is run again: from a course's own calibration.

    zachet calibrate … -o thresholds.json
    python benchmarks/repeats.py thresholds.json [--trials 4000]

Real trainings: as many trainings of a set as a work may have runs are left out and play the work, the others are its reference. Drawn
ones: reference and work come from a normal distribution with the set's mean and spread, the work's mean lower by so many points.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click
import numpy as np

from grader.model import Policy
from grader.thresholds import Calibrated, Decision, NotUsable, Thresholds, judge, read_thresholds, wilson

Draw = Callable[[np.random.Generator, Calibrated, int], tuple[list[float], list[float]]]


@dataclass(slots=True)
class Count:
    """What came of many works: how many were judged, failed, and how many runs they took."""

    judged: int = 0
    failed: int = 0
    runs: int = 0

    def said(self) -> str:
        """Return rate with its 95 % interval, and runs per work."""
        interval = wilson(self.failed / self.judged, self.judged)
        return (
            f"fails {100 * self.failed / self.judged:6.2f} % ({100 * interval.low:.2f}..{100 * interval.high:.2f}, {self.judged} works), "
            f"{self.runs / self.judged:.2f} runs each"
        )


def from_trainings(rng: np.random.Generator, known: Calibrated, most: int) -> tuple[list[float], list[float]]:
    """Leave `most` of the set's own trainings out: they are the work, the others the reference."""
    order = rng.permutation(known.accuracies).tolist()
    return order[:most], order[most:]


def drawn(worse: float) -> Draw:
    """Return what draws a work that is `worse` than the reference (share of 1), and a reference of as many trainings as there were."""

    def draw(rng: np.random.Generator, known: Calibrated, most: int) -> tuple[list[float], list[float]]:
        mean, sd, hidden = known.mean, known.spread.sd, known.hidden
        numbers = np.concatenate([rng.normal(mean - worse, sd, most), rng.normal(mean, sd, known.n)])
        whole = (np.clip(numbers, 0, 1) * hidden).round() / hidden
        return whole[:most].tolist(), whole[most:].tolist()

    return draw


def grade_work(runs: Sequence[float], thresholds: Thresholds, known: Calibrated, policy: Policy) -> tuple[bool, int]:
    """Judge a work as grading does, run by run; return whether it failed and after how many runs. Raises NotUsable."""
    reference = thresholds.reference(known.classes, policy)
    made = 1
    while (judgement := judge(runs[:made], reference, policy)).again:
        made += 1
    return judgement.decision is Decision.FAIL, made


def many(thresholds: Thresholds, policy: Policy, draw: Draw, trials: int) -> Count:
    """Return what came of `trials` works, spread evenly over the sets."""
    rng, count = np.random.default_rng(2026), Count()
    sets = [key for key, known in thresholds.variants.items() if known.n > policy.replicates + 1]
    for trial in range(trials):
        key = sets[trial % len(sets)]
        known = thresholds.variants[key]
        work, rest = draw(rng, known, policy.replicates)
        seen = replace(known, accuracies=tuple(rest))
        try:
            failed, made = grade_work(work, replace(thresholds, variants={**thresholds.variants, key: seen}), seen, policy)
        except NotUsable:
            continue
        count.judged, count.failed, count.runs = count.judged + 1, count.failed + failed, count.runs + made
    return count


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True))
@click.option("--trials", default=4000, show_default=True)
def main(file: Path, trials: int) -> None:
    """Print false fails, power and runs per work for one, three and five runs at most."""
    thresholds = read_thresholds(file)
    click.echo(f"{len(thresholds.variants)} sets, {thresholds.data_name}, {thresholds.environment}")
    for most in (1, 3, 5):
        policy = Policy(replicates=most)
        kinds: list[tuple[str, Draw]] = [("real trainings", from_trainings)]
        kinds += [(f"drawn, {points} points worse", drawn(points / 100)) for points in (0, 3, 5)]
        for name, draw in kinds:
            click.echo(f"up to {most} runs, {name:24}: {many(thresholds, policy, draw, trials).said()}")


if __name__ == "__main__":
    main()
