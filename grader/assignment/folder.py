"""Find assignment folders, read them, and hold them against their own rules."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from grader.assignment.checking import load_checks
from grader.assignment.schema import FILE, AssignmentTable, CriterionTable, TextTable, did_you_mean, read_table
from grader.assignment.value import Assignment
from grader.content import content_dir
from grader.errors import AssignmentError, ConfigurationError
from grader.model import CheckUse, Criterion, Language, Limits, Policy, Recipe, Text, View
from grader.thresholds import Thresholds, digest_of

_RUBRIC_FILES = (FILE, "checks.py", "lab.py")  # checks compare what was handed in with the lab's own text


def load_assignment(slug_or_path: str | Path, roots: Sequence[Path] = ()) -> Assignment:
    """Return one assignment, by slug or by the path of its folder, with its checks proved to exist.

    A slug is looked up in `roots` (folders that hold assignment folders) in their order, then among the bundled ones.
    Raises AssignmentError, naming the file and the field, for anything that cannot be used as it is.
    """
    assignment = read_assignment(_locate(slug_or_path, roots))
    if any(not criterion.manual for criterion in assignment.criteria):
        load_checks(assignment)
    return assignment


def list_assignments(roots: Sequence[Path] = ()) -> tuple[Assignment, ...]:
    """Return every assignment of `roots`, then the bundled ones; of two with one slug the first counts. Runs no checks.py."""
    found: dict[str, Assignment] = {}
    for root in (*roots, content_dir("assignments")):
        for folder in _folders(root):
            if folder.name not in found:
                found[folder.name] = read_assignment(folder)
    return tuple(found.values())


def read_assignment(folder: Path) -> Assignment:
    """Return the assignment in `folder` without running its checks.py; raises AssignmentError."""
    file = folder / FILE
    table = read_table(file)
    _hold_to_rules(table, folder, file)
    criteria = tuple(_criterion(row, table.languages, file) for row in table.criterion)
    needed = ["lab.py"] if all(criterion.manual for criterion in criteria) else ["lab.py", "probe.py", "checks.py"]
    for name in needed:
        if not (folder / name).is_file():
            raise AssignmentError(f"{name} is missing.", where=str(folder), remedy="Add the file; an assignment is not complete without it.")
    return Assignment(
        slug=table.slug,
        path=folder,
        edition=table.edition,
        title=_text(table.title, table.languages, f"{file}: title"),
        languages=tuple(table.languages),
        points=table.points,
        rule=table.rule,
        data=table.data,
        view=View(table.view),
        limits=Limits(**table.limits.model_dump()),
        reference_accuracy=table.accuracy.reference,
        chance=table.accuracy.chance,
        pass_share=table.pass_share,
        criteria=criteria,
        aliases=MappingProxyType({name: tuple(others) for name, others in table.aliases.items()}),
        digest=_digest(folder),
        policy=Policy(**table.accuracy.model_dump()),
        recipe=Recipe(**{**table.recipe.model_dump(), "hidden": tuple(table.recipe.hidden)}) if table.recipe else None,
    )


def calibrated(assignment: Assignment, thresholds: Thresholds) -> Assignment:
    """Return the assignment with a course's thresholds; its digest covers them, so that every score names what it rests on.

    Raises ConfigurationError when they were made for another assignment.
    """
    if thresholds.assignment != assignment.slug:
        raise ConfigurationError(
            f'the thresholds are those of "{thresholds.assignment}".',
            where=f"thresholds of {assignment.slug}",
            remedy=f"Run `zachet calibrate --assignment {assignment.slug}`.",
        )
    both = hashlib.sha256(f"{assignment.digest} {digest_of(thresholds)}".encode()).hexdigest()
    return replace(assignment, thresholds=thresholds, digest=both)


def _locate(slug_or_path: str | Path, roots: Sequence[Path]) -> Path:
    if isinstance(slug_or_path, Path) or "/" in slug_or_path or "\\" in slug_or_path or slug_or_path.startswith("."):
        return Path(slug_or_path).resolve()
    folders = [folder for root in (*roots, content_dir("assignments")) for folder in _folders(root)]
    for folder in folders:
        if folder.name == slug_or_path:
            return folder
    raise AssignmentError(
        f'there is no assignment "{slug_or_path}".',
        remedy=did_you_mean(slug_or_path, {folder.name for folder in folders}),
    )


def _folders(root: Path) -> list[Path]:
    if not root.is_dir():
        raise AssignmentError("this folder of assignments does not exist.", where=str(root), remedy="Name a folder that holds assignment folders.")
    return sorted(folder.resolve() for folder in root.iterdir() if (folder / FILE).is_file())


def _hold_to_rules(table: AssignmentTable, folder: Path, file: Path) -> None:
    """Raise for what is well-formed field by field and still contradicts itself."""
    if table.slug != folder.name:
        raise AssignmentError(
            f'the slug is "{table.slug}" and the folder is "{folder.name}".', where=f"{file}: slug", remedy="Give both the same name."
        )
    if len(set(table.languages)) != len(table.languages):
        raise AssignmentError("a language is named twice.", where=f"{file}: languages", remedy="Name each language once.")
    total = math.fsum(row.points for row in table.criterion)
    if not math.isclose(total, table.points, abs_tol=1e-6):
        raise AssignmentError(
            f"the criteria add up to {total:g} points, not to {table.points:g}.",
            where=f"{file}: points",
            remedy="Change the points of a criterion or the total.",
        )
    accuracy = table.accuracy
    if accuracy.reference is not None and accuracy.chance is not None and accuracy.reference <= accuracy.chance:
        raise AssignmentError(
            f"the reference accuracy {accuracy.reference:g} is not above chance, {accuracy.chance:g}.",
            where=f"{file}: accuracy, reference",
            remedy="Write both as shares between 0 and 1, the reference above chance.",
        )
    _no_duplicates(table.criterion, file)


def _no_duplicates(rows: Sequence[CriterionTable], file: Path) -> None:
    seen: set[str] = set()
    for row in rows:
        if row.id in seen:
            raise AssignmentError(
                f'two criteria have the id "{row.id}".', where=f'{file}: criterion "{row.id}", id', remedy="Give each criterion its own id."
            )
        seen.add(row.id)
        names = [use.name for use in row.checks]
        for name in names:
            if names.count(name) > 1:
                raise AssignmentError(
                    f'the check "{name}" is named twice.', where=f'{file}: criterion "{row.id}", checks', remedy="Name it once and give it a weight."
                )


def _criterion(row: CriterionTable, languages: Sequence[Language], file: Path) -> Criterion:
    return Criterion(
        id=row.id,
        title=_text(row.title, languages, f'{file}: criterion "{row.id}", title'),
        points=row.points,
        checks=tuple(CheckUse(name=use.name, weight=use.weight) for use in row.checks),
        public=row.public,
    )


def _text(table: TextTable, languages: Sequence[Language], where: str) -> Text:
    """Return the title; a language the assignment does not offer falls back to its first one."""
    words = {"ru": table.ru, "en": table.en}
    for language in languages:
        if not words[language]:
            raise AssignmentError(
                f'the language "{language}" is missing.',
                where=where,
                remedy=f'Add {language} = "...", or take "{language}" out of languages.',
            )
    fallback = words[languages[0]] or ""
    return Text(ru=words["ru"] or fallback, en=words["en"] or fallback)


def _digest(folder: Path) -> str:
    """Hash the files of the rubric; Windows line ends do not count, so that one rubric has one digest everywhere."""
    whole = hashlib.sha256()
    for name in _RUBRIC_FILES:
        file = folder / name
        content = file.read_bytes().replace(b"\r\n", b"\n") if file.is_file() else b""
        whole.update(f"{name} {len(content)}\n".encode())
        whole.update(content)
    return whole.hexdigest()
