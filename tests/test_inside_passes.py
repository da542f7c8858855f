"""Passes and data of a training: modes, accuracies per epoch, restored weights, loaders, overlap, each where it holds and where it does not."""

import copy
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - as notebooks call it
from torch.utils.data import DataLoader, Dataset, RandomSampler, Sampler, Subset, SubsetRandomSampler, TensorDataset, WeightedRandomSampler
from torch.utils.data.distributed import DistributedSampler

from grader.inside.trace import Trace
from tests.inside_training import Network, batch, first_layer
from tests.traced import Names, backward, evaluate, loader_of, only, told, train


@pytest.mark.parametrize(("mode", "grad"), [(False, False), (True, False), (False, True), (True, True)])
def test_evaluations_are_told_with_their_modes(trace: Trace, mode: bool, grad: bool) -> None:
    model, held_out = Network(), loader_of(1)
    train(model, loader_of(0), each_epoch=lambda: evaluate(model, held_out, mode=mode, grad=grad))
    run = only(trace)
    (training,), (evaluation,) = run.training, run.evaluation
    assert (training.count, training.batches, training.rows, training.train_mode, training.grad) == (2, 8, 80, True, True)
    assert (evaluation.count, evaluation.batches, evaluation.train_mode, evaluation.grad) == (2, 8, mode, grad)
    assert evaluation.statistics_moved == mode
    assert training.source != evaluation.source


def test_losses_and_accuracies_of_epochs_are_what_a_notebook_would_print(trace: Trace) -> None:
    model, held_out, printed = Network(), loader_of(1, rows=35), []

    def validate() -> None:
        model.eval()
        with torch.no_grad():
            outputs = [(model(inputs), labels) for inputs, labels in held_out]
        printed.append(sum((output.argmax(1) == labels).sum().item() for output, labels in outputs) / 35)

    train(model, loader_of(0), epochs=3, each_epoch=validate)
    evaluate(model, held_out)
    expected = sum(F.cross_entropy(model(inputs), labels).item() for inputs, labels in held_out) / len(held_out)
    (evaluation, *_) = only(trace).evaluation
    assert [value for _, value in evaluation.accuracy[:2]] == pytest.approx(printed[:2], rel=1e-6)
    assert evaluation.loss[-1][1] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("restored", [True, False])
def test_train_mode_restored_or_not(trace: Trace, restored: bool) -> None:
    model = Network()
    optimizer, held_out = torch.optim.SGD(model.parameters(), lr=0.1), loader_of(1)
    for epoch in range(3):
        if restored or epoch == 0:
            model.train()
        for inputs, labels in loader_of(0):
            optimizer.zero_grad()
            backward(F.cross_entropy(model(inputs), labels))
            optimizer.step()
        evaluate(model, held_out)
    assert only(trace).train_mode_restored is restored


def test_best_weights_put_back_are_matched_to_their_epoch(trace: Trace) -> None:
    model, states = Network(), []
    held_out = loader_of(1)

    def validate() -> None:
        evaluate(model, held_out)
        states.append(copy.deepcopy(model.state_dict()))

    train(model, loader_of(0), epochs=4, each_epoch=validate)
    model.load_state_dict(states[1])
    evaluate(model, held_out)
    run = only(trace)
    assert run.restored is not None
    assert run.restored.epoch == 1
    assert not any(passes.statistics_moved for passes in run.evaluation)


def test_nothing_restored_and_foreign_weights(trace: Trace) -> None:
    plain, foreign = Network(), Network()
    train(plain, loader_of(0))
    train(foreign, loader_of(0))
    foreign.load_state_dict(Network().state_dict())
    first, second = told(trace).runs
    assert first.restored is None
    assert second.restored is not None
    assert second.restored.epoch is None


def test_a_reset_to_the_beginning_is_a_new_run_and_the_weights_of_the_first_are_kept(trace: Trace) -> None:
    model = Network()
    start = copy.deepcopy(model.state_dict())
    train(model, loader_of(0))
    model.load_state_dict(start)
    train(model, loader_of(0), epochs=3)
    first, second = told(trace).runs
    assert (first.restored, first.changed, second.continues) == (None, True, None)
    assert {first.weights, second.weights} == {"weights_0", "weights_1"}


