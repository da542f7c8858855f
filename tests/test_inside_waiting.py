"""Passes that wait for what follows them: which ones a backward came from, and what they and their data hold until then."""

import gc
import weakref
from typing import Any

import pytest
import torch
from torch import nn
from torch.multiprocessing import reductions
from torch.nn import functional as F  # noqa: N812 - as notebooks call it
from torch.utils.data import DataLoader, Dataset

from grader.inside.trace import Trace
from tests.inside_training import Network, batch
from tests.traced import backward, loader_of, only, told, train


def glance(model: nn.Module, loader: Any) -> None:
    model(next(iter(loader))[0])


def glance_at_the_loss(model: nn.Module, loader: Any) -> None:
    inputs, labels = next(iter(loader))
    F.cross_entropy(model(inputs), labels).item()


def validate_in_part(model: nn.Module, loader: Any) -> None:
    model.eval()
    for place, (inputs, labels) in enumerate(loader):
        F.cross_entropy(model(inputs), labels).item()
        if place == 2:
            break


@pytest.mark.parametrize("look", [glance, glance_at_the_loss, validate_in_part])
@pytest.mark.parametrize("when", ["before", "between", "each epoch"])
def test_a_look_at_held_out_rows_with_a_graph_is_no_training(trace: Trace, look: Any, when: str) -> None:
    model, held_out = Network(), loader_of(1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    if when == "before":
        look(model, held_out)
    train(model, loader_of(0), optimizer=optimizer, each_epoch=lambda: look(model, held_out) if when == "each epoch" else None)
    if when == "between":
        look(model, held_out)
    train(model, loader_of(0), optimizer=optimizer)
    run = only(trace)
    (training,) = run.training
    assert (training.count, training.rows, run.batch_sizes, run.epochs) == (4, 160, ((10, 16),), 4)
    assert {passes.source for passes in run.evaluation} == {1 if when != "before" else 0}
    assert training.source not in {passes.source for passes in run.evaluation}
    assert {passes.when for passes in run.evaluation} == {"before" if when == "before" else "during"}
    assert {passes.first_epoch for passes in run.evaluation} == {1 if when == "between" else 0}


def test_a_look_between_forward_and_backward_is_no_training(trace: Trace) -> None:
    model, held_out = Network(), loader_of(1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for inputs, labels in loader_of(0):
        loss = F.cross_entropy(model(inputs), labels)
        glance(model, held_out)
        optimizer.zero_grad()
        backward(loss)
        optimizer.step()
    run = only(trace)
    assert [(passes.batches, passes.source) for passes in (*run.training, *run.evaluation)] == [(4, 0), (1, 1), (3, 1)]


@pytest.mark.parametrize("together", [True, False])
def test_loaders_read_side_by_side_are_both_trained_on(trace: Trace, together: bool) -> None:
    model = nn.Linear(6, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for first, second in zip(loader_of(0), loader_of(1), strict=True):
        optimizer.zero_grad()
        losses = [F.cross_entropy(model(inputs), labels) for inputs, labels in (first, second)]
        for loss in [losses[0] + losses[1]] if together else losses:
            backward(loss)
        optimizer.step()
    run = only(trace)
    assert (run.steps, run.backwards, run.evaluation) == (4, 4 if together else 8, ())
    assert sorted((passes.source, passes.rows) for passes in run.training) == [(0, 40), (1, 40)]


@pytest.mark.parametrize("change", [torch.Tensor.zero_, torch.Tensor.sigmoid_, None])
@pytest.mark.parametrize("grad", [True, False])
def test_outputs_changed_in_place_falsify_no_accuracy(trace: Trace, change: Any, grad: bool) -> None:
    model, held_out, right = Network(), loader_of(1), []

    def validate() -> None:
        model.eval()
        with torch.set_grad_enabled(grad):
            for inputs, labels in held_out:
                output = model(inputs)
                right.append((output.argmax(1) == labels).sum().item())
                if change is not None:
                    change(output)

    train(model, loader_of(0), epochs=1, each_epoch=validate)
    (evaluation,) = only(trace).evaluation
    assert [value for _, value in evaluation.accuracy] == ([] if change else pytest.approx([sum(right) / 40]))


@pytest.mark.parametrize("end", [nn.Sequential(nn.Unflatten(1, (6, 1, 1)), nn.Conv2d(6, 40, 1)), nn.Linear(6, 4000)])
def test_passes_that_wait_hold_little(trace: Trace, end: nn.Module) -> None:
    """Of pictures nothing is held, and of long rows no more than a few megabytes; classes of few are held."""

    def loss(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(output, target) if output.ndim == 2 else F.mse_loss(output, torch.zeros_like(output))

    model, plain, held = nn.Sequential(nn.Linear(6, 6), end), nn.Linear(6, 3), []
    for trained in (model, plain):
        train(trained, loader_of(0), epochs=1, loss=loss)
    for trained in (model, plain):
        for inputs, labels in loader_of(1, rows=6000, size=500):
            output = trained(inputs)
            loss(output, labels).item()
            held.append(reductions.StorageWeakRef(output.untyped_storage()))  # type: ignore[no-untyped-call]
    del output
    gc.collect()
    alive = [not storage.expired() for storage in held]  # type: ignore[no-untyped-call]
    assert sum(alive[:12]) <= 3
    assert all(alive[12:])
    last = told(trace).runs[-1].evaluation
    assert [(passes.rows, len(passes.accuracy)) for passes in last] == [(6000, 1)]


class Rows(Dataset[Any]):
    def __init__(self, seed: int) -> None:
        self.rows, self.labels = batch(seed, 10)

    def __len__(self) -> int:
        return 10

    def __getitem__(self, place: int) -> Any:
        return self.rows[place], self.labels[place]


def test_data_sets_are_let_go_and_a_new_one_in_the_same_place_is_another(trace: Trace) -> None:
    model, alive = nn.Linear(6, 3), []
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for seed in range(80):
        rows: Any = Rows(seed) if seed % 2 else [*zip(*batch(seed, 10), strict=True)]
        train(model, DataLoader(rows, 10), epochs=1, optimizer=optimizer)
        if seed % 2:
            alive.append(weakref.ref(rows))
    del rows
    gc.collect()
    assert not [reference for reference in alive if reference() is not None]
    assert [(source.hashed, source.class_name) for source in told(trace).sources] == [(10, "list"), (10, "Rows")] * 32
