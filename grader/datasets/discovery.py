"""Which data set is used: the one that was named, the one that was fetched, or the synthetic one that is always at hand."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from grader.datasets.cifar100 import FILES, PUBLISHED_MD5, REMEDY, check_meta, locate, parse_batch, read_file
from grader.datasets.fetch import fetched_folder
from grader.datasets.roots import DataRoot, open_root
from grader.datasets.synthetic import synthetic_folder, synthetic_root
from grader.errors import DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownRoot:
    """A place where a data set may be; `problem` is empty unless `state` is damaged; `digest` is empty unless it is ready."""

    name: str
    origin: Literal["ZACHET_DATA", "fetched", "synthetic"]
    path: Path
    state: Literal["ready", "absent", "damaged"]
    problem: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReport:
    """What verifying one file found; `published` says whether it is the published file to the last bit."""

    name: str
    path: Path
    rows: int = 0
    classes: int = 0
    published: bool = False
    problem: str = ""


def find_data_root(explicit: Path | None = None) -> DataRoot:
    """Return the data set to use: `explicit`, else ZACHET_DATA, else the fetched one, else the synthetic one.

    One that is named or was fetched and is damaged raises DataError: never is another one taken in its place.
    """
    named = explicit or _from_environment()
    if named is not None:
        return open_root(named)
    if locate(fetched_folder()) is not None:
        return open_root(fetched_folder())
    return synthetic_root()


def known_roots() -> tuple[KnownRoot, ...]:
    """Return the places that `find_data_root` looks at, in its order, without making anything."""
    named = _from_environment()
    places: list[tuple[Literal["ZACHET_DATA", "fetched", "synthetic"], Path]] = [("ZACHET_DATA", named)] if named else []
    places += [("fetched", fetched_folder()), ("synthetic", synthetic_folder())]
    return tuple(_known(origin, path) for origin, path in places)


def verify_files(folder: Path) -> tuple[FileReport, ...]:
    """Read the three files in `folder` (or in its cifar-100-python) and say what each holds or what is wrong with it.

    Raises DataError when the folder has none of them.
    """
    place = locate(folder)
    if place is None:
        raise DataError("There are no CIFAR-100 files (train, test, meta) here.", where=str(folder), remedy=REMEDY)
    return tuple(_verify(place / name) for name in FILES)


def _from_environment() -> Path | None:
    named = os.environ.get("ZACHET_DATA", "")
    return Path(named) if named else None


def _known(origin: Literal["ZACHET_DATA", "fetched", "synthetic"], path: Path) -> KnownRoot:
    name = "cifar100-synthetic" if origin == "synthetic" else "cifar100"
    if locate(path) is None:
        return KnownRoot(name=name, origin=origin, path=path, state="absent")
    try:
        root = open_root(path)
    except DataError as error:
        return KnownRoot(name=name, origin=origin, path=path, state="damaged", problem=f"{error.where}: {error.what}")
    return KnownRoot(name=root.name, origin=origin, path=root.path, state="ready", digest=root.digest)


def _verify(path: Path) -> FileReport:
    try:
        data = read_file(path, path.name)
        published = hashlib.md5(data, usedforsecurity=False).hexdigest() == PUBLISHED_MD5[path.name]
        if path.name == "meta":
            check_meta(data, path)
            return FileReport(name=path.name, path=path, published=published)
        batch = parse_batch(data, "train" if path.name == "train" else "test", path)
    except DataError as error:
        return FileReport(name=path.name, path=path, problem=error.what)
    return FileReport(name=path.name, path=path, rows=len(batch.fine), classes=len(np.unique(batch.fine)), published=published)
