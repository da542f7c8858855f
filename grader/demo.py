"""A small course to look at: every work that an instructor meets, good and bad, made from the assignment's solution and mutants."""

from dataclasses import dataclass
from pathlib import Path

import nbformat

from grader.assignment import load_assignment
from grader.course import Course, make_course
from grader.errors import CourseError
from grader.files import write_atomically
from grader.model import Language, Text
from grader.mutants import load_mutants, make_quick
from grader.package import package
from grader.verify import SOLUTION, UNTOUCHED, make_work
from variants.manifest import assign, write_manifest
from variants.roster import read_roster
from variants.rules import load_rule

SLUG = "iu5_lab1"
_RULE = "iu5-2026"
_SOLUTION = Text(ru="Решение", en="The solution")
_UNTOUCHED = Text(ru="Нетронутая заготовка", en="An untouched package")
_NAMES = (
    "Абрамова Анна Сергеевна",
    "Белов Борис Игоревич",
    "Васильева Вера Павловна",
    "Григорьев Глеб Олегович",
    "Дмитриева Дарья Ильинична",
    "Ершов Егор Андреевич",
    "Жукова Жанна Викторовна",
    "Зайцев Захар Петрович",
    "Ильина Ирина Львовна",
    "Козлов Кирилл Антонович",
    "Лебедева Лидия Марковна",
    "Морозов Максим Денисович",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """The course that was made, and what each of its students handed in."""

    course: Course
    works: tuple[tuple[str, Text], ...]


def make_demo(folder: Path, *, language: Language) -> Demo:
    """Make the course in `folder`, which must be new or empty; raises CourseError."""
    if folder.is_dir() and any(folder.iterdir()):
        raise CourseError("The folder is not empty.", where=str(folder), remedy="Delete it, or name another one with --out.")
    course = make_course(folder, title="Zachet", language=language, assignment=SLUG)
    assignment = load_assignment(SLUG, [])
    works = [(SOLUTION, _SOLUTION), (UNTOUCHED, _UNTOUCHED), *((mutant.name, mutant.title) for mutant in load_mutants(assignment))]
    rows = [f"s{number:02};{name};ИУ5-6{number % 3 + 1}Б;{number + 4};ИУ5" for number, name in enumerate(_NAMES[: len(works)], start=1)]
    write_atomically(folder / "roster.csv", "\n".join(["id;ФИО;группа;вариант;поток", *rows]) + "\n")
    variants = assign(read_roster(folder / "roster.csv"), load_rule(_RULE), assignment=SLUG)
    write_manifest(folder / "variants.csv", variants)
    package(assignment, variants, folder / "packages", language=language)
    for variant, (name, _) in zip(variants, works, strict=True):
        notebook = make_quick(make_work(name, assignment, variant, language), assignment)
        write_atomically(course.submissions(SLUG) / variant.student.id / f"{SLUG}.ipynb", nbformat.writes(notebook))
    return Demo(course=course, works=tuple((variant.student.id, title) for variant, (_, title) in zip(variants, works, strict=True)))
