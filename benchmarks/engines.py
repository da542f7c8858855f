"""The fast engine against the true one (the solution in the sandbox), and their speed, on the same sets of classes and cores in one run.

python benchmarks/engines.py --data-root DIR [--sets 6] [--seeds 10] [--jobs 2]
"""

import math
import tempfile
import time
from pathlib import Path

import click
from lab1 import lab, setting
from scipy import stats

from grader.calibration import Bench, calibrate_fast, calibrate_true, recipe_of
from grader.datasets import find_data_root, prepare_view
from grader.model import View
from grader.thresholds import Calibrated

SETS = ((0, 55, 58), (16, 22, 57), (17, 28, 63), (17, 44, 79), (18, 31, 66), (18, 39, 74), (16, 34, 69), (17, 32, 67))


@click.command()
@click.option("--data-root", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--sets", default=6)
@click.option("--seeds", default=10)
@click.option("--jobs", default=2)
def main(data_root: Path, sets: int, seeds: int, jobs: int) -> None:
    """Print both engines' means and SDs per set of classes, and trainings per second."""
    data = find_data_root(data_root)
    bench = Bench(data=data, prepared=prepare_view(data, View.SEALED), view=View.SEALED, threads=jobs, device="cpu")
    chosen = SETS[:sets]
    begin = time.perf_counter()
    fast = [one for some in calibrate_fast(recipe_of(lab()), chosen, range(seeds), bench, lambda count: None) for one in some]  # noqa: ARG005 - no bar
    middle = time.perf_counter()
    with tempfile.TemporaryDirectory() as store:
        shared = setting(data_root, View.SEALED, Path(store))
        true = [one for some in calibrate_true(shared, chosen, range(seeds), jobs, lambda count: None) for one in some]  # noqa: ARG005 - no bar
    end = time.perf_counter()
    worst = max(_compare(one, other) for one, other in zip(fast, true, strict=True))
    count = len(chosen) * seeds
    click.echo(f"largest difference of means {100 * worst:.2f} points")
    quick, slow = count / (middle - begin), count / (end - middle)
    click.echo(f"{jobs} jobs: fast {quick:.2f} trainings/s, true {slow:.3f} trainings/s: {quick / slow:.1f} times")


def _compare(fast: Calibrated, true: Calibrated) -> float:
    """Print one line and return the difference of the means; p-values: Welch's t for the means, F (two-sided) for the variances."""
    ratio = (fast.spread.sd / true.spread.sd) ** 2
    tail = float(stats.f.cdf(ratio, fast.n - 1, true.n - 1))
    means = stats.ttest_ind(fast.accuracies, true.accuracies, equal_var=False).pvalue
    click.echo(
        f"{fast.classes!s:14} fast {fast.mean:.4f} ± {fast.spread.sd:.4f}  true {true.mean:.4f} ± {true.spread.sd:.4f}  "
        f"difference {100 * (fast.mean - true.mean):+.2f} points (p {means:.2f}), ratio of SDs {math.sqrt(ratio):.2f} (p {2 * min(tail, 1 - tail):.2f})"
    )
    return abs(fast.mean - true.mean)


if __name__ == "__main__":
    main()
