"""Small real trainings under the trace, and what it tells of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - as notebooks call it
from torch.utils.data import DataLoader, TensorDataset

from grader.checks.plain import read
from grader.checks.trace import Trace as Read
from grader.checks.trace import TrainingRun
from grader.inside.trace import Trace
from tests.inside_training import batch

Names = dict[str, Any]


@contextmanager
def watching(names: Names) -> Iterator[Trace]:
    """Yield a trace in the middle of cell 0 of a notebook with these `names`."""
    trace = Trace(names, ("weights_1", "bias_1"))
    trace.install()
    trace.cell_started(0)
    yield trace
    trace.close()


def told(trace: Trace) -> Read:
    trace.cell_ended()
    trace.close()
    made = read(Read, trace.told()["trace"])
    assert made is not None
    return made


def only(trace: Trace) -> TrainingRun:
    (run,) = told(trace).runs
    return run


def loader_of(seed: int, rows: int = 40, size: int = 10, **options: Any) -> DataLoader[Any]:
    return DataLoader(TensorDataset(*batch(seed, rows)), batch_size=size, **options)


def backward(loss: Any) -> None:
    loss.backward()


def train(
    model: nn.Module, loader: Any, *, epochs: int = 2, loss: Callable[..., Any] | None = None, optimizer: Any = None, zero: bool = True,
    each_epoch: Callable[[], Any] = lambda: None, before_step: Callable[[], Any] = lambda: None, after_step: Callable[[], Any] = lambda: None,
) -> None:  # fmt: skip
    optimizer = optimizer or torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(epochs):
        model.train()
        for inputs, labels in loader:
            if zero:
                optimizer.zero_grad()
            backward((loss or F.cross_entropy)(model(inputs), labels))
            before_step()
            optimizer.step()
            after_step()
        each_epoch()


def clip(model: nn.Module, limit: float) -> None:
    nn.utils.clip_grad_norm_(model.parameters(), limit)


def evaluate(model: nn.Module, loader: Any, *, mode: bool = False, grad: bool = False) -> None:
    model.train(mode)
    with torch.set_grad_enabled(grad):
        for inputs, labels in loader:
            F.cross_entropy(model(inputs), labels)
