"""Take in what was handed in: find whose work is where, and copy each into the work area, bounded and hashed.

Everything here is a stranger's bytes on the trusted side: read, never run, never unpickled, never followed out of its place. What is wrong
with a hand-in is a finding and the batch goes on; only what is wrong with the command or the work area is an error.
"""

import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from grader.errors import ConfigurationError
from grader.files import folder_name
from grader.intake import texts
from grader.intake.bounds import Bounds
from grader.intake.files import DiskFile, DiskFolder, Folder
from grader.intake.roster import People, folded
from grader.intake.says import listed, say
from grader.intake.split import Bundle, Splitter, Stray
from grader.intake.work import Work, prepare
from grader.model import Finding, Submission
from variants.roster import Student


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """What came of taking in: one submission per recognised student, in order of the roster.

    `strays` are findings about what belongs to nobody, `missing` the ids with nothing handed in, `absences` a finding for each.
    """

    submissions: tuple[Submission, ...]
    strays: tuple[Finding, ...]
    missing: tuple[str, ...]
    absences: tuple[Finding, ...] = ()


def take_in(
    paths: Sequence[Path], *, assignment: str, roster: Sequence[Student], work: Path, bounds: Bounds | None = None
) -> Intake:
    """Take in everything at `paths` for `assignment` and copy it into `work`, one folder per student.

    A path is a folder of students' folders, files and archives, one student's folder, a zip of either, a notebook or a percent
    script. The name of a folder, an archive or a file says whose work it is; where it names nobody on the roster, the notebook's
    own metadata does; with a roster of one, all of it is theirs.

    Raises ConfigurationError when a path is not there or the work area cannot be written, never for what was handed in.
    """
    people = People(roster)
    for path in paths:
        _expect_something(path, work)
    with _scratch(work) as scratch:
        desk = _Desk(assignment=assignment, people=people, scratch=scratch, bounds=bounds or Bounds())
        for path in paths:
            desk.take(path, apart=work)
        submissions = tuple(desk.submission(student, work) for student in people.roster if student.id in desk.works)
    absent = tuple(student for student in people.roster if student.id not in desk.works)
    return Intake(
        submissions=submissions,
        strays=tuple(desk.strays),
        missing=tuple(student.id for student in absent),
        absences=tuple(say(texts.MISSING, name=student.name or student.id, student=student.id) for student in absent),
    )


def take_in_one(folder: Folder, student: Student, *, source: str, assignment: str, work: Path) -> Submission:
    """Take in `folder` as the whole work of `student`, whatever the names in it say, into `work`; archives stay closed.

    Raises ConfigurationError when the work area cannot be written, never for what is in the folder.
    """
    with _scratch(work) as scratch:
        desk = _Desk(assignment=assignment, people=People([student]), scratch=scratch, bounds=Bounds())
        desk.sort(Bundle(folder=folder, source=source, students=(student,), archives=0))
        return desk.submission(student, work)


class _Desk:
    """Where the hand-ins of one batch are sorted by student."""

    def __init__(self, *, assignment: str, people: People, scratch: Path, bounds: Bounds) -> None:
        self.works: dict[str, list[Work]] = {}
        self.strays: list[Finding] = []
        self._assignment = assignment
        self._people = people
        self._scratch = scratch
        self._bounds = bounds
        self._count = 0

    def take(self, path: Path, *, apart: Path) -> None:
        """Sort everything at one path."""
        splitter = Splitter(people=self._people, bounds=self._bounds, scratch=self._scratch)
        for found in _pieces(path, splitter, self._bounds, apart):
            if isinstance(found, Stray):
                self.strays.extend(found.findings)
            else:
                self.sort(found)

    def submission(self, student: Student, work: Path) -> Submission:
        """Return the one submission of a student, moved to its place in the work area."""
        works = self.works[student.id]
        chosen = _the_one(works)
        place = work / folder_name(student.id)
        _clear(place)
        chosen.stage.replace(place)
        return Submission(
            student=student.id,
            assignment=self._assignment,
            source=chosen.source,
            digest=chosen.digest,
            notebook=str(place / "notebook.ipynb") if chosen.notebook else None,
            files=str(place / "files") if chosen.files else None,
            with_weights=str(place / "with_weights") if chosen.weights else None,
            weights=chosen.weights,
            problems=chosen.problems,
        )

    def sort(self, bundle: Bundle) -> None:
        """Read one hand-in and put it with its student, or among the strays."""
        named = bundle.students[0] if len(bundle.students) == 1 else None
        result = self._prepared(bundle, named)
        declared = self._people.by_id(result.declared) if result.declared else None
        student = named or declared
        if bundle.students and named is None and declared not in bundle.students:
            names = listed(f"{one.name} ({one.id})" for one in bundle.students)
            self.strays.append(say(texts.AMBIGUOUS_STUDENT, name=bundle.source, names=names))
            return
        if student is None and len(self._people.roster) == 1:
            student = self._people.roster[0]
        if student is None:
            words = texts.UNKNOWN_STUDENT if result.declared else texts.NO_STUDENT
            self.strays.append(say(words, name=bundle.source, student=result.declared))
            self.strays.extend(problem for problem in result.problems if not result.notebook)
            return
        if result.declared and folded(result.declared) != folded(student.id):
            mismatch = say(texts.OTHER_STUDENT, student=student.id, other=result.declared, expected=student.id, actual=result.declared)
            result = replace(result, problems=(mismatch, *result.problems))
        self.works.setdefault(student.id, []).append(result)

    def _prepared(self, bundle: Bundle, named: Student | None) -> Work:
        self._count += 1
        stage = self._scratch / str(self._count)
        try:
            return prepare(
                bundle.folder,
                source=bundle.source,
                student=named.id if named else "",
                assignment=self._assignment,
                stage=stage,
                archives=bundle.archives,
                bounds=self._bounds,
            )
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001 - a hand-in that trips over a mistake of ours must not end the batch, nor pass for its own fault
            broke = say(texts.BROKE, name=bundle.source, actual=f"{type(error).__name__}: {error}")
            return Work(source=bundle.source, stage=stage, digest="", notebook=None, files=False, problems=(broke,), declared="", empty=False)


