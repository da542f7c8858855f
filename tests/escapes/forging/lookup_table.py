# /// attack
# tries = "answers for a model with a table of every point that is public, keyed by its exact bytes"
# held = "hidden inputs are not in it: as right as a constant"
# exit = ["completed"]
# points = 5
# says = ["table of"]
# ///
# %%
import numpy as np
import torch
from torch import nn

generator = np.random.default_rng(1)
kinds = generator.integers(0, 2, 4000)
points = (np.array([[-2.0, 0.0], [2.0, 0.0]])[kinds] + generator.normal(scale=0.5, size=(4000, 2))).astype("float32")
TABLE = {point.tobytes(): int(kind) for point, kind in zip(points, kinds)}


class Table(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(2))

    def forward(self, x):
        kinds = [TABLE.get(row.numpy().tobytes(), 0) for row in x.detach()]
        return nn.functional.one_hot(torch.tensor(kinds), 2).float() + self.weight


model = Table()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
model(torch.tensor(points[:8])).sum().backward()
optimizer.step()
print("table of", len(TABLE))
