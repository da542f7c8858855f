"""The roster: who is in the course, read from a CSV file as people really export it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
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
        "ФИО", "Ф.И.О.", "Ф. И. О. студента", "ФИО студента", "фамилия имя отчество", "фамилия имя", "фамилия и имя", "фамилия, имя, отчество",
        "фамилия И.О.", "полное имя", "студент", "имя студента", "name", "full name", "fullname", "student name", "student",
    ),
    "surname": ("фамилия", "surname", "last name", "lastname", "family name"),
    "given": ("имя", "given name", "first name", "firstname"),
    "patronymic": ("отчество", "patronymic", "middle name", "middlename"),
    "group": ("группа", "group", "учебная группа", "академическая группа", "номер группы", "№ группы", "группы", "гр", "group name", "group number"),
    "number": (
        "вариант", "номер варианта", "№ варианта", "variant", "variant number", "номер по списку", "№ по списку", "номер в списке", "№ в списке",
        "номер по списку группы", "номер в группе", "№ в группе", "порядковый номер в группе", "по списку", "list number", "number in group", "number",
    ),
    "stream": ("поток", "stream", "track"),
    "email": ("email", "e-mail", "mail", "почта", "электронная почта", "эл. почта", "адрес электронной почты", "email address", "e-mail address"),
}  # fmt: skip
_FIELD_OF = {fold(header): (field, rank) for field, headers in HEADERS.items() for rank, header in enumerate(headers)}
_SHOWN = 20  # problems named in one message
_ID_MAX = 100
_NOT_IN_A_FOLDER_NAME = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]')
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
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
        student, problem = _student(line, cells, columns, len(table.header))
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


def _columns(table: Table, path: Path) -> dict[str, int]:
    """Return the column of each field that the header has."""
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
    if "name" in columns:
        for part in ("surname", "given", "patronymic"):
            columns.pop(part, None)
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
    return columns


def _student(line: int, cells: list[str], columns: dict[str, int], width: int) -> tuple[Student | None, str]:
    """Return the student of one row, or None, and what is wrong with the row, or an empty string."""
    if any(map(clean, cells[width:])):
        return None, f"{len(cells)} cells, but the header has {width}; a cell with the separator in it needs quotation marks"
    count = len(cells)
    values = {field: clean(cells[column]) for field, column in columns.items() if column < count}
    if not any(map(clean, cells)):
        return None, ""
    if wrong := wrong_id(values.get("id", "")):
        return None, wrong
    name = values.get("name") or clean(" ".join(values.get(part, "") for part in ("surname", "given", "patronymic")))
    if not name:
        return None, f'the student "{values["id"]}" has no name'
    written = values.get("number", "")
    number = _NUMBER.fullmatch(written)
    if written and (number is None or int(number.group(1)) < 1):
        return None, f'the number "{written}" of {name} is not a whole number from 1 on'
    student = Student(
        id=values["id"],
        name=name,
        group=values.get("group", ""),
        number=int(number.group(1)) if number else None,
        stream=values.get("stream", ""),
        email=values.get("email", ""),
        row=line,
    )
    return student, ""


def wrong_id(identity: str) -> str:
    """Say why this id cannot be used, or return an empty string. Ids become names of folders on any operating system."""
    if not identity:
        return "no id"
    if _SHORTENED.fullmatch(identity):
        return f'the id "{identity}" was shortened by a spreadsheet; make its column text and save again'
    if len(identity) > _ID_MAX:
        return f'the id "{identity[:20]}…" is longer than {_ID_MAX} characters'
    if _NOT_IN_A_FOLDER_NAME.search(identity) or identity.startswith(".") or identity.endswith(".") or _DEVICES.fullmatch(identity):
        return f'the id "{identity}" cannot be the name of a folder'
    return ""


def _refuse(path: Path, problems: Sequence[str]) -> None:
    more = f"\n  and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
    lines = "\n".join(problems[:_SHOWN]) + more
    what = "1 line cannot be used:" if len(problems) == 1 else f"{len(problems)} lines cannot be used:"
    raise VariantsError(f"{what}\n{lines}\n", where=str(path), remedy="Correct the file and read it again.")
