"""Evidence and rubric in, score out: a pure function, so the same two give the same bytes for ever."""

import math
from collections.abc import Mapping

from grader.assignment import Assignment, Checks
from grader.checks import CheckFunction, CheckInfo, Conclusion
from grader.checks.cells import first_causes
from grader.checks.handed_in import not_loaded, weights_notes
from grader.checks.missing import never_run, not_recorded, not_run
from grader.checks.repeated import repetition
from grader.evidence import Evidence, MissingRecord
from grader.model import (
    Criterion,
    CriterionScore,
    ExitReason,
    Finding,
    Json,
    Mode,
    Outcome,
    Score,
    Text,
    Verdict,
    View,
)
from grader.scores import finding_from_json

_LONGEST = 2000

_NOT_TRAINED = Conclusion(
    outcome=Outcome.PENDING,
    share=0.0,
    rationale=Text(
        ru="Веса только загружены, обучение не выполнялось, поэтому судить об этом нельзя. Решает преподаватель.",
        en="The weights were only loaded and nothing was trained, so this cannot be judged. A person decides.",
    ),
    hint=Text(ru="Проверьте работу с --mode both: тогда тетрадь и обучается.", en="Grade with --mode both, which trains as well."),
)


def score(evidence: Evidence, assignment: Assignment, checks: Checks) -> Score:
    """Judge `evidence`, and its further runs, by the rubric of `assignment`. Criteria of 0 points become the score's notes."""
    findings = _judge_all(evidence, assignment, checks.functions)
    scored = tuple(_criterion_score(criterion, findings) for criterion in assignment.criteria if criterion.points)
    said = [findings[use.name] for criterion in assignment.criteria if not criterion.points for use in criterion.checks]
    notes = tuple(finding for finding in said if finding.rationale is not _NOT_TRAINED.rationale)
    problems = tuple(finding_from_json(problem) for problem in evidence.manifest["problems"])
    problems += repetition(evidence)
    earned = round(math.fsum(criterion.earned for criterion in scored), 2)
    points = round(math.fsum(criterion.points for criterion in scored), 2)
    facts = evidence.manifest
    return Score(
        assignment=assignment.slug,
        title=assignment.title,
        student=facts["student"],
        name=facts["name"],
        variant=evidence.variant,
        submission=facts["submission"],
        evidence=evidence.digest,
        further=tuple(run.digest for run in evidence.further),
        rubric=assignment.digest,
        isolation=evidence.execution.isolation,
        view=View(facts["view"]),
        data=facts["data"],
        earned=earned,
        points=points,
        verdict=_verdict(earned, points, assignment.pass_share, scored, problems),
        criteria=scored,
        notes=(*problems, *weights_notes(evidence, assignment), *notes),
        execution=_execution_summary(evidence),
        environment=evidence.execution.environment,
    )


def _judge_all(evidence: Evidence, assignment: Assignment, functions: Mapping[str, CheckFunction]) -> dict[str, Finding]:
    """Judge every check that the rubric uses, and those they wait for; `functions` has each after what it waits for."""
    used = {use.name for criterion in assignment.criteria for use in criterion.checks}
    for name, function in reversed(list(functions.items())):
        if name in used:
            used.update(function.__zachet_check__.after)  # type: ignore[attr-defined]
    findings: dict[str, Finding] = {}
    for name, function in functions.items():
        if name in used:
            findings[name] = _judge(evidence, assignment, function, findings)
    return findings


def _judge(evidence: Evidence, assignment: Assignment, function: CheckFunction, earlier: Mapping[str, Finding]) -> Finding:
    info: CheckInfo = function.__zachet_check__  # type: ignore[attr-defined]
    blocker = next((earlier[name] for name in info.after if name in earlier and not earlier[name].share), None)
    if blocker is not None:
        conclusion = Conclusion(
            outcome=Outcome.SKIPPED,
            share=0.0,
            rationale=Text(ru=f"Ждёт проверки «{blocker.title.ru}».", en=f"Waits for the check “{blocker.title.en}”."),
        )
    elif never_run(evidence):
        conclusion = not_run()
    elif info.of_training and evidence.mode is Mode.LOAD:
        conclusion = _NOT_TRAINED
    else:
        try:
            conclusion = _concluded(function(evidence, assignment) if info.wants_assignment else function(evidence))
        except MissingRecord as missing:
            conclusion = _not_recorded(missing, evidence)
        except Exception as error:  # noqa: BLE001 - whatever a check raises is our fault and must hold the report, not end the batch
            conclusion = Conclusion(
                outcome=Outcome.ERRORED,
                share=0.0,
                rationale=Text(
                    ru="Сбой проверки: это ошибка системы, а не ваша. Отчёт ждёт решения преподавателя.",
                    en="The check broke; this is our fault, not yours. The report is held for a person.",
                ),
                actual=f"{type(error).__name__}: {error}"[:500],
            )
    return Finding(
        check=info.name,
        title=info.title,
        outcome=conclusion.outcome,
        share=conclusion.share,
        rationale=_bounded(conclusion.rationale),
        hint=_bounded(conclusion.hint) if conclusion.hint is not None else None,
        expected=conclusion.expected[:_LONGEST],
        actual=conclusion.actual[:_LONGEST],
        vouched=conclusion.vouched,
        figures=conclusion.figures,
        again=conclusion.again,
    )


