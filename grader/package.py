"""Hand out: one folder per student, with the notebook made for their variant and a README."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from urllib.parse import quote

import jinja2
from markupsafe import Markup

from grader.assignment import Assignment
from grader.content import content_dir
from grader.errors import AssignmentError, ConfigurationError
from grader.files import folder_name, write_atomically
from grader.model import Json, Language
from grader.notebook import NotebookTemplate, escape_markdown, make_template, markdown_cell, notebook_json, read_lab
from variants.manifest import Variant, variant_record

SCHEMA = 1
_COLAB = "https://colab.research.google.com/github"
_REPOSITORY = re.compile(r"(?P<owner>[A-Za-z0-9][A-Za-z0-9-]{0,38})/(?P<name>[A-Za-z0-9._-]{1,100})(?:@(?P<branch>[^\s:@]+))?(?::(?P<path>[^\\]*))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """What one student receives. `fresh` is False when the very same package was there already."""

    student: str
    notebook: Path
    fresh: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Maker:
    """Everything that is the same for all students: read and compiled once."""

    assignment: Assignment
    template: NotebookTemplate
    header: jinja2.Template
    readme: jinja2.Template
    repository: str
    with_solution: bool


def package(
    assignment: Assignment,
    variants: Sequence[Variant],
    out: Path,
    language: Language,
    repository: str = "",
    *,
    with_solution: bool = False,
    force: bool = False,
) -> tuple[Package, ...]:
    """Write `out/<student>/<slug>.ipynb` and a README for every variant, and return what was written, in their order.

    `repository` is `owner/name[@branch][:folder]`, where the packages will be published; it adds a badge that opens the notebook
    in Colab. A notebook or README that is there and differs is never replaced unless `force` is given, and then nothing at all is
    written. Each file is replaced whole. Raises AssignmentError for the lab, ConfigurationError for anything else.
    """
    maker = _maker(assignment, language, repository, with_solution=with_solution)
    folders = _folders(assignment, variants, out)
    try:
        if not force:
            _refuse_changed(maker, variants, folders)
        return tuple(_put(maker, variant, folder) for variant, folder in zip(variants, folders, strict=True))
    except OSError as error:
        raise ConfigurationError(
            f"the packages cannot be written: {error.strerror or error}.",
            where=str(error.filename or out),
            remedy="Make room there or name another folder with -o; running the command again goes on where it stopped.",
        ) from error


def student_notebook(
    assignment: Assignment, variant: Variant, language: Language, repository: str = "", *, with_solution: bool = False
) -> str:
    """Return the notebook of one student as the text of its file; the same input always gives the same bytes."""
    return _notebook(_maker(assignment, language, repository, with_solution=with_solution), variant)


def _maker(assignment: Assignment, language: Language, repository: str, *, with_solution: bool) -> _Maker:
    if language not in assignment.languages:
        raise AssignmentError(
            f'the language "{language}" is not offered.',
            where=str(assignment.path),
            remedy=f"Choose one of: {', '.join(assignment.languages)}.",
        )
    _badge(repository, "", "")
    # Templates speak Markdown, so every value is escaped for Markdown; HTML escaping would not be enough and is a part of it.
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(content_dir("templates") / "notebook"),
        undefined=jinja2.StrictUndefined,
        finalize=_finalize,
        autoescape=False,  # noqa: S701 - see above
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return _Maker(
        assignment=assignment,
        template=make_template(read_lab(assignment.lab_file), assignment.slug, language, with_solution=with_solution),
        header=environment.get_template(f"header.{language}.md.j2"),
        readme=environment.get_template(f"README.{language}.md.j2"),
        repository=repository,
        with_solution=with_solution,
    )


def _finalize(value: object) -> object:
    return value if isinstance(value, Markup) else escape_markdown(value)


def _folders(assignment: Assignment, variants: Sequence[Variant], out: Path) -> list[Path]:
    """Return one folder per variant; raises ConfigurationError for another assignment's variant and for two in one folder."""
    taken: dict[str, str] = {}
    for variant in variants:
        if variant.assignment not in {"", assignment.slug}:
            raise ConfigurationError(
                f'the variant of student "{variant.student.id}" is for the assignment "{variant.assignment}", not "{assignment.slug}".',
                remedy=f"Assign variants for {assignment.slug}.",
            )
        key = folder_name(variant.student.id).casefold()
        if key in taken:
            raise ConfigurationError(
                f'the students "{taken[key]}" and "{variant.student.id}" would share one folder.',
                remedy="Give every student an id of their own; capitals alone do not tell folders apart on every system.",
            )
        taken[key] = variant.student.id
    return [out / folder_name(variant.student.id) for variant in variants]


