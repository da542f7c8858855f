"""The cache folder: where it is, how one process at a time builds a thing in it, and what is said when it cannot be written."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs
from filelock import FileLock

from grader.errors import DataError


def cache_dir() -> Path:
    """Return the cache folder: ZACHET_CACHE, else the user's own cache folder of this system. It need not exist yet."""
    named = os.environ.get("ZACHET_CACHE", "")
    return Path(named) if named else Path(platformdirs.user_cache_dir("zachet", appauthor=False))


@contextmanager
def exclusive(target: Path) -> Iterator[None]:
    """Let one process at a time build `target`; the others wait. Raises DataError when the folder cannot be written."""
    with writing(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.parent / f".{target.name}.lock"):
            yield


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Give an empty folder that becomes `target` when the block ends well and vanishes when it does not.

    To be used inside `exclusive(target)`: what an interrupted process left under the same temporary name is removed.
    """
    building = target.parent / f".building-{target.name}"
    _remove(building)
    building.mkdir(parents=True)
    try:
        yield building
        _remove(target)
        building.rename(target)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def write_whole(path: Path, data: bytes) -> None:
    """Write a small file whole or not at all; raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        Path(name).chmod(0o644)  # other users of a shared cache may read it
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Say in three parts that `folder` cannot be written: a full disk, a read-only place, a file in the way."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise DataError(
            f"The cache of data sets cannot be written: {reason}.",
            where=str(folder),
            remedy="Free about 1 GB there, or name a writable folder in the environment variable ZACHET_CACHE.",
        ) from error


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
