"""A data set that is always at hand: CIFAR-100's layout, names and size, with drawn pictures that can be told apart.

Every class has a picture of its own: a smooth field of colours (a third of it shared with its superclass) and a shape on
it. An image is a shifted window of that picture, mirrored or not, under changed light, with smooth clutter of its own and
noise. Light and clutter keep a small network below 100 %, and let it learn for a hundred epochs. All arithmetic is on whole numbers and the random bits are raw PCG64, so that
every machine and every numpy makes the same bytes.
"""

from contextlib import suppress
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from grader.datasets.cache import cache_dir, exclusive, new_folder
from grader.datasets.cifar100 import FOLDER, Batch, write_files
from grader.datasets.roots import SYNTHETIC_MARK, DataRoot, open_root
from grader.errors import DataError
from variants.cifar100 import FINE, SUPERCLASS

_EDITION: Final = 1
_TRAIN, _TEST = 500, 100
_SIDE: Final = 32
_SHIFT: Final = 16
_CANVAS: Final = _SIDE + _SHIFT
_CLUTTER: Final = 110
_NOISE: Final = 24
_LIGHT: Final = 50

Numbers = NDArray[np.int64]
Planes = NDArray[np.int16]


def synthetic_root(cache: Path | None = None) -> DataRoot:
    """Return the synthetic set, made on first use (seconds, 187 MB) in `cache`; raises DataError when it cannot be written."""
    folder = synthetic_folder(cache)
    with suppress(DataError):  # not made yet, or damaged: made anew below
        return open_root(folder)
    with exclusive(folder):
        with suppress(DataError):  # another process made it while this one waited
            return open_root(folder)
        with new_folder(folder) as building:
            write_files(building / FOLDER, *make())
    return open_root(folder)


def synthetic_folder(cache: Path | None = None) -> Path:
    """Return where the synthetic set is kept once it was made."""
    return (cache or cache_dir()) / f"cifar100-synthetic-{_EDITION}"


def make() -> tuple[Batch, Batch]:
    """Return the train (50,000 rows) and the test (10,000 rows) split, their rows in a fixed random order."""
    images = np.empty((len(FINE), _TRAIN + _TEST, 3 * _SIDE * _SIDE), np.uint8)
    for index in range(len(FINE)):
        images[index] = _images(index)
    return _batch(images[:, :_TRAIN], 0), _batch(images[:, _TRAIN:], _TRAIN)


def _batch(images: NDArray[np.uint8], first: int) -> Batch:
    classes, count, width = images.shape
    order = np.argsort(_Bits(len(FINE) + first).take(classes * count), kind="stable")
    fine = np.repeat(np.arange(classes, dtype=np.uint8), count)[order]
    names = [b"%s%s%06d.png" % (FINE[row // count].encode(), SYNTHETIC_MARK, first + row % count) for row in order.tolist()]
    coarse = np.asarray(SUPERCLASS, np.uint8)[fine]
    return Batch(filenames=names, fine=fine, coarse=coarse, pixels=images.reshape(-1, width)[order])


class _Bits:
    """Random whole numbers from the raw bits of PCG64, whose stream numpy promises to keep."""

    def __init__(self, *key: int) -> None:
        self._source = np.random.PCG64(np.random.SeedSequence(key))

    def take(self, count: int) -> NDArray[np.uint64]:
        return np.asarray(self._source.random_raw(count), np.uint64)

    def below(self, bound: int, *shape: int) -> Numbers:
        """Return whole numbers 0 <= n < bound in this shape."""
        return (self.take(int(np.prod(shape))) % np.uint64(bound)).astype(np.int64).reshape(shape)

    def octets(self, *shape: int) -> NDArray[np.uint8]:
        count = int(np.prod(shape))
        return self.take(-(-count // 8)).astype("<u8").view(np.uint8)[:count].reshape(shape)


def _images(index: int) -> NDArray[np.uint8]:
    """Return all images of one class, shape (600, 3072)."""
    bits = _Bits(_EDITION, index)
    picture = _picture(index)
    count = _TRAIN + _TEST
    windows = np.lib.stride_tricks.sliding_window_view(picture, (_SIDE, _SIDE), axis=(1, 2))  # (3, 17, 17, 32, 32)
    down, right = bits.below(_SHIFT + 1, count), bits.below(_SHIFT + 1, count)
    seen = windows.transpose(1, 2, 0, 3, 4)[down, right].astype(np.int16)
    mirrored = bits.below(2, count).astype(bool)
    seen[mirrored] = seen[mirrored, :, :, ::-1]
    contrast = (64 + bits.below(65, count)).astype(np.int16)[:, None, None, None]  # in 1/128
    light = (bits.below(2 * _LIGHT + 1, count, 3) - _LIGHT).astype(np.int16)[:, :, None, None]
    clutter = _smooth(bits.below(2 * _CLUTTER + 1, count, 3, 4, 4) - _CLUTTER, _SIDE)
    noise = bits.octets(count, 3, _SIDE, _SIDE).astype(np.int16) % (2 * _NOISE + 1) - _NOISE
    mixed = 128 + ((seen - 128) * contrast >> 7) + light + clutter + noise
    images: NDArray[np.uint8] = np.clip(mixed, 0, 255).astype(np.uint8).reshape(count, -1)
    return images


def _picture(index: int) -> Planes:
    """Return the picture of one class, shape (3, 48, 48), values 0..255."""
    own, shared = _Bits(_EDITION, 1000 + index), _Bits(_EDITION, 2000 + SUPERCLASS[index])
    grid = (2 * own.below(256, 3, 5, 5) + shared.below(256, 3, 5, 5)) // 3
    picture = _smooth(grid, _CANVAS)
    colour = own.below(256, 3).astype(np.int16)
    return np.where(_shape(own), colour[:, None, None], picture)


def _shape(bits: _Bits) -> NDArray[np.bool_]:
    """Return where the shape covers the picture: a disc, a ring, a square, a triangle or a cross."""
    kind, radius = int(bits.below(5, 1)[0]), 9 + int(bits.below(6, 1)[0])
    centre = 18 + bits.below(13, 2)
    y, x = np.arange(_CANVAS)[:, None] - centre[0], np.arange(_CANVAS)[None, :] - centre[1]
    far = x * x + y * y
    square = np.maximum(abs(x), abs(y)) <= radius
    shapes = (
        far <= radius * radius,
        (far <= radius * radius) & (4 * far > radius * radius),
        square,
        square & (2 * abs(x) <= y + radius),
        square & (np.minimum(abs(x), abs(y)) <= radius // 3),
    )
    chosen: NDArray[np.bool_] = shapes[kind]
    return chosen


def _smooth(grid: Numbers, side: int) -> Planes:
    """Return the grids (..., k, k) drawn out to (..., side, side) by linear interpolation.

    The products are of whole numbers small enough for float32 to hold exactly, so the sum's order cannot matter.
    """
    knots = grid.shape[-1]
    place = np.arange(side) * (knots - 1) * 16 // (side - 1)
    low = np.minimum(place // 16, knots - 2)
    weights = np.zeros((side, knots), np.float32)
    weights[np.arange(side), low + 1] = place - 16 * low
    weights[np.arange(side), low] = 16 - (place - 16 * low)
    drawn = weights @ grid.astype(np.float32) @ weights.T
    return (drawn.astype(np.int32) >> 8).astype(np.int16)
