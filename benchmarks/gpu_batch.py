"""Grading on a GPU: submissions per minute with 1, 4 and 16 sandboxes at once, and whether CPU and GPU measure the same accuracy.

    python benchmarks/gpu_batch.py [--data-root DIR] [--works 16] [--epochs 250]

The work is the baseline of Lab 1, written so that it trains wherever it may. Every work is another student with other seeds; the same
students are graded on the CPU. Where there is no GPU nothing is measured, and that is said.
"""

import os
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import click
import nbformat
from lab1 import CLASSES, setting, student

from grader.checks.accuracy import measure_accuracy
from grader.model import Run, Submission, View
from grader.pipeline import Setting, run_submission
from grader.sandbox import Gpu, GpuPool, find_gpus
from variants.manifest import Variant

WORK = """
import pickle
import numpy as np
import torch
from torch import nn

CLASSES = [0, 55, 58]
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
with open("data/cifar-100-python/train", "rb") as stream:
    train = pickle.load(stream, encoding="latin1")
labels = np.array(train["fine_labels"])
chosen = np.isin(labels, CLASSES)
pictures = train["data"][chosen].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).astype(np.float32)
X = torch.tensor((pictures - pictures.mean(axis=(0, 1, 2))) / pictures.std(axis=(0, 1, 2)), dtype=torch.float32).to(device)
y = torch.tensor(np.unique(labels[chosen], return_inverse=True)[1]).to(device)
model = nn.Sequential(nn.Flatten(), nn.Linear(3072, 10), nn.ReLU(), nn.Linear(10, len(CLASSES))).to(device)
optimizer = torch.optim.SGD(model.parameters(), lr=0.005)
loss_function = nn.CrossEntropyLoss()
for epoch in range(EPOCHS):
    order = torch.randperm(len(X)).to(device)
    for start in range(0, len(X), 128):
        some = order[start : start + 128]
        optimizer.zero_grad()
        loss_function(model(X[some]), y[some]).backward()
        optimizer.step()
model.eval()
with torch.no_grad():
    print(device, (model(X).argmax(1) == y).float().mean().item())
"""


def work_of(variant: Variant, folder: Path, epochs: int) -> Submission:
    """Write the notebook of one student and return it as a submission."""
    cells = [nbformat.v4.new_code_cell(f"EPOCHS = {epochs}"), nbformat.v4.new_code_cell(WORK)]
    target = folder / f"{variant.student.id}.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), target)
    return Submission(student=variant.student.id, assignment="iu5_lab1", source=target.name, digest="sha256-benchmark", notebook=str(target))


def batch(shared: Setting, works: list[tuple[Submission, Variant]], at_once: int) -> tuple[list[float], float]:
    """Run the works, so many at once; return their measured accuracies and the seconds it took."""
    began = time.monotonic()
    with ThreadPoolExecutor(at_once) as pool:
        runs = list(pool.map(lambda pair: run_submission(pair[0], pair[1], shared), works))
    return [accuracy_of(run) for run in runs], time.monotonic() - began


def accuracy_of(run: Run) -> float:
    """Return the accuracy on the hidden images; raises SystemExit when a run measured none, which no figure may hide."""
    logits = next((record.value for record in run.records if record.name == "logits"), None)
    accuracy = measure_accuracy(logits, run.given.kept["labels"], CLASSES) if logits is not None else None  # type: ignore[arg-type]
    if accuracy is None:
        raise SystemExit(f"a run gave nothing to measure: {run.execution.exit_reason} {run.execution.message} {run.execution.cells}")
    return accuracy.value


def compare(gpu: list[float], cpu: list[float]) -> str:
    """Return how far the two devices are from each other, student by student and on average."""
    apart = [one - other for one, other in zip(gpu, cpu, strict=True)]
    spread = statistics.stdev(apart) if len(apart) > 1 else float("nan")
    return (
        f"accuracy: GPU {statistics.mean(gpu):.4f}, CPU {statistics.mean(cpu):.4f}; per student GPU - CPU: mean {statistics.mean(apart):+.4f}, "
        f"SD {spread:.4f}, largest {max(map(abs, apart)):.4f}; equal in {sum(gap == 0 for gap in apart)} of {len(apart)}"
    )


@click.command()
@click.option("--data-root", type=click.Path(path_type=Path, exists=True), default=None)
@click.option("--works", default=16, show_default=True)
@click.option("--epochs", default=250, show_default=True)
def main(data_root: Path | None, works: int, epochs: int) -> None:
    """Print submissions per minute and the agreement of the devices."""
    gpus: tuple[Gpu, ...] = find_gpus()
    if not gpus:
        click.echo("no GPU here, nothing measured")
        return
    click.echo(", ".join(f"cuda:{gpu.number} {gpu.name}" for gpu in gpus))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shared = setting(data_root, View.SEALED, folder / "evidence")
        variants = [student(f"gpu-{number}") for number in range(works)]
        pairs = [(work_of(variant, folder, epochs), variant) for variant in variants]
        measured: list[float] = []
        for at_once in (1, 4, 16):
            measured, seconds = batch(replace(shared, gpus=GpuPool(gpus, at_once)), pairs, at_once)
            click.echo(f"GPU, {at_once:2} at once: {60 * works / seconds:6.1f} submissions/min")
        cores = os.cpu_count() or 1
        on_cpu, seconds = batch(shared, pairs, cores)
        click.echo(f"CPU, {cores:2} at once: {60 * works / seconds:6.1f} submissions/min, started cold like the others")
        click.echo(compare(measured, on_cpu))


if __name__ == "__main__":
    main()
