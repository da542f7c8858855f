"""`zachet calibrate`: what the reference reaches on every variant."""

import os
import secrets
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from grader.assignment import Assignment, load_assignment
from grader.calibration import Bench, calibrate_fast, calibrate_true, distinct, empty, recipe_of
from grader.cli.reading import DEFAULT_GROUPS, DEFAULT_NUMBERS, number_range
from grader.course import Course, course_around
from grader.datasets import find_data_root, prepare_view
from grader.errors import ConfigurationError
from grader.model import Isolation, View
from grader.setting import Options, make_setting
from grader.thresholds import Calibrated, NotUsable, Thresholds, key_of, lines, merge, read_thresholds, same_making, write_thresholds
from variants.manifest import read_manifest
from variants.rule import outside, repeated
from variants.rules import load_rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be calibrated, how, and into which file."""

    assignment: Assignment
    sets: tuple[tuple[int, ...], ...]
    seeds: int
    engine: str
    bench: Bench
    output: Path
    jobs: int
    fresh: bool
    quiet: bool


@click.command()
@click.option("--course", "folder", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="Course folder; the current one by default.")
@click.option("--assignment", "slug", default="", help="Which assignment; the course's own by default.")
@click.option("--variants", type=click.Path(path_type=Path), default=None, help="The manifest whose sets of classes are calibrated; the course's by default.")
@click.option("--all", "rule", default="", metavar="RULE", help="Calibrate every variant of a rule instead, over --groups and --numbers.")
@click.option("--groups", callback=number_range, metavar="RANGE", help="With --all: numbers of groups as the formula sees them [default: 1-10].")
@click.option("--numbers", callback=number_range, metavar="RANGE", help="With --all: numbers of variants [default: 1-35].")
@click.option("--seeds", type=click.IntRange(1, 1000), default=10, show_default=True, help="Trainings per set of classes.")
@click.option("--engine", type=click.Choice(["fast", "true"]), default="fast", show_default=True, help="fast: the declared recipe, many at once; true: the solution in the sandbox.")
@click.option("--data-root", type=click.Path(path_type=Path), default=None, help="Folder with cifar-100-python/ or its train, test and meta.")
@click.option("--view", type=click.Choice([str(view) for view in View]), default=None, help="The view of the data that grading will use; course.toml's by default.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True, help="Where the fast engine computes.")
@click.option("--jobs", type=click.IntRange(1, 256), default=None, help="Trainings or threads at once on the CPU; as many as there are cores by default.")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), default=None, help="The file; thresholds/ASSIGNMENT.json of the course by default.")
@click.option("--fresh", is_flag=True, help="Train again what the file has already.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def calibrate(folder: Path, slug: str, view: str | None, data_root: Path | None, device: str, **options: Any) -> int:
    """Find out what the reference reaches on every variant, so that grading can tell good work from a lucky variant."""
    course = course_around(folder)
    assignment = load_assignment(slug or (course.assignment if course else "iu5_lab1"), course.own_assignments if course else ())
    recipe_of(assignment)
    data = find_data_root(data_root or (course.data_root if course else None))
    seen = View(view) if view else (course.view if course else None) or assignment.view
    jobs = options["jobs"] or os.cpu_count() or 1
    bench = Bench(data=data, prepared=prepare_view(data, seen), view=seen, threads=jobs, device=device)
    plan = Plan(
        assignment=assignment,
        sets=_sets(course, assignment, options),
        seeds=options["seeds"],
        engine=options["engine"],
        bench=bench,
        output=_output(course, assignment, options["output"]),
        jobs=jobs,
        fresh=options["fresh"],
        quiet=options["quiet"],
    )
    if data.name == "cifar100-synthetic" and not plan.quiet:
        click.echo("Real CIFAR-100 is not here, so synthetic images are calibrated: fine for a trial, not for grades. See `zachet data list`.", err=True)
    made = _run(plan)
    if not plan.quiet:
        _show(made, plan)
    return 0


def _run(plan: Plan) -> Thresholds:
    """Train what the file lacks and keep it as it comes; whoever interrupts this loses at most a few sets of classes."""
    made = empty(plan.assignment, "true" if plan.engine == "true" else "fast", plan.bench)
    old = read_thresholds(plan.output) if plan.output.exists() else None
    if old is not None and not same_making(old, made):
        click.echo(f"{plan.output} was made otherwise (data, view, recipe, engine or versions) and is made anew.", err=True)
        old = None
    made = merge(old, made)
    missing = [classes for classes in plan.sets if plan.fresh or not _enough(made.variants.get(key_of(classes)), plan.seeds)]
    with _progress(len(missing) * plan.seeds, visible=not plan.quiet) as advance:
        for some in _engine(plan, missing, advance):
            made = replace(made, variants={**made.variants, **{key_of(one.classes): one for one in some}})
            write_thresholds(plan.output, made)
    return made


def _engine(plan: Plan, missing: Sequence[tuple[int, ...]], advance: Callable[[int], None]) -> Iterator[tuple[Calibrated, ...]]:
    if plan.engine == "fast":
        yield from calibrate_fast(recipe_of(plan.assignment), missing, range(plan.seeds), plan.bench, advance)
        return
    with tempfile.TemporaryDirectory(prefix="zachet-") as work:
        options = Options(isolation=Isolation.FULL, data_root=plan.bench.data.path, view=plan.bench.view)
        setting = make_setting(plan.assignment, options, secret=secrets.token_bytes(32), store=Path(work))
        yield from calibrate_true(setting, missing, range(plan.seeds), plan.jobs, advance)


def _sets(course: Course | None, assignment: Assignment, options: dict[str, Any]) -> tuple[tuple[int, ...], ...]:
    if options["rule"]:
        return _of_rule(options["rule"], options["groups"] or DEFAULT_GROUPS, options["numbers"] or DEFAULT_NUMBERS)
    if options["groups"] or options["numbers"]:
        raise click.UsageError("--groups and --numbers go with --all RULE.")
    if options["variants"]:
        return distinct([variant.classes for variant in read_manifest(options["variants"]) if variant.assignment in {"", assignment.slug}])
    if course is None:
        raise click.UsageError("There is no course here: name --variants FILE or --all RULE, and a file with -o.")
    return distinct([variant.classes for variant in course.variants(assignment.slug).values()])


def _of_rule(name: str, groups: Sequence[int], numbers: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """Every set of classes in the rule's range; what the rule should never have given (`variants lint` names it) is left out."""
    rule = load_rule(name)
    if rule.kind == "keyed":
        raise ConfigurationError("A keyed rule has no range to enumerate.", where=f"rule {rule.name}", remedy="Assign the variants and name the manifest.")
    given = [rule.evaluate(group, number, stream) for stream in rule.streams or ("",) for group in groups for number in numbers]
    valid = [classes for classes in given if not repeated(classes) and not outside(classes)]
    if len(valid) < len(given):
        click.echo(f"{len(given) - len(valid)} of {len(given)} variants have a class twice or outside 0..99 and are left out; see `zachet variants lint`.", err=True)
    return distinct(valid)


