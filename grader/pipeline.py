"""The way of one submission: execute, freeze, judge. Batches, self-checks and calibration all go through `grade`."""

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from grader import __version__
from grader.assignment import Assignment, Checks
from grader.checks import Preparation
from grader.datasets import DataRoot, PreparedView, hidden_set, public_images, public_labels, visible_test
from grader.evidence import Evidence, freeze
from grader.model import Execution, ExitReason, Given, Isolation, Json, Limits, Mode, Record, Run, Score, Submission, View, Vouched
from grader.sandbox import Container, GpuPool, Job, WarmStart, Watch, execute
from grader.scores import finding_to_json
from grader.scoring import score
from variants.manifest import Variant, variant_record


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What all submissions of one batch share. `secret` seeds the hidden inputs; `data` and `prepared` are None without images.

    Every work is run in each of `modes`, the first of which is graded; a work that is trained is run at least `replicates` times. With `warm`,
    runs that can start from its processes do; with `gpus`, every run gets one. `watch` is told which cell is running.
    """

    assignment: Assignment
    checks: Checks
    isolation: Isolation
    limits: Limits
    secret: bytes
    store: Path
    data: DataRoot | None
    prepared: PreparedView | None
    view: View
    stop: threading.Event
    warm: WarmStart | None = None
    container: Container | None = None
    modes: tuple[Mode, ...] = (Mode.RETRAIN,)
    replicates: int = 1
    gpus: GpuPool | None = None
    watch: Watch | None = None


def grade(submission: Submission, variant: Variant, setting: Setting) -> tuple[Evidence, Score]:
    """Run one submission as often as it takes, freeze what came of it and score that. Raises ZachetError for what is our fault."""
    *_, last = grade_run_by_run(submission, variant, setting)
    return last


def grade_run_by_run(
    submission: Submission, variant: Variant, setting: Setting, known: Evidence | None = None
) -> Iterator[tuple[Evidence, Score]]:
    """Yield all evidence and the score after every run, so that nothing is lost when a later one is interrupted.

    `known` are runs from before, which count and are not repeated. A work is run `setting.replicates` times, and again, up to the
    assignment's own number, for as long as a check says that one more run could settle a doubt; then once in every other mode.
    """
    evidence = known
    scored = score(evidence, setting.assignment, setting.checks) if evidence is not None else None
    if evidence is not None and scored is not None:
        yield evidence, scored
    while (following := _next_run(submission, evidence, scored, setting)) is not None:
        made = run_and_freeze(submission, variant, setting, *following)
        evidence = made if evidence is None else replace(evidence, further=(*evidence.further, made))
        scored = score(evidence, setting.assignment, setting.checks)
        yield evidence, scored


def _next_run(
    submission: Submission, evidence: Evidence | None, scored: Score | None, setting: Setting
) -> tuple[int, Mode] | None:
    """Return replicate and mode of the run that is still to be made, or None."""
    first, *others = setting.modes
    if evidence is None or scored is None:
        return 0, first
    ours = any(run.execution.exit_reason is ExitReason.SANDBOX_FAULT for run in evidence.replicates)
    if submission.notebook is None or ours:
        return None  # there is nothing to run, or a fault of ours to be mended first
    replicate = _next_replicate(evidence, scored, setting) if first is Mode.RETRAIN else None  # weights load the same every time
    if replicate is not None:
        return replicate, first
    return next(((0, mode) for mode in others if mode not in {run.mode for run in evidence.further}), None)


def _next_replicate(evidence: Evidence, scored: Score, setting: Setting) -> int | None:
    """Return the number of the replicate that is still to be made, or None."""
    made = {run.replicate for run in evidence.replicates}
    doubted = any(finding.again for row in scored.criteria for finding in row.findings)
    most = max(setting.replicates, setting.assignment.policy.replicates if doubted else 1)
    return next((number for number in range(most) if number not in made), None)


def run_and_freeze(submission: Submission, variant: Variant, setting: Setting, replicate: int, mode: Mode) -> Evidence:
    """Run one submission once, and return the frozen evidence of that."""
    source = _source_of(submission)
    run = _run(submission, variant, setting, replicate, mode, source=source)
    facts = _facts(submission, variant, setting, replicate, mode)
    return freeze(run, submission, facts=facts, source="{}" if source is None else source, store=setting.store)


def run_submission(submission: Submission, variant: Variant, setting: Setting, replicate: int = 0, mode: Mode = Mode.RETRAIN) -> Run:
    """Execute the submission's notebook with the seeds of one replicate, or say why there is nothing to execute.

    A run that trains does not see the weights that were handed in. One that only loads them is spared where there are none and another
    run is graded anyway.
    """
    return _run(submission, variant, setting, replicate, mode, source=_source_of(submission))


def _source_of(submission: Submission) -> str | None:
    """Return the notebook that was handed in, as JSON text: read once a run, so that what is kept is what ran."""
    return Path(submission.notebook).read_text(encoding="utf-8") if submission.notebook else None


def _run(submission: Submission, variant: Variant, setting: Setting, replicate: int, mode: Mode, *, source: str | None) -> Run:
    seed = seed_of(submission.assignment, submission.student, replicate)
    if source is None:
        return _nothing_to_run(submission.problems[0].rationale.en if submission.problems else "nothing was handed in", setting, seed)
    if mode is Mode.LOAD and not submission.weights and mode is not setting.modes[0]:
        missing = Record(name="loaded", vouched=Vouched.REPORTED, value={"problem": "none"})
        return replace(_nothing_to_run("no weights were handed in", setting, seed), records=(missing,))
    files = submission.with_weights if mode is Mode.LOAD and submission.with_weights else submission.files
    job = Job(
        notebook=source,
        probe=setting.assignment.probe_file,
        files=Path(files) if files else None,
        data=setting.prepared.folder if setting.prepared else None,
        limits=setting.limits,
        seed=seed,
        isolation=setting.isolation,
        aliases=setting.assignment.aliases,
        container=setting.container,
        mode=mode,
        weights=submission.weights if mode is Mode.LOAD else "",
        watch=setting.watch,
    )
    start = setting.warm.execute if setting.warm else execute

    def give(records: tuple[Record, ...]) -> Given:
        return _give(records, submission, variant, setting, replicate)

    if setting.gpus is None:
        return start(job, give, setting.stop)
    with setting.gpus.lend(setting.stop) as gpu:
        return start(replace(job, gpu=gpu), give, setting.stop)


def seed_of(assignment: str, student: str, replicate: int = 0) -> int:
    """Return the seed (0..2^31-1) of a student's run: public, the same for ever, and different for every replicate."""
    digest = hashlib.sha256(f"zachet\0{assignment}\0{student}\0{replicate}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def probe_digest(setting: Setting) -> str:
    """Return the digest of the code that records beside the student's."""
    return hashlib.sha256(setting.assignment.probe_file.read_bytes()).hexdigest()


def _give(records: tuple[Record, ...], submission: Submission, variant: Variant, setting: Setting, replicate: int) -> Given:
    key = hmac.new(setting.secret, f"hidden\0{submission.assignment}\0{submission.student}\0{replicate}".encode(), hashlib.sha256)
    preparation = Preparation(
        variant=_variant_facts(variant),
        view=setting.view,
        records={record.name: record for record in records},
        rng=np.random.default_rng(int.from_bytes(key.digest(), "big")),
        hidden=hidden_set(setting.data, setting.view, variant.classes) if setting.data else None,
        public=public_images(setting.data, setting.view, variant.classes) if setting.data else None,
        test=visible_test(setting.prepared, variant.classes) if setting.prepared else None,
        public_labels=public_labels(setting.data, setting.view, variant.classes) if setting.data else None,
    )
    return setting.checks.prepare(preparation)


def _variant_facts(variant: Variant) -> dict[str, Json]:
    return {key: list(value) if isinstance(value, list) else value for key, value in variant_record(variant).items()}


def _facts(submission: Submission, variant: Variant, setting: Setting, replicate: int, mode: Mode) -> Mapping[str, Json]:
    return {
        "mode": str(mode),
        "weights": submission.weights,
        "replicate": replicate,
        "planned": setting.replicates if mode is Mode.RETRAIN else 1,
        "tool": __version__,
        "assignment": submission.assignment,
        "edition": setting.assignment.edition,
        "probe": probe_digest(setting),
        "student": submission.student,
        "name": variant.student.name,
        "variant": _variant_facts(variant),
        "view": str(setting.view),
        "data": {"name": setting.data.name, "digest": setting.data.digest} if setting.data else None,
        "problems": [finding_to_json(problem) for problem in submission.problems],
    }


def _nothing_to_run(message: str, setting: Setting, seed: int) -> Run:
    execution = Execution(
        exit_reason=ExitReason.EXITED,
        message=message,
        isolation=setting.isolation,
        seed=seed,
        cpu_s=0.0,
        wall_s=0.0,
        peak_mb=0.0,
        limits=setting.limits,
    )
    empty = json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []})
    return Run(execution=execution, records=(), given=Given(), notebook=empty)