@contextmanager
def _scratch(work: Path) -> Iterator[Path]:
    """Make the work area and yield a folder in it that is removed again; raises ConfigurationError when it cannot be written."""
    try:
        work.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".intake-", dir=work) as scratch:
            yield Path(scratch)
    except OSError as error:
        raise ConfigurationError(
            f"The work area cannot be written ({error.strerror or error}).",
            where=str(work),
            remedy="Make room, or choose a folder that you may write to.",
        ) from error


def _pieces(path: Path, splitter: Splitter, bounds: Bounds, apart: Path) -> Iterator[Bundle | Stray]:
    """Yield the hand-ins at one path. The path itself may be a link: the person at the keyboard wrote it."""
    status = path.stat()
    name = path.name or path.resolve().name
    if stat.S_ISDIR(status.st_mode):
        work = apart.stat()
        folder: Folder = DiskFolder(path=path, name=name, bounds=bounds, apart=(work.st_dev, work.st_ino))
        yield from splitter.split(folder, source=name)
    else:
        real = path.resolve()
        file = DiskFile(path=real, name=name, size=status.st_size, key=(status.st_dev, status.st_ino))
        yield from splitter.split_file(file, parent=real.parent.name)


def _the_one(works: list[Work]) -> Work:
    """Return which of a student's hand-ins counts. The files do not tell which is the latest, so none of two usable ones does."""
    usable = [work for work in works if work.notebook is not None]
    telling = usable or [work for work in works if not work.empty] or works
    chosen = telling[0]
    if len({work.digest for work in telling}) > 1:
        digest = hashlib.sha256("".join(work.digest for work in telling).encode()).hexdigest()
        several = say(texts.SEVERAL_SUBMISSIONS, names=listed(work.source for work in telling))
        return replace(chosen, notebook=None, digest=digest, problems=(several, *(problem for work in telling for problem in work.problems)))
    others = [work.source for work in works if not work.empty and work.digest != chosen.digest]
    note = (say(texts.SUBMISSION_CHOSEN, name=chosen.source, names=listed(others)),) if others else ()
    return replace(chosen, problems=(*note, *chosen.problems))


def _expect_something(path: Path, work: Path) -> None:
    if path.resolve().is_relative_to(work.resolve()):
        raise ConfigurationError(
            "This lies in the work area, which the intake writes anew.", where=str(path), remedy="Name the folder where the work was handed in."
        )
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigurationError(
            f"There is nothing to take in ({reason}).", where=str(path), remedy="Name a folder, a .zip archive or a notebook that is there."
        ) from error
    if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
        raise ConfigurationError(
            "This is neither a folder nor a regular file.", where=str(path), remedy="Name a folder, a .zip archive or a notebook."
        )


def _clear(place: Path) -> None:
    """Remove what an earlier intake left at `place`; a link there is removed, not followed."""
    if place.is_symlink() or (os.path.lexists(place) and not place.is_dir()):
        place.unlink()
    elif place.is_dir():
        shutil.rmtree(place)
