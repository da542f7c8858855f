"""From a folder or an archive to hand-ins: where one student's work begins and another's ends."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from grader.intake import texts
from grader.intake.archive import opened
from grader.intake.bounds import Bounds
from grader.intake.files import Folder, Handful, Item, Listing, contents
from grader.intake.names import suffix, without_moodle_prefix
from grader.intake.notebook import is_percent, read_notebook
from grader.intake.roster import People
from grader.intake.says import Refused, listed, say, summed
from grader.intake.work import notebook_files
from grader.model import Finding
from variants.roster import Student

_DEEPEST_GROUPING = 6
_ARCHIVES_WITHIN = 2
_LOOKED_INTO = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """One hand-in: its files, and whom its name may mean (nobody, one, or several)."""

    folder: Folder
    source: str
    students: tuple[Student, ...]
    archives: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stray:
    """Something that is no hand-in of anybody."""

    findings: tuple[Finding, ...]


class Splitter:
    """Divides what lies at one path into hand-ins, by the names on the roster first and by the notebooks' metadata second."""

    def __init__(self, *, people: People, bounds: Bounds, scratch: Path) -> None:
        self._people = people
        self._bounds = bounds
        self._scratch = scratch

    def split_file(self, file: Item, *, parent: str) -> Iterator[Bundle | Stray]:
        """Yield the hand-ins in a file that was named itself; `parent` is the folder it lies in, which may be a student's."""
        above = self._people.by_id(parent)
        students = self._people.by_name(file.name) or ((above,) if above else ())
        if suffix(file.name) == ".zip":
            yield from self._archive(file, source=file.name, students=students, archives=_ARCHIVES_WITHIN, cohort=not students)
        else:
            yield _handful(file.name, (file,), students, _ARCHIVES_WITHIN)

    def split(self, folder: Folder, *, source: str, archives: int = _ARCHIVES_WITHIN, depth: int = 0) -> Iterator[Bundle | Stray]:
        """Yield the hand-ins in a folder: the folder itself when it is one student's, else those in it."""
        listing = folder.listing()
        own = self._people.by_name(folder.name)
        names = [child.name for child in listing.folders] + [child.name for child in listing.files]
        inside = [students for name in names if (students := self._people.by_name(name))]
        if self._is_one(folder, listing, own, inside) or depth >= _DEEPEST_GROUPING:
            yield Bundle(folder=folder, source=source, students=own, archives=archives)
            return
        if listing.troubles:
            yield Stray(findings=summed(listing.troubles))
        for child in listing.folders:
            yield from self.split(child, source=f"{source}/{child.name}", archives=archives, depth=depth + 1)
        yield from self._loose(listing.files, source, archives)

    def _is_one(self, folder: Folder, listing: Listing, own: tuple[Student, ...], inside: list[tuple[Student, ...]]) -> bool:
        """Whether a folder is the work of one student."""
        if own:
            others = {student.id for students in inside for student in students} - {student.id for student in own}
            return len(others) < 2  # one other name in a student's folder is that of a friend
        if inside or not (listing.folders or listing.files):
            return False
        items = contents(folder, self._bounds).items
        notebooks = notebook_files(items)
        if any(len(path) == 1 for path, _ in notebooks):
            return len(notebooks) == 1 or len(self._declared(notebooks)) <= 1
        return len(notebooks) <= 1 and not any(suffix(item.name) == ".zip" for _, item in items)

    def _declared(self, notebooks: list[tuple[tuple[str, ...], Item]]) -> set[str]:
        """Return the students whom the notebooks' own metadata names."""
        found: set[str] = set()
        for _, item in notebooks[:_LOOKED_INTO]:
            try:
                found.add(read_notebook(item.read(self._bounds.notebook_bytes), item.name, self._bounds).student)
            except Refused:
                continue
        return found - {""}

    def _loose(self, files: tuple[Item, ...], source: str, archives: int) -> Iterator[Bundle | Stray]:
        """Yield what lies between the students' folders: files that name one student belong together."""
        together: dict[tuple[str, ...], list[Item]] = {}
        nameless: list[Item] = []
        named: dict[tuple[str, ...], tuple[Student, ...]] = {}
        for file in files:
            students = self._people.by_name(file.name)
            key = tuple(student.id for student in students)
            named[key] = students
            (together.setdefault(key, []) if len(students) == 1 else nameless).append(file)
        for key, own in together.items():
            yield from self._student_files(tuple(own), source, named[key], archives)
        strays: list[str] = []
        for file in nameless:
            where = f"{source}/{file.name}"
            if suffix(file.name) == ".zip":
                yield from self._archive(file, source=where, students=self._people.by_name(file.name), archives=archives, cohort=False)
            elif may_be_graded(file):
                yield _handful(where, (file,), self._people.by_name(file.name), archives)
            else:
                strays.append(file.name)
        if strays:
            yield Stray(findings=(say(texts.STRAY_FILES, names=listed(strays)),))

    def _student_files(self, own: tuple[Item, ...], source: str, students: tuple[Student, ...], archives: int) -> Iterator[Bundle | Stray]:
        if len(own) == 1 and suffix(own[0].name) == ".zip":
            yield from self._archive(own[0], source=f"{source}/{own[0].name}", students=students, archives=archives, cohort=False)
        else:
            files = tuple(file.renamed(without_moodle_prefix(file.name)) for file in own)
            yield _handful(f"{source}/{own[0].name}", files, students, archives)

    def _archive(
        self, file: Item, *, source: str, students: tuple[Student, ...], archives: int, cohort: bool
    ) -> Iterator[Bundle | Stray]:
        if archives < 1:
            yield _handful(source, (file,), students, archives)
            return
        try:
            with opened(file, bounds=self._bounds, scratch=self._scratch, cohort=cohort) as folder:
                if students:
                    yield Bundle(folder=folder, source=source, students=students, archives=archives - 1)
                else:
                    yield from self.split(folder, source=source, archives=archives - 1)
        except Refused as refused:
            yield _handful(source, (file,), students, archives) if students else Stray(findings=(refused.finding,))


def _handful(source: str, files: tuple[Item, ...], students: tuple[Student, ...], archives: int) -> Bundle:
    return Bundle(folder=Handful(name=files[0].name, files=files), source=source, students=students, archives=archives)


def may_be_graded(file: Item) -> bool:
    """Whether a file is a notebook by its name or its first bytes, or a script with cells."""
    if notebook_files((((file.name,), file),)):
        return True
    try:
        return suffix(file.name) == ".py" and is_percent(file.head(1 << 16).decode("utf-8", "replace"))
    except Refused:
        return False
