"""The roster: who is in the course, read from a CSV file as people really export it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from variants.errors import VariantsError
from variants.table import Table, clean, fold, read_table

# Headers by field, the best first: when a file has several of one field, the earlier name here wins.
HEADERS: dict[str, tuple[str, ...]] = {
    "id": (
        "id", "student id", "id студента", "ид", "идентификатор", "логин", "login", "username", "user name", "user", "имя пользователя",
        "учётная запись", "зачётка", "номер зачётки", "№ зачётки", "зачётная книжка", "номер зачётной книжки", "№ зачётной книжки",
        "record book", "student card", "студенческий билет", "номер студенческого билета", "№ студенческого билета", "студенческий",
        "id number", "student number", "индивидуальный номер", "личный номер", "шифр", "код студента",
    ),
    "name": (
        "ФИО", "Ф.И.О.", "Ф. И. О. студента", "ФИО студента", "фамилия имя отчество", "фамилия имя", "фамилия и имя",
        "фамилия, имя, отчество",
        "фамилия И.О.", "полное имя", "студент", "имя студента", "name", "full name", "fullname", "student name", "student",
    ),
    "surname": ("фамилия", "surname", "last name", "lastname", "family name"),
    "given": ("имя", "given name", "first name", "firstname"),
    "patronymic": ("отчество", "patronymic", "middle name", "middlename"),
    "group": (
        "группа", "group", "учебная группа", "академическая группа", "номер группы", "№ группы", "группы", "гр",
        "group name", "group number",
    ),
    "number": (
        "вариант", "номер варианта", "№ варианта", "variant", "variant number", "номер по списку", "№ по списку",
        "номер в списке", "№ в списке",
        "номер по списку группы", "номер в группе", "№ в группе", "порядковый номер в группе", "по списку",
        "list number", "number in group", "number",
    ),
    "stream": ("поток", "stream", "track"),
    "email": (
        "email", "e-mail", "mail", "почта", "электронная почта", "эл. почта", "адрес электронной почты",
        "email address", "e-mail address",
    ),
}  # fmt: skip
_FIELD_OF = {fold(header): (field, rank) for field, headers in HEADERS.items() for rank, header in enumerate(headers)}
_SHOWN = 20  # problems named in one message
_ID_MAX = 100
# What Linux, macOS or Windows refuse: control and separating characters, dots at the ends, names of devices.
_NO_FOLDER_NAME = re.compile(r'.*[\x00-\x1f\x7f/\\:*?"<>|].*|\..*|.*\.|(con|prn|aux|nul|com\d|lpt\d)(\..*)?', re.IGNORECASE | re.DOTALL)
_SHORTENED = re.compile(r"\d([.,]\d+)?[eE]\+\d+")
_NUMBER = re.compile(r"№?\s*(\d{1,6})(?:[.,]0+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Student:
    """One line of the roster. `group` and `stream` are as written there; `number` is the number of the variant, None when it is not given.

    `id` is unique in a roster without regard to case, and can be the name of a folder. `row` is the line in the file, from 1.
    """

    id: str
    name: str
    group: str = ""
    number: int | None = None
    stream: str = ""
    email: str = ""
    row: int = 0


def label(student: Student) -> str:
    """Return how messages name a student: id, name and the line of the file."""
    line = f" (line {student.row})" if student.row else ""
    return f"{student.id} {student.name}{line}"


def read_roster(path: Path) -> tuple[Student, ...]:
    """Read the students of a CSV file in the order of its lines.

    UTF-8 with or without byte order mark, UTF-16 and Windows-1251; separated by comma, semicolon or tab; Russian or English
    headers (`HEADERS`). An id and a name are needed; what else a rule needs, the rule asks for. Raises VariantsError that
    names every line that cannot be used (the first 20 of them).
    """
    table = read_table(path, lambda cells: sum(fold(cell) in _FIELD_OF for cell in cells))
    columns = _columns(table, path)
    students: list[Student] = []
    problems: list[str] = []
    seen: dict[str, int] = {}
    for line, cells in table.rows:
        student, problem = _student(line, cells, columns)
        if student is not None:
            first = seen.setdefault(student.id.casefold(), line)
            problem = problem if first == line else f'the id "{student.id}" is already on line {first}; each student needs one row'
            students.append(student)
        if problem:
            problems.append(f"  line {line}: {problem}")
    if problems:
        _refuse(path, problems)
    if not students:
        raise VariantsError("there is a header but no student.", where=str(path), remedy="Add one line per student.")
    return tuple(students)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Columns:
    """Where each field is; what the header does not have is at `width`, one past the last column, where every row is empty."""

    width: int
    id: int
    name: tuple[int, ...]
    group: int
    number: int
    stream: int
    email: int


def _columns(table: Table, path: Path) -> _Columns:
    """Find the column of each field in the header."""
    best: dict[str, tuple[int, int]] = {}
    for column, header in enumerate(table.header):
        field, rank = _FIELD_OF.get(fold(header), ("", 0))
        if field and field in best and best[field][0] == rank:
            raise VariantsError(
                f'the column "{header}" is there twice.', where=str(path), remedy="Keep the one that counts and rename or delete the other."
            )
        if field and (field not in best or rank < best[field][0]):
            best[field] = (rank, column)
    columns = {field: column for field, (_, column) in best.items()}
    missing = [] if "id" in columns else ["the student's id (such as «id», «логин» or «зачётка»)"]
    if not columns.keys() & {"name", "surname", "given"}:
        missing.append("the name («ФИО», or «Фамилия» and «Имя»)")
    if missing:
        headers = ", ".join(f'"{header}"' for header in table.header[:_SHOWN])
        raise VariantsError(
            f"no column was recognised for {' and for '.join(missing)}.",
            where=str(path),
            remedy=f"The first line that looks like a header has {headers}; name the columns so and keep one line per student.",
        )
    parts = ("name",) if "name" in columns else ("surname", "given", "patronymic")
    width = len(table.header)
    return _Columns(
        width=width,
        name=tuple(columns[part] for part in parts if part in columns),
        **{field: columns.get(field, width) for field in ("id", "group", "number", "stream", "email")},
    )


def _student(line: int, cells: list[str], columns: _Columns) -> tuple[Student | None, str]:
    """Return the student of one row, or None, and what is wrong with the row, or an empty string."""
    cells = [cell if cell.isalnum() else clean(cell) for cell in cells]
    width = columns.width
    if len(cells) > width and any(cells[width:]):
        return None, f"{len(cells)} cells, but the header has {width}; a cell with the separator in it needs quotation marks"
    if not any(cells):
        return None, ""
    cells += [""] * (width + 1 - len(cells))
    identity, written = cells[columns.id], cells[columns.number]
    if wrong := wrong_id(identity):
        return None, wrong
    name = clean(" ".join([cells[column] for column in columns.name]))
    if not name:
        return None, f'the student "{identity}" has no name'
    number = _number(written)
    if number is None and written:
        return None, f'the number "{written}" of {name} is not a whole number from 1 on'
    student = Student(
        id=identity,
        name=name,
        group=cells[columns.group],
        number=number,
        stream=cells[columns.stream],
        email=cells[columns.email],
        row=line,
    )
    return student, ""


@lru_cache(maxsize=1024)
def _number(written: str) -> int | None:
    """Read a number from 1 on, also as a spreadsheet writes it (`7,0`); anything else is None."""
    match = _NUMBER.fullmatch(written)
    return (int(match.group(1)) or None) if match else None


def wrong_id(identity: str) -> str:
    """Say why this id cannot be used, or return an empty string. Ids become names of folders on any operating system."""
    if identity.isalnum() and 4 < len(identity) < _ID_MAX:  # by far the most, and nothing below applies
        return ""
    if not identity:
        return "no id"
    if _SHORTENED.fullmatch(identity):
        return f'the id "{identity}" was shortened by a spreadsheet; make its column text and save again'
    if len(identity) > _ID_MAX:
        return f'the id "{identity[:20]}…" is longer than {_ID_MAX} characters'
    if _NO_FOLDER_NAME.fullmatch(identity):
        return f'the id "{identity}" cannot be the name of a folder'
    return ""


def _refuse(path: Path, problems: Sequence[str]) -> None:
    more = f"\n  and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
    lines = "\n".join(problems[:_SHOWN]) + more
    what = "1 line cannot be used:" if len(problems) == 1 else f"{len(problems)} lines cannot be used:"
    raise VariantsError(f"{what}\n{lines}\n", where=str(path), remedy="Correct the file and read it again.")
