"""The image data sets: where they come from, what a run may see of them, what it is measured on.

A data set is always in the published layout of CIFAR-100 (`train`, `test`, `meta`), be it fetched, lent or synthetic.
"""

from grader.datasets.cache import cache_dir
from grader.datasets.discovery import FileReport, KnownRoot, find_data_root, known_roots, verify_files
from grader.datasets.fetch import CIFAR100, Archive, fetch
from grader.datasets.roots import DataRoot, open_root
from grader.datasets.synthetic import synthetic_root
from grader.datasets.views import (
    HiddenSet,
    PreparedView,
    hidden_set,
    prepare_view,
    public_images,
    public_labels,
    training_part,
    visible_test,
)

__all__ = [
    "CIFAR100",
    "Archive",
    "DataRoot",
    "FileReport",
    "HiddenSet",
    "KnownRoot",
    "PreparedView",
    "cache_dir",
    "fetch",
    "find_data_root",
    "hidden_set",
    "known_roots",
    "open_root",
    "prepare_view",
    "public_images",
    "public_labels",
    "synthetic_root",
    "training_part",
    "verify_files",
    "visible_test",
]
