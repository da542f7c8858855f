"""Data roots, and what a run may see of them: the sealed and the official view, the hidden set, the public images."""

import multiprocessing
import os
import pickle
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest

from grader.datasets import DataRoot, find_data_root, hidden_set, known_roots, open_root, prepare_view, public_images
from grader.datasets.cache import exclusive, new_folder
from grader.datasets.cifar100 import Batch, read_batch, write_files
from grader.errors import DataError
from grader.model import View
from tests.datasets_samples import batch_of, write_sample

REMEDY = "Run `zachet data fetch cifar100`, or name the folder of the published files with --data-root."
CACHE_REMEDY = "Free about 1 GB there, or name a writable folder in the environment variable ZACHET_CACHE."
_real = os.environ.get("ZACHET_TEST_DATA", "")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ZACHET_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("ZACHET_DATA", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def root(tmp_path: Path) -> DataRoot:
    return open_root(write_sample(tmp_path / "data"))


def _rows(batch: Batch) -> set[bytes]:
    return {row.tobytes() for row in batch.pixels}


def _damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-50])


def test_a_root_may_be_named_by_its_folder_or_by_the_folder_above(tmp_path: Path) -> None:
    inner = write_sample(tmp_path / "data")
    assert find_data_root(tmp_path / "data") == find_data_root(inner)
    assert (find_data_root(inner).path, find_data_root(inner).name) == (inner, "cifar100")


