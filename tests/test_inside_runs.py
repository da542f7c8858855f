"""Trainings as runs: model, optimiser, schedule, loss and gradients, each property where it holds and where it does not."""

import functools
import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - as notebooks call it
from torch.optim import lr_scheduler as schedules

from grader.inside.curves import Curve
from grader.inside.trace import Trace
from tests.inside_training import Network
from tests.traced import backward, clip, evaluate, loader_of, only, told, train


def test_five_models_make_five_runs(trace: Trace) -> None:
    for size in (8, 10, 20, 40, 5):
        train(Network(), loader_of(0, size=size), epochs=1)
    runs = told(trace).runs
    assert [run.batch_sizes[0][0] for run in runs] == [8, 10, 20, 40, 5]
    assert [run.id for run in runs] == [0, 1, 2, 3, 4]


def test_steps_epochs_and_losses_are_those_of_the_loop(trace: Trace) -> None:
    losses: list[float] = []

    def noted(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        losses.append(F.cross_entropy(output, target).item())
        return F.cross_entropy(output, target)

    train(Network(), loader_of(0, rows=35), epochs=3, loss=noted)
    run = only(trace)
    assert (run.steps, run.backwards, run.epochs) == (12, 12, 3)
    assert run.epochs_cut == "loader"
    assert run.batch_sizes == ((10, 9), (5, 3))
    assert run.steps_per_epoch == ((0, 4.0), (1, 4.0), (2, 4.0))
    assert [value for _, value in run.losses] == pytest.approx(losses, rel=1e-6)


def test_the_optimiser_is_told_with_all_its_settings(trace: Trace) -> None:
    model = Network()
    train(model, loader_of(0), optimizer=torch.optim.Adam(model.parameters(), lr=0.02, betas=(0.8, 0.9), weight_decay=0.5))
    optimizer = only(trace).optimizer
    assert optimizer is not None
    assert optimizer.class_name == "Adam"
    assert (optimizer.groups[0].settings["weight_decay"], optimizer.groups[0].settings["betas"]) == (0.5, "(0.8, 0.9)")
    assert optimizer.lr == ((0, 0.02),)


def test_a_new_optimiser_begins_a_run_that_continues_the_one_before(trace: Trace) -> None:
    model, other = Network(), Network()
    train(model, loader_of(0))
    train(other, loader_of(0))
    train(model, loader_of(0))
    assert [run.continues for run in told(trace).runs] == [None, None, 0]


def test_the_same_optimiser_goes_on_in_a_later_cell(trace: Trace) -> None:
    model = Network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    train(model, loader_of(0), optimizer=optimizer)
    evaluate(model, loader_of(1))
    trace.cell_ended()
    trace.cell_started(4)
    train(model, loader_of(0), optimizer=optimizer)
    run = only(trace)
    assert (run.first_cell, run.last_cell, run.epochs) == (0, 4, 4)
    assert [passes.when for passes in run.evaluation] == ["during"]


def test_a_schedule_shows_in_the_rates_and_one_that_never_steps_in_its_count(trace: Trace) -> None:
    model = Network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.4)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)
    torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
    train(model, loader_of(0), epochs=3, optimizer=optimizer, each_epoch=scheduler.step)
    run = only(trace)
    assert [(item.class_name, item.steps, item.before_step) for item in run.schedulers] == [("StepLR", 3, False), ("ReduceLROnPlateau", 0, False)]
    assert run.optimizer is not None
    assert run.optimizer.lr == ((0, 0.4), (4, 0.2), (8, 0.1))


