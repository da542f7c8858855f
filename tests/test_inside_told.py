"""What the runner itself tells of a notebook: trainings, figures and final weights, for every assignment."""

from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from grader.checks.figures import Figure
from grader.checks.plain import read, read_all
from grader.checks.trace import Trace
from tests.inside_parent import LIMITS, QUIET_PROBE, Told, notebook_of, run_cells, run_notebook

pytestmark = pytest.mark.sandbox

DATA = """
import numpy as np, torch, matplotlib.pyplot as plt
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset
X = torch.randn(200, 3, 8, 8); y = torch.randint(3, (200,))
train_loader = DataLoader(TensorDataset(X[:150], y[:150]), batch_size=50, shuffle=True)
val_loader = DataLoader(TensorDataset(X[150:], y[150:]), batch_size=50)
"""
CNN = """
class CNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Linear(4, 3)
    def forward(self, x):
        return self.head(self.body(x))

model = CNN()
optimizer = optim.Adam(model.parameters(), lr=0.01)
scheduler = optim.lr_scheduler.StepLR(optimizer, 1)
criterion = nn.CrossEntropyLoss()
for epoch in range(3):
    model.train()
    for images, labels in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(images), labels)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    scheduler.step()
    model.eval()
    with torch.no_grad():
        print([criterion(model(images), labels).item() for images, labels in val_loader])
"""
PLOTS = """
plt.plot([1, 2, 3], [4, 5, 9], label="loss"); plt.title("Learning"); plt.xlabel("epoch"); plt.ylabel("loss"); plt.legend(); plt.show()
figure, axes = plt.subplots(1, 2)
axes[0].imshow(np.zeros((4, 5)))
plt.show()
plt.subplots(); plt.show()
plt.bar([1, 2], [3, 4]); plt.scatter([0.5], [np.nan])
"""
FIXED_PATH = "if True:\n    never_shown = plt.figure()\n    plt.close(never_shown)\n"


def trace_of(told: Told) -> Trace:
    made = read(Trace, told.records["trace"])
    assert made is not None
    return made


def test_a_convolutional_notebook_is_told_as_one_run_with_its_weights(tmp_path: Path) -> None:
    told = run_cells(tmp_path, DATA, CNN, "state = {name: value.numpy() for name, value in model.state_dict().items()}; print(state['head.bias'].tolist())")
    (run,) = trace_of(told).runs
    assert (run.model.name, run.model.class_name, run.model.mode_sensitive, run.steps, run.epochs) == ("model", "CNN", ("BatchNorm2d",), 9, 3)
    assert [(scheduler.class_name, scheduler.steps) for scheduler in run.schedulers] == [("StepLR", 3)]
    assert [item.calls for item in run.clipping] == [9]
    (evaluation,) = run.evaluation
    printed = [float(line.strip("[]")) for line in told.cells[1].text().split()]
    assert [value for _, value in evaluation.loss] == pytest.approx(printed, rel=1e-5)
    assert not evaluation.statistics_moved
    weights = safetensors.numpy.load(told.records[run.weights].tobytes())
    assert weights["head.bias"].tolist() == pytest.approx([float(part) for part in told.cells[2].text().strip("[]\n").split(",")])
    assert weights["body.1.num_batches_tracked"].tolist() == 9


def test_displayed_figures_are_told_with_what_is_in_them(tmp_path: Path) -> None:
    told = run_cells(tmp_path, DATA, PLOTS, FIXED_PATH)
    curve, pictures, nothing, bars = read_all(Figure, told.records["figures"])
    (axes,) = curve.axes
    assert (axes.title, axes.xlabel, axes.ylabel, axes.legend) == ("Learning", "epoch", "loss", ("loss",))
    assert (axes.lines, axes.points, axes.x, axes.y, curve.empty) == (1, 3, (1.0, 3.0), (4.0, 9.0), False)
    assert [(item.images, item.empty) for item in pictures.axes] == [(((4, 5),), False), ((), True)]
    assert nothing.empty
    assert not pictures.empty
    assert (bars.axes[0].bars, bars.axes[0].scatters, bars.axes[0].y) == (2, 1, (0.0, 4.0))


def test_training_in_worker_processes_in_a_guard_and_in_a_class_is_seen(tmp_path: Path) -> None:
    source = """
class Trainer:
    def __init__(self):
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(192, 3))
        self.loader = DataLoader(TensorDataset(X, y), batch_size=50, num_workers=2)
    def fit(self):
        optimizer = optim.SGD(self.net.parameters(), lr=0.1)
        for images, labels in self.loader:
            nn.functional.cross_entropy(self.net(images), labels).backward(); optimizer.step(); optimizer.zero_grad()

if __name__ == "__main__":
    trainer = Trainer()
    trainer.fit()
"""
    told = run_cells(tmp_path, DATA, source, "model = 'overwritten'")
    trace = trace_of(told)
    (run,) = trace.runs
    assert (run.model.name, run.steps, run.accumulated_steps) == ("trainer.net", 4, 0)
    loader = trace.loader(run.training[0].loader)
    assert loader is not None
    assert (loader.num_workers, loader.name) == (2, "trainer.loader")


def test_a_notebook_without_training_has_an_empty_trace(tmp_path: Path) -> None:
    told = run_cells(tmp_path, "print(1)")
    assert trace_of(told) == Trace()
    assert told.records["figures"] == []


def test_weights_that_are_too_many_are_left_to_the_last_runs(tmp_path: Path) -> None:
    source = """
for _ in range(3):
    model = nn.Linear(192, 400)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    model(X.flatten(1)).sum().backward(); optimizer.step()
"""
    told = run_cells(tmp_path, DATA, source, limits={**LIMITS, "output_mb": 2})
    assert [run.weights for run in trace_of(told).runs] == ["", "", "weights_2"]
    assert isinstance(told.records["weights_2"], np.ndarray)


def test_what_student_code_breaks_in_the_trace_breaks_nothing_else(tmp_path: Path) -> None:
    source = """
class Odd(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(192, 3)
    def named_modules(self, *args, **kwargs):
        if kwargs or args:
            return super().named_modules(*args, **kwargs)
        raise RuntimeError("no")
    def forward(self, x):
        return {"out": self.layer(x.flatten(1))}
model = Odd()
optimizer = optim.SGD(model.parameters(), lr=0.1)
model(X)["out"].sum().backward(); optimizer.step()
print("done")
"""
    told = run_cells(tmp_path, DATA, source)
    assert told.cells[1].text() == "done\n"
    assert [run.steps for run in trace_of(told).runs] == [1]


@pytest.mark.parametrize(
    "source",
    [
        "class Shy:\n    @property\n    def __dict__(self):\n        raise RuntimeError('no')\nshy = Shy()",
        "class Loud:\n    def __getattribute__(self, name):\n        raise RuntimeError(name)\nloud = Loud()",
        "weights_1 = torch.eye(3).to_sparse()",
        "weights_1 = torch.ones(3, device='meta')",
    ],
    ids=["dict", "attributes", "sparse", "meta"],
)
def test_values_that_cannot_be_looked_at_end_no_run(tmp_path: Path, source: str) -> None:
    probe = tmp_path / "probe.py"
    probe.write_text(QUIET_PROBE.replace("WATCH = ()", 'WATCH = ("weights_1",)'), encoding="utf-8")
    told = run_notebook(tmp_path, notebook_of(DATA, source, "for step in range(2):\n    print(step)"), probe=probe)
    assert told.cells[2].text() == "0\n1\n"
    assert trace_of(told) == Trace()