def test_the_named_root_comes_before_the_environment_and_that_before_the_fetched_one(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched = write_sample(cache / "cifar100", (1, 2))
    assert find_data_root().path == fetched
    named = write_sample(tmp_path / "environment", (3, 4))
    monkeypatch.setenv("ZACHET_DATA", str(tmp_path / "environment"))
    assert find_data_root().path == named
    explicit = write_sample(tmp_path / "explicit", (5, 6))
    assert find_data_root(explicit).path == explicit


def test_a_folder_without_the_files_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZACHET_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(DataError) as caught:
        find_data_root()
    assert str(caught.value) == f"{tmp_path / 'nowhere'}: There are no CIFAR-100 files (train, test, meta) here. {REMEDY}"


def test_a_damaged_fetched_set_is_an_error_and_not_replaced_by_the_synthetic_one(cache: Path) -> None:
    _damage(write_sample(cache / "cifar100") / "test")
    with pytest.raises(DataError, match=r"test: The file is cut off: it ends after \d+ bytes, in the middle of a part\."):
        find_data_root()
    assert [(known.origin, known.state) for known in known_roots()] == [("fetched", "damaged"), ("synthetic", "absent")]


@pytest.mark.parametrize("missing", ["train", "test", "meta"])
def test_a_missing_file_is_named(tmp_path: Path, missing: str) -> None:
    (write_sample(tmp_path) / missing).unlink()
    with pytest.raises(DataError) as caught:
        open_root(tmp_path)
    assert caught.value.what == f"The file {missing} of CIFAR-100 is missing."


def test_splits_with_different_classes_do_not_make_a_root(tmp_path: Path) -> None:
    write_files(tmp_path, batch_of((0, 5), 4, seed=1), batch_of((0,), 2, seed=2))
    with pytest.raises(DataError) as caught:
        open_root(tmp_path)
    assert (caught.value.what, caught.value.where) == ("The file holds no image of class 5 (bed).", str(tmp_path / "test"))


def test_the_digest_is_of_the_content_and_not_of_the_place(tmp_path: Path) -> None:
    first, second = open_root(write_sample(tmp_path / "a")), open_root(write_sample(tmp_path / "b"))
    other = open_root(write_sample(tmp_path / "c", (0, 55)))
    assert first.digest == second.digest
    assert first.digest != other.digest
    assert len(first.digest) == 64


def test_a_file_that_changes_after_it_was_known_is_read_again(root: DataRoot) -> None:
    _damage(root.path / "train")
    with pytest.raises(DataError, match="is cut off"):
        open_root(root.path)


def test_a_root_that_changed_while_in_use_is_refused(root: DataRoot) -> None:
    write_sample(root.path.parent, (0, 55, 58), train=11)
    with pytest.raises(DataError, match=r"The data set changed while it was in use\."):
        hidden_set(root, View.SEALED, [0])


def test_a_damaged_note_in_the_cache_is_made_again(root: DataRoot, cache: Path) -> None:
    (note,) = (cache / "roots").iterdir()
    note.write_bytes(b"PK\x03\x04 nothing")
    assert open_root(root.path) == root


def test_a_cache_that_cannot_be_written_costs_a_root_only_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    monkeypatch.setenv("ZACHET_CACHE", str(tmp_path / "file" / "cache"))
    root = open_root(write_sample(tmp_path))
    assert len(hidden_set(root, View.SEALED, [0]).images) == 4


def test_the_sealed_view_is_carved_from_the_train_split_alone(root: DataRoot) -> None:
    folder = prepare_view(root, View.SEALED).folder / "cifar-100-python"
    train, test = read_batch(folder / "train", "train"), read_batch(folder / "test", "test")
    published, hidden = read_batch(root.path / "train", "train"), read_batch(root.path / "test", "test")
    assert np.bincount(train.fine)[[0, 55, 58]].tolist() == [8, 8, 8]
    assert np.bincount(test.fine)[[0, 55, 58]].tolist() == [2, 2, 2]
    assert _rows(train) | _rows(test) == _rows(published)
    assert not _rows(train) & _rows(test)
    assert not _rows(hidden) & (_rows(train) | _rows(test))


def test_the_rows_of_the_sealed_view_keep_their_order(root: DataRoot) -> None:
    folder = prepare_view(root, View.SEALED).folder / "cifar-100-python"
    published = list(read_batch(root.path / "train", "train").filenames)
    for split in ("train", "test"):
        places = [published.index(name) for name in read_batch(folder / split, split).filenames]
        assert places == sorted(places)


def test_the_sealed_view_depends_on_the_content_of_the_root_alone(tmp_path: Path, root: DataRoot) -> None:
    first = prepare_view(root, View.SEALED, tmp_path / "one")
    second = prepare_view(open_root(write_sample(tmp_path / "again")), View.SEALED, tmp_path / "two")
    assert first.digest == second.digest != root.digest
    assert (first.folder / "cifar-100-python.tar.gz").read_bytes() == (second.folder / "cifar-100-python.tar.gz").read_bytes()


def test_the_official_view_is_the_files_as_they_are_without_a_copy(root: DataRoot) -> None:
    view = prepare_view(root, View.OFFICIAL)
    assert view.digest == root.digest
    for name in ("train", "test", "meta"):
        assert (view.folder / "cifar-100-python" / name).samefile(root.path / name)
        assert not (view.folder / "cifar-100-python" / name).is_symlink()


def test_a_file_that_others_may_not_read_is_copied_into_the_official_view(root: DataRoot) -> None:
    (root.path / "train").chmod(0o600)
    inside = prepare_view(root, View.OFFICIAL).folder / "cifar-100-python" / "train"
    assert not inside.samefile(root.path / "train")
    assert inside.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("view", list(View))
def test_the_archive_of_a_view_holds_its_files_and_nothing_else(root: DataRoot, view: View) -> None:
    folder = prepare_view(root, view).folder
    assert sorted(path.name for path in folder.iterdir()) == ["cifar-100-python", "cifar-100-python.tar.gz"]
    with tarfile.open(folder / "cifar-100-python.tar.gz") as tar:
        assert tar.getnames() == ["cifar-100-python", *(f"cifar-100-python/{name}" for name in ("train", "test", "meta"))]
        for name in ("train", "test", "meta"):
            packed = tar.extractfile(f"cifar-100-python/{name}")
            assert packed is not None
            assert packed.read() == (folder / "cifar-100-python" / name).read_bytes()


def test_a_view_is_built_once(root: DataRoot) -> None:
    first = prepare_view(root, View.SEALED)
    inodes = [path.stat().st_ino for path in sorted(first.folder.rglob("*"))]
    assert prepare_view(root, View.SEALED) == first
    assert [path.stat().st_ino for path in sorted(first.folder.rglob("*"))] == inodes


def test_a_damaged_view_is_built_again(root: DataRoot) -> None:
    first = prepare_view(root, View.SEALED)
    _damage(first.folder / "cifar-100-python" / "train")
    assert prepare_view(root, View.SEALED) == first
    assert open_root(first.folder).digest == first.digest


def _prepare(path: Path) -> tuple[str, int]:
    view = prepare_view(open_root(path), View.SEALED)
    return view.digest, (view.folder / "cifar-100-python.tar.gz").stat().st_ino


def test_processes_that_start_together_get_the_same_view(tmp_path: Path) -> None:
    folder = write_sample(tmp_path, tuple(range(0, 100, 4)), train=40)
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        results = pool.map(_prepare, [folder] * 6, chunksize=1)
    assert len(set(results)) == 1


def test_the_hidden_set_is_the_published_test_split_in_both_views(root: DataRoot) -> None:
    published = read_batch(root.path / "test", "test")
    for view in View:
        hidden = hidden_set(root, view, [58, 0])
        assert (hidden.images.shape, str(hidden.images.dtype), str(hidden.labels.dtype)) == ((8, 32, 32, 3), "uint8", "int64")
        rows = np.flatnonzero(np.isin(published.fine, [0, 58]))
        assert np.array_equal(hidden.labels, (published.fine[rows] == 58).astype(np.int64))
        assert np.array_equal(hidden.images[3, :, :, 1].ravel(), published.pixels[rows[3], 1024:2048])


def test_public_images_are_those_of_the_view(root: DataRoot) -> None:
    sealed, official = public_images(root, View.SEALED, [0, 58]), public_images(root, View.OFFICIAL, [0, 58])
    assert (sealed.shape, official.shape) == ((20, 32, 32, 3), (28, 32, 32, 3))
    folder = prepare_view(root, View.SEALED).folder / "cifar-100-python"
    seen = [read_batch(folder / "train", "train"), read_batch(folder / "test", "test")]
    expected = {row.tobytes() for batch in seen for row in batch.pixels[np.isin(batch.fine, [0, 58])]}
    assert {image.transpose(2, 0, 1).tobytes() for image in sealed} == expected
    hidden = hidden_set(root, View.SEALED, [0, 58]).images
    assert not {image.tobytes() for image in sealed} & {image.tobytes() for image in hidden}


@pytest.mark.parametrize(
    ("index", "what", "remedy"),
    [
        (
            7,
            "The data set has no images of class 7 (beetle).",
            "Name a data set with all the classes of the variants, or run `zachet data fetch cifar100`.",
        ),
        (100, "CIFAR-100 has no class 100.", "Classes are numbered from 0 to 99."),
        (-1, "CIFAR-100 has no class -1.", "Classes are numbered from 0 to 99."),
    ],
)
def test_a_class_that_is_not_there_is_named(root: DataRoot, index: int, what: str, remedy: str) -> None:
    for ask in (hidden_set, public_images):
        with pytest.raises(DataError) as caught:
            ask(root, View.SEALED, [0, index])
        assert (caught.value.what, caught.value.where, caught.value.remedy) == (what, str(root.path), remedy)


def test_a_cache_with_a_file_in_its_way_is_named(tmp_path: Path, root: DataRoot) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        prepare_view(root, View.SEALED, tmp_path / "file")
    assert caught.value.what.startswith("The cache of data sets cannot be written: ")
    assert caught.value.where.startswith(str(tmp_path / "file"))
    assert caught.value.remedy == CACHE_REMEDY


_FULL_DISK = """
import resource, sys
from pathlib import Path
from grader.datasets import open_root, prepare_view
from grader.errors import DataError
from grader.model import View
root = open_root(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
try:
    prepare_view(root, View.SEALED)
except DataError as error:
    print(error)
"""


def test_a_disk_that_fills_up_leaves_no_half_view(root: DataRoot, cache: Path) -> None:
    command = [sys.executable, "-c", _FULL_DISK, str(root.path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parent.parent).stdout
    assert said == f"{cache / 'views'}: The cache of data sets cannot be written: File too large. {CACHE_REMEDY}\n"
    assert [path.name for path in (cache / "views").iterdir() if not path.name.endswith(".lock")] == []
    assert prepare_view(root, View.SEALED).folder.is_dir()


def test_what_an_interrupted_process_left_is_cleared_away(tmp_path: Path) -> None:
    target = tmp_path / "thing"
    (tmp_path / ".building-thing").mkdir()
    (tmp_path / ".building-thing" / "half").write_text("half", encoding="utf-8")
    with exclusive(target), new_folder(target) as building:
        (building / "whole").write_text("whole", encoding="utf-8")
    assert sorted(path.name for path in target.iterdir()) == ["whole"]
    assert not (tmp_path / ".building-thing").exists()


@pytest.mark.data
@pytest.mark.skipif(not _real, reason="ZACHET_TEST_DATA names no folder with the real CIFAR-100")
def test_the_real_data_set_gives_its_published_numbers() -> None:
    root = open_root(Path(_real))
    hidden = hidden_set(root, View.SEALED, [58, 0, 55])
    assert np.bincount(hidden.labels).tolist() == [100, 100, 100]
    assert len(public_images(root, View.SEALED, [0, 55, 58])) == 1500
    view = prepare_view(root, View.SEALED)
    with (view.folder / "cifar-100-python" / "test").open("rb") as stream:
        loaded = pickle.load(stream, encoding="latin1")  # noqa: S301 - a file of ours, read as students read it
    assert np.bincount(loaded["fine_labels"]).tolist() == [100] * 100
    assert loaded["data"].shape == (10_000, 3072)
