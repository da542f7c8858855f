"""The fast engine against the true one (the solution in the sandbox) and against a plain PyTorch loop, on the same cores in one run.

python benchmarks/engines.py --data-root DIR [--sets 6] [--seeds 10] [--jobs 2]

The three take turns, set of classes by set of classes, so that what else the machine does meets all of them. Beside them the memory
bandwidth is measured, and what the engine's step moves is held against it.
"""

import math
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import click
import torch
from lab1 import lab, setting
from plain_loop import in_one_thread
from scipy import stats

from grader.calibration import Bench, calibrate_fast, calibrate_true, recipe_of, task_of
from grader.datasets import find_data_root, prepare_view
from grader.model import Recipe, View
from grader.thresholds import Calibrated

T = TypeVar("T")
SETS = ((0, 55, 58), (16, 22, 57), (17, 28, 63), (17, 44, 79), (18, 31, 66), (18, 39, 74), (16, 34, 69), (17, 32, 67))


@dataclass(slots=True)
class Clock:
    """Seconds, CPU seconds and trainings of one engine over its turns. Children that others wait for, as in the sandbox, are not counted."""

    s: float = 0.0
    cpu_s: float = 0.0
    count: int = 0
    turns: list[float] = field(default_factory=list)

    def time(self, turn: Callable[[], list[T]], count: int) -> list[T]:
        """Take one turn of `count` trainings and return what came of it."""
        begin, used = time.perf_counter(), time.process_time()
        made = turn()
        seconds = time.perf_counter() - begin
        self.s, self.cpu_s, self.count = self.s + seconds, self.cpu_s + time.process_time() - used, self.count + count
        self.turns.append(count / seconds)
        return made

    @property
    def rate(self) -> float:
        """Trainings per second."""
        return self.count / self.s

    @property
    def cost(self) -> float:
        """CPU seconds of this process a training: what the machine's other work changes least."""
        return self.cpu_s / self.count


