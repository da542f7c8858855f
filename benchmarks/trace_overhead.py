"""What the training trace costs: CPU seconds of Lab 1's notebook with and without it, in one run, alternating.

    python benchmarks/trace_overhead.py [--rounds 3] [--data-root DIR] [--work NOTEBOOK.py]

Every round starts one process with the trace and one without, the first of each round in turn. A process runs the code cells of the solution (or of
`--work`, a percent-format file) at their full length, one thread, and reports the CPU seconds of the cells alone. Without the trace also means
without the snapshots of the model. The numbers that the cells print must be the same to the last digit, or the benchmark fails.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import click
import jupytext
import nbformat
from lab1 import CLASSES, solution, student

from grader.datasets import find_data_root, prepare_view
from grader.model import View

INSIDE = Path(__file__).parent.parent / "grader" / "inside"
CHILD = """
import importlib, importlib.util, json, os, sys, tempfile
from pathlib import Path
folder, notebook, data, watched = sys.argv[1:]
spec = importlib.util.spec_from_file_location("zachet_inside", folder + "/__init__.py", submodule_search_locations=[folder])
sys.modules["zachet_inside"] = package = importlib.util.module_from_spec(spec)
spec.loader.exec_module(package)
part = lambda name: importlib.import_module("zachet_inside." + name)
scratch = Path(tempfile.mkdtemp(dir="."))
part("place").lay_out(Path.cwd(), data, "")
part("surroundings").set_variables(folder + "/standins", data, scratch)
part("surroundings").seed_everything(7)
shell = part("shell").NotebookShell(part("limits").CellClock(1e6, 1e6), 64 << 20, scratch)
trace = part("trace").Trace(shell.namespace, ("weights_1", "bias_1", "weights_2", "bias_2")) if watched == "yes" else None
if trace:
    trace.install()
cells = []
for index, cell in enumerate(json.loads(Path(notebook).read_text())["cells"]):
    if cell["cell_type"] == "code":
        before, source = os.times(), "".join(cell["source"])
        if trace:
            trace.cell_started(index, source)
        result = shell.run(source)
        if trace:
            trace.cell_ended()
        after = os.times()
        printed = [output["text"] for output in result.outputs if output.get("name") == "stdout"]
        cells.append({"index": index, "cpu_s": sum(after[:4]) - sum(before[:4]), "printed": printed, "error": result.error})
before = os.times()
runs = None
if trace:
    trace.close()
    runs = len(trace.told()["trace"]["runs"])
after = os.times()
sys.__stdout__.write(json.dumps({"cells": cells, "telling_s": sum(after[:4]) - sum(before[:4]), "runs": runs}))
"""


def one(folder: Path, notebook: Path, data: Path, *, watched: bool) -> dict[str, Any]:
    """Run the notebook in a process of its own and return what it reports."""
    command = [sys.executable, "-I", "-c", CHILD, str(INSIDE), str(notebook), str(data), "yes" if watched else "no"]
    done = subprocess.run(command, cwd=folder, env={"PATH": os.environ["PATH"], "HOME": str(folder)}, stdout=subprocess.PIPE, check=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def percent_notebook(path: Path) -> nbformat.NotebookNode:
    """Read a percent-format file as a notebook for the benchmark's classes."""
    book = jupytext.reads(path.read_text(encoding="utf-8").replace("{{ classes }}", str(list(CLASSES))), fmt="py:percent")
    for cell in book.cells:
        lines = cell.source.split("\n")
        cell.source = "\n".join(line[2:] if line.startswith(("# %", "# !")) else line for line in lines)
    return book


@click.command()
@click.option("--rounds", default=3)
@click.option("--data-root", "data", type=click.Path(path_type=Path), help="A data root with the real images; synthetic ones otherwise.")
@click.option("--work", type=click.Path(path_type=Path), help="Another notebook, in percent format.")
def main(rounds: int, data: Path | None, work: Path | None) -> None:
    """Print the ratio of CPU seconds, and where it comes from."""
    seconds: dict[bool, list[float]] = {True: [], False: []}
    cells: dict[bool, list[dict[int, float]]] = {True: [], False: []}
    with tempfile.TemporaryDirectory() as name:
        folder, notebook = Path(name) / "cwd", Path(name) / "work.ipynb"
        folder.mkdir()
        view = prepare_view(find_data_root(data), View.SEALED).folder
        nbformat.write(percent_notebook(work) if work else nbformat.read(solution(student("s1"), Path(name)).notebook, as_version=4), notebook)
        printed = set()
        for number in range(rounds):
            for watched in (number % 2 == 0, number % 2 == 1):
                told = one(folder, notebook, view, watched=watched)
                printed.add(json.dumps([(cell["printed"], cell["error"]) for cell in told["cells"]]))
                cells[watched].append({cell["index"]: cell["cpu_s"] for cell in told["cells"]})
                seconds[watched].append(sum(cells[watched][-1].values()) + told["telling_s"])
                click.echo(f"{'with' if watched else 'without'}: {seconds[watched][-1]:.2f} s, runs {told['runs']}, telling {told['telling_s']:.2f} s")
        if len(printed) != 1:
            raise SystemExit("the cells printed other numbers with the trace than without")
        if any(error for _, error in json.loads(printed.pop())):
            raise SystemExit("some cells failed")
    middle = {watched: statistics.median(values) for watched, values in seconds.items()}
    least = {watched: min(values) for watched, values in seconds.items()}
    click.echo(f"CPU with/without: medians {middle[True] / middle[False]:.3f}, least {least[True] / least[False]:.3f}; load {os.getloadavg()[0]:.1f}")
    for index in sorted(cells[True][0], key=lambda index: -min(run[index] for run in cells[False]))[:4]:
        pair = [min(run[index] for run in cells[watched]) for watched in (True, False)]
        click.echo(f"  cell {index}: {pair[0]:.2f} s with, {pair[1]:.2f} s without, ratio {pair[0] / pair[1]:.3f}")


if __name__ == "__main__":
    main()
