"""Trainings without an optimiser, copies and compiled models, and what is left out when there are many runs."""

import copy
import io
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - as notebooks call it
from torch.utils.data import DataLoader, TensorDataset

from grader.inside.trace import Trace
from tests.inside_training import Network, batch, fit
from tests.traced import Names, backward, evaluate, loader_of, only, told, train


def test_weights_moved_by_hand_with_autograd_make_a_run(trace: Trace, names: Names) -> None:
    for zero in (True, False):
        weights = names[f"w_{zero}"] = torch.zeros(6, 3, requires_grad=True)
        inputs, labels = batch(0)
        for _ in range(5):
            backward(F.cross_entropy(inputs @ weights, labels))
            assert weights.grad is not None
            with torch.no_grad():
                weights -= 0.1 * weights.grad
            if zero:
                weights.grad = None
    first, second = told(trace).runs
    assert (first.kind, first.steps, first.optimizer, first.changed, first.accumulated_steps) == ("by_hand", 5, None, True, 0)
    assert (second.steps, second.accumulated_steps) == (5, 4)
    assert first.model.layers[0].name == "w_True"
    assert first.loss is not None
    assert first.loss.function == "cross_entropy"
    assert len(first.losses) == 5


def test_weights_that_each_update_makes_anew_are_one_run(trace: Trace, names: Names) -> None:
    names["w"] = torch.zeros(6, 3, requires_grad=True)
    inputs, labels = batch(0)
    for _ in range(5):
        loss = F.cross_entropy(inputs @ names["w"], labels)
        backward(loss)
        with torch.no_grad():
            names["w"] = names["w"] - 0.1 * names["w"].grad
        names["w"].requires_grad_()
    run = only(trace)
    assert (run.kind, run.steps, run.backwards) == ("by_hand", 5, 5)


def test_a_module_moved_in_a_loop_is_a_run_without_an_optimiser(trace: Trace) -> None:
    model = Network()
    for inputs, labels in loader_of(0):
        model.zero_grad()
        backward(F.cross_entropy(model(inputs), labels))
        with torch.no_grad():
            for parameter in model.parameters():
                assert parameter.grad is not None
                parameter.sub_(0.1 * parameter.grad)
    run = only(trace)
    assert (run.kind, run.model.class_name, run.optimizer, run.steps) == ("module", "Network", None, 4)


@pytest.mark.parametrize("idle", [0, 600])
def test_weights_moved_through_data_count_every_step(trace: Trace, idle: int) -> None:
    """The gradient of softmax regression sums to 0 over the classes, and rows of pixels that are always black never move."""
    weights, (inputs, labels) = torch.zeros(6 + idle, 3, requires_grad=True), batch(0)
    inputs = torch.cat([torch.zeros(40, idle), inputs], 1)
    for _ in range(30):
        backward(F.cross_entropy(inputs @ weights, labels))
        assert weights.grad is not None
        weights.data -= 0.1 * weights.grad
        weights.grad = None
    run = only(trace)
    assert (run.kind, run.steps, run.backwards) == ("by_hand", 30, 30)


def test_a_module_moved_through_data_counts_every_step(trace: Trace) -> None:
    model, held_out = Network(), loader_of(1)
    for _ in range(5):
        model.train()
        for inputs, labels in loader_of(0):
            model.zero_grad()
            backward(F.cross_entropy(model(inputs), labels))
            for parameter in model.parameters():
                assert parameter.grad is not None
                parameter.data -= 0.1 * parameter.grad
        evaluate(model, held_out)
    run = only(trace)
    assert (run.steps, run.epochs, run.epochs_cut, [passes.rows for passes in run.training]) == (20, 5, "loader", [190])  # the first pass was not watched yet
    assert run.training[0].source not in {passes.source for passes in run.evaluation}


def test_weights_that_are_no_numbers_and_never_move_make_no_step(trace: Trace) -> None:
    weights, (inputs, labels) = torch.full((6, 3), float("nan"), requires_grad=True), batch(0)
    for _ in range(5):
        backward(F.cross_entropy(inputs @ weights, labels))
    assert told(trace).runs == ()


