"""The parts of loading weights by themselves: fitting names, telling trained from untouched, choosing a presentation, what trains."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from grader.inside.definitions import trains_module
from grader.inside.feeding import Feeding
from grader.inside.finding import find_module
from grader.inside.fitting import fit
from grader.inside.origin import untouched
from grader.inside.presenting import LAYOUTS, choose_presentation, scales_of
from tests.inside_training import Network
from tests.inside_training import fit as train


class Normalize(nn.Module):
    """Holds a buffer and nothing that can be trained."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(6))


class TestFit:
    def test_the_same_names_are_strict_and_the_state_holds_every_buffer(self) -> None:
        saved, other = Network().state_dict(), Network()
        found = fit(other, saved)
        assert (found.strict, found.names, found.unfilled) == (True, "same", 0)
        assert set(found.state) == {name for name, _ in (*other.named_parameters(), *other.named_buffers())}
        assert all(torch.equal(found.state[name], value) for name, value in saved.items())

    @pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod.", "model.", "net.encoder.", "model.module."])
    def test_what_wraps_the_names_is_taken_off(self, prefix: str) -> None:
        saved = Network().state_dict()
        found = fit(Network(), {prefix + name: value for name, value in saved.items()})
        assert (found.complete, found.strict, found.names, found.missing, found.extra) == (True, False, "prefix", (), ())

    def test_weights_of_the_inner_part_fill_the_whole(self) -> None:
        found = fit(Network(), Network().layers.state_dict())
        assert (found.complete, found.names) == (True, "prefix")

    def test_weights_of_the_whole_fill_the_inner_part(self) -> None:
        assert fit(Network().layers, {f"model.{name}": value for name, value in Network().state_dict().items()}).complete

    def test_a_compiled_part_within_is_found(self) -> None:
        saved = {name.replace("layers.", "layers._orig_mod."): value for name, value in Network().state_dict().items()}
        assert fit(Network(), saved).complete

    def test_renamed_layers_are_taken_by_order_only_when_every_shape_agrees(self) -> None:
        values = list(Network().state_dict().values())
        found = fit(Network(), {f"w{place}": value for place, value in enumerate(values)})
        assert (found.complete, found.strict, found.names) == (True, False, "order")
        other = fit(Network(), {f"w{place}": value for place, value in enumerate(reversed(values))})
        assert (other.complete, other.matched) == (False, 0)

    def test_a_wrong_shape_names_layer_expected_and_seen(self) -> None:
        saved = {**Network().state_dict(), "layers.0.weight": torch.zeros(7, 6)}
        found = fit(Network(), saved)
        assert not found.complete
        assert found.shapes == (("layers.0.weight", [5, 6], [7, 6]),)
        assert found.facts()["counts"] == {"missing": 0, "extra": 0, "shapes": 1}

    def test_missing_statistics_are_named_and_do_not_stop_the_rest(self) -> None:
        saved = {name: value for name, value in Network().state_dict().items() if "running" not in name}
        found = fit(Network(), saved)
        assert found.complete
        assert found.missing == ("layers.1.running_mean", "layers.1.running_var")
        assert not found.strict


class TestUntouched:
    def test_weights_as_they_are_drawn_are_told_from_trained_ones(self) -> None:
        model = Network()
        assert untouched(model, dict(model.state_dict()), fresh=True) == "equal"
        assert untouched(model, dict(model.state_dict()), fresh=False) == "initial"
        assert untouched(model, dict(Network().state_dict()), fresh=True) == "initial"
        train(model, steps=60)
        assert untouched(Network(), dict(model.state_dict()), fresh=True) == ""

    def test_constant_weights_are_not_taken_for_drawn_ones(self) -> None:
        layer = nn.Linear(200, 10)
        assert untouched(nn.Linear(200, 10), {"weight": torch.zeros_like(layer.weight), "bias": layer.bias.detach()}, fresh=True) == ""