def test_parameters_that_nobody_trains_are_named(trace: Trace) -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.head = nn.Linear(6, 4), nn.Linear(4, 3)
            self.lost = [nn.Linear(4, 4)]
            self.scale = torch.ones(1, requires_grad=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            result: torch.Tensor = self.head(self.lost[0](self.body(x)) * self.scale)
            return result

    model = Odd()
    model.body.weight.requires_grad_(False)
    train(model, loader_of(0), optimizer=torch.optim.SGD(model.head.parameters(), lr=0.1))
    train(Network(), loader_of(0))
    odd, sound = told(trace).runs
    assert odd.model.hidden == ("lost[0]", "scale")
    assert (odd.model.class_name, odd.model.frozen, odd.model.frozen_changed, odd.model.unoptimised) == ("Odd", ("body.weight",), (), ("body.bias",))
    assert (odd.model.parameters, odd.model.trainable, odd.model.optimised) == (43, 19, 15)
    assert (sound.model.hidden, sound.model.unoptimised, sound.model.mode_sensitive) == ((), (), ("BatchNorm1d",))


def test_frozen_parameters_that_changed_are_named(trace: Trace) -> None:
    kept, moved = Network(), Network()
    for model in (kept, moved):
        first_layer(model).weight.requires_grad_(False)
    train(kept, loader_of(0))
    train(moved, loader_of(0), each_epoch=lambda: first_layer(moved).weight.data.mul_(2))
    first, second = told(trace).runs
    assert (first.model.frozen, first.model.frozen_changed) == (("layers.0.weight",), ())
    assert second.model.frozen_changed == ("layers.0.weight",)


def test_the_tree_of_the_model_is_told_with_shapes(trace: Trace) -> None:
    train(Network(), loader_of(0))
    layers = {layer.name: layer for layer in only(trace).model.layers}
    assert (layers[""].class_name, layers[""].input, layers[""].output) == ("Network", (10, 6), (10, 3))
    assert (layers["layers.0"].parameters, layers["layers.0"].output) == (35, (10, 5))


def test_weights_that_no_step_moved_are_told_as_unchanged(trace: Trace) -> None:
    still, moving = Network(), Network()
    train(still, loader_of(0), optimizer=torch.optim.SGD(still.parameters(), lr=0.0))
    train(moving, loader_of(0))
    assert [run.changed for run in told(trace).runs] == [False, True]


class Numbers(Dataset[Any]):
    """Rows that come out the same each time, or not."""

    def __init__(self, *, noise: float = 0.0) -> None:
        self.rows, self.labels = batch(3)
        self.noise = noise

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: int) -> Any:
        return self.rows[place] + self.noise * torch.rand(6), self.labels[place]


def test_loaders_are_told_with_their_order_and_augmentation(trace: Trace) -> None:
    loaders = [DataLoader(Numbers(), 10), DataLoader(Numbers(), 10, shuffle=True, drop_last=True), DataLoader(Numbers(noise=1), 8)]
    for loader in loaders:
        train(Network(), loader)
    seen = told(trace).loaders
    assert [(item.shuffle, item.same_order, item.varies) for item in seen] == [(False, True, False), (True, False, False), (False, True, True)]
    assert [(item.batch_size, item.batches, item.drop_last, item.sampler) for item in seen[1:]] == [
        (10, 4, True, "RandomSampler"), (8, 5, False, "SequentialSampler"),
    ]  # fmt: skip


