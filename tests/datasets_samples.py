"""Small data sets in the published layout, for tests."""

from pathlib import Path

import numpy as np

from grader.datasets.cifar100 import FOLDER, Batch, write_files
from variants.cifar100 import SUPERCLASS


def batch_of(classes: tuple[int, ...], each: int, *, seed: int) -> Batch:
    """Return `each` random images of every class, the classes taking turns."""
    fine = np.tile(np.array(classes, np.uint8), each)
    pixels = np.random.default_rng(seed).integers(0, 256, (len(fine), 3072), np.uint8)
    names = [b"picture_%06d.png" % row for row in range(len(fine))]
    return Batch(filenames=names, fine=fine, coarse=np.asarray(SUPERCLASS, np.uint8)[fine], pixels=pixels)


def write_sample(folder: Path, classes: tuple[int, ...] = (0, 55, 58), *, train: int = 10, test: int = 4) -> Path:
    """Write a data set below `folder` and return the folder that holds its three files."""
    write_files(folder / FOLDER, batch_of(classes, train, seed=1), batch_of(classes, test, seed=2))
    return folder / FOLDER
