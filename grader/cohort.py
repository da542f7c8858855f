"""Many submissions: as many at once as there are cores, each kept as soon as it is done, so that nothing done is done again."""

import json
import traceback
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path

from grader.assignment import Assignment, Checks
from grader.errors import EvidenceError, ZachetError
from grader.evidence import Evidence, load_runs
from grader.files import folder_name, write_atomically
from grader.gradebook import write_gradebook
from grader.model import ExitReason, Language, Outcome, Score, Submission, Text
from grader.pipeline import Setting, grade_run_by_run, probe_digest
from grader.report import IndexRow, render_index, render_report
from grader.scores import from_json, to_json
from grader.scoring import score
from variants.errors import ThreePartError
from variants.manifest import Variant


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """Where a course keeps what was graded for one assignment."""

    root: Path
    assignment: str

    @property
    def store(self) -> Path:
        """The evidence of all assignments."""
        return self.root / "evidence"

    @property
    def scores(self) -> Path:
        """One JSON file per student."""
        return self.root / "scores" / self.assignment

    @property
    def reports(self) -> Path:
        """One page per student, and index.html."""
        return self.root / "reports" / self.assignment

    @property
    def gradebook(self) -> Path:
        """The table of the whole cohort."""
        return self.root / f"gradebook-{self.assignment}.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """How one submission of a batch ended: with a score, or with an error of ours."""

    student: str
    score: Score | None
    error: ThreePartError | None = None
    reused: bool = False


def grade_cohort(
    work: Sequence[tuple[Submission, Variant]], setting: Setting, results: Results, *, jobs: int, language: Language, resume: bool
) -> Generator[Done, None, None]:
    """Grade every submission, `jobs` at a time, and yield each when its score and report are on disk; they are there after every run.

    One that fails through our fault is yielded with its error and the batch goes on. Closing the iterator early, as Ctrl-C does,
    stops what is running and keeps what is done.
    """

    def one(submission: Submission, variant: Variant) -> Done:
        old = _evidence_of(submission, variant, setting, results) if resume else None
        try:
            for evidence, scored in grade_run_by_run(submission, variant, setting, old):
                keep(scored, evidence, results, language)
        except ThreePartError as error:
            return Done(student=submission.student, score=None, error=error)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 - a fault of ours, of an instructor's prepare() or a panic in a library must not end the batch
            return Done(student=submission.student, score=None, error=_unforeseen(error, submission.student))
        return Done(student=submission.student, score=scored, reused=old is not None and len(old.further) == len(evidence.further))

    pool = ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="grade")
    try:
        waiting: set[Future[Done]] = {pool.submit(one, submission, variant) for submission, variant in work}
        while waiting:
            # A bounded wait lets Ctrl-C in: a bare one would sleep through it on some systems.
            finished, waiting = wait(waiting, timeout=0.5, return_when=FIRST_COMPLETED)
            for future in finished:
                yield future.result()
    finally:
        setting.stop.set()
        pool.shutdown(wait=True, cancel_futures=True)


def _unforeseen(error: BaseException, student: str) -> ZachetError:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return ZachetError(
        f"{type(error).__name__}: {error} ({Path(frame.filename).name}, line {frame.lineno}).",
        where=student,
        remedy="This is no fault of the student's. Mend the line when it is your assignment's, else report it; then grade with --resume.",
    )


def rescore(assignment: Assignment, checks: Checks, results: Results, *, language: Language) -> Iterator[Done]:
    """Score again every kept evidence of the assignment. Runs no student code."""
    for old in read_scores(results):
        try:
            evidence = load_runs(results.store, old.evidence, old.further)
            new = score(evidence, assignment, checks)
            keep(new, evidence, results, language)
        except ThreePartError as error:
            yield Done(student=old.student, score=None, error=error)
        else:
            yield Done(student=old.student, score=new)


def keep(scored: Score, evidence: Evidence, results: Results, language: Language) -> None:
    """Write a score and its report; raises EvidenceError when the folder cannot take them."""
    text = json.dumps(to_json(scored), ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    try:
        write_atomically(results.reports / report_name(scored.student), render_report(scored, evidence.notebook, language))
        write_atomically(results.scores / f"{folder_name(scored.student)}.json", text)
    except OSError as error:
        raise EvidenceError(
            f"The result cannot be written ({error.strerror or error}).",
            where=str(results.root),
            remedy="Make room or choose a folder that you may write to, then run the same command with --resume.",
        ) from error


def finish(results: Results, *, title: str, language: Language) -> tuple[Score, ...]:
    """Write gradebook and index page over all scores on disk, and return the scores in order of student."""
    scores = tuple(read_scores(results))
    try:
        write_gradebook(results.gradebook, scores)
        rows = [_index_row(scored, language) for scored in scores]
        write_atomically(results.reports / "index.html", render_index(rows, title, language))
    except OSError as error:
        raise EvidenceError(
            f"The gradebook or the index page cannot be written ({error.strerror or error}).",
            where=str(results.root),
            remedy="Close the file where it is open, make room, and run `zachet rescore`.",
        ) from error
    return scores


def read_scores(results: Results) -> Iterator[Score]:
    """Yield the scores on disk, in order of student; raises EvidenceError for a damaged one."""
    for file in sorted(results.scores.glob("*.json")):
        try:
            yield from_json(json.loads(file.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise EvidenceError(
                f"The score cannot be read ({type(error).__name__}).", where=str(file), remedy="Delete the file and grade again with --resume."
            ) from error


def report_name(student: str) -> str:
    """Return the file name of a student's report."""
    return f"{folder_name(student)}.html"