def test_bare_tensors_under_an_optimiser_are_by_hand(trace: Trace) -> None:
    weights, bias = torch.zeros(6, 3, requires_grad=True), torch.zeros(3, requires_grad=True)
    optimizer = torch.optim.SGD([weights, bias], lr=0.1)
    for inputs, labels in loader_of(0):
        optimizer.zero_grad()
        backward(F.cross_entropy(inputs @ weights + bias, labels))
        optimizer.step()
    run = only(trace)
    assert (run.kind, run.steps, run.model.optimised, run.batch_sizes) == ("by_hand", 4, 21, ((10, 4),))
    assert run.optimizer is not None


def test_declared_weights_that_a_cell_moved_without_autograd_are_a_run(trace: Trace, names: Names) -> None:
    names.update(weights_1=torch.ones(1, 4), bias_1=torch.ones(4))
    for cell, source in ((1, "for i in range(9): step()"), (2, "print(weights_1)"), (3, "weights_1 = torch.rand(1, 4)")):
        trace.cell_ended()
        trace.cell_started(cell, source)
        if cell != 2:
            names.update(weights_1=names["weights_1"] / 2, bias_1=names["bias_1"] / 2)
    run = only(trace)
    assert (run.kind, run.first_cell, run.steps, run.changed) == ("by_hand", 1, 0, True)
    assert [(layer.name, layer.output) for layer in run.model.layers] == [("weights_1", (1, 4)), ("bias_1", (4,))]


def test_a_backward_through_a_trained_model_that_no_step_follows_is_no_training(trace: Trace) -> None:
    model = Network()
    train(model, loader_of(0))
    picture = batch(5)[0].requires_grad_()
    backward(model(picture).sum())
    run = only(trace)
    assert (run.backwards, [passes.rows for passes in run.training]) == (8, [80])


def test_two_models_trained_against_each_other_are_two_runs(trace: Trace) -> None:
    maker, judge = nn.Linear(6, 6), nn.Linear(6, 1)
    optimizers = [torch.optim.SGD(model.parameters(), lr=0.1) for model in (maker, judge)]
    for inputs, _ in loader_of(0):
        optimizers[1].zero_grad()
        backward(judge(inputs).mean() - judge(maker(inputs).detach()).mean())
        optimizers[1].step()
        optimizers[0].zero_grad()
        backward(judge(maker(inputs)).mean())
        optimizers[0].step()
    assert [(run.steps, run.backwards) for run in told(trace).runs] == [(4, 4), (4, 4)]


def test_copies_pickles_and_compiled_models_work_under_the_trace(trace: Trace) -> None:
    model = Network()
    train(model, loader_of(0))
    stream = io.BytesIO()
    torch.save(model, stream)
    assert b"Watched" not in stream.getvalue()
    assert b"subjects" not in stream.getvalue()
    for other in (copy.deepcopy(model), torch.load(io.BytesIO(stream.getvalue()), weights_only=False)):
        other.eval()
        assert torch.equal(other(batch(7)[0]), model.eval()(batch(7)[0]))
    compiled: Any = torch.compile(Network(), backend="eager", fullgraph=True)
    train(compiled, loader_of(0))
    evaluate(compiled, loader_of(1))
    first, second = told(trace).runs
    assert (first.steps, second.steps) == (8, 8)
    assert second.training[0].batches == 8


def test_loaders_made_anew_in_every_epoch_are_one(trace: Trace) -> None:
    model, data = Network(), TensorDataset(*batch(0))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(5):
        train(model, DataLoader(data, 10, shuffle=True), epochs=1, optimizer=optimizer)
    made = told(trace)
    assert [(loader.passes, loader.same_order) for loader in made.loaders] == [(5, False)]
    assert [(passes.count, len(passes.accuracy)) for passes in made.runs[0].training] == [(5, 5)]


def test_the_last_of_many_runs_are_kept(trace: Trace) -> None:
    for _ in range(70):
        fit(nn.Linear(6, 3), steps=1)
    made = told(trace)
    assert (len(made.runs), made.left_out, made.runs[-1].id) == (64, 6, 69)
    assert {name for name in trace.told() if name.startswith("weights_")} == {run.weights for run in made.runs}


def test_long_curves_are_thinned_with_first_and_last(trace: Trace) -> None:
    model = nn.Linear(6, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    data = loader_of(0, rows=20, size=20)
    train(model, data, epochs=1500, optimizer=optimizer)
    run = only(trace)
    assert (len(run.losses), run.losses[0][0], run.losses[-1][0]) == (512, 0, 1499)
    assert (len(run.training[0].accuracy), run.training[0].accuracy[-1][0]) == (512, 1499)
    assert len(run.gradient_norms) <= 64
