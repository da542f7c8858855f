"""Notebooks for tests of the child: Lab 1 as its original text has it, and a small data set in the published layout."""

import os
import pickle
import re
import tarfile
from pathlib import Path
from typing import Any

import numpy as np

from tests.inside_parent import notebook_of

SEED_TEXT = os.environ.get("ZACHET_TEST_SEED", "")
CLASSES = (0, 55, 58)
_FENCED = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def original_lab(path: Path, *, regression: int = 3000, iterations: int = 1500, epochs: int = 6) -> dict[str, Any]:
    """Return the notebook of the original text's code blocks, its loops scaled down."""
    sources = [re.sub(r"^ {4}", "", block, flags=re.MULTILINE) for block in _FENCED.findall(path.read_text(encoding="utf-8"))]
    scaled = {
        "range(50000)": f"range({regression})",
        "iters = 10000": f"iters = {iterations}",
        "EPOCHS = 250": f"EPOCHS = {epochs}",
        "(i+1)%10000": f"(i+1)%{regression}",
    }
    for old, new in scaled.items():
        assert sum(old in source for source in sources) == 1, old
        sources = [source.replace(old, new) for source in sources]
    return notebook_of(*sources)


def small_cifar(folder: Path, *, train: int = 40, test: int = 10) -> Path:
    """Write a data set of three classes in the published layout, with its archive; return the folder that holds both."""
    layout = folder / "cifar-100-python"
    layout.mkdir(parents=True)
    rng = np.random.default_rng(3)
    for part, count in (("train", train), ("test", test)):
        labels = [int(label) for label in rng.permutation(np.repeat(CLASSES, count))]
        base = np.array([{0: 60, 55: 120, 58: 180}[label] for label in labels])[:, None]
        data = (base + rng.integers(-50, 50, (len(labels), 3072))).astype(np.uint8)
        content = {"filenames": [f"{i}.png" for i in range(len(labels))], "fine_labels": labels, "coarse_labels": labels, "data": data}
        (layout / part).write_bytes(pickle.dumps(content, protocol=2))
    (layout / "meta").write_bytes(pickle.dumps({"fine_label_names": [str(i) for i in range(100)]}, protocol=2))
    with tarfile.open(folder / "cifar-100-python.tar.gz", "w:gz") as archive:
        archive.add(layout, arcname="cifar-100-python")
    return folder


def hidden_inputs(images: np.ndarray[Any, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """Return inputs for every question that Lab 1's probe answers."""
    rng = np.random.default_rng(5)
    hidden, points = 9, 20
    sent = {
        "part1_X": rng.uniform(-0.5, 0.5, (points, 1)),
        "part1_y": rng.normal(size=(points, 1)),
        "part1_pred": rng.normal(size=(points, 1)),
        "part1_w1": rng.normal(size=(1, hidden)),
        "part1_b1": rng.normal(size=(hidden,)),
        "part1_w2": rng.normal(size=(hidden, 1)),
        "part1_b2": rng.normal(size=(1,)),
        "part1_grid": np.linspace(-0.5, 0.5, 21)[:, None],
        "part2_points": rng.integers(0, 2, (50, 2)) + rng.normal(0, 0.1, (50, 2)),
        "images": images,
    }
    return {name: value.astype(np.float32) for name, value in sent.items()}


def expected_gradients(sent: dict[str, np.ndarray[Any, Any]]) -> dict[str, np.ndarray[Any, Any]]:
    """Return forward and gradients of part 1 for `sent` from autograd in float64."""
    import torch

    leaves = {key: torch.tensor(sent[f"part1_{key}"], dtype=torch.float64, requires_grad=True) for key in ("w1", "b1", "w2", "b2")}
    inputs = torch.tensor(sent["part1_X"], dtype=torch.float64)
    outputs = torch.relu(inputs @ leaves["w1"] + leaves["b1"]) @ leaves["w2"] + leaves["b2"]
    slope = 2 * (torch.tensor(sent["part1_pred"], dtype=torch.float64) - torch.tensor(sent["part1_y"], dtype=torch.float64))
    outputs.backward(slope)  # type: ignore[no-untyped-call]
    gradients = {f"part1_d{key}": leaf.grad.numpy() for key, leaf in leaves.items() if leaf.grad is not None}
    return {"part1_forward": outputs.detach().numpy(), **gradients}
