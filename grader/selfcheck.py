"""What a self-check needs beside the pipeline: the notebook with what lies beside it, the variant that it names, the public part of the rubric."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from grader.assignment import Assignment
from grader.errors import ConfigurationError
from grader.intake.bounds import Bounds
from grader.intake.decoding import decoded, parsed
from grader.intake.files import DiskFile, DiskFolder, Folder, Handful, Item, Listing
from grader.intake.names import ignored, suffix
from grader.intake.notebook import identity_of, is_notebook, is_percent, read_notebook, read_script
from grader.intake.says import Refused
from grader.intake.split import may_be_graded
from grader.intake.weights import SUFFIXES, is_weights
from grader.intake.work import OTHER_ARCHIVES
from grader.model import Language, Submission
from grader.submission import take_in_one
from variants.manifest import Variant
from variants.roster import Student
from variants.rule import wrong_with

_SLUG = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_DEFAULT_ASSIGNMENT = "iu5_lab1"
_NOBODY = "me"
_EXAMPLE = "--classes 0,55,58"


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """The file that a student checks, in the `folder` where it was named.

    `metadata` is what a package wrote into the notebook, None where the file cannot be opened as one; `whole` says whether it can be run.
    """

    file: DiskFile
    folder: Path
    metadata: Mapping[str, Any] | None
    whole: bool


def find_own(path: Path) -> Own:
    """Return the file at `path` and what it says of itself; a damaged one is no error, what is wrong with it the intake says.

    Raises ConfigurationError for nothing, a folder, an archive, a device, and JSON or Python that is no notebook.
    """
    if not os.path.exists(path):  # noqa: PTH110 - Path.exists raises where a folder may not be looked into
        raise ConfigurationError("There is no such file.", where=str(path), remedy="Name the notebook that you want to check.")
    if path.is_dir():
        found = [inner for inner in path.glob("*.ipynb") if inner.is_file() and not ignored(inner.name)]
        remedy = f"Name the notebook: {found[0]}" if len(found) == 1 else "Name the notebook that you want to check."
        raise ConfigurationError("This is a folder.", where=str(path), remedy=remedy)
    if suffix(path.name) in {".zip", *OTHER_ARCHIVES}:
        raise ConfigurationError("This is an archive.", where=str(path), remedy="Unpack it and check the .ipynb itself.")
    if not path.is_file():
        raise ConfigurationError("This is no regular file.", where=str(path), remedy="Name the notebook that you want to check.")
    file = _on_disk(path)
    metadata = _metadata(file, path)
    return Own(file=file, folder=path.parent, metadata=metadata, whole=metadata is not None and _is_whole(file))


def own_variant(own: Own, *, slug: str, classes: str | None) -> tuple[Variant, Language]:
    """Return the variant written into a handed-out notebook, or made of `classes`, and the notebook's language.

    A file that cannot be opened has no classes unless they are given. Raises ConfigurationError for classes that are none, and when nothing
    says which classes the work is about.
    """
    metadata = own.metadata or {}
    student, name = (value if isinstance(value := metadata.get(key), str) else "" for key in ("student", "name"))
    # A notebook is other people's text: it may name a bundled assignment, never a folder whose checks.py would run here.
    named = str(metadata.get("assignment") or "")
    variant = Variant(
        student=Student(id=student or _NOBODY, name=name, group="", number=None, stream=""),
        assignment=slug or (named if _SLUG.fullmatch(named) else _DEFAULT_ASSIGNMENT),
        rule="",
        classes=_given(classes) if classes is not None else () if own.metadata is None else _dealt(own),
    )
    return variant, "en" if metadata.get("language") == "en" else "ru"


def public_part(assignment: Assignment) -> Assignment:
    """Return the assignment with only the criteria that a student may see at home."""
    return replace(assignment, criteria=tuple(criterion for criterion in assignment.criteria if criterion.public))


def expect_weights(weights: Path) -> None:
    """Raise ConfigurationError when `weights` is not there, or not a file of weights by its name."""
    if not weights.is_file():
        raise ConfigurationError("There is no such file of weights.", where=str(weights), remedy=f"Name a file of weights ({', '.join(SUFFIXES)}).")
    if suffix(weights.name) not in SUFFIXES:
        remedy = "Name the file that your notebook saved, or leave out --weights."
        raise ConfigurationError(f"{weights.name} is no file of weights ({', '.join(SUFFIXES)}).", where=f"--weights {weights}", remedy=remedy)


def hand_in(own: Own, variant: Variant, *, weights: Path | None, loads: bool, work: Path) -> Submission:
    """Take the notebook in as `zachet grade` takes a student's folder, with the files beside it and within the same bounds.

    Other notebooks are never taken; weights only where the work `loads` them: those that are named, else all. `work` is an empty folder.
    """
    folder: Folder = Handful(name=own.file.name, files=(own.file,))
    if own.whole:
        named = (own.file, *([_on_disk(weights)] if weights else []))
        folder = _Around(folder=_folder(own, apart=work), takes=_taken(own.file, weights=loads and weights is None), named=named)
    return take_in_one(folder, variant.student, source=own.file.name, assignment=variant.assignment, work=work / "in")


def weights_beside(own: Own) -> list[str]:
    """Return the names of the files of weights that lie in the notebook's folder."""
    return [file.name for file in _folder(own, apart=own.folder).listing().files if is_weights(file)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Around:
    """A folder as far as it goes along with the notebook that is checked; `named` are the files that a person named."""

    folder: Folder
    takes: Callable[[Item], bool]
    named: tuple[Item, ...] = ()

    @property
    def name(self) -> str:
        """The folder's own."""
        return self.folder.name

    def listing(self) -> Listing:
        """Look one level in."""
        found = self.folder.listing()
        return Listing(
            folders=tuple(_Around(folder=inner, takes=self.takes) for inner in found.folders),
            files=(*self.named, *(file for file in found.files if self.takes(file))),
            troubles=tuple(trouble for trouble in found.troubles if suffix(trouble.name) != ".ipynb"),
        )


def _taken(file: DiskFile, *, weights: bool) -> Callable[[Item], bool]:
    """Return what tells the files that go along from weights and from what the intake would take for another notebook."""
    by_name = suffix(file.name) == ".ipynb"  # beside one, the intake looks for no notebook under another name

    def takes(item: Item) -> bool:
        if is_weights(item):
            return weights
        return suffix(item.name) != ".ipynb" and (by_name or not may_be_graded(item))

    return takes


def _folder(own: Own, *, apart: Path) -> DiskFolder:
    status = apart.stat()
    return DiskFolder(path=own.folder, name=own.folder.name, bounds=Bounds(), apart=(status.st_dev, status.st_ino))


def _on_disk(path: Path) -> DiskFile:
    """Return a file for the intake. The path itself may be a link: the person at the keyboard wrote it."""
    real = path.resolve()
    status = real.stat()
    return DiskFile(path=real, name=path.name, size=status.st_size, key=(status.st_dev, status.st_ino))


def _metadata(file: DiskFile, path: Path) -> Mapping[str, Any] | None:
    """Return the `zachet` metadata as the intake keeps it, empty where there is none, or None for a file that it does not open."""
    bounds = Bounds()
    try:
        data = file.read(bounds.notebook_bytes)
        if suffix(file.name) == ".py":
            found: Any = {"cells": []} if is_percent(data.decode("utf-8", "replace")) else None
        elif may_be_graded(file):
            found, _ = parsed(decoded(data, file.name)[0], file.name, bounds)
        else:
            return None
    except Refused:
        return None
    if not is_notebook(found):
        remedy = "Name the .ipynb file, or a .py whose cells begin with # %% lines."
        raise ConfigurationError("This is not a Jupyter notebook.", where=str(path), remedy=remedy)
    return identity_of(found, bounds)


def _is_whole(file: DiskFile) -> bool:
    bounds = Bounds()
    read = read_script if suffix(file.name) == ".py" else read_notebook
    try:
        read(file.read(bounds.notebook_bytes), file.name, bounds)
    except Refused:
        return False
    return True


def _given(text: str) -> tuple[int, ...]:
    """Return the classes of `--classes`."""
    remedy = f"Write different numbers from 0 to 99 with commas: {_EXAMPLE}."
    try:
        numbers = tuple(int(part) for part in text.replace(",", " ").split())
    except ValueError:
        raise ConfigurationError(f"“{text}” is not a list of class indices.", where="--classes", remedy=remedy) from None
    wrong = wrong_with(numbers) if numbers else f"“{text}” names no class"
    if wrong:
        raise ConfigurationError(f"{wrong[0].upper()}{wrong[1:]}.", where="--classes", remedy=remedy)
    return numbers


def _dealt(own: Own) -> tuple[int, ...]:
    """Return the classes that the notebook itself names."""
    dealt = (own.metadata or {}).get("variant")
    found = dealt.get("classes") if isinstance(dealt, dict) else None
    if not isinstance(found, list) or not all(type(number) is int for number in found) or wrong_with(found):
        raise ConfigurationError(
            "Nothing says which classes this work is about.",
            where=str(own.folder / own.file.name),
            remedy=f"Check the notebook that was handed out to you, or name its classes, for example {_EXAMPLE}.",
        )
    return tuple(found)