def _output(course: Course | None, assignment: Assignment, named: Path | None) -> Path:
    if named is not None:
        return named
    if course is None:
        raise click.UsageError("There is no course here to keep the thresholds in: name a file with -o.")
    return course.thresholds(assignment.slug)


def _enough(found: Calibrated | None, seeds: int) -> bool:
    return found is not None and found.n + len(found.set_aside) >= seeds


@contextmanager
def _progress(total: int, *, visible: bool) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not (visible and total)) as bar:
        task = bar.add_task("training", total=total)
        yield lambda count: bar.update(task, advance=count)


def _show(made: Thresholds, plan: Plan) -> None:
    table = Table("classes", "trainings", "mean", "SD", "pass line", box=None)
    without = 0
    for classes in plan.sets:
        found = made.variants[key_of(classes)]
        try:
            line = f"{lines(made.reference(classes, plan.assignment.policy), plan.assignment.policy, 1).line:.3f}"
        except NotUsable as reason:
            line = reason.reason.en
            without += 1
        mean = f"{found.mean:.3f}" if found.n else ""
        table.add_row(", ".join(map(str, classes)), str(found.n), mean, f"{found.spread.sd:.3f}" if found.n > 1 else "", line)
    console = Console(soft_wrap=False)
    if not console.is_terminal:
        console.width = 200
    console.print(table)
    if without:
        click.echo(f"Without a pass line: {without} of {len(plan.sets)}. Work on these classes is judged by the assignment's common rule, and its report says why.")
    click.echo(f"Thresholds: {plan.output}")
