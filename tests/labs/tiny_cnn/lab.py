# %% [markdown]
# # A small convolutional network
#
# Pictures of 8×8 points, three classes of a hundred. Choose your classes, train, compare, report.

# %%
import copy

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.metrics import classification_report, confusion_matrix
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

CLASSES = {{ variant.classes }}


def load(part, count=20, noise=1.8):
    """Return pictures (100 * count, 3, 8, 8) and class indices of a part of the data: train, validation or test."""
    rng = np.random.default_rng({"train": 1, "validation": 2, "test": 3}[part])
    shapes = np.random.default_rng(0).normal(size=(100, 3, 8, 8))
    labels = np.repeat(np.arange(100), count * 2 if part == "train" else count)
    return (shapes[labels] + rng.normal(0, noise, (len(labels), 3, 8, 8))).astype("float32"), labels


# %% [markdown]
# Keep the pictures of your classes and number the labels from 0.

# %%
def select(part, classes):
    # solution
    pictures, labels = load(part)
    mine = np.isin(labels, classes)
    return torch.tensor(pictures[mine]), torch.tensor(np.unique(labels[mine], return_inverse=True)[1])
    # end solution


train_X, train_y = select("train", CLASSES)
validation_X, validation_y = select("validation", CLASSES)
test_X, test_y = select("test", CLASSES)
print(train_X.shape, validation_X.shape, test_X.shape)


# %%
class Jittered(Dataset):
    """Pictures with changed light: augmentation."""

    def __init__(self, pictures, labels):
        self.pictures, self.labels = pictures, labels

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return self.pictures[index] + 0.3 * torch.randn(3, 1, 1), self.labels[index]


def make_loaders(batch_size, augment=False):
    # solution
    train = Jittered(train_X, train_y) if augment else TensorDataset(train_X, train_y)
    return {
        "train": DataLoader(train, batch_size=batch_size, shuffle=True),
        "validation": DataLoader(TensorDataset(validation_X, validation_y), batch_size=64),
        "test": DataLoader(TensorDataset(test_X, test_y), batch_size=64),
    }
    # end solution


BATCH_SIZE = 32
loaders = make_loaders(BATCH_SIZE)


# %%
class Net(nn.Module):
    def __init__(self, width=8, classes=3):
        super().__init__()
        # solution
        self.conv = nn.Conv2d(3, width, 3, padding=1)
        self.norm = nn.BatchNorm2d(width)
        self.head = nn.Linear(width * 16, classes)
        # end solution

    def forward(self, x):
        # solution
        x = torch.relu(self.norm(self.conv(x)))
        return self.head(nn.functional.max_pool2d(x, 2).flatten(1))
        # end solution


net = Net(classes=len(CLASSES))
print(net, net(train_X[:4]).shape)
criterion = nn.CrossEntropyLoss()


# %%
def train_epoch(net, loader, optimizer, limit=None):
    # solution
    net.train()
    losses = []
    for number, (pictures, labels) in enumerate(loader):
        optimizer.zero_grad()
        outputs = net(pictures)
        loss = criterion(outputs, labels)
        loss.backward()
        if limit:
            nn.utils.clip_grad_norm_(net.parameters(), limit)
        optimizer.step()
        losses.append(loss.item())
    return np.mean(losses)
    # end solution


def validate(net, loader):
    # solution
    net.eval()
    losses, right, count = 0.0, 0, 0
    with torch.no_grad():
        for pictures, labels in loader:
            outputs = net(pictures)
            losses += criterion(outputs, labels).item() * len(labels)
            right += (outputs.argmax(dim=1) == labels).sum().item()
            count += len(labels)
    return losses / count, right / count
    # end solution


# %% [markdown]
# ## Study
#
# A baseline; twice the batch; half the rate. Keep the number of iterations.

# %%
EPOCHS = 10
LEARNING_RATE = 0.1


