"""Lab 1's probe: what it finds in honest notebooks of several styles, and what it says of broken ones."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.inside_labs import SEED_TEXT, expected_gradients, hidden_inputs, original_lab, small_cifar
from tests.inside_parent import Told, notebook_of, run_notebook

PROBE = Path(__file__).parent.parent / "assignments" / "iu5_lab1" / "probe.py"
SENT = hidden_inputs(np.random.default_rng(1).uniform(0, 255, (300, 32, 32, 3)))
GRADIENTS = ("part1_dw1", "part1_db1", "part1_dw2", "part1_db2")

IMPORTS = "import numpy as np, torch\nfrom torch import nn"
PART1 = """
X = torch.linspace(-0.5, 0.5, 200)[:, None]
y = 1 / (1 + torch.exp(-10 * X))
weights_1 = torch.rand(1, 32) * 4 - 2
bias_1 = torch.rand(32) * 2 - 1
weights_2 = (torch.rand(32, 1) - 0.5) / 5
bias_2 = torch.zeros(1)
relu = lambda t: torch.clamp(t, min=0)
def hidden(x):
    return relu(x @ weights_1 + bias_1)
def forward(x):
    return hidden(x) @ weights_2 + bias_2
def backward(X, y, y_pred):
    d = 2 * (y_pred - y)
    A = hidden(X)
    dA = (d @ weights_2.T) * (A > 0)
    return X.T @ dA, dA.sum(0), A.T @ d, d.sum(0)
for step in range(600):
    grads = backward(X, y, forward(X))
    weights_1, bias_1, weights_2, bias_2 = [w - 1e-4 * 5 * g for w, g in zip((weights_1, bias_1, weights_2, bias_2), grads)]
"""
PART2 = """
X = torch.randint(2, (500, 2)).float()
y = X.sum(1, keepdim=True) % 2
X = X + 0.1 * torch.randn(500, 2)
weights_1 = (torch.rand(2, 16) * 4 - 2).requires_grad_()
bias_1 = torch.zeros(16, requires_grad=True)
weights_2 = (torch.rand(16, 1) * 4 - 2).requires_grad_()
bias_2 = torch.zeros(1, requires_grad=True)
def sigmoid(t):
    return 1 / (1 + torch.exp(-t))
def forward(x):
    return sigmoid(sigmoid(x @ weights_1 + bias_1) @ weights_2 + bias_2)
def relu(t):
    raise RuntimeError('part 1 has its own')
for step in range(1500):
    p = forward(X).clamp(1e-6, 1 - 1e-6)
    (-(y * p.log() + (1 - y) * (1 - p).log()).mean()).backward()
    with torch.no_grad():
        for w in (weights_1, bias_1, weights_2, bias_2):
            w -= 1.0 * w.grad
            w.grad.zero_()
