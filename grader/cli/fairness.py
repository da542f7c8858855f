"""`zachet fairness`: what a fixed threshold does to a course's variants, and what the calibrated lines do instead."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from grader.assignment import Assignment, load_assignment
from grader.course import Course, course_around
from grader.errors import ConfigurationError
from grader.files import write_atomically
from grader.model import Language, Text
from grader.report import render_fairness
from grader.report.fairness import called, chance, in_words
from grader.thresholds import (
    Comparison,
    NotUsable,
    Thresholds,
    below,
    compare_rules,
    comparison_json,
    outlook,
    read_thresholds,
    require_fresh,
)
from variants.manifest import Variant, read_manifest

_COLOURS = {"never": "red", "lottery": "yellow", "always": "green"}
_HEAD: dict[Language, tuple[str, ...]] = {
    "ru": ("классы", "эталон", "свой порог", "ниже единого", "эталон: единый", "свой", "хуже: единый", "свой"),
    "en": ("classes", "reference", "own line", "below fixed", "equal: fixed", "own", "worse: fixed", "own"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What is looked at: a calibration, and `students` by set of classes (None: all sets of the calibration, dealt or not)."""

    course: Course | None
    assignment: Assignment
    thresholds: Thresholds
    students: Counter[tuple[int, ...]] | None


@click.command()
@click.option("--course", "folder", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="Course folder; the current one by default.")
@click.option("--assignment", "slug", default="", help="Which assignment; the course's own by default.")
@click.option("--thresholds", "file", type=click.Path(path_type=Path, dir_okay=False), default=None, help="A calibration; the course's by default. All its variants are shown unless --variants says which.")
@click.option("--variants", type=click.Path(path_type=Path), default=None, help="The manifest whose variants are shown; the course's by default.")
@click.option("--fixed", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.70, show_default=True, metavar="SHARE", help="The fixed threshold to compare with.")
@click.option("--worse", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.05, show_default=True, metavar="SHARE", help="How far below the reference the worse work is.")
@click.option("--replicates", type=click.IntRange(1, 20), default=None, metavar="K", help="How often borderline work is run at most; the assignment's by default.")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), default=None, help="The page; results/fairness-ASSIGNMENT.html of the course by default.")
@click.option("--language", type=click.Choice(["ru", "en"]), default=None, help="Language of table and page; the course's by default.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON and write no page, unless -o names one.")
def fairness(*, fixed: float, worse: float, replicates: int | None, output: Path | None, language: Language | None, as_json: bool, **where: Any) -> int:
    """Compare one fixed threshold with a pass line per variant: chances of honest and of worse work, and a page with the plot."""
    source = _source(**where)
    policy = source.assignment.policy
    policy = replace(policy, replicates=replicates or policy.replicates)
    sets = [variant.classes for variant in source.thresholds.variants.values()] if source.students is None else source.students
    comparison = compare_rules(source.thresholds, sets, policy, fixed=fixed, worse=worse)
    language = language or (source.course.language if source.course else "ru")
    notes = _notes(source)
    if as_json:
        click.echo(json.dumps({**comparison_json(comparison), "notes": [note.en for note in notes]}, ensure_ascii=False, indent=1))
    else:
        _show(comparison, notes, language)
    if output is not None or not as_json:
        page = output or (source.course.results if source.course else Path()) / f"fairness-{source.assignment.slug}.html"
        _write(page, render_fairness(comparison, title=_title(source, language), language=language, students=source.students, notes=notes))
        click.echo({"ru": "Страница: ", "en": "Page: "}[language] + str(page), err=as_json)
    return 0


def _source(folder: Path, slug: str, file: Path | None, variants: Path | None) -> Source:
    """Gather what was named and what the course has; raises a usage error for what neither says."""
    course = course_around(folder)
    if file is None and course is None:
        raise click.UsageError("There is no course here: name a calibration with --thresholds FILE.")
    path = file if course is None or file is not None else course.thresholds(slug or course.assignment)
    if path is None or not path.exists():
        raise ConfigurationError("There is no calibration.", where=str(path), remedy="Make it with `zachet calibrate`, or name another file with --thresholds.")
    thresholds = read_thresholds(path)
    assignment = load_assignment(slug or thresholds.assignment, course.own_assignments if course else ())
    if thresholds.assignment != assignment.slug:
        raise ConfigurationError(
            f'The thresholds are those of "{thresholds.assignment}", not of "{assignment.slug}".', where=str(path), remedy="Name the right file with --thresholds."
        )
    dealt: list[Variant] | None = None
    if variants is not None:
        dealt = [variant for variant in read_manifest(variants) if variant.assignment in {"", assignment.slug}]
    elif course is not None and file is None:
        dealt = list(course.variants(assignment.slug).values())
    students = None if dealt is None else Counter(tuple(sorted(variant.classes)) for variant in dealt)
    return Source(course=course, assignment=assignment, thresholds=thresholds, students=students)


def _notes(source: Source) -> list[Text]:
    """Return what makes the calibration unfit for grading, as far as it can be known without data and without a run."""
    made = source.thresholds
    view = (source.course.view if source.course else None) or source.assignment.view
    try:
        require_fresh(made, data=made.data, view=view, recipe=source.assignment.recipe, torch=made.environment.get("torch", ""))
    except NotUsable as error:
        return [
            Text(
                ru=f"Проверка работ этой калибровкой не воспользуется: {error.reason.ru}.",
                en=f"Grading will not use this calibration: {error.reason.en}.",
            )
        ]
    if made.data_name == "cifar100-synthetic":
        return [Text(ru="Калибровка сделана на искусственных изображениях.", en="The calibration was made on synthetic images.")]
    return []


def _show(comparison: Comparison, notes: Sequence[Text], language: Language) -> None:
    for note in notes:
        click.echo(note.of(language), err=True)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, words in enumerate(_HEAD[language]):
        table.add_column(words, no_wrap=number < 2, justify="left" if number < 2 else "right")
    for one in comparison.variants:
        colour = _COLOURS[outlook(one.equal.fixed)]
        shares = [chance(value, language) for value in (one.equal.fixed, one.equal.own, one.worse.fixed, one.worse.own)]
        table.add_row(
            ", ".join(map(str, one.classes)), f"{one.mean:.3f} ± {one.sd:.3f}", f"{one.line:.3f}",
            f"{below(one, comparison.fixed)} / {len(one.accuracies)}", f"[{colour}]{shares[0]}[/{colour}]", *shares[1:],
        )  # fmt: skip
    if comparison.variants:
        Console().print(table)
    for sentence in in_words(comparison):
        click.echo(sentence.of(language))
    for missing in comparison.without:
        click.echo(f"{', '.join(map(str, missing.classes))} ({called(missing.classes, language)}): {missing.reason.of(language)}")


def _title(source: Source, language: Language) -> str:
    title = source.assignment.title.of(language)
    return f"{source.course.title}: {title}" if source.course else title


def _write(path: Path, page: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, page)
    except OSError as error:
        raise ConfigurationError(f"The page cannot be written ({error.strerror or error}).", where=str(path), remedy="Name another file with -o.") from error