def study(epochs, batch_size, lr):
    net, parts = Net(classes=len(CLASSES)), make_loaders(batch_size)
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    history = []
    for epoch in range(epochs):
        history.append((train_epoch(net, parts["train"], optimizer), validate(net, parts["validation"])[0]))
    train_accuracy, accuracy = validate(net, parts["train"])[1], validate(net, parts["validation"])[1]
    print(f"| lr = {lr}, batch_size = {batch_size}, epochs = {epochs} | train = {train_accuracy:.1%}, validation = {accuracy:.1%} |")
    return np.array(history)


# solution
first = study(EPOCHS, BATCH_SIZE, LEARNING_RATE)
second = study(2 * EPOCHS, 2 * BATCH_SIZE, LEARNING_RATE)
third = study(2 * EPOCHS, BATCH_SIZE, LEARNING_RATE / 2)
# end solution

# %%
fig, axis = plt.subplots()
# solution
axis.plot(first, label="loss")
axis.set_xlabel("epoch")
axis.set_ylabel("loss")
axis.legend()
# end solution
plt.show()

# %% [markdown]
# ## The best model
#
# Batches of 16, a rate of 0.3 that `LambdaLR` raises a hundredfold after eight epochs, so that you see a training fall apart; clipped gradients,
# augmentation. Stop when the validation loss has not improved for three epochs and put the best weights back. The best model is called `model`.

# %%
# solution
model, parts = Net(classes=len(CLASSES)), make_loaders(16, augment=True)
optimizer = torch.optim.SGD(model.parameters(), lr=0.3)
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 1.0 if epoch < 8 else 100.0)
best, best_loss, waited = None, float("inf"), 0
for epoch in range(40):
    train_epoch(model, parts["train"], optimizer, limit=1.0)
    scheduler.step()
    loss, accuracy = validate(model, parts["validation"])
    print(f"epoch {epoch + 1}: {loss:.3f} {accuracy:.3f}")
    waited += 1
    if loss < best_loss:
        best, best_loss, waited = copy.deepcopy(model.state_dict()), loss, 0
    if waited == 3:
        break
model.load_state_dict(best)
# end solution


# %%
def report(model, loader):
    # solution
    model.eval()
    with torch.no_grad():
        answers = torch.cat([model(pictures).argmax(dim=1) for pictures, _ in loader])
        truth = torch.cat([labels for _, labels in loader])
    print(classification_report(truth, answers, digits=4, target_names=[str(index) for index in sorted(CLASSES)]))
    print(confusion_matrix(truth, answers))
    # end solution


report(model, parts["test"])

# %%
# Save the model and load it again.
# solution
torch.save(model.state_dict(), "model.pt")
copied = Net(classes=len(CLASSES))
copied.load_state_dict(torch.load("model.pt"))
# end solution

# %%
# Show how sure the model is of five pictures.
# solution
with torch.no_grad():
    outputs = copied.eval()(test_X[:5])
    print(torch.softmax(outputs, dim=1))
# end solution

# %% [markdown]
# ## Table
#
# ```
# | Hyper-parameters | Accuracy |
# |---|---|
# | lr = …, batch_size = …, epochs = … | train = …, validation = … |
# ```

# %% [markdown] tags=["solution"]
# | Hyper-parameters | Accuracy |
# |---|---|
# | lr = 0.1, batch_size = 32, epochs = 10 | train = 100 %, validation = 98 % |
# | lr = 0.1, batch_size = 64, epochs = 20 | train ≈ 99%, validation ≈ 98% |
# | lr = 0,05, batch_size = 32, epochs = 20 | train ~ 99,5%, validation ~ 98% |

# %% [markdown]
# ## Question 1
#
# Why does a validation in train mode give other figures for a network with batch normalisation, and which of the two sets of figures counts?

# %% [markdown] tags=["solution"]
# In train mode each batch is normalised by its own mean and deviation, so an answer depends on its neighbours in the batch; in eval mode running averages are used, and those count.

# %% [markdown]
# ## Question 2
#
# Why must twice the batch take twice the epochs, when two trainings are compared over the same number of iterations?

# %% [markdown] tags=["solution"]
# A larger batch makes fewer steps per epoch, so with equal epochs the weights would travel a shorter way; doubling keeps the steps equal and leaves only the noise of the gradient to differ.
