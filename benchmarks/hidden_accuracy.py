"""Hidden accuracy of the Lab 1 solution (classes 0, 55, 58) in the sealed and the official view, over several seeds.

python benchmarks/hidden_accuracy.py --data-root DIR [--seeds 5] [--jobs 2]
"""

import statistics
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
from lab1 import setting, solution, student

from grader.model import Score, View
from grader.pipeline import Setting, grade


def accuracy(score: Score) -> float:
    """Return the measured accuracy that a score rests on."""
    found = [finding.actual for criterion in score.criteria for finding in criterion.findings if finding.check == "hidden_accuracy"]
    return float(found[0])


@click.command()
@click.option("--data-root", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--seeds", default=5)
@click.option("--jobs", default=2)
def main(data_root: Path, seeds: int, jobs: int) -> None:
    """Print mean, standard deviation and range per view."""
    with tempfile.TemporaryDirectory() as folder:
        for view in View:
            shared = setting(data_root, view, Path(folder) / "evidence")

            def one(seed: int, shared: Setting = shared) -> tuple[float, float]:
                variant = student(f"seed-{seed}")
                _, score = grade(solution(variant, Path(folder)), variant, shared)
                return accuracy(score), float(str(score.execution["cpu_s"]))

            with ThreadPoolExecutor(jobs) as pool:
                results = list(pool.map(one, range(seeds)))
            values = [value for value, _ in results]
            click.echo(
                f"{view:9} hidden accuracy {statistics.mean(values):.3f} ± {statistics.stdev(values):.3f} (SD of {seeds} seeds), "
                f"{min(values):.3f}..{max(values):.3f}; CPU {statistics.median(cpu for _, cpu in results):.1f} s per submission"
            )


if __name__ == "__main__":
    main()
