"""The trainings of the engine as anybody would write them: a loop of PyTorch, one model at a time."""

import time

import torch
from torch import nn

from grader.model import Recipe
from grader.training import Task


def plain_loop(task: Task, recipe: Recipe, device: str = "cpu") -> float:
    """Train one model of one hidden layer, everything already in memory on the device, and return its accuracy on the hidden images."""
    train, hidden = (torch.tensor(images, device=device).float() / 255 for images in (task.train, task.hidden))
    mean, deviation = train.mean((0, 1, 2)), train.std((0, 1, 2), correction=0)
    rows, shown = (((part - mean) / deviation).flatten(1) for part in (train, hidden))
    labels, right = (torch.tensor(part, device=device) for part in (task.train_labels, task.hidden_labels))
    model = nn.Sequential(nn.Linear(rows.shape[1], recipe.hidden[0]), nn.ReLU(), nn.Linear(recipe.hidden[0], len(task.classes))).to(device)
    optimizer, criterion = torch.optim.SGD(model.parameters(), lr=recipe.lr), nn.CrossEntropyLoss()
    for _ in range(recipe.epochs):
        for batch in torch.randperm(len(rows), device=device).split(recipe.batch):  # type: ignore[no-untyped-call]
            optimizer.zero_grad()
            criterion(model(rows[batch]), labels[batch]).backward()
            optimizer.step()
    with torch.no_grad():
        return float((model(shown).argmax(1) == right).double().mean())


def in_one_thread(task: Task, recipe: Recipe) -> float:
    """Do the same on the CPU in one thread of torch, for a process of its own, and return the CPU seconds that it took."""
    torch.set_num_threads(1)  # two threads are slower on a busy machine
    begin = time.process_time()
    plain_loop(task, recipe)
    return time.process_time() - begin
