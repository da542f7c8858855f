# %% [markdown]
# # A borrowed backbone
#
# A network was trained to tell ten shapes apart. Use its layers to tell two others apart, and train only a new last layer.

# %%
import numpy as np
import torch
from torch import nn

FIRST, SECOND = {{ variant.classes[0] }}, {{ variant.classes[1] }}
SHAPES = np.random.default_rng(0).normal(size=(100, 3, 8, 8))


def draw(classes, count, seed):
    """Return pictures (len(classes) * count, 3, 8, 8) and the positions of their classes."""
    labels = np.repeat(np.arange(len(classes)), count)
    noise = np.random.default_rng(seed).normal(0, 1.5, (len(labels), 3, 8, 8))
    return torch.tensor(SHAPES[np.array(classes)[labels]] + noise, dtype=torch.float32), torch.tensor(labels)


backbone = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
borrowed = nn.Sequential(backbone, nn.Linear(256, 10))
pictures, labels = draw(range(10), 20, seed=1)
optimizer = torch.optim.Adam(borrowed.parameters(), lr=0.01)
for step in range(30):
    optimizer.zero_grad()
    nn.functional.cross_entropy(borrowed(pictures), labels).backward()
    optimizer.step()

# %% [markdown]
# ## The gradient by hand
#
# The mean binary cross-entropy of `sigmoid(x @ w + b)` against `y`: return its derivatives by `w` (d,) and `b` (a number), without autograd.

# %%
def gradient(w, b, x, y):
    # solution
    error = 1 / (1 + np.exp(-(x @ w + b))) - y
    return x.T @ error / len(y), error.mean()
    # end solution


# %% [markdown]
# ## The new head
#
# Freeze the backbone, add one linear layer with one logit, and train that with binary cross-entropy.

# %%
train_X, train_y = draw([FIRST, SECOND], 40, seed=2)
test_X, test_y = draw([FIRST, SECOND], 30, seed=3)
# solution
for parameter in backbone.parameters():
    parameter.requires_grad_(False)
model = nn.Sequential(backbone, nn.Linear(256, 1))
optimizer = torch.optim.Adam(filter(lambda p: p.requires_grad, model.parameters()), lr=0.01)
criterion = nn.BCEWithLogitsLoss()
for epoch in range(10):
    model.train()
    for rows in torch.randperm(len(train_X)).split(16):
        optimizer.zero_grad()
        loss = criterion(model(train_X[rows]).squeeze(1), train_y[rows].float())
        loss.backward()
        optimizer.step()
# end solution

# %%
# solution
model.eval()
with torch.no_grad():
    print("accuracy", ((model(test_X).squeeze(1) > 0) == test_y).float().mean().item())
# end solution
