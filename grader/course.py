"""A course folder: course.toml, the roster's variants, the secret of its keyed draws, and where results go."""

import json
import secrets
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from grader.assignment import Assignment, calibrated, load_assignment
from grader.errors import CourseError
from grader.files import write_atomically
from grader.model import Language, View
from grader.thresholds import read_thresholds
from variants.draw import read_secret
from variants.errors import VariantsError
from variants.manifest import Variant, read_manifest

FILE = "course.toml"
SECRET = "secret.key"  # noqa: S105 - the name of a file
_IGNORED = (SECRET, "results/", "submissions/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """One course: where it is and how it is run. `assignments` are the instructor's own, before the bundled ones."""

    path: Path
    title: str
    language: Language
    assignment: str
    repository: str
    group_is: str
    data_root: Path | None
    view: View | None
    image: str = ""
    gpus: str = ""

    @property
    def own_assignments(self) -> tuple[Path, ...]:
        """The folder of the instructor's own assignments, where there is one: a version control system keeps no empty folder."""
        folder = self.path / "assignments"
        return (folder,) if folder.is_dir() else ()

    @property
    def results(self) -> Path:
        """The folder that everything graded goes to."""
        return self.path / "results"

    @property
    def manifest(self) -> Path:
        """The file that says which classes every student has, there or not."""
        return self.path / "variants.csv"

    def thresholds(self, assignment: str) -> Path:
        """The file of the calibration of `assignment`, there or not."""
        return self.path / "thresholds" / f"{assignment}.json"

    def load(self, slug: str = "") -> Assignment:
        """Return an assignment, the course's own one by default, with the course's calibration where there is one.

        Raises AssignmentError, or ConfigurationError for a calibration that cannot be used.
        """
        assignment = load_assignment(slug or self.assignment, self.own_assignments)
        file = self.thresholds(assignment.slug)
        return calibrated(assignment, read_thresholds(file)) if file.exists() else assignment

    def submissions(self, assignment: str) -> Path:
        """The folder where submissions of `assignment` are put."""
        return self.path / "submissions" / assignment

    def secret(self) -> bytes:
        """Return the course secret; raises CourseError when there is none."""
        file = self.path / SECRET
        try:
            secret = read_secret(file)
        except VariantsError as error:
            raise CourseError(
                f"The course secret cannot be used: {error.what}",
                where=str(file),
                remedy="Restore the file from a copy: hidden inputs and random variants depend on it. For a new course, run `zachet init`.",
            ) from error
        return secret or b""

    def variants(self, assignment: str) -> dict[str, Variant]:
        """Return the variant of every student of `assignment` by student id; raises CourseError when none were assigned."""
        file = self.manifest
        if not file.is_file():
            raise CourseError(
                "There is no list of variants.",
                where=str(file),
                remedy="Make it with `zachet variants assign roster.csv --rule RULE -o variants.csv`.",
            )
        found = {variant.student.id: variant for variant in read_manifest(file) if variant.assignment in {"", assignment}}
        if not found:
            raise CourseError(
                f"No student has a variant of {assignment}.",
                where=str(file),
                remedy=f"Assign them with `zachet variants assign roster.csv --rule RULE --assignment {assignment} -o variants.csv`.",
            )
        return found


class _File(BaseModel):
    """The keys of course.toml."""

    model_config = ConfigDict(extra="forbid", strict=True)

    title: str = Field(min_length=1)
    language: Literal["ru", "en"] = "ru"
    assignment: str = "iu5_lab1"
    repository: str = ""
    group_is: Literal["", "printed", "ordinal"] = ""
    data_root: str = ""
    view: Literal["", "sealed", "official"] = ""
    image: str = ""
    gpus: str = Field("", pattern=r"^(|all|\d+(,\d+)*)$")


def course_around(start: Path) -> Course | None:
    """Return the course whose folder is `start` or the nearest one above it, or None; raises CourseError for one that is broken."""
    found = next((folder for folder in (start, *start.resolve().parents) if (folder / FILE).is_file()), None)
    return read_course(found) if found is not None else None


def find_course(start: Path) -> Course:
    """Return the course whose folder is `start` or the nearest one above it; raises CourseError."""
    course = course_around(start)
    if course is not None:
        return course
    raise CourseError(
        f"Neither this folder nor one above it has a {FILE}.",
        where=str(start),
        remedy="Go to a course folder, name one with --course, or make one with `zachet init DIR`.",
    )


def read_course(folder: Path) -> Course:
    """Read the course in `folder`; raises CourseError."""
    file = folder / FILE
    try:
        data = _File.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CourseError(f"The file cannot be read ({error}).", where=str(file), remedy="Mend it, or compare it with a fresh `zachet init`.") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "the file"
        known = ", ".join(_File.model_fields)
        raise CourseError(f"“{key}”: {first['msg']}.", where=str(file), remedy=f"The keys are: {known}.") from error
    return Course(
        path=folder,
        title=data.title,
        language=data.language,
        assignment=data.assignment,
        repository=data.repository,
        group_is=data.group_is,
        data_root=(folder / data.data_root) if data.data_root else None,
        view=View(data.view) if data.view else None,
        image=data.image,
        gpus=data.gpus,
    )


def make_course(folder: Path, *, title: str, language: Language, assignment: str) -> Course:
    """Make a course folder; raises CourseError when there is one already or the folder cannot be written."""
    if (folder / FILE).exists():
        raise CourseError("There is a course here already.", where=str(folder), remedy="Choose another folder, or edit its course.toml.")
    if not title.isprintable() or not assignment.isprintable():
        raise CourseError("The title has a character that cannot be printed.", where=str(folder), remedy="Give a title of one line.")
    load_assignment(assignment)
    text = (
        f"title = {json.dumps(title, ensure_ascii=False)}\n"
        f'language = "{language}"          # language of reports and packages: ru or en\n'
        f'assignment = {json.dumps(assignment, ensure_ascii=False)}   # what `zachet grade` means when none is named\n'
        'repository = ""          # owner/name[@branch] on GitHub gives packages a Colab badge\n'
        'data_root = ""           # folder with cifar-100-python/; empty: ZACHET_DATA, the fetched copy, or synthetic images\n'
        'view = ""                # sealed or official; empty: what the assignment says\n'
    )
    try:
        for name in ("assignments", "packages", f"submissions/{assignment}", "results"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        if not (folder / SECRET).exists():  # a course made anew around an old secret keeps its draws
            write_atomically(folder / SECRET, secrets.token_hex(32) + "\n", mode=0o600)
        _ignore(folder / ".gitignore")
        write_atomically(folder / FILE, text)
    except OSError as error:
        raise CourseError(
            f"The course folder cannot be made ({error.strerror}).", where=str(folder), remedy="Choose a folder that you may write to."
        ) from error
    return read_course(folder)


def _ignore(file: Path) -> None:
    """Add what must not be published to a .gitignore, and keep what is there."""
    old = file.read_text(encoding="utf-8") if file.exists() else ""
    missing = [line for line in _IGNORED if line not in old.splitlines()]
    if missing:
        write_atomically(file, old + ("\n" if old and not old.endswith("\n") else "") + "\n".join(missing) + "\n")
