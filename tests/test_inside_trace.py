"""Which model training left: snapshots, samples of the inputs, and changes without a step."""

import copy
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from grader.inside.models import choose, outputs_of
from grader.inside.trace import Trace
from grader.inside.trained import Trained


class Network(nn.Module):
    def __init__(self, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Dropout(dropout), nn.Linear(5, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.layers(x)
        return result


@pytest.fixture
def trace() -> Iterator[Trace]:
    watching = Trace()
    watching.install()
    watching.cell_started(0)
    yield watching
    watching.close()


def first_layer(model: Network) -> nn.Linear:
    layer = model.layers[0]
    assert isinstance(layer, nn.Linear)
    return layer


def batch(seed: int, rows: int = 40) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, 6, generator=generator), torch.randint(3, (rows,), generator=generator)


def fit(model: nn.Module, *, steps: int = 3, optimizer: torch.optim.Optimizer | None = None) -> list[float]:
    optimizer = optimizer or torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    losses = []
    model.train()
    for step in range(steps):
        inputs, labels = batch(step)
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(inputs), labels)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.item())
    return losses


def only(trace: Trace) -> Trained:
    (trained,) = trace.close()
    return trained


def test_the_snapshot_is_what_the_last_step_left(trace: Trace) -> None:
    model = Network()
    fit(model)
    trace.cell_ended()
    left = copy.deepcopy(model.state_dict())
    trace.cell_started(1)
    first_layer(model).weight.detach().numpy()[:] -= 1
    trace.cell_ended()
    trained = only(trace)
    assert trained.changed_in_cell == 1
    assert all(torch.equal(trained.state[name], value) for name, value in left.items())
    assert (trained.kind, trained.steps, trained.cell, trained.optimizer, trained.lr) == ("Network", 3, 0, "SGD", 0.1)


def test_a_change_after_validation_in_the_training_cell_itself_is_seen(trace: Trace) -> None:
    model = Network()
    fit(model)
    model.eval()
    left = first_layer(model).weight.detach().clone()
    first_layer(model).weight.detach().numpy()[:] /= 3
    trace.cell_ended()
    trained = only(trace)
    assert trained.changed_in_cell == 0
    assert torch.equal(trained.state["layers.0.weight"], left)


def test_more_training_after_a_change_makes_a_new_snapshot(trace: Trace) -> None:
    model = Network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    fit(model, optimizer=optimizer)
    trace.cell_ended()
    trace.cell_started(1)
    first_layer(model).weight.data.mul_(2)
    trace.cell_ended()
    trace.cell_started(2)
    fit(model, optimizer=optimizer)
    trace.cell_ended()
    trained = only(trace)
    assert trained.changed_in_cell is None
    assert (trained.cell, trained.steps) == (2, 6)
    assert torch.equal(trained.state["layers.0.weight"], first_layer(model).weight)


def test_weights_that_became_nan_in_training_are_no_later_change(trace: Trace) -> None:
    model = nn.Linear(6, 3)
    fit(model)
    with torch.no_grad():
        model.weight[0, 0] = float("nan")
    fit(model)
    trace.cell_ended()
    trace.cell_started(1)
    trace.cell_ended()
    assert only(trace).changed_in_cell is None


def test_putting_the_best_weights_back_is_a_part_of_training(trace: Trace) -> None:
    model = Network()
    fit(model)
    best = copy.deepcopy(model.state_dict())
    fit(model)
    model.load_state_dict(best)
    trace.cell_ended()
    trained = only(trace)
    assert trained.restored
    assert trained.changed_in_cell is None
    assert torch.equal(trained.state["layers.0.weight"], best["layers.0.weight"])


def test_a_snapshot_is_taken_inside_inference_mode_too(trace: Trace) -> None:
    model = Network()
    for _ in range(2):
        fit(model)
        with torch.inference_mode():
            model.eval()
            model(batch(9)[0])
    trace.cell_ended()
    assert torch.equal(only(trace).state["layers.0.weight"], first_layer(model).weight)


def test_the_outermost_module_is_found_in_objects_and_functions(trace: Trace) -> None:
    class Trainer:
        def __init__(self) -> None:
            self.net = nn.Sequential(Network(), nn.Softmax(dim=1))
            self.optimizer = torch.optim.Adam(self.net.parameters(), lr=0.01)

        def run(self) -> None:
            fit_only(self.optimizer, self.net)

    def fit_only(optimizer: torch.optim.Optimizer, call: Any) -> None:
        nn.functional.cross_entropy(call(batch(0)[0]), batch(0)[1]).backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    trainer = Trainer()
    trainer.run()
    trace.cell_ended()
    trained = only(trace)
    assert trained.module is trainer.net
    assert trained.optimizer == "Adam"


def test_a_module_that_no_caller_holds_is_found_all_the_same(trace: Trace) -> None:
    def hidden() -> Any:
        holder = {"deep": {"deeper": [Network()]}}
        optimizer = torch.optim.SGD(holder["deep"]["deeper"][0].parameters(), lr=0.1)

        def step() -> None:
            holder["deep"]["deeper"][0](batch(0)[0]).sum().backward()
            optimizer.step()

        return step

    step = hidden()
    step()
    trace.cell_ended()
    assert only(trace).kind == "Network"


