"""What a run of student code may see of a data set, and what it is measured on.

The folder of a view is all that enters the sandbox, so nothing else may ever be put into it. `sealed` carves its train
and its test out of the published train split; the published test split stays outside and is the hidden set.
"""

import gzip
import hashlib
import json
import shutil
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from grader.datasets.cache import cache_dir, exclusive, new_folder, write_whole
from grader.datasets.cifar100 import FILES, FOLDER, Batch, Split, read_batch, write_files
from grader.datasets.original_reader import Pixels
from grader.datasets.roots import Contents, DataRoot, contents_of, open_root, read_contents, stamp
from grader.errors import DataError
from grader.files import link_or_copy
from grader.model import View
from variants.cifar100 import FINE

ARCHIVE: Final = f"{FOLDER}.tar.gz"
_EDITION: Final = 1
_VIEW_FILES: Final = (*(f"{FOLDER}/{name}" for name in FILES), ARCHIVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedView:
    """A folder with cifar-100-python/{train,test,meta} and the same as cifar-100-python.tar.gz; `digest` as in DataRoot."""

    view: View
    folder: Path
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HiddenSet:
    """Images (n, 32, 32, 3) of unsigned bytes and their labels (n,) int64, positions in the sorted classes."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]


def prepare_view(root: DataRoot, view: View, cache: Path | None = None) -> PreparedView:
    """Return the view of `root`, built on first use (about 5 s and 320 MB for the whole set) and kept under its digest.

    The official view links to the files of the root where the file system allows, and copies them elsewhere. Safe to
    call from several processes at once. Raises DataError when the root changed or the cache cannot be written.
    """
    views = (cache or cache_dir()) / "views"
    folder = views / f"{view}-{root.digest[:20]}-{_EDITION}"
    note = views / f"{folder.name}.json"
    ready = _ready(folder, note, view)
    if ready is not None:
        return ready
    with exclusive(folder):
        ready = _ready(folder, note, view)  # another process built it while this one waited
        if ready is None:
            ready = _build(root, view, folder, note)
    return ready


def _ready(folder: Path, note: Path, view: View) -> PreparedView | None:
    """Return the view when it is whole: its files are still the ones that were noted when it was built."""
    try:
        noted = json.loads(note.read_text(encoding="utf-8"))
        whole = noted["stamp"] == stamp(folder, _VIEW_FILES)
        return PreparedView(view=view, folder=folder, digest=str(noted["digest"])) if whole else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _build(root: DataRoot, view: View, folder: Path, note: Path) -> PreparedView:
    contents = contents_of(root)
    with new_folder(folder) as building:
        inner = building / FOLDER
        inner.mkdir()
        if view is View.SEALED:
            train, test = _sealed(root, contents)
            write_files(inner, train, test)
        else:
            for name in FILES:
                _link(root.path / name, inner / name)
        _pack(inner, building / ARCHIVE)
    digest = read_contents(folder / FOLDER).root.digest
    write_whole(note, json.dumps({"stamp": stamp(folder, _VIEW_FILES), "digest": digest}).encode())
    return PreparedView(view=view, folder=folder, digest=digest)


def _sealed(root: DataRoot, contents: Contents) -> tuple[Batch, Batch]:
    """Return four fifths and one fifth of every class of the train split, chosen by the root's digest, in the rows' own order."""
    batch = read_batch(root.path / "train", "train")
    train, test = [], []
    for index in np.unique(contents.train_fine):
        rows = np.flatnonzero(contents.train_fine == index).tolist()
        rows.sort(key=lambda row: hashlib.sha256(f"{root.digest}:{row}".encode()).digest())
        cut = len(rows) * 4 // 5
        train += rows[:cut]
        test += rows[cut:]
    return _rows(batch, train), _rows(batch, test)


def _rows(batch: Batch, rows: list[int]) -> Batch:
    order = np.sort(np.array(rows, np.int64))
    names = [batch.filenames[row] for row in order.tolist()]
    return Batch(filenames=names, fine=batch.fine[order], coarse=batch.coarse[order], pixels=batch.pixels[order])


def _link(source: Path, target: Path) -> None:
    """Make `target` the same file as `source`, or a copy where no link can be made or others could not read through it."""
    if source.stat().st_mode & 0o004:
        link_or_copy(source, target)
    else:
        shutil.copyfile(source, target)
    if not target.samefile(source):
        target.chmod(0o644)


def _pack(inner: Path, archive: Path) -> None:
    """Write the archive as it is published, at the fastest level: pictures hardly shrink. The same files give the same bytes."""
    with archive.open("wb") as raw, gzip.GzipFile("", "wb", 1, raw, mtime=0) as stream, tarfile.open(fileobj=stream, mode="w") as tar:
        for path in (inner, *(inner / name for name in FILES)):
            entry = tarfile.TarInfo(FOLDER if path == inner else f"{FOLDER}/{path.name}")
            if path == inner:
                entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(entry)
                continue
            entry.size = path.stat().st_size
            with path.open("rb") as contents:
                tar.addfile(entry, contents)


def hidden_set(root: DataRoot, view: View, classes: Sequence[int]) -> HiddenSet:
    """Return the published test split of these classes: what measures a model in either view.

    The rows keep the published order, which is public: shuffle them before they go where student code runs.
    Raises DataError for a class that the data set does not have, or when its files changed.
    """
    del view  # the measure is the same in both: that is what makes their results comparable
    contents = contents_of(root)
    chosen = _chosen(contents, classes)
    rows = np.flatnonzero(np.isin(contents.test_fine, chosen))
    labels = np.searchsorted(chosen, contents.test_fine[rows])
    return HiddenSet(images=_images(contents, "test", rows), labels=labels.astype(np.int64))


def training_part(prepared: PreparedView, classes: Sequence[int]) -> HiddenSet:
    """Return what student code can train on in this view: the `train` file's images of these classes, in its order, and their labels.

    Raises DataError as `hidden_set` does.
    """
    return _part(prepared, "train", classes)


def visible_test(prepared: PreparedView, classes: Sequence[int]) -> HiddenSet:
    """Return what student code finds in the `test` file of this view, as `training_part` does for the other one."""
    return _part(prepared, "test", classes)


def _part(prepared: PreparedView, split: Split, classes: Sequence[int]) -> HiddenSet:
    contents = contents_of(open_root(prepared.folder))
    chosen = _chosen(contents, classes)
    fine = contents.fine(split)
    rows = np.flatnonzero(np.isin(fine, chosen))
    return HiddenSet(images=_images(contents, split, rows), labels=np.searchsorted(chosen, fine[rows]).astype(np.int64))


def public_images(root: DataRoot, view: View, classes: Sequence[int]) -> NDArray[np.uint8]:
    """Return every image of these classes that student code can see in this view, (n, 32, 32, 3) unsigned bytes.

    Raises DataError as `hidden_set` does.
    """
    contents = contents_of(root)
    chosen = _chosen(contents, classes)
    return np.concatenate([_images(contents, split, np.flatnonzero(np.isin(contents.fine(split), chosen))) for split in _seen(view)])


def public_labels(root: DataRoot, view: View, classes: Sequence[int]) -> NDArray[np.int64]:
    """Return the labels (n,) of `public_images`, in its order: positions in the sorted classes. Raises DataError as `hidden_set` does."""
    contents = contents_of(root)
    chosen = _chosen(contents, classes)
    fine = np.concatenate([np.asarray(contents.fine(split)) for split in _seen(view)])
    return np.searchsorted(chosen, fine[np.isin(fine, chosen)]).astype(np.int64)


def _seen(view: View) -> tuple[Split, ...]:
    """Return the published splits that student code can see something of."""
    return ("train",) if view is View.SEALED else ("train", "test")


def _chosen(contents: Contents, classes: Sequence[int]) -> NDArray[np.int64]:
    """Return the classes sorted, each once, when the data set has them all."""
    present = set(np.unique(contents.test_fine).tolist())
    for index in sorted(set(classes)):
        if not 0 <= index < len(FINE):
            raise DataError(f"CIFAR-100 has no class {index}.", where=str(contents.root.path), remedy="Classes are numbered from 0 to 99.")
        if index not in present:
            raise DataError(
                f"The data set has no images of class {index} ({FINE[index]}).",
                where=str(contents.root.path),
                remedy="Name a data set with all the classes of the variants, or run `zachet data fetch cifar100`.",
            )
    return np.array(sorted(set(classes)), np.int64)


def _images(contents: Contents, split: Split, rows: NDArray[np.int64]) -> Pixels:
    """Return these rows as pictures, height x width x colour."""
    planes = np.asarray(contents.pixels(split)[rows]).reshape(-1, 3, 32, 32)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1))