"""
PART3 = """
CLASSES = np.array([58, 0, 55])
class Net(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.seq = nn.Sequential(nn.Flatten(), nn.Linear(3072, width), nn.ReLU(), nn.Dropout(0.5), nn.Linear(width, 3))
    def forward(self, x):
        return self.seq(x / 255)
def train(net, steps):
    opt = torch.optim.SGD(net.parameters(), lr=0.01)
    for _ in range(steps):
        net.train()
        opt.zero_grad()
        nn.functional.cross_entropy(net(torch.rand(8, 32, 32, 3) * 255), torch.randint(3, (8,))).backward()
        opt.step()
    net.eval()
    net(torch.rand(8, 32, 32, 3) * 255)
    return net
model = train(Net(), 3)
wide = train(Net(16), 2)
"""


def probe_run(work: Path, *sources: str, data: str = "") -> Told:
    return run_notebook(work, notebook_of(*sources), probe=PROBE, give=lambda _: SENT, data=data)


def gradients_agree(told: Told) -> bool:
    expected = expected_gradients(SENT)
    return all(np.allclose(told.records[name], value, rtol=1e-4, atol=1e-4) for name, value in expected.items())


def fit_error(told: Told) -> float:
    curve = 1 / (1 + np.exp(-10 * SENT["part1_grid"].astype(float)))
    return float(np.sqrt(np.mean((told.records["part1_fit"] - curve) ** 2)))


def xor_accuracy(told: Told) -> float:
    labels = SENT["part2_points"].round().sum(axis=1) % 2
    return float(((told.records["part2_output"] > 0.5) == (labels > 0)).mean())


@pytest.fixture(scope="module")
def by_cells(tmp_path_factory: pytest.TempPathFactory) -> Told:
    return probe_run(tmp_path_factory.mktemp("cells"), IMPORTS, PART1, PART2, PART3, "nn.init.zeros_(model.seq[1].weight)")


def test_part_1_is_called_with_its_own_functions_after_part_2_took_their_names(by_cells: Told) -> None:
    assert gradients_agree(by_cells)
    assert fit_error(by_cells) < 0.15
    assert by_cells.records["part1_state"]["hidden"] == 32
    assert by_cells.records["part1_state"]["cells"] == [1, 1]


def test_part_2_answers_with_its_own_trained_weights(by_cells: Told) -> None:
    assert by_cells.records["part2_output"].shape == (50,)
    assert xor_accuracy(by_cells) == 1.0


def test_the_model_called_model_is_chosen_and_its_later_change_is_told(by_cells: Told) -> None:
    first, second = by_cells.records["models"]
    assert (first["name"], first["chosen"], first["changed_in_cell"], first["steps"], first["cell"]) == ("model", True, 4, 3, 3)
    assert (second["name"], second["chosen"], second["changed_in_cell"], second["parameters"]) == ("wide", False, None, 49219)
    assert (first["class"], first["optimizer"], first["lr"], first["input"]) == ("Net", "SGD", 0.01, [32, 32, 3])


def test_logits_are_those_of_the_snapshot_and_of_the_model_at_the_end(by_cells: Told) -> None:
    assert by_cells.records["logits"].shape == by_cells.records["logits_final"].shape == (300, 3)
    assert len(np.unique(by_cells.records["logits"][:, 0])) > 1
    assert len(np.unique(by_cells.records["logits_final"][:, 0])) == 1
    assert by_cells.records["fed_eval"].shape == (8, 32, 32, 3)


def test_the_list_of_classes_keeps_its_written_order(by_cells: Told) -> None:
    assert by_cells.records["classes"] == [58, 0, 55]
    assert by_cells.records["definitions"]["backward"] == "backward"


def test_everything_in_one_cell_is_found_as_well(tmp_path: Path) -> None:
    told = probe_run(tmp_path, IMPORTS + PART1 + PART2 + PART3)
    assert gradients_agree(told)
    assert fit_error(told) < 0.15
    assert xor_accuracy(told) == 1.0
    assert [model["chosen"] for model in told.records["models"]] == [True, False]


def test_other_names_and_another_order_of_gradients_and_arguments_are_understood(tmp_path: Path) -> None:
    renamed = PART1.replace("weights_1", "W1").replace("bias_1", "b1").replace("weights_2", "W2").replace("bias_2", "b2")
    renamed = renamed.replace("def backward(X, y, y_pred)", "def backward(y_pred, y, x)").replace("A = hidden(X)", "X = x; A = hidden(x)")
    renamed = renamed.replace("return X.T @ dA, dA.sum(0), A.T @ d, d.sum(0)", "return X.T @ dA, A.T @ d, dA.sum(0), d.sum(0)")
    renamed = renamed.split("for step")[0]
    told = probe_run(tmp_path, IMPORTS, renamed)
    assert gradients_agree(told)
    assert told.records["part1_state"]["names"]["weights_1"] == "W1"


def test_a_network_in_an_object_is_called_through_it(tmp_path: Path) -> None:
    source = """
class Regression:
    def __init__(self):
        self.w1, self.b1, self.w2, self.b2 = torch.rand(1, 8), torch.rand(8), torch.rand(8, 1), torch.rand(1)
    def forward(self, x):
        self.z = x @ self.w1 + self.b1
        return torch.relu(self.z) @ self.w2 + self.b2
    def backward(self, X, y, y_pred):
        d = 2 * (y_pred - y)
        z = X @ self.w1 + self.b1
        dz = (d @ self.w2.T) * (z > 0)
        return {'w1': X.T @ dz, 'b1': dz.sum(0), 'w2': torch.relu(z).T @ d, 'b2': d.sum(0)}
network = Regression()
kept = network.w1.clone()
"""
    told = probe_run(tmp_path, IMPORTS, source)
    assert gradients_agree(told)
    assert told.records["part1_state"]["in_object"]
    assert told.records["part1_fit"].shape == (21, 1)


def test_xor_solved_by_an_optimised_module_is_asked_through_it(tmp_path: Path) -> None:
    source = """
net = nn.Sequential(nn.Linear(2, 4), nn.Sigmoid(), nn.Linear(4, 1), nn.Sigmoid())
opt = torch.optim.Adam(net.parameters())
for _ in range(2):
    net(torch.rand(5, 2)).sum().backward(); opt.step()
"""
    assert probe_run(tmp_path, IMPORTS, source).records["part2_output"].shape == (50,)


def failing(name: str, replacement: str) -> Callable[[], str]:
    def source() -> str:
        return PART1.split("for step", maxsplit=1)[0] + f"\ndef {name}(*a):\n    {replacement}\n"

    return source


@pytest.mark.parametrize(
    ("source", "record", "error"),
    [
        (failing("backward", "return 1, 2, 3"), "part1_dw1", {"code": "other_count", "names": ["backward"], "count": 3, "wanted": ["dW1", "db1", "dW2", "db2"]}),
        (failing("backward", "raise KeyError('dW')"), "part1_db2", "KeyError: 'dW'"),
        (failing("backward", "pass"), "part1_dw1", {"code": "nothing_returned", "names": ["backward"]}),
        (failing("forward", "pass"), "part1_forward", {"code": "nothing_returned", "names": ["forward"]}),
        (failing("forward", "pass"), "part1_fit", {"code": "nothing_returned", "names": ["forward"]}),
        (failing("forward", "return nothing"), "part1_fit", "NameError: name 'nothing' is not defined"),
        (failing("forward", "import sys; sys.exit()"), "answer", "SystemExit"),
        (failing("forward", "return 'words'"), "part1_forward", "ValueError"),
        (lambda: "x = 1", "part1_dw1", {"code": "no_weights", "part": 1, "names": ["weights_1", "bias_1", "weights_2", "bias_2"]}),
        (lambda: PART1.replace("def backward", "grads = (1, 2)\ndef my_grad").split("for step", maxsplit=1)[0], "part1_dw1", {"code": "no_function", "part": 1, "names": ["backward"]}),
        (lambda: PART1, "part2_output", {"code": "other_shapes", "part": 2, "names": ["weights_1", "bias_1", "weights_2", "bias_2"], "count": 2}),
        (lambda: "x = 1", "logits", {"code": "no_model"}),
    ],
)
def test_what_fails_is_told_record_by_record(tmp_path: Path, source: Callable[[], str], record: str, error: str | dict[str, Any]) -> None:
    told = probe_run(tmp_path, IMPORTS, source())
    assert record not in told.records
    said = told.records[f"{record}_error"]
    assert said.startswith(error) if isinstance(error, str) else said == error
    assert told.code == 0


def test_a_function_is_found_beside_a_value_of_another_of_its_names(tmp_path: Path) -> None:
    renamed = PART1.replace("def backward", "grads = (1, 2)\ndef compute_gradients").replace("backward(", "compute_gradients(")
    assert gradients_agree(probe_run(tmp_path, IMPORTS, renamed))


def test_part_1_keeps_its_forward_while_part_2_is_unfinished(tmp_path: Path) -> None:
    stub = "def forward(x):\n    return torch.sigmoid(x @ weights_1 + bias_1) @ weights_2 + bias_2"
    for name in "ab":
        (tmp_path / name).mkdir()
    told, whole = probe_run(tmp_path / "a", IMPORTS, PART1, stub), probe_run(tmp_path / "b", IMPORTS, PART1)
    for name in ("part1_forward", "part1_dw1", "part1_fit"):
        assert (told.records[name] == whole.records[name]).all(), name


CACHED = PART1.split("def backward", maxsplit=1)[0] + """
def forward(x):
    global before, hidden
    before = x @ weights_1 + bias_1
    hidden = torch.clamp(before, min=0)
    return hidden @ weights_2 + bias_2
def backward(X, y, y_pred):
    slope = 2 * (y_pred - y)
    inner = (slope @ weights_2.T) * (before > 0)
    return {"dW2": hidden.T @ slope, "db2": slope.sum(0), "dW1": X.T @ inner, "db1": inner.sum(0)}
forward(X)
"""


def test_a_backward_pass_may_use_what_the_forward_pass_left_behind_and_name_its_gradients(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
    told, usual = probe_run(tmp_path / "a", IMPORTS, CACHED), probe_run(tmp_path / "b", IMPORTS, PART1)
    for name in GRADIENTS:
        assert np.allclose(told.records[name], usual.records[name].reshape(told.records[name].shape), rtol=1e-4, atol=1e-5), name


def test_gradients_of_a_wrong_shape_are_handed_over_as_they_are(tmp_path: Path) -> None:
    told = probe_run(tmp_path, IMPORTS, failing("backward", "return torch.zeros(3, 2), torch.zeros(9), torch.zeros(9), torch.zeros(())")())
    assert [told.records[name].shape for name in GRADIENTS] == [(3, 2), (9,), (9,), ()]


def test_a_module_whose_layers_were_replaced_after_training_is_still_measured_as_it_was(tmp_path: Path) -> None:
    told = probe_run(tmp_path, IMPORTS, PART3, "model.seq[1] = nn.Linear(3072, 7); model.seq[4] = nn.Linear(7, 3)")
    assert told.records["logits"].shape == told.records["logits_final"].shape == (300, 3)
    assert not np.allclose(told.records["logits"], told.records["logits_final"])
    assert told.records["models"][0]["changed_in_cell"] == 2


from_seed = pytest.mark.skipif(not SEED_TEXT, reason="ZACHET_TEST_SEED does not name the original lab text")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Told:
    folder = tmp_path_factory.mktemp("original")
    notebook: dict[str, Any] = original_lab(Path(SEED_TEXT))
    return run_notebook(folder, notebook, probe=PROBE, give=lambda _: SENT, data=str(small_cifar(folder / "data")))


@from_seed
def test_every_cell_of_the_original_runs_and_every_question_is_answered(original: Told) -> None:
    assert {cell.error for cell in original.cells.values()} == {""}
    assert not [name for name in original.records if name.endswith("_error")]


@from_seed
def test_the_originals_gradients_and_fit_are_those_of_part_1(original: Told) -> None:
    assert gradients_agree(original)
    assert fit_error(original) < 0.1


@from_seed
def test_the_originals_weight_plot_is_caught_changing_the_model(original: Told) -> None:
    (model,) = original.records["models"]
    assert model["changed_in_cell"] == max(original.cells)
    assert not np.allclose(original.records["logits"], original.records["logits_final"])


@from_seed
def test_the_originals_training_and_weight_plot_in_one_cell_are_told_apart_too(tmp_path: Path) -> None:
    cells = [cell["source"] for cell in original_lab(Path(SEED_TEXT), regression=10, iterations=10, epochs=2)["cells"]]
    notebook = notebook_of(*cells[:11], cells[11] + "\n" + cells[13])
    told = run_notebook(tmp_path, notebook, probe=PROBE, give=lambda _: SENT, data=str(small_cifar(tmp_path / "data")))
    assert told.records["models"][0]["changed_in_cell"] == 11
    assert not np.allclose(told.records["logits"], told.records["logits_final"])
