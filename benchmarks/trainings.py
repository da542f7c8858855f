"""Many trainings at once: the accuracies that `fairness.py` judges, and the speed against a plain PyTorch loop of the same trainings.

python benchmarks/trainings.py PICTURES.npz OUT.json [--device cpu] [--threads 2] [--seeds 10] [--sizes 1,10,100,1000] [--loops 2]

PICTURES.npz is written by `fairness.py pack`. Needs torch, numpy and click only, so that it runs on a bare machine with a GPU.
"""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from torch import nn

from grader.model import Recipe
from grader.training import Outcome, Task, device_name, relu_slope, train_many

RECIPE = Recipe(hidden=(10,), lr=0.005, batch=128, epochs=250)
KINDS: dict[str, tuple[int, Callable[[torch.Tensor], torch.Tensor]]] = {
    "reference": (RECIPE.epochs, relu_slope),
    "ten times too short": (RECIPE.epochs // 10, relu_slope),
    "no gradient into the first layer": (RECIPE.epochs, torch.zeros_like),
    "gradient through closed ReLUs": (RECIPE.epochs, torch.ones_like),
}


def tasks_of(pictures: Any) -> list[Task]:
    """Return one task per set of classes of the packed pictures."""
    tasks = []
    for classes in pictures["sets"].tolist():
        rows, shown = np.isin(pictures["train_labels"], classes), np.isin(pictures["hidden_labels"], classes)
        tasks.append(
            Task(
                classes=tuple(classes),
                train=pictures["train"][rows],
                train_labels=np.searchsorted(classes, pictures["train_labels"][rows]).astype(np.int64),
                hidden=pictures["hidden"][shown],
                hidden_labels=np.searchsorted(classes, pictures["hidden_labels"][shown]).astype(np.int64),
            )
        )
    return tasks


def plain_loop(task: Task, device: str) -> float:
    """Train one model as anybody would, everything already on the device, and return its accuracy."""
    train, hidden = (torch.tensor(images, device=device).float() / 255 for images in (task.train, task.hidden))
    mean, deviation = train.mean((0, 1, 2)), train.std((0, 1, 2), correction=0)
    rows, shown = (((part - mean) / deviation).flatten(1) for part in (train, hidden))
    labels, right = (torch.tensor(part, device=device) for part in (task.train_labels, task.hidden_labels))
    model = nn.Sequential(nn.Linear(rows.shape[1], RECIPE.hidden[0]), nn.ReLU(), nn.Linear(RECIPE.hidden[0], len(task.classes))).to(device)
    optimizer, criterion = torch.optim.SGD(model.parameters(), lr=RECIPE.lr), nn.CrossEntropyLoss()
    for _ in range(RECIPE.epochs):
        for batch in torch.randperm(len(rows), device=device).split(RECIPE.batch):  # type: ignore[no-untyped-call]
            optimizer.zero_grad()
            criterion(model(rows[batch]), labels[batch]).backward()
            optimizer.step()
    with torch.no_grad():
        return float((model(shown).argmax(1) == right).double().mean())


def _seconds(run: Callable[[], object]) -> float:
    begin = time.perf_counter()
    run()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - begin


def _speed(tasks: list[Task], device: str, threads: int, sizes: list[int], loops: int) -> dict[str, Any]:
    train_many(tasks[:1], range(2), replace(RECIPE, epochs=2), device=device, threads=threads)  # the first use of a device is slow
    plain_loop(replace(tasks[0], train=tasks[0].train[:200], train_labels=tasks[0].train_labels[:200]), device)
    one = _seconds(lambda: [plain_loop(tasks[number % len(tasks)], device) for number in range(loops)]) / loops
    found: dict[str, Any] = {"plain loop, s a training": one, "engine": {}}
    click.echo(f"plain loop: {one:.2f} s a training on {device_name(device)}")
    for size in sizes:
        seeds = max(1, min(10, size))
        some = [tasks[number % len(tasks)] for number in range(max(1, size // seeds))]
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
        took = _seconds(lambda some=some, seeds=seeds: train_many(some, range(seeds), RECIPE, device=device, threads=threads))  # type: ignore[misc]
        memory = torch.cuda.max_memory_allocated() / 2**20 if torch.cuda.is_available() else 0.0
        count = len(some) * seeds
        found["engine"][count] = {"s": took, "MiB": memory}
        click.echo(f"{count:6} models: {took:7.1f} s, {count / took:7.1f} trainings/s, {one * count / took:6.1f} times the loop, {memory:,.0f} MiB")
    return found


@click.command()
@click.argument("pictures", type=click.Path(path_type=Path, exists=True))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--device", default="auto")
@click.option("--threads", default=2)
@click.option("--seeds", default=10)
@click.option("--sizes", default="1,10,100", help="Numbers of models to time; empty: no timing.")
@click.option("--loops", default=2, help="How many plain trainings are timed.")
def main(pictures: Path, out: Path, device: str, threads: int, seeds: int, sizes: str, loops: int) -> None:  # noqa: PLR0917 - one parameter per option
    """Train every kind of work on every set of classes, write the accuracies, and print the speed."""
    torch.set_num_threads(1)  # the loop is several times slower with two on a busy machine
    place = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    with np.load(pictures) as packed:
        tasks = tasks_of(dict(packed))
    result: dict[str, Any] = {"device": device_name(place), "torch": torch.__version__, "hidden": len(tasks[0].hidden), "kinds": {}}
    for kind, (epochs, slope) in KINDS.items():
        begin = time.perf_counter()
        trained = train_many(tasks, range(seeds), replace(RECIPE, epochs=epochs), device=place, threads=threads, slope=slope)
        click.echo(f"{kind}: {len(tasks)} sets x {seeds} seeds in {time.perf_counter() - begin:.1f} s")
        result["kinds"][kind] = {
            ",".join(map(str, task.classes)): [_row(outcome) for outcome in outcomes] for task, outcomes in zip(tasks, trained, strict=True)
        }
    if sizes:
        result["speed"] = _speed(tasks, place, threads, [int(size) for size in sizes.split(",")], loops)
    out.write_text(json.dumps(result), encoding="utf-8")


def _row(outcome: Outcome) -> list[float]:
    return [round(outcome.accuracy, 6), round(outcome.train, 6)]


if __name__ == "__main__":
    main()