def _files(maker: _Maker, variant: Variant, folder: Path) -> dict[Path, str]:
    """Return what one student receives, the notebook last: where it is, the package is whole."""
    name = Markup(f"{maker.assignment.slug}.ipynb")  # noqa: S704 - a slug has nothing to escape
    readme = maker.readme.render(_values(maker, variant), notebook=name)
    return {folder / "README.md": readme, folder / name: _notebook(maker, variant)}


def _notebook(maker: _Maker, variant: Variant) -> str:
    values = _values(maker, variant)
    header = markdown_cell(maker.assignment.slug, "header", maker.header.render(values).rstrip("\n"))
    identity: dict[str, Json] = {
        "schema": SCHEMA,
        "assignment": maker.assignment.slug,
        "edition": maker.assignment.edition,
        "student": variant.student.id,
        "name": variant.student.name,
        "variant": cast("dict[str, Json]", variant_record(variant)),
        "language": maker.template.language,
    }
    return notebook_json([header, *maker.template.fill(values)], {"zachet": identity})


def _values(maker: _Maker, variant: Variant) -> dict[str, object]:
    """Return what placeholders of the lab and of the templates may name."""
    assignment, language, student = maker.assignment, maker.template.language, variant.student
    record = variant_record(variant)
    return {
        "assignment": {
            "slug": assignment.slug,
            "edition": assignment.edition,
            "title": assignment.title.of(language),
            "points": assignment.points,
        },
        "language": language,
        "student": {"id": student.id, "name": student.name, "group": student.group, "number": student.number, "stream": student.stream},
        "variant": {**record, "class_names": record[f"class_names_{language}"]},
        "badge": Markup(_badge(maker.repository, folder_name(student.id), f"{assignment.slug}.ipynb")),  # noqa: S704 - percent-encoded
        "solution": maker.with_solution,
    }


def _badge(repository: str, folder: str, file: str) -> str:
    """Return the address that opens the notebook in Colab, empty without a repository; raises ConfigurationError."""
    if not repository:
        return ""
    match = _REPOSITORY.fullmatch(repository)
    parts = (match["path"] or "").strip("/").split("/") if match else []
    branch = (match["branch"] or "main").split("/") if match else []
    if match is None or {".", ".."} & {match["name"], *parts, *branch} or "" in branch:
        raise ConfigurationError(
            f'"{repository}" does not name a repository.',
            where="--repository",
            remedy="Write owner/name, owner/name@branch or owner/name@branch:folder.",
        )
    path = "/".join(quote(part, safe="") for part in [*branch, *parts, folder, file] if part)
    return f"{_COLAB}/{match['owner']}/{match['name']}/blob/{path}"


def _differs(path: Path, text: str) -> bool:
    return not (path.is_file() and path.read_bytes() == text.encode("utf-8", "backslashreplace"))


def _refuse_changed(maker: _Maker, variants: Sequence[Variant], folders: Sequence[Path]) -> None:
    """Raise ConfigurationError when anything that is there would be replaced by something else."""
    paths = [
        path
        for variant, folder in zip(variants, folders, strict=True)
        if folder.exists()
        for path, text in _files(maker, variant, folder).items()
        if path.exists() and _differs(path, text)
    ]
    if paths:
        named = ", ".join(str(path) for path in paths[:3])
        more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
        raise ConfigurationError(
            f"these files are there already and differ from what would be written: {named}{more}.",
            remedy="Nothing was written. Name another folder with -o, or pass --force to replace them.",
        )


def _put(maker: _Maker, variant: Variant, folder: Path) -> Package:
    """Write what differs in one student's folder."""
    files = _files(maker, variant, folder)
    changed = [path for path, text in files.items() if _differs(path, text)]
    for path in changed:
        write_atomically(path, files[path])
    return Package(student=variant.student.id, notebook=folder / f"{maker.assignment.slug}.ipynb", fresh=bool(changed))