def test_optimised_tensors_of_no_module_are_not_listed(trace: Trace) -> None:
    weight = torch.zeros(3, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=0.1)
    weight.sum().backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    trace.cell_ended()
    assert trace.close() == ()


def test_samples_of_both_modes_are_kept_and_no_hook_stays(trace: Trace) -> None:
    model = Network()
    fit(model)
    model.eval()
    model(batch(7)[0])
    model(batch(8)[0])
    trained = only(trace)
    assert trained.fed_train is not None
    assert trained.fed_eval is not None
    assert np.array_equal(trained.fed_train, batch(1)[0][:16].numpy())
    assert np.array_equal(trained.fed_eval, batch(7)[0][:16].numpy())
    assert not model._forward_pre_hooks


def test_a_validation_in_a_later_cell_is_sampled(trace: Trace) -> None:
    model = Network()
    fit(model)
    trace.cell_ended()
    assert not model._forward_pre_hooks
    trace.cell_started(1)
    model.eval()
    model(batch(7)[0])
    trace.cell_ended()
    trained = only(trace)
    assert trained.fed_eval is not None
    assert np.array_equal(trained.fed_eval, batch(7)[0][:16].numpy())


def test_copies_and_pickles_of_a_watched_module_work_on_their_own(trace: Trace) -> None:
    model = Network()
    fit(model, steps=1)
    assert model._forward_pre_hooks
    stream = io.BytesIO()
    torch.save(model, stream)
    for other in (copy.deepcopy(model), torch.load(io.BytesIO(stream.getvalue()), weights_only=False)):
        other.eval()
        assert torch.equal(other(batch(7)[0]), other(batch(7)[0]))
    assert b"Feed" not in stream.getvalue()
    trained = only(trace)
    assert trained.fed_train is None
    assert trained.fed_eval is None


def test_training_gives_the_same_numbers_with_and_without_the_trace() -> None:
    def train() -> tuple[list[float], list[torch.Tensor], torch.Tensor]:
        torch.manual_seed(3)
        model = Network(dropout=0.3)
        losses = []
        for _ in range(4):
            losses += fit(model, steps=5)
            model.eval()
            losses.append(model(batch(11)[0]).sum().item())
        return losses, [value.clone() for value in model.state_dict().values()], torch.rand(4)

    plain = train()
    watching = Trace()
    watching.install()
    watching.cell_started(0)
    watched = train()
    watching.cell_ended()
    watching.close()
    assert plain[0] == watched[0]
    assert all(torch.equal(old, new) for old, new in zip(plain[1], watched[1], strict=True))
    assert torch.equal(plain[2], watched[2])


def test_closing_takes_every_hook_off() -> None:
    before = (nn.Module.train, nn.Module.load_state_dict)
    watching = Trace()
    watching.install()
    assert nn.Module.train is not before[0]
    watching.close()
    assert (nn.Module.train, nn.Module.load_state_dict) == before


def test_a_search_over_many_models_is_listed_in_full_and_held_within_bounds() -> None:
    trace = Trace(most_bytes=1)
    trace.install()
    for _ in range(6):
        fit(Network(), steps=1)
    trace.cell_ended()
    trained = trace.close()
    assert [item.module is None for item in trained] == [True, True, False, False, False, False]
    assert all(item.parameters == trained[0].parameters for item in trained)


def test_outputs_come_from_the_snapshot_in_eval_mode_and_leave_the_module_as_it_was(trace: Trace) -> None:
    model = Network(dropout=0.5)
    fit(model)
    trace.cell_ended()
    model.eval()
    inputs = batch(5, rows=300)[0]
    expected = model(inputs).detach().numpy()
    model.train()
    model.layers[3].eval()
    nn.init.zeros_(first_layer(model).weight)
    trained = only(trace)
    assert np.allclose(outputs_of(trained, inputs.numpy(), live=False), expected, atol=1e-6)
    assert not np.allclose(outputs_of(trained, inputs.numpy(), live=True), expected, atol=1e-3)
    assert model.training
    assert not model.layers[3].training


@pytest.mark.parametrize("wrapped", [lambda x: (x, None), lambda x: {"logits": x}, lambda x: [[x]]])
def test_the_first_tensor_of_a_compound_output_is_taken(trace: Trace, wrapped: Any) -> None:
    class Wrapped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(6, 3)

        def forward(self, x: torch.Tensor) -> Any:
            return wrapped(self.inner(x))

    model = Wrapped()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model.inner(batch(0)[0]).sum().backward()
    optimizer.step()
    trace.cell_ended()
    assert outputs_of(only(trace), batch(0)[0].numpy(), live=False).shape == (40, 3)


def test_the_model_that_counts_is_the_named_one_else_the_last_that_takes_such_inputs(trace: Trace) -> None:
    first, second, other = Network(), Network(), nn.Linear(2, 2)
    for model in (first, second):
        fit(model)
    optimizer = torch.optim.SGD(other.parameters(), lr=0.1)
    for _ in range(2):
        other(torch.ones(4, 2)).sum().backward()
        optimizer.step()
    trace.cell_ended()
    trained = trace.close()
    assert choose(trained, {"model": first}, ("model",), 6) == 0
    assert choose(trained, {"model": Network()}, ("model",), 6) == 1
    assert choose(trained, {"model": other}, ("model",), 6) == 1
    assert choose(trained, {}, ("model",), 7) is None
