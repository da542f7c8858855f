"""How time and memory of the engine grow with the number of models, against a plain PyTorch loop of the same trainings.

python benchmarks/growth.py PICTURES.npz [--sizes 1,10,100,1000] [--gpu-sizes 10,100,1000,10000] [--threads 2] [--loops 2]

PICTURES.npz is written by `fairness.py pack`. Every size has a process of its own, so that its peak memory is its own; CPU seconds stand
beside seconds because they mean something on a busy machine, too. Needs Linux, torch, numpy and click, so that it runs on a bare machine
with a GPU.
"""

import json
import math
import os
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
    loop, used = _loop(pictures, device, loops) if loops else (math.nan, math.nan)
    click.echo(f"plain loop, one thread: {loop:.2f} s a training ({used:.2f} CPU s)")
    for size in [int(size) for size in sizes.split(",") if size]:
        command = [sys.executable, __file__, str(pictures), "--threads", str(threads), "--only", f"{device}:{size}"]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found = json.loads(done.stdout)
        gpu = f", GPU peak {found['gpu_mib']:,.0f} MiB" if device == "cuda" else ""
        click.echo(
            f"{size:6} models: {found['s']:7.1f} s, {size / found['s']:7.2f} trainings/s, {loop * size / found['s']:6.1f} times the loop; "
            f"{found['cpu_s'] / size:.3f} CPU s a training, {used * size / found['cpu_s']:.1f} times less than the loop; "
            f"{found['mib']:,.0f} MiB above the {found['before_mib']:,.0f} MiB of libraries and pictures{gpu}"
        )


def _measure(pictures: Path, device: str, size: int, threads: int) -> dict[str, float]:
    """Train `size` models and return seconds and peak memory; sets of classes come round again when there are too few."""
    tasks = tasks_of(pictures)
    train_many(tasks[:1], range(1), replace(RECIPE, epochs=2), device=device, threads=threads)  # the first use of a device is slow
    seeds = min(_SEEDS, size)
    some = [tasks[number % len(tasks)] for number in range(size // seeds)]
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak so far was that of reading the pictures
    before = _memory("VmRSS")
    begin, used = time.perf_counter(), time.process_time()
    train_many(some, range(seeds), RECIPE, device=device, threads=threads)
    took, used = time.perf_counter() - begin, time.process_time() - used
    gpu = torch.cuda.max_memory_allocated() / 2**20 if device == "cuda" else 0.0
    return {"s": took, "cpu_s": used, "before_mib": before, "mib": _memory("VmHWM") - before, "gpu_mib": gpu}


def _memory(what: str) -> float:
    """Return this process's resident memory (VmRSS) or its peak (VmHWM) in MiB, as Linux counts it."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(float(line.split()[1]) / 1024 for line in lines if line.startswith(f"{what}:"))


def _loop(pictures: Path, device: str, loops: int) -> tuple[float, float]:
    """Return seconds and CPU seconds of one plain training."""
    torch.set_num_threads(1)
    tasks = tasks_of(pictures)
    plain_loop(tasks[0], replace(RECIPE, epochs=1), device)
    begin, used = time.perf_counter(), time.process_time()
    for number in range(loops):
        plain_loop(tasks[number % len(tasks)], RECIPE, device)
    return (time.perf_counter() - begin) / loops, (time.process_time() - used) / loops


if __name__ == "__main__":
    main()