def _bounded(text: Text) -> Text:
    """Cut what a check says: names and numbers in it may be as long as the record that they came from."""
    return text if max(len(text.ru), len(text.en)) <= _LONGEST else Text(ru=text.ru[:_LONGEST], en=text.en[:_LONGEST])


def _concluded(value: object) -> Conclusion:
    if not isinstance(value, Conclusion):
        raise TypeError(f"the check returned {type(value).__name__}, not a Conclusion")
    return value


def _not_recorded(missing: MissingRecord, evidence: Evidence) -> Conclusion:
    """Conclude on a record that the run never wrote.

    Where weights were only loaded, what training alone would have recorded waits for a person, unless there was nothing to load.
    """
    silent = not evidence.has(f"{missing.name}_error")
    if evidence.mode is Mode.LOAD and silent and missing.execution.exit_reason in {ExitReason.COMPLETED, ExitReason.RAISED}:
        return not_loaded(evidence) or _NOT_TRAINED
    return not_recorded(missing, evidence)


def _criterion_score(criterion: Criterion, findings: Mapping[str, Finding]) -> CriterionScore:
    if criterion.manual:
        found: tuple[Finding, ...] = (_pending(criterion),)
        share = 0.0
    else:
        found = tuple(findings[use.name] for use in criterion.checks)
        total = sum(use.weight for use in criterion.checks)
        share = sum(use.weight * finding.share for use, finding in zip(criterion.checks, found, strict=True)) / total
    return CriterionScore(
        id=criterion.id, title=criterion.title, points=criterion.points, earned=round(criterion.points * share, 2), findings=found
    )


def _pending(criterion: Criterion) -> Finding:
    return Finding(
        check=criterion.id,
        title=criterion.title,
        outcome=Outcome.PENDING,
        share=0.0,
        rationale=Text(ru="Оценивает преподаватель.", en="A person judges this."),
    )


def _verdict(
    earned: float, points: float, pass_share: float, criteria: tuple[CriterionScore, ...], problems: tuple[Finding, ...]
) -> Verdict:
    outcomes = {finding.outcome for criterion in criteria for finding in criterion.findings}
    outcomes |= {problem.outcome for problem in problems if problem.outcome is not Outcome.FAILED}
    if outcomes & {Outcome.ERRORED, Outcome.PENDING}:
        return Verdict.HELD
    return Verdict.PASSED if earned >= round(pass_share * points, 2) else Verdict.FAILED


def _execution_summary(evidence: Evidence) -> dict[str, Json]:
    execution = evidence.execution
    followers = {index for cause in first_causes(evidence) for index in cause.followers}
    return {
        "mode": str(evidence.mode),
        "exit_reason": str(execution.exit_reason),
        "message": execution.message,
        "isolation": str(execution.isolation),
        "start": execution.start,
        "note": execution.note,
        "seed": execution.seed,
        "device": execution.device,
        "cpu_s": execution.cpu_s,
        "wall_s": execution.wall_s,
        "peak_mb": execution.peak_mb,
        "cells": [
            {"index": cell.index, "status": cell.status, "error": cell.error, "follows": cell.index in followers, "cpu_s": cell.cpu_s}
            for cell in execution.cells
        ],
        "limits": evidence.manifest["execution"]["limits"],
        "tool": evidence.manifest["tool"],
        "runs": [_run_summary(run) for run in (evidence, *evidence.further)],
    }


def _run_summary(run: Evidence) -> Json:
    execution = run.execution
    return {
        "evidence": run.digest,
        "mode": str(run.mode),
        "replicate": run.replicate,
        "seed": execution.seed,
        "exit_reason": str(execution.exit_reason),
        "device": execution.device,
        "cpu_s": execution.cpu_s,
        "wall_s": execution.wall_s,
        "peak_mb": execution.peak_mb,
    }
