"""The manifest of variants (variants.csv): who got which classes, by which rule, and what was changed by hand of the rule."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from variants.cifar100 import names
from variants.errors import VariantsError
from variants.giving import Said, give
from variants.group import GroupIs
from variants.roster import Student, label, wrong_id
from variants.rule import CLASSES, Rule, wrong_with
from variants.table import fold, read_table, write_table

Resolve = Literal["next-free"]
MOVED = "next-free:"  # how the note of a moved class begins in `resolution`
_BEFORE = ("id", "name", "group", "number", "stream", "email", "assignment", "rule")
_AFTER = ("classes_en", "resolution")
_CLASS = re.compile(r"class_(\d{1,2})")
_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """The classes of one student for one assignment, in the rule's order.

    `resolution` is empty, or says how the classes came to differ from what the rule says by itself: the meaning of group
    that was chosen, a class that was moved. `assignment` may be empty where a rule does not depend on it.
    """

    student: Student
    assignment: str
    rule: str
    classes: tuple[int, ...]
    resolution: str = ""


def assign(
    students: Sequence[Student],
    rule: Rule,
    *,
    assignment: str = "",
    secret: bytes | None = None,
    group_is: GroupIs | None = None,
    stream: str = "",
    resolve: Resolve | None = None,
    kept: Sequence[Variant] = (),
) -> tuple[Variant, ...]:
    """Give every student the classes of `rule`, in the order of `students`; nobody's depend on who else is there.

    A rule that gives every set once is the exception: there a set goes to the first who draws it. Who has one already, by this rule
    and for this assignment among `kept`, keeps it; sets of those who are not among `students` are free again.

    `group_is` overrides what the rule means by group, `stream` stands for those whose roster line names none. With
    `resolve="next-free"` a class that repeats an earlier one or lies outside 0..99 moves up to the next class the student does not have
    (0 comes after 99), and the variant's `resolution` says so. Raises VariantsError that names every student without valid classes.
    """
    note = f"group is {group_is}" if group_is not in (None, rule.group_is) and rule.uses_group() else ""
    variants: list[Variant] = []
    problems: list[VariantsError] = []
    sets = {identity: one.classes for identity, one in earlier(kept, rule, assignment).items()}
    given = give(students, rule, assignment=assignment, secret=secret, group_is=group_is, stream=stream, kept=sets)
    for student, said in given:
        try:
            classes, moved = _valid(student, said, resolve)
        except VariantsError as error:
            problems.append(error)
            continue
        known = student if student.stream or not stream else replace(student, stream=stream)
        resolution = f"{note}; {moved}" if note and moved else note or moved
        variants.append(Variant(student=known, assignment=assignment, rule=rule.name, classes=classes, resolution=resolution))
    if problems:
        lines = "".join(f"  {problem.where}: {problem.what}\n" for problem in problems)
        raise VariantsError(
            f"{len(problems)} of {len(students)} students cannot be given valid classes:\n{lines}",
            where=f"rule {rule.name}",
            remedy=" ".join(dict.fromkeys(problem.remedy for problem in problems)),
        )
    return tuple(variants)


def earlier(variants: Sequence[Variant], rule: Rule, assignment: str) -> dict[str, Variant]:
    """Return those given by this rule and for this assignment, by the student's id in lower case."""
    return {one.student.id.casefold(): one for one in variants if (one.rule, one.assignment) == (rule.name, assignment)}


def write_manifest(path: Path, variants: Sequence[Variant]) -> None:
    """Write the manifest, whole or not at all: one line per variant, class_1 .. class_k and their English names."""
    count = max((len(variant.classes) for variant in variants), default=0)
    header = (*_BEFORE, *(f"class_{index}" for index in range(1, count + 1)), *_AFTER)
    write_table(path, header, (_line(variant, count) for variant in variants))