def first_problem(scored: Score) -> Text | None:
    """Return the first thing to look at: a fault of ours, a cell that failed, what cost most, what waits for a person, a note."""
    rows = sorted(scored.criteria, key=lambda criterion: criterion.earned - criterion.points)
    graded = [finding for criterion in rows for finding in criterion.findings]
    cells = scored.execution["cells"]
    broken = isinstance(cells, list) and any(isinstance(cell, dict) and cell["status"] != "ok" for cell in cells)
    ordered = [*scored.notes, *graded] if broken or not cells else [*graded, *scored.notes]
    bad = (Outcome.ERRORED, Outcome.FAILED, Outcome.PENDING)
    return next((finding.rationale for outcome in bad for finding in ordered if finding.outcome is outcome), None)


def _index_row(scored: Score, language: Language) -> IndexRow:
    names = scored.variant.get(f"class_names_{language}")
    return IndexRow(
        student=scored.student,
        name=scored.name,
        group=str(scored.variant.get("group", "")),
        classes=tuple(map(str, names)) if isinstance(names, list) else (),
        earned=scored.earned,
        points=scored.points,
        verdict=scored.verdict,
        first_problem=first_problem(scored),
        report=report_name(scored.student),
        criteria=scored.criteria,
    )


def _hit_a_limit(evidence: Evidence) -> bool:
    """Tell whether other limits could have let the run go on."""
    whole = evidence.execution.exit_reason in {ExitReason.COMPLETED, ExitReason.RAISED}
    return not whole or any(cell.error.startswith("CellTimeLimit") for cell in evidence.execution.cells)


def _evidence_of(submission: Submission, variant: Variant, setting: Setting, results: Results) -> Evidence | None:
    """Return the kept evidence of this very submission under this very setting, if there is any; of its further runs those that fit."""
    try:
        old = from_json(json.loads((results.scores / f"{folder_name(submission.student)}.json").read_text(encoding="utf-8")))
        evidence = load_runs(results.store, old.evidence, old.further)
    except (OSError, ValueError, KeyError, TypeError, ZachetError):
        return None
    if evidence.mode is not setting.modes[0] or not _same(evidence, submission, variant, setting):
        return None
    return replace(evidence, further=tuple(run for run in evidence.further if run.mode in setting.modes and _same(run, submission, variant, setting)))


def _on_gpu(setting: Setting) -> bool:
    return setting.gpus is not None or bool(setting.container and setting.container.gpus)


def _same(evidence: Evidence, submission: Submission, variant: Variant, setting: Setting) -> bool:
    """Tell whether running the submission again would only repeat this run."""
    data = {"name": setting.data.name, "digest": setting.data.digest} if setting.data else None
    facts = evidence.manifest
    return bool(
        submission.digest
        and facts["submission"] == submission.digest
        and facts["view"] == str(setting.view)
        and facts["data"] == data
        and evidence.variant.get("classes") == list(variant.classes)
        and facts["probe"] == probe_digest(setting)
        and evidence.execution.isolation is setting.isolation
        and evidence.execution.device.startswith("cuda") is _on_gpu(setting)
        and evidence.execution.exit_reason is not ExitReason.SANDBOX_FAULT
        and (evidence.execution.limits == setting.limits or not _hit_a_limit(evidence))
    )
