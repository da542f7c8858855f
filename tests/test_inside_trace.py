"""Which model training left: snapshots, samples of the inputs, and changes without a step."""

import copy
import io
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from grader.inside.trace import Trace
from tests.inside_training import Network, batch, first_layer, fit, only


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
    assert np.array_equal(trained.fed_train, batch(0)[0][:16].numpy())
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
    assert trained.fed_train is not None
    assert np.array_equal(trained.fed_train, batch(0)[0][:16].numpy())
    assert trained.fed_eval is None


def test_training_gives_the_same_numbers_with_and_without_the_trace() -> None:
    def train() -> tuple[list[float], list[torch.Tensor], torch.Tensor]:
        torch.manual_seed(3)
        model, by_hand = Network(dropout=0.3), torch.rand(6, 3, requires_grad=True)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
        train_loader, test_loader = (DataLoader(TensorDataset(*batch(seed)), 8, shuffle=True) for seed in (1, 2))
        losses = []
        for _ in range(4):
            model.train()
            for inputs, labels in train_loader:
                optimizer.zero_grad()
                loss: Any = nn.functional.cross_entropy(model(inputs), labels)
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 0.5)
                optimizer.step()
                losses.append(loss.item())
            scheduler.step()
            model.eval()
            losses += [model(inputs).sum().item() for inputs, _ in test_loader]
            noise: Any = (inputs @ by_hand).square().mean()
            noise.backward()
            with torch.no_grad():
                assert by_hand.grad is not None
                by_hand -= 0.1 * by_hand.grad
            by_hand.grad.zero_()
        return losses, [value.clone() for value in (*model.state_dict().values(), by_hand.detach())], torch.rand(4)

    plain = train()
    watching = Trace()
    watching.install()
    watching.cell_started(0)
    watched = train()
    watching.cell_ended()
    watching.close()
    assert len(watching.told()["trace"]["runs"]) == 2
    assert plain[0] == watched[0]
    assert all(torch.equal(old, new) for old, new in zip(plain[1], watched[1], strict=True))
    assert torch.equal(plain[2], watched[2])


def test_closing_takes_every_hook_off() -> None:
    def patched() -> list[Any]:
        owners = (nn.Module, nn.functional, torch.autograd, torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler, nn.utils, DataLoader)
        return [dict(vars(owner)) for owner in owners]

    before = patched()
    watching = Trace()
    watching.install()
    assert all(old != new for old, new in zip(before, patched(), strict=True))
    watching.close()
    assert patched() == before


def test_a_search_over_many_models_is_listed_in_full_and_held_within_bounds() -> None:
    trace = Trace(most_bytes=1)
    trace.install()
    for _ in range(6):
        fit(Network(), steps=1)
    trace.cell_ended()
    trained = trace.close()
    assert [item.module is None for item in trained] == [True, True, False, False, False, False]
    assert all(item.parameters == trained[0].parameters for item in trained)
