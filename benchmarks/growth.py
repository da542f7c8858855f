"""How time and memory of the engine grow with the number of models, against a plain PyTorch loop of the same trainings.

python benchmarks/growth.py PICTURES.npz [--sizes 1,10,100,1000] [--gpu-sizes 10,100,1000,10000] [--threads 2] [--loops 2]

PICTURES.npz is written by `fairness.py pack`. Every size has a process of its own, so that its peak memory is its own. Needs torch,
numpy and click only, so that it runs on a bare machine with a GPU.
"""

import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import click
import torch
from plain_loop import plain_loop
from trainings import RECIPE, tasks_of

from grader.training import device_name, train_many

_SEEDS = 10  # of every set of classes, as in a calibration


@click.command()
@click.argument("pictures", type=click.Path(path_type=Path, exists=True))
@click.option("--sizes", default="1,10,100,1000", help="Numbers of models on the CPU; empty: none.")
@click.option("--gpu-sizes", default="10,100,1000,10000", help="Numbers of models on the GPU, where there is one.")
@click.option("--threads", default=2)
@click.option("--loops", default=2, help="How many plain trainings are timed on each device; 0: none.")
@click.option("--only", default="", hidden=True, metavar="DEVICE:SIZE", help="What the process of one size is told.")
def main(*, pictures: Path, sizes: str, gpu_sizes: str, threads: int, loops: int, only: str) -> None:
    """Print seconds, trainings per second and peak memory for every number of models."""
    if only:
        device, _, size = only.partition(":")
        click.echo(json.dumps(_measure(pictures, device, int(size), threads)))
        return
    _device("cpu", pictures, sizes, threads, loops)
    if torch.cuda.is_available():
        _device("cuda", pictures, gpu_sizes, threads, loops)
    else:
        click.echo("no GPU here, not measured")


def _device(device: str, pictures: Path, sizes: str, threads: int, loops: int) -> None:
    click.echo(f"{device_name(device)}, {threads} threads, load {os.getloadavg()[0]:.1f}, torch {torch.__version__}")
    loop = _loop(pictures, device, loops) if loops else float("nan")
    click.echo(f"plain loop, one thread: {loop:.2f} s a training")
    for size in [int(size) for size in sizes.split(",") if size]:
        command = [sys.executable, __file__, str(pictures), "--threads", str(threads), "--only", f"{device}:{size}"]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found = json.loads(done.stdout)
        gpu = f", GPU peak {found['gpu_mib']:,.0f} MiB" if device == "cuda" else ""
        click.echo(
            f"{size:6} models: {found['s']:7.1f} s, {size / found['s']:7.2f} trainings/s, {loop * size / found['s']:7.1f} times the loop, "
            f"{found['mib']:,.0f} MiB above the {found['before_mib']:,.0f} MiB of libraries and pictures{gpu}"
        )


def _measure(pictures: Path, device: str, size: int, threads: int) -> dict[str, float]:
    """Train `size` models and return seconds and peak memory; sets of classes come round again when there are too few."""
    tasks = tasks_of(pictures)
    train_many(tasks[:1], range(1), replace(RECIPE, epochs=2), device=device, threads=threads)  # the first use of a device is slow
    seeds = min(_SEEDS, size)
    some = [tasks[number % len(tasks)] for number in range(size // seeds)]
    before = _peak()
    begin = time.perf_counter()
    train_many(some, range(seeds), RECIPE, device=device, threads=threads)
    gpu = torch.cuda.max_memory_allocated() / 2**20 if device == "cuda" else 0.0
    return {"s": time.perf_counter() - begin, "before_mib": before, "mib": _peak() - before, "gpu_mib": gpu}


def _peak() -> float:
    """Return the peak resident memory of this process in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _loop(pictures: Path, device: str, loops: int) -> float:
    torch.set_num_threads(1)
    tasks = tasks_of(pictures)
    plain_loop(tasks[0], replace(RECIPE, epochs=1), device)
    begin = time.perf_counter()
    for number in range(loops):
        plain_loop(tasks[number % len(tasks)], RECIPE, device)
    return (time.perf_counter() - begin) / loops


if __name__ == "__main__":
    main()