def read_manifest(path: Path) -> tuple[Variant, ...]:
    """Read a manifest, also one that a spreadsheet has saved again. The numbers count; `classes_en` is for people.

    Raises VariantsError that names every line (the first 20) with classes that are not different numbers in 0..99 or with
    a student who is there twice for one assignment.
    """
    table = read_table(path, _known_headers)
    columns = {header.casefold(): index for index, header in enumerate(table.header)}
    columns = dict(sorted(columns.items(), key=lambda item: (len(item[0]), item[0])))  # class_2 before class_10
    missing = [name for name in ("id", "name", "rule", "class_1") if name not in columns]
    if missing:
        raise VariantsError(
            f"this is not a manifest of variants: it has no column {', '.join(missing)}.",
            where=str(path),
            remedy="Make one with: zachet variants assign ROSTER --rule RULE -o variants.csv",
        )
    variants: list[Variant] = []
    problems: list[str] = []
    seen: dict[tuple[str, str], int] = {}
    for line, cells in table.rows:
        variant, problem = _variant(line, cells, columns)
        if variant is not None:
            key = (variant.student.id.casefold(), variant.assignment)
            if (first := seen.setdefault(key, line)) != line:
                problem = f'"{variant.student.id}" is already on line {first}'
            variants.append(variant)
        if problem:
            problems.append(f"  line {line}: {problem}")
    if problems:
        more = f"\n  and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise VariantsError(
            "the manifest cannot be used:\n" + "\n".join(problems[:_SHOWN]) + more + "\n",
            where=str(path),
            remedy="Correct these lines, or make the manifest again.",
        )
    return tuple(variants)


def is_manifest(path: Path) -> bool:
    """Whether the table at `path` has classes in it; a roster has none."""
    return any(_CLASS.fullmatch(header.casefold()) for header in read_table(path, _known_headers).header)


def variant_record(variant: Variant) -> dict[str, int | str | list[int] | list[str] | None]:
    """Return the variant as plain JSON, as packages and scores carry it."""
    return {
        "rule": variant.rule,
        "classes": list(variant.classes),
        "class_names_en": list(names(variant.classes)),
        "class_names_ru": list(names(variant.classes, russian=True)),
        "group": variant.student.group,
        "number": variant.student.number,
        "stream": variant.student.stream,
        "resolution": variant.resolution,
    }


def _valid(student: Student, classes: Said, resolve: Resolve | None) -> tuple[tuple[int, ...], str]:
    """Return valid classes and what was moved to make them so; raises VariantsError naming the student."""
    if isinstance(classes, VariantsError):
        raise classes
    wrong = wrong_with(classes)
    if not wrong:
        return classes, ""
    if resolve == "next-free":
        return _next_free(classes)
    raise VariantsError(
        f"{', '.join(map(str, classes))}: {wrong}",
        where=label(student),
        remedy="Change the roster or the rule, or pass --resolve next-free to move such a class to the next free one.",
    )


def _next_free(classes: Sequence[int]) -> tuple[tuple[int, ...], str]:
    """Move what is wrong; a valid class stays where it is, the first of its kind. Returns the classes and a note."""
    result = [index if 0 <= index < CLASSES and index not in classes[:place] else -1 for place, index in enumerate(classes)]
    notes = []
    for place, index in enumerate(classes):
        if result[place] < 0:
            result[place] = next(free for step in range(CLASSES) if (free := (index + step) % CLASSES) not in result)
            notes.append(f"class_{place + 1} {index} -> {result[place]}")
    return tuple(result), f"{MOVED} {', '.join(notes)}"


def _known_headers(cells: Sequence[str]) -> int:
    return sum(fold(cell) in ("id", "name", "group", "rule", "class 1") for cell in cells)


def _line(variant: Variant, count: int) -> list[str]:
    student = variant.student
    number = "" if student.number is None else str(student.number)
    classes = [str(index) for index in variant.classes] + [""] * (count - len(variant.classes))
    before = [student.id, student.name, student.group, number, student.stream, student.email, variant.assignment, variant.rule]
    return [*before, *classes, ", ".join(names(variant.classes)), variant.resolution]


def _variant(line: int, cells: list[str], columns: dict[str, int]) -> tuple[Variant | None, str]:
    """Return the variant of one line, or None, and what is wrong with the line, or an empty string."""
    value = {name: cells[column] for name, column in columns.items() if column < len(cells)}
    written = [value.get(name, "").strip() for name in columns if _CLASS.fullmatch(name)]
    while written and not written[-1]:
        written.pop()
    if not all(text.isdecimal() and len(text) <= 3 and int(text) < CLASSES for text in written):
        return None, f"the classes {', '.join(written)} are not all numbers in 0..{CLASSES - 1}"
    classes = tuple(map(int, written))
    if wrong := wrong_with(classes) or wrong_id(value.get("id", "")):
        return None, wrong
    number = value.get("number", "").strip()
    if number and not (number.isdecimal() and len(number) <= 6):
        return None, f'the number "{number}" is not a whole number'
    student = Student(
        id=value["id"],
        name=value.get("name", ""),
        group=value.get("group", ""),
        number=int(number) if number else None,
        stream=value.get("stream", ""),
        email=value.get("email", ""),
        row=line,
    )
    fields = {name: value.get(name, "") for name in ("assignment", "rule", "resolution")}
    return Variant(student=student, classes=classes, **fields), ""
