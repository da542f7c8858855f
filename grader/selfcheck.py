"""What a self-check needs beside the pipeline: the variant that the notebook itself names, and the public part of the rubric."""

import json
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from grader.assignment import Assignment
from grader.errors import ConfigurationError
from grader.intake.weights import SUFFIXES
from grader.model import Language
from variants.manifest import Variant
from variants.roster import Student

_LARGEST = 64 << 20
_SLUG = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_DEFAULT_ASSIGNMENT = "iu5_lab1"


def own_variant(notebook: Path, *, slug: str, classes: str) -> tuple[Variant, Language]:
    """Return the variant written into a handed-out notebook, or made of `classes`, and the notebook's language.

    Raises ConfigurationError when there is no such file, or when nothing says which classes the work is about.
    """
    if not notebook.exists():
        raise ConfigurationError("There is no such file.", where=str(notebook), remedy="Name the notebook that you want to check.")
    metadata = _metadata(notebook)
    if metadata is None:  # no notebook at all: what is wrong with the file, the intake says better
        metadata, classes = {}, classes or "0,1,2"
    dealt = metadata.get("variant")
    found = dealt.get("classes") if isinstance(dealt, dict) else None
    numbers = _class_list(classes) if classes else found
    if not isinstance(numbers, list) or not numbers or not all(type(number) is int and 0 <= number < 100 for number in numbers):
        raise ConfigurationError(
            "Nothing says which classes this work is about.",
            where=str(notebook),
            remedy="Check the notebook that was handed out to you, or name its classes, for example --classes 0,55,58.",
        )
    if len(set(numbers)) != len(numbers):
        raise ConfigurationError(
            f"A class is named twice: {numbers}.", where=str(notebook), remedy="Name different classes, for example --classes 0,55,58."
        )
    student = Student(id=str(metadata.get("student") or "me"), name=str(metadata.get("name") or ""), group="", number=None, stream="")
    # A notebook is other people's text: it may name a bundled assignment, never a folder whose checks.py would run here.
    named = str(metadata.get("assignment") or "")
    assignment = slug or (named if _SLUG.fullmatch(named) else _DEFAULT_ASSIGNMENT)
    language: Language = "en" if metadata.get("language") == "en" else "ru"
    return Variant(student=student, assignment=assignment, rule="", classes=tuple(numbers)), language


def public_part(assignment: Assignment) -> Assignment:
    """Return the assignment with only the criteria that a student may see at home."""
    return replace(assignment, criteria=tuple(criterion for criterion in assignment.criteria if criterion.public))


def beside(notebook: Path, weights: Path | None, folder: Path) -> Path:
    """Return `folder`, made to hold the notebook as it would be handed in with weights: `weights`, or all that lie beside it, and its .py files.

    Raises ConfigurationError when a file that was named is not there.
    """
    if weights is not None and not weights.is_file():
        raise ConfigurationError("There is no such file of weights.", where=str(weights), remedy="Name a .pth, .pt, .safetensors or .onnx file.")
    near = sorted(path for path in notebook.parent.iterdir() if path.is_file())
    found = [weights] if weights is not None else [path for path in near if path.suffix.lower() in SUFFIXES]
    folder.mkdir(parents=True)
    for path in (notebook, *found, *(path for path in near if path.suffix == ".py" and path != notebook)):
        try:
            os.link(path, folder / path.name)
        except OSError:  # another file system, or one without hard links
            shutil.copyfile(path, folder / path.name)
    return folder


def _class_list(text: str) -> list[int]:
    try:
        return [int(part) for part in text.replace(",", " ").split()]
    except ValueError:
        raise ConfigurationError(
            f"“{text}” is not a list of class indices.", where="--classes", remedy="Write numbers from 0 to 99 with commas: --classes 0,55,58."
        ) from None


def _metadata(notebook: Path) -> dict[str, Any] | None:
    """Return the `zachet` metadata, nothing for a notebook that has none, or None for a file that is not JSON."""
    try:
        if not notebook.is_file() or notebook.stat().st_size > _LARGEST:
            return {}
        data = json.loads(notebook.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {} if notebook.suffix == ".py" else None
    try:
        found = data["metadata"]["zachet"]
    except (KeyError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}
