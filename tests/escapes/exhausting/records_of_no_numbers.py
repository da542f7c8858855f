# /// attack
# tries = "answers with NaN, infinities, the wrong shape, complex numbers, objects and an array of no size that says it is endless"
# held = "wrong answers, none of which breaks a check"
# exit = ["completed"]
# points = 0
# says = ["trained"]
# ///
# %%
import numpy as np
import torch
from torch import nn


class Odd(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)

    def forward(self, x):
        return self.layer(x) * torch.tensor([float("nan"), float("inf")])


model = Odd()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
model.layer(torch.ones(4, 2)).sum().backward()
model(torch.ones(4, 2))
optimizer.step()
print("trained")


def answer(x):
    return np.full((0, 1 << 40), np.nan, dtype=np.float32)
