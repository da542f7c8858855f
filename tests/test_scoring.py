import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from grader.assignment import Assignment, Checks
from grader.checks import Conclusion, check, failed, partial, passed
from grader.evidence import Evidence, load_runs
from grader.model import CellRun, CheckUse, Criterion, ExitReason, Given, Limits, Outcome, Score, Text, Verdict, View
from grader.scores import finding_to_json, from_json, to_json
from grader.scoring import score
from tests.evidence_of import evidence_of, execution_of

WORDS = Text(ru="слова", en="words")


@check(ru="Половина", en="Half")
def half(evidence: Evidence) -> Conclusion:
    return partial(0.5, WORDS, hint=WORDS)


@check(ru="Запись", en="A record")
def recorded(evidence: Evidence) -> Conclusion:
    return passed(WORDS, actual=str(evidence.record("value")))


@check(ru="Все запуски", en="All runs")
def every_run(evidence: Evidence) -> Conclusion:
    return passed(WORDS, actual=" ".join(str(run.record("value")) for run in (evidence, *evidence.further)))


@check(ru="После", en="After", after=("recorded",))
def waits(evidence: Evidence) -> Conclusion:
    return passed(WORDS)


@check(ru="Сломана", en="Broken")
def broken(evidence: Evidence) -> Conclusion:
    raise ZeroDivisionError


@check(ru="Нет", en="No")
def no(evidence: Evidence) -> Conclusion:
    return failed(WORDS, hint=WORDS)


@check(ru="Порог", en="The line")
def against_reference(evidence: Evidence, assignment: Assignment) -> Conclusion:
    return partial(assignment.reference_accuracy or 0, WORDS, hint=WORDS)


@check(ru="Забывчивая", en="Forgetful")
def forgets(evidence: Evidence) -> Conclusion:  # type: ignore[empty-body]
    """Says nothing."""


FUNCTIONS: dict[str, Callable[..., Conclusion]] = {
    function.__name__: function for function in (half, recorded, every_run, waits, broken, no, against_reference, forgets)
}
CHECKS = Checks(functions=FUNCTIONS, prepare=lambda _: Given())


def assignment_of(*criteria: Criterion) -> Assignment:
    return Assignment(
        slug="tiny", path=Path(), edition="1", title=WORDS, languages=("ru", "en"), points=10, rule="", data="", view=View.SEALED, limits=Limits(),
        reference_accuracy=0.25, chance=None, pass_share=0.6, criteria=criteria, aliases={}, digest="d",
    )  # fmt: skip


def criterion_of(points: float, *names: str | CheckUse) -> Criterion:
    uses = tuple(CheckUse(name=name) if isinstance(name, str) else name for name in names)
    return Criterion(id="c", title=WORDS, points=points, checks=uses)


def score_of(evidence: Evidence, *criteria: Criterion) -> Score:
    return score(evidence, assignment_of(*criteria), CHECKS)


def test_points_follow_the_weights_of_the_checks(tmp_path: Path) -> None:
    evidence = evidence_of(tmp_path, records={"value": 1})
    criterion = criterion_of(10, CheckUse(name="half", weight=3), CheckUse(name="recorded", weight=1))
    assert score_of(evidence, criterion).earned == 6.25


def test_the_same_evidence_and_rubric_give_the_same_bytes(tmp_path: Path) -> None:
    evidence = evidence_of(tmp_path, records={"value": np.ones(2)})
    one, two = (json.dumps(to_json(score_of(evidence, criterion_of(10, "half", "recorded"))), sort_keys=True) for _ in range(2))
    assert one == two


def test_a_score_survives_its_own_json(tmp_path: Path) -> None:
    scored = score_of(evidence_of(tmp_path, records={"value": 1}), criterion_of(10, "half", "broken", "waits"), criterion_of(0, "no"))
    assert to_json(from_json(json.loads(json.dumps(to_json(scored))))) == to_json(scored)


def test_a_check_looks_at_every_run_and_the_score_names_them_for_the_next_time(tmp_path: Path) -> None:
    first, *others = (evidence_of(tmp_path, records={"value": number}, facts={"replicate": number}) for number in range(3))
    scored = score_of(replace(first, further=tuple(others)), criterion_of(10, "every_run"))
    assert scored.criteria[0].findings[0].actual == "0 1 2"
    assert (scored.evidence, scored.further) == (first.digest, tuple(run.digest for run in others))
    known = from_json(json.loads(json.dumps(to_json(scored))))
    again = score_of(load_runs(tmp_path, known.evidence, known.further), criterion_of(10, "every_run"))
    assert to_json(again) == to_json(scored)


def test_what_a_check_quotes_of_a_record_is_cut(tmp_path: Path) -> None:
    finding = score_of(evidence_of(tmp_path, records={"value": "x" * 1_000_000}), criterion_of(10, "recorded")).criteria[0].findings[0]
    assert finding.actual == "x" * 2000


def test_a_missing_record_is_a_failure_with_the_runs_own_reason(tmp_path: Path) -> None:
    evidence = evidence_of(tmp_path, execution=execution_of(exit_reason=ExitReason.OUT_OF_MEMORY))
    finding = score_of(evidence, criterion_of(10, "recorded")).criteria[0].findings[0]
    assert finding.outcome is Outcome.FAILED
    assert "memory limit" in finding.rationale.en