SCHEDULES: dict[str, Callable[[torch.optim.Optimizer], Any]] = {
    "StepLR": lambda optimizer: schedules.StepLR(optimizer, 1),
    "LambdaLR": lambda optimizer: schedules.LambdaLR(optimizer, lambda epoch: 0.9**epoch),
    "CosineAnnealingWarmRestarts": lambda optimizer: schedules.CosineAnnealingWarmRestarts(optimizer, 4),
    "OneCycleLR": lambda optimizer: schedules.OneCycleLR(optimizer, 0.4, 50),
    "SequentialLR": lambda optimizer: schedules.SequentialLR(optimizer, [schedules.LinearLR(optimizer), schedules.StepLR(optimizer, 1)], [9]),
    "ChainedScheduler": lambda optimizer: schedules.ChainedScheduler([schedules.LinearLR(optimizer), schedules.StepLR(optimizer, 1)]),
    "ReduceLROnPlateau": schedules.ReduceLROnPlateau,
}


@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step")
@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize(("before", "after"), [(0, 0), (0, 3), (1, 3)])
def test_schedulers_count_the_steps_of_the_notebook_and_not_that_of_their_making(trace: Trace, name: str, before: int, after: int) -> None:
    model = Network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.4)
    scheduler = SCHEDULES[name](optimizer)

    def step() -> None:
        scheduler.step(*([1.0] if name == "ReduceLROnPlateau" else []))

    for _ in range(before):
        step()
    train(model, loader_of(0), epochs=3, optimizer=optimizer, each_epoch=step if after else int)
    assert [(item.class_name, item.steps, item.before_step) for item in only(trace).schedulers] == [(name, before + after, before > 0)]


@pytest.mark.parametrize(("zero", "accumulated"), [(True, 0), (False, 7)])
def test_steps_on_gradients_of_earlier_steps_are_counted(trace: Trace, zero: bool, accumulated: int) -> None:
    train(Network(), loader_of(0), zero=zero)
    assert only(trace).accumulated_steps == accumulated


def test_every_step_of_a_long_training_counts_though_not_every_one_is_looked_at(trace: Trace) -> None:
    train(Network(), loader_of(0), epochs=100, zero=False)
    assert only(trace).accumulated_steps == 399


def test_steps_of_a_long_training_that_zeroes_once_an_epoch_count_but_the_first_of_each(trace: Trace) -> None:
    model = Network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    train(model, loader_of(0), epochs=100, optimizer=optimizer, zero=False, each_epoch=optimizer.zero_grad)
    assert only(trace).accumulated_steps == 300


def test_a_second_training_of_the_model_that_zeroes_in_place_is_told_from_the_first(trace: Trace) -> None:
    model = Network()
    for zero in (False, True):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        optimizer.zero_grad()
        train(model, loader_of(0), epochs=30, optimizer=optimizer, zero=False, after_step=functools.partial(optimizer.zero_grad, set_to_none=False) if zero else int)
    assert [run.accumulated_steps for run in told(trace).runs] == [119, 0]


def test_zeroing_in_place_and_through_data_counts_as_zeroing(trace: Trace) -> None:
    for through_data in (False, True):
        model = Network()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

        def zero(model: nn.Module = model, optimizer: Any = optimizer, through_data: bool = through_data) -> None:
            if not through_data:
                optimizer.zero_grad(set_to_none=False)
            for parameter in model.parameters() if through_data else ():
                assert parameter.grad is not None
                parameter.grad.data.zero_()

        train(model, loader_of(0), optimizer=optimizer, zero=False, after_step=zero)
    assert [run.accumulated_steps for run in told(trace).runs] == [0, 0]


def test_deliberate_accumulation_has_more_backwards_than_steps_and_none_left_over(trace: Trace) -> None:
    model = Network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for place, (inputs, labels) in enumerate(loader_of(0)):
        backward(F.cross_entropy(model(inputs), labels))
        if place % 2:
            optimizer.step()
            optimizer.zero_grad()
    run = only(trace)
    assert (run.steps, run.backwards, run.accumulated_steps) == (2, 4, 0)


def test_a_second_training_that_forgets_what_the_first_did_is_told_from_it(trace: Trace) -> None:
    model = Network()
    for zero in (True, False):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        train(model, loader_of(0), epochs=30, optimizer=optimizer, zero=False, after_step=functools.partial(optimizer.zero_grad, set_to_none=False) if zero else int)
    assert [run.accumulated_steps for run in told(trace).runs] == [0, 119]


