"""The synthetic set: the published layout and size, the same bytes everywhere, learnable and not too easy."""

import hashlib
import pickle
from pathlib import Path

import numpy as np
import pytest

from grader.datasets import DataRoot, find_data_root, hidden_set, known_roots, public_images, synthetic_root
from grader.datasets import synthetic as module
from grader.datasets.cifar100 import PUBLISHED_MD5
from grader.model import View


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _here(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZACHET_CACHE", str(cache))
    monkeypatch.delenv("ZACHET_DATA", raising=False)


@pytest.fixture
def root(cache: Path) -> DataRoot:
    return synthetic_root(cache)


def test_it_is_what_is_used_when_nothing_else_is_at_hand(root: DataRoot) -> None:
    assert find_data_root() == root
    assert root.name == "cifar100-synthetic"
    assert [(known.name, known.origin, known.state) for known in known_roots()] == [
        ("cifar100", "fetched", "absent"),
        ("cifar100-synthetic", "synthetic", "ready"),
    ]


def test_it_has_the_published_layout_size_and_names(root: DataRoot) -> None:
    with (root.path / "train").open("rb") as stream:
        train = pickle.load(stream, encoding="latin1")  # noqa: S301 - a file of ours, read as students read it
    assert train["data"].shape == (50_000, 3072)
    assert np.bincount(train["fine_labels"]).tolist() == [500] * 100
    assert np.bincount(train["coarse_labels"]).tolist() == [2500] * 20
    assert len(set(train["filenames"])) == 50_000
    assert train["fine_labels"][:20] != sorted(train["fine_labels"][:20])
    assert hashlib.md5((root.path / "meta").read_bytes(), usedforsecurity=False).hexdigest() == PUBLISHED_MD5["meta"]
    assert len(hidden_set(root, View.SEALED, range(100)).images) == 10_000


def test_every_machine_makes_the_same_bytes(root: DataRoot) -> None:
    assert root.digest == "86775866aa9dc55f3eeb07ec9ac6acce2cf0778040ff689737e25c4b8b74b36e"


def test_no_image_is_in_both_splits(root: DataRoot) -> None:
    train = {image.tobytes() for image in public_images(root, View.SEALED, [0, 55])}
    assert len(train) == 1000
    assert not train & {image.tobytes() for image in hidden_set(root, View.SEALED, [0, 55]).images}


def test_a_damaged_set_is_made_again(root: DataRoot, cache: Path) -> None:
    path = root.path / "test"
    path.write_bytes(path.read_bytes()[:1000])
    assert synthetic_root(cache) == root


@pytest.mark.train
@pytest.mark.parametrize("classes", [(0, 55, 58), (23, 39, 58), (60, 74, 80)])
def test_a_small_network_learns_most_and_not_all_of_it(classes: tuple[int, ...]) -> None:
    torch = pytest.importorskip("torch")
    images = [module._images(index) for index in classes]
    train, test = (
        torch.tensor(np.concatenate([each[part] for each in images]) / np.float32(51) - np.float32(2.5))
        for part in (slice(0, 400), slice(500, 600))
    )
    wanted = torch.arange(3).repeat_interleave(400)
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3072, 10), torch.nn.ReLU(), torch.nn.Linear(10, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.005)
    accuracy = []
    for epoch in range(30):
        for rows in torch.randperm(1200).split(128):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(train[rows]), wanted[rows]).backward()
            optimizer.step()
        if epoch in {1, 29}:
            with torch.no_grad():
                accuracy.append(float((model(test).argmax(1) == torch.arange(3).repeat_interleave(100)).float().mean()))
    assert 0.72 < accuracy[1] < 0.93
    assert accuracy[1] > accuracy[0] + 0.02
