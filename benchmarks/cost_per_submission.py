"""CPU seconds to grade the Lab 1 solution against the bare script of the same code, alternating in one run.

    python benchmarks/cost_per_submission.py [--data-root DIR] [--rounds 3]

The bare script is the notebook's code cells in one file, run by the same interpreter with one thread in a folder that has the same data. The graded
run counts everything: the sandboxed process tree, and the grader's own process from take-in to report.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import nbformat
from lab1 import setting, solution, student

from grader.model import View
from grader.pipeline import Setting, grade
from grader.report import render_report


def bare(notebook: Path, data: Path) -> tuple[float, float]:
    """Return CPU and wall seconds of the notebook's code as a plain script."""
    cells = nbformat.read(notebook, as_version=4).cells
    code = "\n\n".join(cell.source for cell in cells if cell.cell_type == "code" and "%" not in cell.source[:1])
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "cifar-100-python").symlink_to(data / "cifar-100-python")
        script = Path(folder) / "script.py"
        script.write_text("import matplotlib\nmatplotlib.use('Agg')\n" + code, encoding="utf-8")
        start, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        subprocess.run([sys.executable, str(script)], cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, time.monotonic() - start


def graded(name: str, shared: Setting, folder: Path) -> tuple[float, float]:
    """Return CPU and wall seconds of grading the same notebook, report included."""
    variant = student(name)
    start, before = time.monotonic(), time.process_time()
    evidence, score = grade(solution(variant, folder), variant, shared)
    render_report(score, evidence.notebook, "en")
    return evidence.execution.cpu_s + time.process_time() - before, time.monotonic() - start


@click.command()
@click.option("--data-root", type=click.Path(path_type=Path, exists=True), default=None)
@click.option("--rounds", default=3)
def main(data_root: Path | None, rounds: int) -> None:
    """Print medians and their ratio."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shared = setting(data_root, View.OFFICIAL, folder / "evidence")
        if shared.prepared is None:
            raise click.UsageError("Lab 1 needs images.")
        plain, ours = [], []
        for number in range(rounds):
            variant = student(f"round-{number}")
            notebook = Path(solution(variant, folder).notebook or "")
            plain.append(bare(notebook, shared.prepared.folder))
            ours.append(graded(f"round-{number}", shared, folder))
        cpu = [statistics.median(values[0] for values in runs) for runs in (plain, ours)]
        wall = [statistics.median(values[1] for values in runs) for runs in (plain, ours)]
        click.echo(f"bare script: CPU {cpu[0]:.1f} s, wall {wall[0]:.1f} s (median of {rounds})")
        click.echo(f"graded:      CPU {cpu[1]:.1f} s, wall {wall[1]:.1f} s")
        click.echo(f"ratio:       CPU {cpu[1] / cpu[0]:.3f}, wall {wall[1] / wall[0]:.3f}; overhead {cpu[1] - cpu[0]:+.1f} CPU s per submission")


if __name__ == "__main__":
    main()