@pytest.mark.parametrize(
    ("activation", "came_from", "probabilities"),
    [(nn.Softmax(1), "softmax", True), (nn.LogSoftmax(1), "log_softmax", False), (nn.Identity(), "none", False)],
)
def test_an_activation_before_the_loss_is_seen(trace: Trace, activation: nn.Module, came_from: str, probabilities: bool) -> None:
    train(nn.Sequential(nn.Linear(6, 3), activation), loader_of(0))
    loss = only(trace).loss
    assert loss is not None
    assert (loss.function, loss.came_from, loss.rows_are_probabilities) == ("cross_entropy", came_from, probabilities)


@pytest.mark.parametrize(
    ("loss", "function", "class_name", "encoding"),
    [
        (nn.CrossEntropyLoss(), "cross_entropy", "CrossEntropyLoss", "indices"),
        (lambda output, target: F.cross_entropy(output, F.one_hot(target, 3).float()), "cross_entropy", "", "one_hot"),
        (lambda output, target: nn.MSELoss()(output[:, 0], target.float() / 7), "mse_loss", "MSELoss", "floats"),
        (lambda output, target: F.binary_cross_entropy_with_logits(output[:, 0], (target > 0).float()), "binary_cross_entropy_with_logits", "", "binary"),
        (lambda output, target: -output.log_softmax(1)[range(len(target)), target].mean(), "", "", "none"),
    ],
)
def test_loss_and_target_encoding_are_named(trace: Trace, loss: Any, function: str, class_name: str, encoding: str) -> None:
    train(Network(), loader_of(0), loss=loss)
    seen = only(trace).loss
    assert seen is not None
    assert (seen.function, seen.class_name, seen.encoding) == (function, class_name, encoding)
    assert seen.backward_of


def test_a_loss_of_torch_after_one_by_hand_is_told_with_all_its_settings(trace: Trace) -> None:
    model = Network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    by_hand = lambda output, target: -output.log_softmax(1)[range(len(target)), target].mean()  # noqa: E731 - the two losses side by side
    for loss in (by_hand, nn.CrossEntropyLoss(torch.ones(3), label_smoothing=0.1)):
        train(model, loader_of(0, size=40), epochs=1, loss=loss, optimizer=optimizer)
    seen = only(trace).loss
    assert seen is not None
    assert (seen.class_name, seen.settings) == ("CrossEntropyLoss", {"reduction": "mean", "label_smoothing": 0.1, "ignore_index": -100, "weight": True})


@pytest.mark.parametrize("first", [0, 9])
def test_a_curve_keeps_its_shape_whatever_its_places_have_in_common(first: int) -> None:
    curve, more = Curve(), Curve()
    for place in range(first, 20_000, 10):
        curve.add(place, place / 2)
    more.add(20_001, 0.5)
    curve.join(more)
    points = curve.told(512)
    assert (len(points), points[0], points[-1]) == (512, [first, first / 2], [20_001, 0.5])
    assert max(later[0] - earlier[0] for earlier, later in itertools.pairwise(points)) <= 60


def test_clipping_is_counted_with_what_it_found(trace: Trace) -> None:
    for limit in (1e-3, 1e3):
        model = Network()
        train(model, loader_of(0), before_step=functools.partial(clip, model, limit))
    train(Network(), loader_of(0))
    tight, loose, none = told(trace).runs
    assert [(item.kind, item.limit, item.calls, item.in_force, item.late) for item in tight.clipping] == [("norm", 1e-3, 8, 8, 0)]
    assert [(item.calls, item.in_force) for item in loose.clipping] == [(8, 0)]
    assert none.clipping == ()


def test_clipping_after_the_step_is_late(trace: Trace) -> None:
    model = Network()
    train(model, loader_of(0), after_step=lambda: nn.utils.clip_grad_value_(model.parameters(), 1e-6))
    assert [(item.kind, item.calls, item.late) for item in only(trace).clipping] == [("value", 8, 8)]
