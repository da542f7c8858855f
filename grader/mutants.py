"""Deliberately wrong work: an assignment's mutants, each with the checks that must catch it.

`mutants/<name>/mutant.toml` holds a title, `fails` (the checks that must not earn everything), and either `edit` rows that change the solution
(its code, or its text where no code has the words) or `work`, a percent-format notebook of its own in the same folder. `printed` rows store an
output below code cells of the solution, as if the work had been run before it was handed in. `baseline.toml` of the assignment leaves of the
solution what is its reference training. `quick.toml` beside the folders holds edits that make any work of this assignment short enough for a
demonstration or a test.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

import jupytext
import nbformat
from nbformat import NotebookNode
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from grader.assignment import Assignment
from grader.errors import AssignmentError
from grader.model import Text

_T = TypeVar("_T", bound=BaseModel)


class _Edit(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    find: Annotated[str, Field(min_length=1)]
    replace: str


class _Baseline(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    last: Annotated[str, Field(min_length=1)]
    edit: list[_Edit] = []


class _Printed(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    below: Annotated[str, Field(min_length=1)]
    text: str


class _Title(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    ru: str
    en: str


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    title: _Title
    fails: list[str] = []
    edit: list[_Edit] = []
    work: str = ""
    printed: list[_Printed] = []


class _Quick(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    edit: list[_Edit] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One wrong work; `fails` are the checks that must catch it. `edits` are (find, replace) pairs, `work` is a file or None.

    `printed` are (text of a code cell, output stored below it) pairs.
    """

    name: str
    path: Path
    title: Text
    fails: tuple[str, ...]
    edits: tuple[tuple[str, str], ...]
    work: Path | None
    printed: tuple[tuple[str, str], ...] = ()


def load_mutants(assignment: Assignment) -> tuple[Mutant, ...]:
    """Return the assignment's mutants in order of name; raises AssignmentError for a file that cannot be used."""
    return tuple(_load(folder) for folder in sorted((assignment.path / "mutants").glob("*/")) if (folder / "mutant.toml").is_file())


def make_quick(notebook: NotebookNode, assignment: Assignment) -> NotebookNode:
    """Return the notebook with the assignment's shortening edits; those whose text is not there are passed over."""
    file = assignment.path / "mutants" / "quick.toml"
    edits = _parse(file, _Quick).edit if file.is_file() else []
    changed = nbformat.from_dict(notebook)
    for cell in changed.cells:
        for edit in edits:
            cell.source = cell.source.replace(edit.find, edit.replace)
    return changed


def make_baseline(notebook: NotebookNode, assignment: Assignment) -> NotebookNode:
    """Return the solution cut down to its reference training, as the assignment's baseline.toml says.

    `last` is text of the last code cell that is kept; `edit` rows shorten what comes before it. Raises AssignmentError when the file is
    missing or its text is not in the solution.
    """
    file = assignment.path / "baseline.toml"
    rules = _parse(file, _Baseline)
    changed = nbformat.from_dict(notebook)
    for find, replace in ((rules.last, rules.last), *((edit.find, edit.replace) for edit in rules.edit)):
        if not any(cell.cell_type == "code" and find in cell.source for cell in changed.cells):
            raise AssignmentError(f"the solution has no “{find.strip()}”.", where=str(file), remedy="Write the line for the solution as it is now.")
        for cell in changed.cells:
            if cell.cell_type == "code":
                cell.source = cell.source.replace(find, replace)
    last = max(number for number, cell in enumerate(changed.cells) if cell.cell_type == "code" and rules.last in cell.source)
    changed.cells = changed.cells[: last + 1]
    return changed


def wrong_work(mutant: Mutant, solution: NotebookNode) -> NotebookNode:
    """Return the mutant's notebook; `solution` lends its metadata. Raises AssignmentError when a row finds nothing to change."""
    if mutant.work is not None:
        notebook = jupytext.reads(_fill(mutant.work.read_text(encoding="utf-8"), solution), fmt="py:percent")
        notebook.metadata = solution.metadata
        return notebook
    notebook = nbformat.from_dict(solution)
    for find, replace in mutant.edits:
        for cell in _cells_with(find, notebook, mutant, text_too=True):
            cell.source = cell.source.replace(find, _fill(replace, solution))
    for below, text in mutant.printed:
        for cell in _cells_with(below, notebook, mutant, text_too=False):
            cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=_fill(text, solution))]
    return notebook


def _cells_with(text: str, notebook: NotebookNode, mutant: Mutant, *, text_too: bool) -> list[NotebookNode]:
    """Return the code cells that have this text or else, with `text_too`, the text cells; raises AssignmentError when there are none."""
    found = [cell for cell in notebook.cells if text in cell.source]
    code = [cell for cell in found if cell.cell_type == "code"]
    if code or (found and text_too):
        return code or found
    missing = f"“{text.strip()}” to change" if text_too else f"code with “{text.strip()}” to store an output below"
    raise AssignmentError(f"the solution has no {missing}.", where=str(mutant.path), remedy="Write the row for the solution as it is now.")


def _fill(text: str, solution: NotebookNode) -> str:
    """Put the variant's classes where the text says {{ classes }}."""
    classes = solution.metadata.get("zachet", {}).get("variant", {}).get("classes", [])
    return text.replace("{{ classes }}", str(list(classes)))


def _load(folder: Path) -> Mutant:
    data = _parse(folder / "mutant.toml", _File)
    if bool(data.work) == bool(data.edit or data.printed):
        raise AssignmentError(
            "a mutant has either rows (`edit`, `printed`) or `work`.",
            where=str(folder / "mutant.toml"),
            remedy="Give rows that change the solution, or `work` with a notebook of its own.",
        )
    return Mutant(
        name=folder.name,
        path=folder / "mutant.toml",
        title=Text(ru=data.title.ru, en=data.title.en),
        fails=tuple(data.fails),
        edits=tuple((edit.find, edit.replace) for edit in data.edit),
        work=folder / data.work if data.work else None,
        printed=tuple((row.below, row.text) for row in data.printed),
    )


def _parse(file: Path, shape: type[_T]) -> _T:
    try:
        return shape.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise AssignmentError(f"the file cannot be read: {error}.", where=str(file), remedy="Correct that line.") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = f"{file}: {'.'.join(map(str, first['loc']))}"
        raise AssignmentError(f"{first['msg']}.", where=where, remedy=f"The keys are: {', '.join(shape.model_fields)}.") from None