def test_a_fault_of_the_sandbox_holds_the_report_and_punishes_nobody(tmp_path: Path) -> None:
    scored = score_of(evidence_of(tmp_path, execution=execution_of(exit_reason=ExitReason.SANDBOX_FAULT)), criterion_of(10, "recorded"))
    assert scored.criteria[0].findings[0].outcome is Outcome.ERRORED
    assert scored.verdict is Verdict.HELD


def test_a_check_that_breaks_earns_nothing_and_holds_the_report(tmp_path: Path) -> None:
    scored = score_of(evidence_of(tmp_path), criterion_of(10, "broken", "half"))
    assert scored.criteria[0].findings[0].outcome is Outcome.ERRORED
    assert (scored.earned, scored.verdict) == (2.5, Verdict.HELD)


def test_a_check_waits_for_the_one_before_it(tmp_path: Path) -> None:
    with_record = score_of(evidence_of(tmp_path, records={"value": 1}), criterion_of(10, "recorded", "waits"))
    without = score_of(evidence_of(tmp_path), criterion_of(10, "recorded", "waits"))
    assert [finding.outcome for finding in with_record.criteria[0].findings] == [Outcome.PASSED, Outcome.PASSED]
    assert [finding.outcome for finding in without.criteria[0].findings] == [Outcome.FAILED, Outcome.SKIPPED]


def test_a_criterion_without_checks_waits_for_a_person(tmp_path: Path) -> None:
    scored = score_of(evidence_of(tmp_path, records={"value": 1}), criterion_of(5, "recorded"), criterion_of(5))
    assert scored.criteria[1].findings[0].outcome is Outcome.PENDING
    assert (scored.earned, scored.verdict) == (5, Verdict.HELD)


def test_a_criterion_of_no_points_becomes_a_note(tmp_path: Path) -> None:
    scored = score_of(evidence_of(tmp_path, records={"value": 1}), criterion_of(10, "recorded"), criterion_of(0, "no"))
    assert [criterion.points for criterion in scored.criteria] == [10]
    assert [note.check for note in scored.notes] == ["no"]
    assert scored.verdict is Verdict.PASSED


def test_a_check_may_ask_for_a_number_of_the_rubric(tmp_path: Path) -> None:
    assert score_of(evidence_of(tmp_path), criterion_of(10, "against_reference")).earned == 2.5


def test_the_pass_line_is_not_lost_to_binary_fractions(tmp_path: Path) -> None:
    criteria = [criterion_of(55, "recorded"), replace(criterion_of(45, "no"), id="d")]
    assignment = replace(assignment_of(*criteria), pass_share=0.55)
    assert score(evidence_of(tmp_path, records={"value": 1}), assignment, CHECKS).verdict is Verdict.PASSED
    tenths = [replace(criterion_of(0.1, "recorded"), id=name) for name in "abc"]
    assert score_of(evidence_of(tmp_path, records={"value": 1}), *tenths).points == 0.3


def test_a_check_waits_also_for_one_that_the_rubric_does_not_name(tmp_path: Path) -> None:
    scored = score_of(evidence_of(tmp_path), criterion_of(10, "waits"))
    assert scored.criteria[0].findings[0].outcome is Outcome.SKIPPED


def test_a_check_that_forgets_to_return_is_our_fault_and_ends_nothing(tmp_path: Path) -> None:
    scored = score_of(evidence_of(tmp_path), criterion_of(10, "forgets"))
    assert scored.criteria[0].findings[0].outcome is Outcome.ERRORED
    assert "NoneType" in scored.criteria[0].findings[0].actual


@pytest.mark.parametrize(("earned", "verdict"), [(0.6, Verdict.PASSED), (0.61, Verdict.FAILED)])
def test_the_pass_line_itself_passes(tmp_path: Path, earned: float, verdict: Verdict) -> None:
    assignment = replace(assignment_of(criterion_of(10, CheckUse(name="recorded", weight=6), CheckUse(name="no", weight=4))), pass_share=earned)
    assert score(evidence_of(tmp_path, records={"value": 1}), assignment, CHECKS).verdict is verdict


def test_problems_of_the_intake_stand_among_the_notes(tmp_path: Path) -> None:
    first = score_of(evidence_of(tmp_path), criterion_of(10, "no")).criteria[0].findings[0]
    scored = score_of(evidence_of(tmp_path, problems=[finding_to_json(first)]), criterion_of(10, "no"))
    assert scored.notes == (first,)


def test_a_work_that_was_never_run_is_neither_praised_nor_accused(tmp_path: Path) -> None:
    execution = execution_of(exit_reason=ExitReason.EXITED, message="The file breaks off.")
    scored = score_of(evidence_of(tmp_path, execution=execution), criterion_of(10, "half", "recorded", "no", "broken"))
    assert {(finding.outcome, finding.rationale.ru, finding.share) for finding in scored.criteria[0].findings} == {(Outcome.SKIPPED, "Тетрадь не запускалась.", 0.0)}
    assert (scored.earned, scored.verdict) == (0, Verdict.FAILED)


def test_a_run_with_failed_cells_did_get_to_its_end(tmp_path: Path) -> None:
    cells = [CellRun(index=0, status="error", error="KeyError: 1")]
    evidence = evidence_of(tmp_path, sources=[("x", "KeyError: 1")], execution=execution_of(cells, ExitReason.RAISED))
    finding = score_of(evidence, criterion_of(10, "recorded")).criteria[0].findings[0]
    assert finding.rationale.en == "The work has nothing that this check looks at."
    assert finding.hint is not None
    assert "cell 1" in finding.hint.en
