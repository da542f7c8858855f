"""Which trained model counts, and what it gives for hidden inputs."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from grader.inside.models import choose, outputs_of
from grader.inside.trace import Trace
from tests.inside_training import Network, batch, first_layer, fit, only


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
