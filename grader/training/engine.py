"""Train the reference recipe on many sets of classes with many seeds at once.

All seeds of one set of classes see the same N pictures, and a step of gradient descent moves the first layer only along pictures:
W = W0 + Xᵀ C, where C has a row per picture. So X Xᵀ is computed once per set of classes and serves all its seeds and epochs: a
batch needs its rows of X Xᵀ (N numbers a picture instead of 3072), and the first layer's backward pass is an addition to C's rows.
What comes out are the weights that ordinary training gives, up to rounding.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from grader.model import Recipe
from grader.training.draws import base_of, orders, uniform

Slope = Callable[[torch.Tensor], torch.Tensor]
Progress = Callable[[int], None]
_CPU_BYTES = 96 << 20  # more models at once than this holds only leave the caches


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One set of classes: unsigned bytes (n, 32, 32, 3) to train on and to measure with, labels (n,) as positions in the sorted classes."""

    classes: tuple[int, ...]
    train: NDArray[np.uint8]
    train_labels: NDArray[np.int64]
    hidden: NDArray[np.uint8]
    hidden_labels: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One training: accuracy on the hidden images and on its own, NaN when it diverged, and which hidden images (n,) it got right."""

    accuracy: float
    train: float
    hits: NDArray[np.bool_]


@dataclass(slots=True, kw_only=True)
class _Models:
    """So many models at once. `moved` is C (models, N, first width); `first` the first layer's bias; `layers` weights and biases after."""

    moved: torch.Tensor
    first: torch.Tensor
    layers: list[tuple[torch.Tensor, torch.Tensor]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pictures:
    """The pictures of several sets of classes: `gram` (sets*N, N), `start` the models' first layer at the start, for all N pictures."""

    gram: torch.Tensor
    start: torch.Tensor
    labels: torch.Tensor
    owner: torch.Tensor = field(repr=False)


def relu_slope(inputs: torch.Tensor) -> torch.Tensor:
    """Return the derivative of ReLU at its inputs."""
    return (inputs > 0).to(inputs.dtype)


def train_many(
    tasks: Sequence[Task],
    seeds: Sequence[int],
    recipe: Recipe,
    *,
    device: str = "auto",
    threads: int = 1,
    slope: Slope = relu_slope,
    progress: Progress = lambda count: None,  # noqa: ARG005 - nobody wants to know
) -> list[list[Outcome]]:
    """Return the outcomes by task, then by seed. `progress` is told how many trainings were just finished.

    A training depends on its classes, its seed and the recipe only, not on its company. `device` is auto, cpu or cuda; `threads` are the
    CPU's, while torch's own number of threads is 1 meanwhile. `slope` is the activation's derivative in the backward pass; another one
    than ReLU's shows what a wrong gradient costs. Raises nothing for a training that diverges: its accuracy is NaN.
    """
    where = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device)
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # these products are too thin to share; the chunks are what is shared out

    def one(numbers: list[int], some: Sequence[int]) -> tuple[list[int], list[Outcome]]:
        with torch.no_grad():
            return numbers, _train([tasks[number] for number in numbers], some, recipe, where, slope)

    results: list[list[Outcome]] = [[] for _ in tasks]
    pool = ThreadPoolExecutor(threads if where.type == "cpu" else 1, thread_name_prefix="train")
    try:
        running = [pool.submit(one, numbers, some) for numbers, some in _chunks(tasks, seeds, recipe, where)]
        for future in running:
            numbers, outcomes = future.result()
            each = len(outcomes) // len(numbers)
            for place, number in enumerate(numbers):
                results[number] += outcomes[place * each : (place + 1) * each]
            progress(len(outcomes))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        torch.set_num_threads(before)
    return results


def device_name(device: str = "auto") -> str:
    """Return what `train_many` would compute on, in words."""
    if device == "cpu" or not torch.cuda.is_available():
        return "cpu"
    return torch.cuda.get_device_name()


