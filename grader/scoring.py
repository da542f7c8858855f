"""Evidence and rubric in, score out: a pure function, so the same two give the same bytes for ever."""

import math
from collections.abc import Mapping

from grader.assignment import Assignment, Checks
from grader.checks import CheckFunction, CheckInfo, Conclusion
from grader.checks.cells import first_causes
from grader.checks.handed_in import not_loaded, weights_notes
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

_ENDED = {
    ExitReason.COMPLETED: Text(ru="работа выполнилась до конца", en="the run completed"),
    ExitReason.RAISED: Text(ru="работа завершилась ошибкой", en="the run raised an error"),
    ExitReason.EXITED: Text(ru="процесс завершился раньше времени", en="the process exited early"),
    ExitReason.KILLED_BY_SIGNAL: Text(ru="процесс остановлен сигналом", en="the process was killed by a signal"),
    ExitReason.TIMED_OUT: Text(ru="вышло отведённое время", en="the time limit was reached"),
    ExitReason.OUT_OF_MEMORY: Text(ru="не хватило отведённой памяти", en="the memory limit was reached"),
    ExitReason.OUTPUT_LIMIT: Text(ru="вывод превысил допустимый объём", en="the output limit was reached"),
    ExitReason.SANDBOX_FAULT: Text(ru="сбой песочницы", en="the sandbox failed"),
}

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
        rationale=conclusion.rationale,
        hint=conclusion.hint,
        expected=conclusion.expected,
        actual=conclusion.actual,
        vouched=conclusion.vouched,
        figures=conclusion.figures,
        again=conclusion.again,
    )


def _concluded(value: object) -> Conclusion:
    if not isinstance(value, Conclusion):
        raise TypeError(f"the check returned {type(value).__name__}, not a Conclusion")
    return value


def _not_recorded(missing: MissingRecord, evidence: Evidence) -> Conclusion:
    """A record that the run never wrote is a failure with the run's own reason, never an error of ours.

    Where weights were only loaded, what training alone would have recorded waits for a person, unless there was nothing to load.
    """
    if evidence.mode is Mode.LOAD and not missing.reason and missing.execution.exit_reason in {ExitReason.COMPLETED, ExitReason.RAISED}:
        return not_loaded(evidence) or _NOT_TRAINED
    ended = _ENDED[missing.execution.exit_reason]
    if missing.reason:
        rationale = Text(ru="Это не удалось измерить: код завершился ошибкой.", en="This could not be measured: the code raised an error.")
    elif missing.execution.exit_reason is ExitReason.COMPLETED:
        rationale = Text(ru="В работе нет того, что здесь проверяется.", en="The work has nothing that this check looks at.")
    else:
        rationale = Text(ru=f"До этого места не дошло: {ended.ru}.", en=f"The run did not get that far: {ended.en}.")
    fault = missing.execution.exit_reason is ExitReason.SANDBOX_FAULT
    return Conclusion(
        outcome=Outcome.ERRORED if fault else Outcome.FAILED,
        share=0.0,
        rationale=rationale,
        hint=Text(
            ru="Ваш код вызвали с другими числами той же формы; справа — чем это кончилось. Проверьте имена, формы и что функция возвращает.",
            en="Your code was called with other numbers of the same shape; “seen” says how that ended. Check names, shapes and what it returns.",
        )
        if missing.reason
        else Text(
            ru="Запустите тетрадь с начала до конца в новом ядре и посмотрите на первую ошибку.",
            en="Run the notebook from top to bottom in a fresh kernel and look at the first error.",
        ),
        actual=(missing.reason or missing.execution.message)[:500],
    )


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
