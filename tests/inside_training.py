"""A small network and its training, for tests of what the child sees of both."""

import torch
from torch import nn

from grader.inside.trace import Trace
from grader.inside.trained import Trained


class Network(nn.Module):
    def __init__(self, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Dropout(dropout), nn.Linear(5, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.layers(x)
        return result


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