def test_a_module_without_parameters_never_stands_in_for_the_one_that_the_file_does_not_fit() -> None:
    saved = {**Network().state_dict(), "layers.0.weight": torch.zeros(7, 6), "mean": torch.ones(6)}
    found = find_module([("", saved)], {"Network": Network, "Normalize": Normalize}, (), (), ["model = Network()", "normal = Normalize()"])
    assert found is not None
    assert (found.trained.kind, found.fit.complete) == ("Network", False)
    assert found.fit.shapes == (("layers.0.weight", [5, 6], [7, 6]),)


def test_the_search_ends_with_the_first_call_that_fits_and_builds_no_larger_models() -> None:
    made: list[int] = []

    class Sized(nn.Module):
        def __init__(self, hidden: int) -> None:
            super().__init__()
            made.append(hidden)
            self.layer = nn.Linear(hidden, 2)

    saved = Sized(12).state_dict()
    found = find_module([("", saved)], {"Sized": Sized}, (), (), ["model = Sized(hidden)", "sizes = 7, 12", "rows = range(9000)"])
    assert found is not None
    assert found.fit.strict
    assert made[-1] == 12  # what was made last is what fits


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("scale", ["0..255", "0..1", "ImageNet"])
def test_the_presentation_a_model_answers_to_is_found_by_public_labels(layout: str, scale: str) -> None:
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1, 2], 40)
    public = rng.integers(0, 256, (120, 32, 32, 3)).astype(np.uint8)
    public[..., 0] = 30 + 90 * labels[:, None, None]  # only the red tells
    factor, offset = scales_of(public)[scale]
    red = LAYOUTS[layout](np.broadcast_to(np.array([1, 0, 0], np.float32), (1, 32, 32, 3)))[0]
    centres = np.array([30, 120, 210]) * factor[0] + offset[0]

    def model(images: NDArray[np.float32]) -> NDArray[np.float64]:
        if images.shape[1:] != red.shape:
            raise ValueError(f"{images.shape}")
        means = (images * red).reshape(len(images), -1).sum(axis=1, dtype=np.float64) / 1024
        answers: NDArray[np.float64] = -np.abs(means[:, None] - centres)
        return answers

    way, account = choose_presentation(model, public, labels)
    assert way is not None
    assert account["agreement"][account["chosen"]] == 1.0
    assert account["chosen"].startswith(layout)
    assert way(public[:2]).shape == (2, *red.shape)


def test_a_model_that_takes_no_images_is_said_to() -> None:
    def model(images: NDArray[np.float32]) -> NDArray[np.float64]:
        raise ValueError("three numbers please")

    way, account = choose_presentation(model, np.zeros((4, 32, 32, 3), np.uint8), np.array([0, 0, 1, 1]))
    assert way is None
    assert set(account["refused"]) == set(LAYOUTS)


def test_only_a_graph_that_reaches_a_parameter_of_a_module_trains_one() -> None:
    layer, by_hand = nn.Linear(3, 1), torch.zeros(3, requires_grad=True)
    assert trains_module([layer(torch.ones(2, 3)).sum()])
    assert trains_module([(layer.weight * 2).sum()])
    assert not trains_module([(by_hand * 2).sum()])
    assert not trains_module([layer(torch.ones(2, 3)).detach().sum(), None])


def test_a_larger_batch_takes_the_place_of_a_made_up_example(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nn.Module, "__call__", nn.Module.__call__)
    monkeypatch.setattr(nn.Module, "load_state_dict", nn.Module.load_state_dict)
    feeding, model = Feeding(), Network().eval()
    feeding.install()
    for rows in (1, 40, 3):
        model(torch.full((rows, 6), float(rows)))
    (noted,) = feeding.noted
    assert noted.module is model
    assert noted.fed_eval is not None
    assert noted.fed_eval.shape == (16, 6)
    assert (noted.fed_eval == 40).all()
    assert noted.fed_train is None