def test_overlap_and_training_on_the_test_data_show_by_content(trace: Trace, names: Names) -> None:
    rows, labels = batch(0, 60)
    names["train_loader"] = DataLoader(TensorDataset(rows[:40], labels[:40]), 10)
    names["test_loader"] = DataLoader(TensorDataset(rows[30:].clone(), labels[30:]), 10)
    model = Network()
    train(model, names["train_loader"], each_epoch=lambda: evaluate(model, names["test_loader"]))
    train(Network(), DataLoader(TensorDataset(rows[30:].clone(), labels[30:]), 5))
    made = told(trace)
    first, second = made.runs
    shared = made.overlap(first.training[0].source, first.evaluation[0].source)
    assert shared is not None
    assert (shared.rows, shared.of_first, shared.of_second) == (10, 40, 30)
    assert second.training[0].source == first.evaluation[0].source
    assert [loader.name for loader in made.loaders] == ["train_loader", "test_loader", ""]
    assert made.sources[0].labels == (0, 1, 2)


class Keeps(Sampler[int]):
    """A sampler over everything that keeps something of its own under the name of indices."""

    def __init__(self, indices: Any) -> None:
        self.indices = indices

    def __iter__(self) -> Any:
        return iter(range(40))

    def __len__(self) -> int:
        return 40


def test_a_part_that_a_sampler_draws_is_a_source_and_what_draws_from_everything_is_not(trace: Trace, names: Names) -> None:
    data, odd = Numbers(), list(range(1, 40, 2))
    everything: list[Any] = [None, RandomSampler(data, num_samples=20), WeightedRandomSampler([1.0] * 40, 20), DistributedSampler(data, 2, 0), SubsetRandomSampler(range(40))]
    of_its_own = [Keeps(lambda: 1), Keeps("twenty"), Keeps([[0], [1, 2]])]
    parts: list[Any] = [SubsetRandomSampler(odd), SubsetRandomSampler(list(torch.tensor(odd[::-1]))), odd, Keeps(torch.tensor(odd))]
    names["odd_loader"] = DataLoader(data, 10, sampler=parts[0])
    for sampler in (*everything, *of_its_own):
        train(Network(), DataLoader(data, 10, sampler=sampler), epochs=1)
    train(Network(), names["odd_loader"], epochs=1)
    for sampler in parts[1:]:
        train(Network(), DataLoader(data, 10, sampler=sampler), epochs=1)
    train(Network(), DataLoader(Subset(data, odd), 10), epochs=1)
    made = told(trace)
    read = [run.training[0].source for run in made.runs]
    assert read == [0] * 8 + [1] * 5
    assert [(source.class_name, source.name, source.length) for source in made.sources] == [("Numbers", "odd_loader.dataset", 40), ("Subset", "odd_loader", 20)]


def test_labels_are_those_of_a_whole_pass_however_often_a_batch_was_looked_at_before(trace: Trace) -> None:
    rows, _ = batch(0, 60)
    loader = DataLoader(TensorDataset(rows, torch.arange(60) % 30), 4)
    for _ in range(2):
        next(iter(loader))
    train(nn.Linear(6, 30), loader)
    assert told(trace).sources[0].labels == tuple(range(30))


def test_data_without_a_loader_is_told_whole_in_slices_and_in_batches(trace: Trace, names: Names) -> None:
    names["X"], y = batch(0, 60)
    held_out, _ = batch(1, 20)
    for cut in ("whole", "slices", "picks"):
        model = Network()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(3):
            for start in range(0, 60, 60 if cut == "whole" else 10):
                part = slice(None) if cut == "whole" else slice(start, start + 10) if cut == "slices" else torch.randperm(60)[:10]
                optimizer.zero_grad()
                backward(F.cross_entropy(model(names["X"] if cut == "whole" else names["X"][part]), y[part]))
                optimizer.step()
            model.eval()
            with torch.no_grad():
                model(held_out)
            model.train()
    made = told(trace)
    assert [(run.epochs, run.epochs_cut) for run in made.runs] == [(3, "full_batch"), (3, "rows"), (3, "evaluation")]
    sources = [made.source(run.training[0].source) for run in made.runs]
    assert [(item.kind, item.name, item.length) for item in sources if item] == [("tensor", "X", 60), ("tensor", "X", 60), ("batches", "", None)]
    assert all(len(run.training) == 1 for run in made.runs)
