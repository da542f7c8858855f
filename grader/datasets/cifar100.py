"""CIFAR-100 in its published layout: `train`, `test` and `meta`, read with every part checked and written byte for byte alike."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from grader.datasets.original_reader import Located, NotOriginalError, Pixels, decode
from grader.datasets.original_writer import encode
from grader.errors import DataError
from variants.cifar100 import FINE, SUPERCLASS, SUPERCLASSES

Split = Literal["train", "test"]
FOLDER: Final = "cifar-100-python"
FILES: Final = ("train", "test", "meta")
PUBLISHED_MD5: Final[Mapping[str, str]] = {
    "train": "16019d7e3df5f24257cddd939b257f8d",
    "test": "f0ef6b0ae62326f3e7ffdfab6717acfc",
    "meta": "7973b15100ade9c7d40fb424638fde48",
}
REMEDY: Final = "Run `zachet data fetch cifar100`, or name the folder of the published files with --data-root."
_BATCH_LABEL: Final[Mapping[Split, bytes]] = {"train": b"training batch 1 of 1", "test": b"testing batch 1 of 1"}
_MOST_BYTES: Final[Mapping[str, int]] = {"train": 160_000_000, "test": 160_000_000, "meta": 10_000}
_PIXELS: Final = 3 * 32 * 32
_PARTS: Final = (b"filenames", b"batch_label", b"fine_labels", b"coarse_labels", b"data")


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One split: `pixels` is (n, 3072) unsigned bytes, red, green, blue plane, row by row; `offset` is where the file has them."""

    filenames: Sequence[bytes]
    fine: NDArray[np.uint8]
    coarse: NDArray[np.uint8]
    pixels: Pixels
    offset: int = -1


def locate(folder: Path) -> Path | None:
    """Return `folder` or its `cifar-100-python`, whichever holds at least one file of the layout; None when neither does."""
    for place in (folder, folder / FOLDER):
        if any((place / name).is_file() for name in FILES):
            return place
    return None


def read_batch(path: Path, split: Split) -> Batch:
    """Return the split in `path`, every part checked; raises DataError that names the file and its problem."""
    return parse_batch(read_file(path, split), split, path)


def read_file(path: Path, name: str) -> bytes:
    """Return the bytes of the file, within the size that the published one has; raises DataError."""
    try:
        with path.open("rb") as stream:
            data = stream.read(_MOST_BYTES[name] + 1)
    except FileNotFoundError as error:
        raise DataError(f"The file {name} of CIFAR-100 is missing.", where=str(path), remedy=REMEDY) from error
    except OSError as error:
        raise DataError(f"The file {name} of CIFAR-100 cannot be read: {error.strerror}.", where=str(path), remedy=REMEDY) from error
    if len(data) > _MOST_BYTES[name]:
        raise _problem(path, "is larger than the published one")
    return data


def parse_batch(data: bytes, split: Split, path: Path) -> Batch:
    """Return the split that `data`, the contents of `path`, holds; raises DataError."""
    parts = _decode(data, path, _PARTS)
    label = parts[b"batch_label"]
    if label != _BATCH_LABEL[split]:
        raise _problem(path, f"is labelled {_shown(label)} where {_BATCH_LABEL[split].decode()!r} should stand")
    pixels = parts[b"data"]
    if not isinstance(pixels, Located) or pixels.pixels.shape[1] != _PIXELS or not len(pixels.pixels):
        raise _problem(path, f"does not hold its images as rows of {_PIXELS} bytes")
    rows = len(pixels.pixels)
    fine = _labels(parts[b"fine_labels"], rows, len(FINE), path, "fine_labels")
    coarse = _labels(parts[b"coarse_labels"], rows, len(SUPERCLASSES), path, "coarse_labels")
    wrong = np.flatnonzero(np.asarray(SUPERCLASS, np.uint8)[fine] != coarse)
    if len(wrong):
        row = int(wrong[0])
        raise _problem(path, f"puts class {fine[row]} ({FINE[fine[row]]}) in superclass {coarse[row]} at row {row}")
    names = parts[b"filenames"]
    if not isinstance(names, list) or len(names) != rows or not all(isinstance(name, bytes) for name in names):
        raise _problem(path, f"does not name a file for each of its {rows} images")
    return Batch(filenames=names, fine=fine, coarse=coarse, pixels=pixels.pixels, offset=pixels.offset)


def check_meta(data: bytes, path: Path) -> None:
    """Raise DataError when `data`, the contents of `path`, is not the published list of class names."""
    parts = _decode(data, path, tuple(_META))
    for name, expected in _META.items():
        if parts[name] != expected:
            raise _problem(path, f"lists other {name.decode()} than CIFAR-100 has")


def batch_bytes(batch: Batch, split: Split) -> Iterable[bytes]:
    """Return the pickle of the split as Python 2 wrote it, in pieces."""
    return encode(
        {
            b"filenames": batch.filenames,
            b"batch_label": _BATCH_LABEL[split],
            b"fine_labels": batch.fine.tolist(),
            b"coarse_labels": batch.coarse.tolist(),
            b"data": batch.pixels,
        }
    )


def meta_bytes() -> Iterable[bytes]:
    """Return the published `meta`, byte for byte."""
    return encode(_META)


def write_files(folder: Path, train: Batch, test: Batch) -> None:
    """Write the three files of the layout into `folder`, which is made; raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, pieces in (("train", batch_bytes(train, "train")), ("test", batch_bytes(test, "test")), ("meta", meta_bytes())):
        with (folder / name).open("wb") as stream:
            stream.writelines(pieces)


_META: Final[Mapping[bytes, list[bytes]]] = {
    b"fine_label_names": [name.encode() for name in FINE],
    b"coarse_label_names": [name.encode() for name in SUPERCLASSES],
}


def _problem(path: Path, clause: str) -> DataError:
    return DataError(f"The file {clause}.", where=str(path), remedy=REMEDY)


def _decode(data: bytes, path: Path, expected: Sequence[bytes]) -> dict[bytes, object]:
    try:
        parts = decode(data)
    except NotOriginalError as error:
        raise _problem(path, str(error)) from error
    if b"labels" in parts and b"fine_labels" not in parts:
        raise _problem(path, "is of CIFAR-10, not of CIFAR-100")
    missing = [name.decode() for name in expected if name not in parts]
    if missing:
        raise _problem(path, f"holds no {', '.join(missing)}")
    return parts


def _labels(values: object, rows: int, classes: int, path: Path, name: str) -> NDArray[np.uint8]:
    if not isinstance(values, list) or len(values) != rows:
        raise _problem(path, f"has {len(values) if isinstance(values, list) else 'no list of'} {name} for {rows} images")
    for row, value in enumerate(values):
        if type(value) is not int or not 0 <= value < classes:
            raise _problem(path, f"has {_shown(value)} in {name} at row {row}, not a number from 0 to {classes - 1}")
    return np.array(values, np.uint8)


def _shown(value: object) -> str:
    if isinstance(value, bytes):
        return repr(value[:40].decode("latin-1"))
    return str(value) if isinstance(value, int) else "something else"
