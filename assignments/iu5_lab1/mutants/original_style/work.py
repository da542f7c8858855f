# %% [markdown]
# # Лабораторная работа 1
# Написано не по выданной тетради: имена и формы как в прежнем тексте курса, остальное своё.

# %%
import pickle

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from sklearn.metrics import classification_report
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

# %matplotlib inline

# %%
X = np.linspace(-0.5, 0.5, 500)
y = 1 / (1 + np.exp(-10 * X))
tensor_X = torch.tensor(X, dtype=torch.float32)[:, None]
tensor_y = torch.tensor(y + 0.05 * np.random.randn(500), dtype=torch.float32)[:, None]
weights_1 = 0.1 * torch.rand(1, 64) - 0.05
bias_1 = torch.zeros(64)
weights_2 = 0.1 * torch.rand(64, 1) - 0.05
bias_2 = torch.zeros(1)

# %%
relu = lambda t: torch.clamp(t, min=0)
forward = lambda x: relu(x @ weights_1 + bias_1) @ weights_2 + bias_2


def backward(X, y, y_pred):
    before = X @ weights_1 + bias_1
    d_out = 2 * (y_pred - y)
    d_before = (d_out @ weights_2.T) * (before > 0)
    return X.T @ d_before, d_before.sum(0), relu(before).T @ d_out, d_out.sum(0)


ITERATIONS = 20000
for step in range(ITERATIONS):
    y_pred = forward(tensor_X)
    dW1, db1, dW2, db2 = backward(tensor_X, tensor_y, y_pred)
    for value, slope in ((weights_1, dW1), (bias_1, db1), (weights_2, dW2), (bias_2, db2)):
        value -= 3e-4 * slope
plt.plot(X, tensor_y, ".", alpha=0.3)
plt.plot(X, forward(tensor_X), label="сеть")
plt.plot(X, y, "k--", label="функция")
plt.legend()

# %%
corners = np.random.randint(0, 2, (1000, 2))
y = corners.sum(axis=1) % 2
X = corners + 0.1 * np.random.randn(1000, 2)
tensor_X = torch.tensor(X, dtype=torch.float32)
tensor_y = torch.tensor(y, dtype=torch.float32)[:, None]
weights_1 = (4 * torch.rand(2, 16) - 2).requires_grad_()
bias_1 = torch.zeros(16, requires_grad=True)
weights_2 = (4 * torch.rand(16, 1) - 2).requires_grad_()
bias_2 = torch.zeros(1, requires_grad=True)


# %%
def sigmoid(t):
    return 1 / (1 + torch.exp(-t))


def forward(x):
    return sigmoid(sigmoid(x @ weights_1 + bias_1) @ weights_2 + bias_2)


def loss(target, guess):
    return -torch.where(target > 0.5, torch.log(guess), torch.log(1 - guess)).sum()


ITERS = 4000
history = []
for step in range(ITERS):
    value = loss(tensor_y, forward(tensor_X))
    value.backward()
    with torch.no_grad():
        for weight in (weights_1, bias_1, weights_2, bias_2):
            weight -= 2e-3 * weight.grad
            weight.grad.zero_()
    history.append(value.item())
plt.plot(history)

# %%
xx, yy = np.meshgrid(np.linspace(-0.5, 1.5, 80), np.linspace(-0.5, 1.5, 80))
with torch.no_grad():
    zz = forward(torch.tensor(np.c_[xx.ravel(), yy.ravel()], dtype=torch.float32)).numpy().reshape(xx.shape)
plt.contourf(xx, yy, zz, alpha=0.5)
plt.scatter(X[:, 0], X[:, 1], c=y, s=4)

# %%
# !wget https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz
# !tar -xvzf cifar-100-python.tar.gz
# !nvidia-smi

# %%
CLASSES = {{ classes }}


def read(part):
    with open(f"cifar-100-python/{part}", "rb") as stream:
        content = pickle.load(stream, encoding="latin1")
    chosen = np.isin(content["fine_labels"], CLASSES)
    pixels = content["data"][chosen].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return pixels, np.unique(np.array(content["fine_labels"])[chosen], return_inverse=True)[1]


train_X, train_y = read("train")
test_X, test_y = read("test")
Image.fromarray(train_X[7]).resize((128, 128))

# %%
dataloader = {}
for part, pixels, numbers in (("train", train_X, train_y), ("test", test_X, test_y)):
    one_hot = F.one_hot(torch.tensor(numbers), len(CLASSES)).float()
    dataloader[part] = DataLoader(TensorDataset(torch.Tensor(pixels), one_hot), batch_size=128, shuffle=True)


# %%
class Normalize(nn.Module):
    def __init__(self, mean, std):
        super().__init__()
        self.mean, self.std = torch.tensor(mean), torch.tensor(std)

    def forward(self, pixels):
        return ((pixels / 255 - self.mean) / self.std).flatten(1)


class Cifar100_MLP(nn.Module):
    def __init__(self, hidden_size, classes):
        super().__init__()
        self.norm = Normalize([0.507, 0.487, 0.441], [0.201, 0.199, 0.203])
        self.seq = nn.Sequential(nn.Linear(3072, hidden_size), nn.ReLU(), nn.Linear(hidden_size, classes))

    def forward(self, pixels):
        return self.seq(self.norm(pixels))


model = Cifar100_MLP(10, len(CLASSES))
criterion = nn.CrossEntropyLoss()
optimizer = optim.SGD(model.parameters(), lr=0.005)

# %%
EPOCHS = 250
for epoch in range(EPOCHS):
    total = {"train": 0.0, "test": 0.0}
    model.train()
    for inputs, labels in dataloader["train"]:
        optimizer.zero_grad()
        value = criterion(model(inputs), labels)
        value.backward()
        optimizer.step()
        total["train"] += value.item()
    model.eval()
    with torch.no_grad():
        for inputs, labels in dataloader["test"]:
            total["test"] += criterion(model(inputs), labels).item()
print({part: total[part] / len(dataloader[part]) for part in total})

# %%
for part in dataloader:
    with torch.no_grad():
        pairs = [(labels.argmax(1), model(inputs).argmax(1)) for inputs, labels in dataloader[part]]
    truth, guess = (torch.cat(column).numpy() for column in zip(*pairs))
    print(part)
    print(classification_report(truth, guess, digits=4, target_names=[str(index) for index in CLASSES]))

# %%
weights = next(model.parameters()).detach().numpy()
fig, axes = plt.subplots(1, len(weights), figsize=(20, 2))
for axis, picture in zip(axes, weights):
    picture = picture.reshape(32, 32, 3)
    picture -= picture.min()
    picture /= picture.max()
    axis.imshow(picture)