@click.command()
@click.option("--data-root", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--sets", default=6)
@click.option("--seeds", default=10)
@click.option("--jobs", default=2)
@click.option("--without-true", is_flag=True, help="Leave the sandbox out: ten times shorter.")
def main(data_root: Path, sets: int, seeds: int, jobs: int, without_true: bool) -> None:
    """Print means and SDs of both engines per set of classes, trainings per second of all three, and the bandwidth."""
    data = find_data_root(data_root)
    bench = Bench(data=data, prepared=prepare_view(data, View.SEALED), view=View.SEALED, threads=jobs, device="cpu")
    recipe, worst = recipe_of(lab()), 0.0
    fast, true, loop = Clock(), Clock(), Clock()
    bandwidths: list[float] = []
    click.echo(f"{jobs} jobs on {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, torch {torch.__version__}")
    with tempfile.TemporaryDirectory() as store, ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        tasks = [task_of(classes, bench) for classes in SETS[:sets]]
        list(pool.map(in_one_thread, tasks[:1] * jobs, [replace(recipe, epochs=1)] * jobs))  # the processes import torch
        shared = setting(data_root, View.SEALED, Path(store))
        for begin in range(0, sets, jobs):  # a set of classes for every thread of the fast engine
            some, own = SETS[begin : min(sets, begin + jobs)], tasks[begin : begin + jobs]
            bandwidths.append(bandwidth(jobs))
            quick = fast.time(lambda some=some: [one for part in calibrate_fast(recipe, some, range(seeds), bench, _nothing) for one in part], len(some) * seeds)  # type: ignore[misc]
            used = loop.time(lambda own=own: list(pool.map(in_one_thread, own, [recipe] * len(own))), len(own))  # type: ignore[misc]
            loop.cpu_s += sum(used)
            if not without_true:
                slow = true.time(lambda some=some: [one for part in calibrate_true(shared, some, range(seeds), jobs, _nothing) for one in part], len(some) * seeds)  # type: ignore[misc]
                worst = max(worst, *(_compare(*pair) for pair in zip(quick, slow, strict=True)))
    _report(fast, true, loop, worst)
    _memory(fast.rate, statistics.median(bandwidths), recipe, len(tasks[0].train), seeds)


def bandwidth(threads: int, mib: int = 256) -> float:
    """Return the memory bandwidth in GB/s by STREAM's triad (McCalpin 1995): a = b + 3 c on arrays far larger than any cache, best of 5."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    b, c, a = (torch.ones(mib * 2**18) for _ in range(3))
    best = math.inf
    for _ in range(5):
        begin = time.perf_counter()
        torch.add(b, c, alpha=3, out=a)
        best = min(best, time.perf_counter() - begin)
    torch.set_num_threads(before)
    return 3 * mib * 2**20 / best / 1e9


def _nothing(_count: int) -> None:
    """Show no progress."""


def _report(fast: Clock, true: Clock, loop: Clock, worst: float) -> None:
    for name, clock in (("fast engine", fast), ("plain loop", loop), ("true engine", true)):
        if clock.count:
            click.echo(f"{name}: {clock.count} trainings, {clock.rate:.3f} a second (turns: {', '.join(f'{rate:.3f}' for rate in clock.turns)})")
    click.echo(f"fast against the plain loop: {fast.rate / loop.rate:.1f} times, in CPU seconds {loop.cost:.2f} to {fast.cost:.2f}, {loop.cost / fast.cost:.1f} times")
    if true.count:
        click.echo(f"fast against true: {fast.rate / true.rate:.1f} times; largest difference of means {100 * worst:.2f} points")


def _memory(rate: float, limit: float, recipe: Recipe, size: int, seeds: int) -> None:
    """Hold the engine's step against the bandwidth: what a step on pictures would read, and what the step on rows of X Xᵀ moves."""
    steps = rate * recipe.epochs * math.ceil(size / recipe.batch)
    pictures, rows = 4 * recipe.batch * 3072 / 1e6, 4 * recipe.batch * size / 1e6
    moved = 3 * rows + 4 * size * recipe.hidden[0] / 1e6  # the rows are read, written side by side and read by the product; then C
    gather, product = _parts(recipe, size, seeds)
    click.echo(f"memory: triad {limit:.1f} GB/s; {steps:,.0f} steps of one model a second, all threads together")
    click.echo(
        f"a step on the pictures reads {pictures:.2f} MB forward alone, so memory would allow {limit * 1e3 / pictures:,.0f} steps/s at most; "
        f"the engine makes {100 * steps * pictures / 1e3 / limit:.0f} % of that"
    )
    click.echo(
        f"what it does move: {moved:.2f} MB a step = {steps * moved / 1e3:.1f} GB/s = {100 * steps * moved / 1e3 / limit:.0f} % of the triad's, mostly between "
        f"caches: X Xᵀ of a set has {4 * size * size / 1e6:.1f} MB, the rows of {seeds} models {seeds * rows:.1f} MB"
    )
    click.echo(f"alone, in one thread: taking the rows {gather:.3f} ms, the product {product:.3f} ms a step of one model")


def _parts(recipe: Recipe, size: int, seeds: int) -> tuple[float, float]:
    """Return milliseconds a step of one model of the two heavy parts of a step, in one thread: taking rows of X Xᵀ, and the product."""
    torch.set_num_threads(1)
    gram, moved = torch.rand(size, size), torch.rand(seeds, size, recipe.hidden[0])
    order = torch.rand(seeds, size).argsort(1)[:, : recipe.batch].flatten()
    gather, product = [], []
    for _ in range(50):
        begin = time.perf_counter()
        rows = gram.index_select(0, order).view(seeds, -1, size)
        middle = time.perf_counter()
        torch.bmm(moved.transpose(1, 2), rows.transpose(1, 2))
        gather.append(middle - begin)
        product.append(time.perf_counter() - middle)
    return tuple(1e3 * statistics.median(times) / seeds for times in (gather, product))  # type: ignore[return-value]


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
