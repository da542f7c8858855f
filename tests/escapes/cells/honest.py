# An honest work that is graded beside the attacks. Its numbers must not change by a bit for that. It also leaves its own
# secret wherever it can write, for attacks that look for what other people's runs left behind.
# %%
def answer(x):
    return 2 * x


# %%
import os
import pathlib

secret = PLACES["neighbour"]
for folder in ("/work", "/tmp", "/dev/shm", "."):
    pathlib.Path(folder, "my-own-work.txt").write_text(secret)
os.environ["MY_OWN_WORK"] = secret

# %%
import numpy as np
import torch
from torch import nn

generator = np.random.default_rng(1)
kinds = generator.integers(0, 2, 400)
points = np.array([[-2.0, 0.0], [2.0, 0.0]])[kinds] + generator.normal(scale=0.5, size=(400, 2))
x, y = torch.tensor(points, dtype=torch.float32), torch.tensor(kinds)
model = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Dropout(0.1), nn.Linear(8, 2))
optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
for step in range(40):
    order = torch.randperm(len(x))[:100]
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(x[order]), y[order])
    loss.backward()
    optimizer.step()
print(f"{loss.item():.9f}", np.random.rand(), torch.rand(2).tolist())
