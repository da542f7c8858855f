"""The batched trainings against PyTorch's own layers, loss, gradients and optimiser, step for step."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from grader.model import Recipe
from grader.training import Outcome, Task, device_name, train_many
from grader.training.draws import base_of, orders, uniform

RECIPE = Recipe(hidden=(7,), lr=0.05, batch=16, epochs=4)


def task(classes: tuple[int, ...] = (0, 55, 58), size: int = 60, seed: int = 0) -> Task:
    """Pictures that are noise with a different brightness per class and channel: learnable, and not too easily."""
    rng = np.random.default_rng(seed)
    labels = np.arange(size) % len(classes)
    level = rng.integers(60, 190, (len(classes), 1, 1, 3))
    images = (level[labels] + rng.normal(0, 60, (size, 32, 32, 3))).clip(0, 255).astype(np.uint8)
    order = rng.permutation(size)
    images, labels = images[order], labels[order].astype(np.int64)
    half = size // 2 + 5
    return Task(classes=classes, train=images[:half], train_labels=labels[:half], hidden=images[half:], hidden_labels=labels[half:])


def ordinary(one: Task, seed: int, recipe: Recipe) -> tuple[nn.Sequential, torch.Tensor]:
    """Train with nn.Linear, CrossEntropyLoss, autograd and SGD from the same start and with the same shuffles."""
    train, hidden = (torch.tensor(images) / 255 for images in (one.train, one.hidden))
    mean, deviation = train.mean((0, 1, 2)), train.std((0, 1, 2), correction=0)
    rows, shown = ((part - mean) / deviation for part in (train, hidden))
    widths = [3072, *recipe.hidden, len(one.classes)]
    layers: list[nn.Module] = [nn.Flatten()]
    bases = torch.tensor([base_of(one.classes, seed)])
    for number, (inputs, outputs) in enumerate(itertools.pairwise(widths)):
        linear = nn.Linear(inputs, outputs)
        drawn = uniform(bases, number, (inputs + 1) * outputs).view(inputs + 1, outputs) / math.sqrt(inputs)
        with torch.no_grad():
            linear.weight.copy_(drawn[:-1].T)
            linear.bias.copy_(drawn[-1])
        layers += [linear, nn.ReLU()]
    model = nn.Sequential(*layers[:-1])
    optimizer = torch.optim.SGD(model.parameters(), lr=recipe.lr)
    labels = torch.tensor(one.train_labels)
    for epoch in range(recipe.epochs):
        for batch in orders(bases, 100 + epoch, len(rows))[0].split(recipe.batch):  # type: ignore[no-untyped-call]
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(rows[batch]), labels[batch]).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    return model, shown


@pytest.mark.parametrize("hidden", [(7,), (9, 5), (4, 6, 3)])
def test_batched_training_leaves_the_models_that_pytorch_leaves(hidden: tuple[int, ...]) -> None:
    one, recipe = task(), replace(RECIPE, hidden=hidden)
    ours = train_many([one], [3, 8], recipe, device="cpu")[0]
    for seed, outcome in zip((3, 8), ours, strict=True):
        model, shown = ordinary(one, seed, recipe)
        answers = model(shown).argmax(1).numpy()
        assert np.array_equal(outcome.hits, answers == one.hidden_labels)
        assert outcome.accuracy == pytest.approx((answers == one.hidden_labels).mean())


def same(one: Outcome, other: Outcome) -> bool:
    return one.accuracy == other.accuracy and one.train == other.train and bool((one.hits == other.hits).all())


def test_a_training_does_not_depend_on_its_company() -> None:
    tasks = [task((0, 55, 58), seed=0), task((1, 2, 3), seed=1), task((4, 5), size=50, seed=2)]
    together = train_many(tasks, range(4), RECIPE, device="cpu", threads=2)
    for one, outcomes in zip(tasks, together, strict=True):
        alone = [train_many([one], [seed], RECIPE, device="cpu")[0][0] for seed in range(4)]
        assert all(same(*pair) for pair in zip(alone, outcomes, strict=True))


def test_seeds_and_classes_differ_in_start_and_shuffles() -> None:
    bases = torch.tensor([base_of((0, 1, 2), 0), base_of((0, 1, 2), 1), base_of((0, 1, 3), 0)])
    drawn, shuffled = uniform(bases, 0, 1000), orders(bases, 100, 50)
    assert abs(np.corrcoef(drawn.numpy()) - np.eye(3)).max() < 0.15
    assert not torch.equal(shuffled[0], shuffled[1])
    assert torch.equal(shuffled.sort(1).values, torch.arange(50).expand(3, -1))


def test_the_numbers_are_uniform() -> None:
    drawn = uniform(torch.tensor([base_of((0, 1, 2), 0)]), 0, 200_000)[0].double()
    assert -1 <= float(drawn.min()) < -0.999
    assert 0.999 < float(drawn.max()) < 1
    assert float(drawn.mean()) == pytest.approx(0, abs=0.006)
    assert float(drawn.var()) == pytest.approx(1 / 3, abs=0.006)


def test_every_training_is_reported_as_progress() -> None:
    seen: list[int] = []
    train_many([task(), task((7, 8, 9))], range(3), RECIPE, device="cpu", progress=seen.append)
    assert sum(seen) == 6


def test_a_training_that_diverges_gives_not_a_number_and_no_error() -> None:
    outcomes = train_many([task()], range(2), replace(RECIPE, lr=1e30), device="cpu")[0]
    assert all(math.isnan(outcome.accuracy) and math.isnan(outcome.train) for outcome in outcomes)


def test_a_gradient_that_never_reaches_the_first_layer_learns_less() -> None:
    recipe = replace(RECIPE, epochs=30)
    right = train_many([task(size=200)], range(5), recipe, device="cpu")[0]
    wrong = train_many([task(size=200)], range(5), recipe, device="cpu", slope=torch.zeros_like)[0]
    assert np.mean([one.train for one in wrong]) < np.mean([one.train for one in right]) - 0.05


def test_the_number_of_torch_threads_is_what_it_was() -> None:
    before = torch.get_num_threads()
    train_many([task()], [0], RECIPE, device="cpu", threads=2)
    assert torch.get_num_threads() == before
    assert device_name("cpu") == "cpu"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
def test_a_gpu_trains_the_same_models() -> None:
    tasks = [task(), task((1, 2, 3), seed=1)]
    for here, there in zip(train_many(tasks, range(3), RECIPE, device="cpu"), train_many(tasks, range(3), RECIPE, device="cuda"), strict=True):
        assert [one.accuracy for one in here] == pytest.approx([one.accuracy for one in there], abs=0.05)
