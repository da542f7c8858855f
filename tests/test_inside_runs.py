"""Trainings as runs: what the trace tells of real small trainings, each property where it holds and where it does not."""

import copy
import functools
import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - as notebooks call it
from torch.utils.data import DataLoader, Dataset, TensorDataset

from grader.checks.plain import read
from grader.checks.trace import Trace as Read
from grader.checks.trace import TrainingRun
from grader.inside.trace import Trace
from tests.inside_training import Network, batch, first_layer, fit

Names = dict[str, Any]


@pytest.fixture
def names() -> Names:
    return {}


@pytest.fixture
def trace(names: Names) -> Iterator[Trace]:
    watching = Trace(names, ("weights_1", "bias_1"))
    watching.install()
    watching.cell_started(0)
    yield watching
    watching.close()


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


@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step")
def test_a_scheduler_that_steps_before_the_optimiser_is_told(trace: Trace) -> None:
    model = Network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.4)
    torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5).step()
    train(model, loader_of(0), optimizer=optimizer)
    assert only(trace).schedulers[0].before_step


@pytest.mark.parametrize(("zero", "accumulated"), [(True, 0), (False, 7)])
def test_steps_on_gradients_of_earlier_steps_are_counted(trace: Trace, zero: bool, accumulated: int) -> None:
    train(Network(), loader_of(0), zero=zero)
    assert only(trace).accumulated_steps == accumulated


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


def test_long_curves_are_thinned_with_first_and_last(trace: Trace) -> None:
    model = nn.Linear(6, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    data = loader_of(0, rows=20, size=20)
    train(model, data, epochs=1500, optimizer=optimizer)
    run = only(trace)
    assert (len(run.losses), run.losses[0][0], run.losses[-1][0]) == (512, 0, 1499)
    assert (len(run.training[0].accuracy), run.training[0].accuracy[-1][0]) == (512, 1499)
    assert len(run.gradient_norms) <= 64
