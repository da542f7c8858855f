"""Many trainings at once, right and wrong ones: the accuracies that `fairness.py` and `power.py` judge.

python benchmarks/trainings.py PICTURES.npz OUT.json [--kind reference]... [--device cpu] [--threads 2] [--seeds 10]

PICTURES.npz is written by `fairness.py pack`. Needs torch, numpy and click only, so that it runs on a bare machine with a GPU. Kinds that
OUT.json has already, with as many seeds, are kept, so that the work can be done in pieces.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

from grader.model import Recipe
from grader.training import Outcome, Task, device_name, relu_slope, train_many

RECIPE = Recipe(hidden=(10,), lr=0.005, batch=128, epochs=250)
KINDS: dict[str, tuple[int, Callable[[torch.Tensor], torch.Tensor]]] = {
    "reference": (RECIPE.epochs, relu_slope),
    "10 times too short (25 epochs)": (25, relu_slope),
    "30 times too short (8 epochs)": (8, relu_slope),
    "100 times too short (2 epochs)": (2, relu_slope),
    "no gradient into the first layer": (RECIPE.epochs, torch.zeros_like),
    "gradient through closed ReLUs": (RECIPE.epochs, torch.ones_like),
}


def tasks_of(pictures: Path) -> list[Task]:
    """Return one task per set of classes of the packed pictures."""
    with np.load(pictures) as packed:
        found = dict(packed)
    tasks = []
    for classes in found["sets"].tolist():
        rows, shown = np.isin(found["train_labels"], classes), np.isin(found["hidden_labels"], classes)
        tasks.append(
            Task(
                classes=tuple(classes),
                train=found["train"][rows],
                train_labels=np.searchsorted(classes, found["train_labels"][rows]).astype(np.int64),
                hidden=found["hidden"][shown],
                hidden_labels=np.searchsorted(classes, found["hidden_labels"][shown]).astype(np.int64),
            )
        )
    return tasks


@click.command()
@click.argument("pictures", type=click.Path(path_type=Path, exists=True))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--kind", "kinds", multiple=True, type=click.Choice(list(KINDS)), help="Which kinds of work; all by default.")
@click.option("--device", default="auto")
@click.option("--threads", default=2)
@click.option("--seeds", default=10)
def main(*, pictures: Path, out: Path, kinds: Sequence[str], device: str, threads: int, seeds: int) -> None:
    """Train the kinds of work on every set of classes and add the accuracies to OUT."""
    tasks = tasks_of(pictures)
    result: dict[str, Any] = {"device": device_name(device), "torch": torch.__version__, "hidden": len(tasks[0].hidden), "kinds": {}}
    if out.exists():
        known = json.loads(out.read_text(encoding="utf-8"))
        if {**known, "kinds": {}} != result:
            raise click.UsageError(f"{out} was made on another device or by another torch; name another file.")
        result = known
    for kind in kinds or KINDS:
        if _has(result["kinds"].get(kind, {}), tasks, seeds):
            continue
        epochs, slope = KINDS[kind]
        begin = time.perf_counter()
        trained = train_many(tasks, range(seeds), replace(RECIPE, epochs=epochs), device=device, threads=threads, slope=slope)
        click.echo(f"{kind}: {len(tasks)} sets x {seeds} seeds in {time.perf_counter() - begin:.1f} s")
        result["kinds"][kind] = {_key(task): [_row(outcome) for outcome in outcomes] for task, outcomes in zip(tasks, trained, strict=True)}
        out.write_text(json.dumps(result), encoding="utf-8")


def _key(task: Task) -> str:
    return ",".join(map(str, task.classes))


def _has(rows: dict[str, list[Any]], tasks: Sequence[Task], seeds: int) -> bool:
    return all(len(rows.get(_key(task), ())) >= seeds for task in tasks)


def _row(outcome: Outcome) -> list[float]:
    return [round(outcome.accuracy, 6), round(outcome.train, 6)]


if __name__ == "__main__":
    main()
