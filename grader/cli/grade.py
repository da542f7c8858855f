"""`zachet grade` and `zachet rescore`: a cohort, from submissions or from kept evidence."""

import json
import tempfile
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from grader.assignment import Assignment, load_checks
from grader.capacity import at_once
from grader.cli.show import exit_code, progress_bar, score_table, show_findings
from grader.cohort import Done, Results, finish, grade_cohort
from grader.cohort import rescore as rescore_cohort
from grader.course import Course, find_course
from grader.errors import EvidenceError
from grader.model import Isolation, Limits, View
from grader.sandbox import Container, WarmStart
from grader.scores import to_json
from grader.setting import MODES, Options, make_setting
from grader.submission import Intake, take_in

_COURSE = click.option(
    "--course", "folder", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="Course folder; the current one by default."
)
_ASSIGNMENT = click.option("--assignment", "slug", default="", help="Which assignment; the course's own by default.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The options of one batch; None means the default of the course or of the assignment."""

    jobs: int | None = None
    isolation: Isolation = Isolation.FULL
    image: str = ""
    gpus: str = ""
    data_root: Path | None = None
    view: View | None = None
    cpu_s: int | None = None
    cell_cpu_s: int | None = None
    mode: str = "retrain"
    replicates: int = 1
    device: str = "cpu"
    cold: bool = False
    resume: bool = False
    as_json: bool = False
    quiet: bool = False


@click.command()
@click.argument("paths", metavar="[PATH]...", nargs=-1, type=click.Path(path_type=Path))
@_COURSE
@_ASSIGNMENT
@click.option("--jobs", type=click.IntRange(1, 256), default=None, help="How many submissions at once; as many as there are cores by default.")
@click.option("--isolation", type=click.Choice([str(tier) for tier in Isolation]), default="full", show_default=True, help="Tier of isolation.")
@click.option("--image", default="", help="Image for --isolation container; course.toml's by default.")
@click.option("--gpus", default="", metavar="all|0,1", help="GPUs for --isolation container; course.toml's by default.")
@click.option("--data-root", type=click.Path(path_type=Path), default=None, help="Folder with cifar-100-python/ or its train, test and meta.")
@click.option("--view", type=click.Choice([str(view) for view in View]), default=None, help="What students' code sees; course.toml's by default.")
@click.option("--cpu-limit", "cpu_s", type=click.IntRange(10), default=None, metavar="S", help="CPU seconds per submission.")
@click.option("--cell-limit", "cell_cpu_s", type=click.IntRange(1), default=None, metavar="S", help="CPU seconds per cell.")
@click.option("--mode", type=click.Choice(list(MODES)), default="retrain", show_default=True, help="Train again, load the weights handed in, or both and compare.")
@click.option("--device", default="cpu", show_default=True, metavar="auto|cpu|cuda[:N]", help="Where students' tensors may live; auto: on a GPU where there is one.")
@click.option("--replicates", type=click.IntRange(1, 20), default=1, show_default=True, metavar="K", help="Run every work K times, each with other seeds.")
@click.option("--cold", is_flag=True, help="Start a fresh Python for every submission: slower, with the same results.")
@click.option("--resume", is_flag=True, help="Keep what is graded already and still the same.")
@click.option("--json", "as_json", is_flag=True, help="Print the scores as JSON lines.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def grade(paths: Sequence[Path], folder: Path, slug: str, isolation: str, view: str | None, **options: Any) -> int:
    """Grade submissions: PATHs are folders, archives or notebooks; the course's submissions by default."""
    batch = Batch(isolation=Isolation(isolation), view=View(view) if view else None, **options)
    return grade_course(find_course(folder), slug, paths, batch)


def grade_course(course: Course, slug: str, paths: Sequence[Path], batch: Batch) -> int:
    """Grade `paths`, or the course's submissions, show the outcome, and return the exit code."""
    assignment = course.load(slug)
    variants = course.variants(assignment.slug)
    results = Results(root=course.results, assignment=assignment.slug)
    jobs = _at_once(batch, assignment.limits)
    options = Options(
        isolation=batch.isolation,
        container=_container(course, batch),
        data_root=batch.data_root or course.data_root,
        view=batch.view or course.view or assignment.view,
        cpu_s=batch.cpu_s,
        cell_cpu_s=batch.cell_cpu_s,
        modes=MODES[batch.mode],
        replicates=batch.replicates,
        device=batch.device,
        jobs=jobs,
    )
    with tempfile.TemporaryDirectory(prefix="zachet-") as work:
        setting = make_setting(assignment, options, secret=course.secret(), store=results.store)
        if setting.data is not None and setting.data.name == "cifar100-synthetic" and not batch.quiet:
            click.echo("Real CIFAR-100 is not here, so synthetic images stand in: fine for a trial, not for grades. See `zachet data list`.", err=True)
        intake = take_in(
            list(paths) or [course.submissions(assignment.slug)],
            assignment=assignment.slug,
            roster=[variant.student for variant in variants.values()],
            work=Path(work),
        )
        works = [(submission, variants[submission.student]) for submission in intake.submissions]
        with WarmStart() as warm:
            # A warm process that serves one run costs more than it saves. The runs of one work come one after another.
            once = len(works) <= jobs and batch.replicates * len(options.modes) == 1
            setting = replace(setting, warm=None if batch.cold or once else warm)
            stream = grade_cohort(works, setting, results, jobs=jobs, language=course.language, resume=batch.resume)
            done = _attend(stream, len(works), batch)
    _summary(course, assignment, results, intake, done, batch=batch)
    return exit_code(done, intake)


@click.command()
@_COURSE
@_ASSIGNMENT
@click.option("--json", "as_json", is_flag=True, help="Print the scores as JSON lines.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def rescore(folder: Path, slug: str, as_json: bool, quiet: bool) -> int:
    """Score kept evidence again, with the rubric as it is now. Runs no student code."""
    course = find_course(folder)
    assignment = course.load(slug)
    results = Results(root=course.results, assignment=assignment.slug)
    if not any(results.scores.glob("*.json")):
        raise EvidenceError("There is nothing to score again.", where=str(results.scores), remedy="Grade first, with `zachet grade`.")
    stream = rescore_cohort(assignment, load_checks(assignment), results, language=course.language)
    batch = Batch(as_json=as_json, quiet=quiet)
    done = _follow(stream, len(list(results.scores.glob("*.json"))), batch)
    nothing = Intake(submissions=(), strays=(), missing=())
    _summary(course, assignment, results, nothing, done, batch=batch)
    return exit_code(done, nothing)


def _attend(stream: Generator[Done, None, None], total: int, batch: Batch) -> list[Done]:
    """Follow a batch to its end, or end it on Ctrl-C."""
    with closing(stream):
        try:
            return _follow(stream, total, batch)
        except KeyboardInterrupt:
            click.echo("What was finished is kept; the same command with --resume goes on from there.", err=True)
            raise


def _container(course: Course, batch: Batch) -> Container | None:
    if batch.isolation is not Isolation.CONTAINER:
        return None
    return Container(image=batch.image or course.image, gpus=batch.gpus or course.gpus)


def _follow(stream: Iterable[Done], total: int, batch: Batch) -> list[Done]:
    """Show progress while the batch runs, and errors as they come; return everything that came."""
    done: list[Done] = []
    with progress_bar(total, visible=not (batch.quiet or batch.as_json)) as advance:
        for one in stream:
            done.append(one)
            advance(one)
            if one.error is not None:
                click.echo(f"zachet: {one.student}: {one.error}", err=True)
            elif batch.as_json and one.score is not None:
                click.echo(json.dumps(to_json(one.score), ensure_ascii=False, sort_keys=True))
    return done


def _summary(
    course: Course, assignment: Assignment, results: Results, intake: Intake, done: Sequence[Done], *, batch: Batch
) -> None:
    """Write gradebook and index, and show the cohort as a table."""
    scores = finish(results, title=f"{course.title}: {assignment.title.of(course.language)}", language=course.language)
    show_findings(intake, course.language)
    if batch.quiet or batch.as_json:
        return
    score_table(scores, course.language)
    faults = sum(one.error is not None for one in done)
    if faults:
        click.echo(f"{faults} could not be graded through no fault of the students; see the messages above.")
    click.echo(f"Reports:   {results.reports / 'index.html'}")
    click.echo(f"Gradebook: {results.gradebook}")


def _at_once(batch: Batch, limits: Limits) -> int:
    """Return how many submissions run at once, and say so where that is less than was asked for."""
    jobs = at_once(batch.jobs, limits)
    if batch.jobs and jobs < batch.jobs and not batch.quiet:
        click.echo(f"{jobs} submissions at once, not {batch.jobs}: each may take {limits.memory_mb} MB, and more do not fit into memory.", err=True)
    return jobs