def _chunks(tasks: Sequence[Task], seeds: Sequence[int], recipe: Recipe, where: torch.device) -> Iterator[tuple[list[int], Sequence[int]]]:
    """Yield (task numbers, seeds) that fit into memory together; tasks of one shape only, all seeds of a task in one go if they fit."""
    alike: dict[tuple[int, int, int], list[int]] = defaultdict(list)
    for number, task in enumerate(tasks):
        alike[len(task.train), len(task.hidden), len(task.classes)].append(number)
    for (size, hidden, _), numbers in alike.items():
        room = int(torch.cuda.mem_get_info()[0] * 0.7) if where.type == "cuda" else _CPU_BYTES
        pixels = 3 * 32 * 32
        # Rows of the gram matrix per step, start and coefficients, and the first weights with what it takes to draw them.
        per_model = 4 * (2 * recipe.batch * size + 4 * (size + hidden) * recipe.hidden[0] + 12 * pixels * recipe.hidden[0])
        per_task = 4 * (size * (size + hidden) + 2 * (size + hidden) * pixels)
        at_once = max(1, min(len(seeds), (room - per_task) // per_model))
        together = max(1, room // (per_task + at_once * per_model)) if where.type == "cuda" else 1
        for begin in range(0, len(numbers), together):
            for first in range(0, len(seeds), at_once):
                yield numbers[begin : begin + together], seeds[first : first + at_once]


def _train(tasks: Sequence[Task], seeds: Sequence[int], recipe: Recipe, where: torch.device, slope: Slope) -> list[Outcome]:
    bases = torch.tensor([base_of(task.classes, seed) for task in tasks for seed in seeds], device=where)
    pictures, hidden = _pictures(tasks, bases, recipe, where)
    models = _fresh(bases, pictures, recipe, len(tasks[0].classes))
    size = pictures.labels.shape[1]
    for epoch in range(recipe.epochs):
        order = orders(bases, 100 + epoch, size)
        for begin in range(0, size, recipe.batch):
            _step(models, pictures, order[:, begin : begin + recipe.batch], recipe.lr, slope)
    known = (_answers(models, pictures) == pictures.labels).float().mean(1)
    hits = _answers(models, hidden) == hidden.labels
    finite = torch.stack([weights.isfinite().all(-1).all(-1) for weights, _ in models.layers]).all(0)
    accuracy = torch.where(finite, hits.double().mean(1), math.nan).cpu().tolist()
    train = torch.where(finite, known.double(), math.nan).cpu().tolist()
    rows = hits.cpu().numpy()
    return [Outcome(accuracy=one, train=two, hits=row) for one, two, row in zip(accuracy, train, rows, strict=True)]


def _pictures(tasks: Sequence[Task], bases: torch.Tensor, recipe: Recipe, where: torch.device) -> tuple[_Pictures, _Pictures]:
    """Return the training pictures and the hidden ones as the models see them at their start."""
    seeds = len(bases) // len(tasks)
    grams: tuple[list[torch.Tensor], list[torch.Tensor]] = ([], [])
    starts: tuple[list[torch.Tensor], list[torch.Tensor]] = ([], [])
    labels: tuple[list[torch.Tensor], list[torch.Tensor]] = ([], [])
    for place, task in enumerate(tasks):
        own = bases[place * seeds : (place + 1) * seeds]
        train, hidden = _normalised(task, where)
        weights, bias = _linear(own, 0, train.shape[1], recipe.hidden[0])
        for part, (rows, right) in enumerate(((train, task.train_labels), (hidden, task.hidden_labels))):
            grams[part].append(rows @ train.T)
            starts[part].append(torch.einsum("np,mpw->mnw", rows, weights) + bias)
            labels[part].append(torch.as_tensor(right, device=where).expand(seeds, -1))
    owner = torch.arange(len(tasks), device=where).repeat_interleave(seeds)
    train_part, hidden_part = (
        _Pictures(gram=torch.cat(grams[part]), start=torch.cat(starts[part]), labels=torch.cat(labels[part]), owner=owner) for part in (0, 1)
    )
    return train_part, hidden_part


def _normalised(task: Task, where: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Return both parts as rows of numbers with mean 0 and deviation 1 per colour channel of the training part."""
    train, hidden = (torch.as_tensor(images, device=where).to(torch.float32) / 255 for images in (task.train, task.hidden))
    mean, deviation = train.mean((0, 1, 2)), train.std((0, 1, 2), correction=0)
    return tuple(((part - mean) / deviation).flatten(1) for part in (train, hidden))  # type: ignore[return-value]


def _linear(bases: torch.Tensor, stream: int, inputs: int, outputs: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return weights (models, inputs, outputs) and bias (models, 1, outputs), uniform within 1/sqrt(inputs) as PyTorch's Linear starts."""
    drawn = uniform(bases, stream, (inputs + 1) * outputs).view(-1, inputs + 1, outputs) / math.sqrt(inputs)
    return drawn[:, :-1], drawn[:, -1:]


def _fresh(bases: torch.Tensor, pictures: _Pictures, recipe: Recipe, classes: int) -> _Models:
    widths = [*recipe.hidden, classes]
    drawn = [_linear(bases, 1 + layer, *widths[layer : layer + 2]) for layer in range(len(recipe.hidden))]
    return _Models(
        moved=torch.zeros_like(pictures.start),
        first=torch.zeros_like(pictures.start[:, :1]),  # the bias drawn at the start is part of `start`
        layers=[(weights.transpose(1, 2).contiguous(), bias.transpose(1, 2).contiguous()) for weights, bias in drawn],
    )


def _step(models: _Models, pictures: _Pictures, batch: torch.Tensor, lr: float, slope: Slope) -> None:
    """One step of every model on its own batch (models, b) of pictures: forward, backward, update. Values are (models, width, b)."""
    count, size, width = models.moved.shape
    rows = (batch + torch.arange(count, device=batch.device)[:, None] * size).flatten()
    gram = pictures.gram.index_select(0, (batch + pictures.owner[:, None] * size).flatten()).view(count, -1, size)
    start = (pictures.start.view(-1, width).index_select(0, rows).view(count, -1, width) + models.first).transpose(1, 2)
    # The thin matrix to the left: several times faster on a CPU than the same product the other way round.
    sums = [torch.bmm(models.moved.transpose(1, 2), gram.transpose(1, 2)) + start]
    values = [sums[0].clamp_min(0)]
    for weights, bias in models.layers:
        sums.append(torch.baddbmm(bias, weights, values[-1]))
        values.append(sums[-1].clamp_min(0))
    delta = torch.softmax(sums[-1], dim=1)
    delta.scatter_add_(1, pictures.labels.gather(1, batch)[:, None], delta.new_full((), -1.0).expand(count, 1, batch.shape[1]))
    delta /= batch.shape[1]
    for layer in range(len(models.layers) - 1, -1, -1):
        weights, bias = models.layers[layer]
        before = torch.bmm(weights.transpose(1, 2), delta) * slope(sums[layer])
        weights.baddbmm_(delta, values[layer].transpose(1, 2), alpha=-lr)
        bias.sub_(delta.sum(2, keepdim=True), alpha=lr)
        delta = before
    models.first.sub_(delta.sum(2)[:, None], alpha=lr)
    moved = models.moved.view(-1, width)
    # No picture is twice in a batch, so its row may be written instead of added to.
    moved.index_copy_(0, rows, moved.index_select(0, rows).sub_(delta.transpose(1, 2).reshape(-1, width), alpha=lr))


def _answers(models: _Models, pictures: _Pictures) -> torch.Tensor:
    """Return the class (models, n) that each model sees in each picture; no class, -1, where an output is not a number."""
    count, size = models.moved.shape[:2]
    gram = pictures.gram.view(-1, pictures.start.shape[1], size)
    seeds = count // len(gram)
    reached = torch.cat([torch.matmul(own, models.moved[place * seeds : (place + 1) * seeds]) for place, own in enumerate(gram)])
    values = (pictures.start + models.first + reached).clamp_min(0)
    for number, (weights, bias) in enumerate(models.layers, start=1):
        values = torch.baddbmm(bias.transpose(1, 2), values, weights.transpose(1, 2))
        if number < len(models.layers):
            values = values.clamp_min(0)
    return torch.where(values.isfinite().all(2), values.argmax(2), -1)
