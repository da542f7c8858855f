"""A folder of CIFAR-100 files that has been read through once: its name, its digest, and where its images are.

Reading and hashing 186 MB takes most of a second, so what was found is kept in the cache under the size, time and inode
of the three files, and read again as soon as one of these differs.
"""

import hashlib
import io
import json
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from grader.datasets.cache import cache_dir, write_whole
from grader.datasets.cifar100 import FILES, REMEDY, Split, check_meta, locate, parse_batch, read_file
from grader.datasets.original_reader import Pixels
from grader.errors import DataError
from variants.cifar100 import FINE

DataName = Literal["cifar100", "cifar100-synthetic"]
SYNTHETIC_MARK: Final = b"_synthetic_"
_EDITION: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class DataRoot:
    """A checked data set: `path` holds train, test and meta; `digest` is 64 hexadecimal digits over their contents."""

    path: Path
    name: DataName
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What reading a root found: the class of every row and the place of the pixels in the files."""

    root: DataRoot
    train_fine: NDArray[np.uint8]
    test_fine: NDArray[np.uint8]
    train_offset: int
    test_offset: int

    def fine(self, split: Split) -> NDArray[np.uint8]:
        """Return the class of every row of the split, shape (n,)."""
        return self.train_fine if split == "train" else self.test_fine

    def pixels(self, split: Split) -> Pixels:
        """Return the rows of the split, shape (n, 3072), mapped from the file and read where they are used."""
        offset = self.train_offset if split == "train" else self.test_offset
        try:
            return np.memmap(self.root.path / split, np.uint8, "r", offset, (len(self.fine(split)), 3072))
        except (OSError, ValueError) as error:
            raise _changed(self.root) from error


def open_root(folder: Path) -> DataRoot:
    """Return the data set in `folder` or in its `cifar-100-python`; raises DataError that names the file and its problem."""
    place = locate(folder)
    if place is None:
        raise DataError("There are no CIFAR-100 files (train, test, meta) here.", where=str(folder), remedy=REMEDY)
    return _contents(place.resolve()).root


def contents_of(root: DataRoot) -> Contents:
    """Return what is in `root`; raises DataError when its files are no longer those that it was opened with."""
    contents = _contents(root.path)
    if contents.root.digest != root.digest:
        raise _changed(root)
    return contents


def stamp(folder: Path, names: tuple[str, ...] = FILES) -> str:
    """Return size, time and inode of the files as text; differs when one was replaced, cut or edited. Raises OSError."""
    found = [(folder / name).stat() for name in names]
    return json.dumps([[each.st_size, each.st_mtime_ns, each.st_ino] for each in found])


def _changed(root: DataRoot) -> DataError:
    return DataError(
        "The data set changed while it was in use.", where=str(root.path), remedy="Start again when the files stay as they are."
    )


def _contents(folder: Path) -> Contents:
    note = cache_dir() / "roots" / f"{hashlib.sha256(str(folder).encode(errors='surrogateescape')).hexdigest()[:20]}-{_EDITION}.npz"
    try:
        before = stamp(folder)
    except OSError:
        return read_contents(folder)  # says which file is missing
    known = _recall(note, folder, before)
    if known is not None:
        return known
    contents = read_contents(folder)
    with suppress(OSError):  # a cache that cannot be written costs a second here and nothing else
        write_whole(note, _note(contents, before))
    return contents


def read_contents(folder: Path) -> Contents:
    """Read and check the three files in `folder` themselves, whatever the cache knows; raises DataError."""
    data = {name: read_file(folder / name, name) for name in FILES}
    train = parse_batch(data["train"], "train", folder / "train")
    test = parse_batch(data["test"], "test", folder / "test")
    check_meta(data["meta"], folder / "meta")
    _same_classes(folder, train.fine, test.fine)
    lines = "".join(f"{name} {hashlib.sha256(contents).hexdigest()}\n" for name, contents in data.items())
    root = DataRoot(
        path=folder,
        name="cifar100-synthetic" if SYNTHETIC_MARK in train.filenames[0] else "cifar100",
        digest=hashlib.sha256(lines.encode()).hexdigest(),
    )
    return Contents(root=root, train_fine=train.fine, test_fine=test.fine, train_offset=train.offset, test_offset=test.offset)


def _same_classes(folder: Path, train: NDArray[np.uint8], test: NDArray[np.uint8]) -> None:
    for split, here, there in (("train", train, test), ("test", test, train)):
        absent = np.setdiff1d(there, here)
        if len(absent):
            name = FINE[absent[0]]
            raise DataError(f"The file holds no image of class {absent[0]} ({name}).", where=str(folder / split), remedy=REMEDY)


def _note(contents: Contents, stamped: str) -> bytes:
    stream = io.BytesIO()
    np.savez(
        stream,
        stamp=np.array(stamped),
        name=np.array(contents.root.name),
        digest=np.array(contents.root.digest),
        train_fine=contents.train_fine,
        test_fine=contents.test_fine,
        offsets=np.array([contents.train_offset, contents.test_offset]),
    )
    return stream.getvalue()


def _recall(note: Path, folder: Path, stamped: str) -> Contents | None:
    try:
        with note.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            if str(stored["stamp"]) != stamped:
                return None
            name: DataName = "cifar100-synthetic" if str(stored["name"]) == "cifar100-synthetic" else "cifar100"
            train_offset, test_offset = (int(offset) for offset in stored["offsets"])
            return Contents(
                root=DataRoot(path=folder, name=name, digest=str(stored["digest"])),
                train_fine=stored["train_fine"],
                test_fine=stored["test_fine"],
                train_offset=train_offset,
                test_offset=test_offset,
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None  # never written, or damaged: it is made again
