"""What the report makes of a run's own words about weights: any words at all, and two accuracies that do or do not agree."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.assignment import Checks, load_assignment
from grader.checks import CheckFunction
from grader.checks.handed_in import compare, not_loaded, weights_notes
from grader.checks.images import weights_unchanged
from grader.checks.models import saved_model_equal
from grader.checks.outputs import outputs_fresh
from grader.checks.reports import report_as_measured
from grader.checks.study import study_runs
from grader.checks.weight_texts import HINTS, PROBLEMS
from grader.evidence import Evidence
from grader.model import CheckUse, Given, Json, Mode, Outcome, Verdict
from grader.scoring import score
from grader.thresholds import Calibrated, Thresholds
from tests.evidence_of import evidence_of

LAB = load_assignment("assignment", [Path(__file__).parent / "loading"])
LABELS = np.arange(300) % 3
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20) | st.sampled_from(sorted(PROBLEMS))
ANYTHING = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4), max_leaves=12)
FIELDS = (
    *("problem", "detail", "file", "kind", "code", "class", "parameters", "where", "key", "untouched", "strict", "names", "matched"),
    *("missing", "extra", "counts", "shapes", "cast", "not_finite", "fed", "left"),
)


def logits(right: float, seed: int = 0) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Answers of which the share `right` is right, the first ones or, with a seed, any."""
    hits = np.zeros(300, bool)
    hits[: round(right * 300)] = True
    if seed:
        np.random.default_rng(seed).shuffle(hits)
    return np.eye(3, dtype=np.float32)[np.where(hits, LABELS, (LABELS + 1) % 3)]


def run_of(store: Path, mode: Mode, right: float, loaded: Mapping[str, Json] | None = None, seed: int = 0) -> Evidence:
    model: Json = {"class": "Net", "parameters": 10, "chosen": True}
    facts: Json = {"problem": "", "class": "Net", "parameters": 10, "kind": "state_dict", **(loaded or {})}
    records: dict[str, Json | np.ndarray[tuple[int, ...], np.dtype[np.generic]]] = {"logits": logits(right, seed), "models": [model]}
    records |= {"loaded": facts} if mode is Mode.LOAD else {}
    return evidence_of(store, records=records, given=Given(kept={"labels": LABELS}), facts={"mode": str(mode), "weights": "model.pth"})


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Evidence, Evidence]:
    store = tmp_path_factory.mktemp("store")
    return run_of(store, Mode.RETRAIN, 0.8), run_of(store, Mode.LOAD, 0.8)


@settings(max_examples=300, deadline=None)
@given(facts=st.dictionaries(st.sampled_from(FIELDS), ANYTHING, max_size=12) | ANYTHING, presented=ANYTHING)
def test_whatever_a_run_says_of_its_weights_becomes_findings(runs: tuple[Evidence, Evidence], facts: Json, presented: Json) -> None:
    retrained, load = runs
    records = {**load._values["records"], "loaded": facts, "presented": presented}
    said = replace(load, _values={**load._values, "records": records})
    for evidence in (said, replace(retrained, further=(said,))):
        notes = list(weights_notes(evidence, LAB))
        assert notes
        for note in notes:
            assert note.rationale.ru
            assert note.rationale.en
            assert note.outcome is not Outcome.ERRORED
    refused = not_loaded(said)
    assert refused is None or refused.hint is not None


def test_every_reason_has_its_hint() -> None:
    reasons = {"none", "interrupted", "empty", "html", "pointer", "foreign", "script", "damaged", "bomb", "hostile", "no_tensors", "class_missing"}
    reasons |= {"onnx_missing", "no_module", "no_fit", "shapes"}
    assert reasons <= PROBLEMS.keys() & HINTS.keys()


@pytest.mark.parametrize("check", [outputs_fresh, report_as_measured, saved_model_equal, study_runs, weights_unchanged])
def test_what_the_notebook_prints_and_saves_without_training_is_held_against_nobody(tmp_path: Path, check: CheckFunction) -> None:
    load = run_of(tmp_path, Mode.LOAD, 0.8)
    rubric = replace(LAB.criteria[0], checks=(CheckUse(name=check.__name__),))
    scored = score(load, replace(LAB, criteria=(rubric,)), Checks(functions={check.__name__: check}, prepare=lambda _: Given()))
    (finding,) = scored.criteria[0].findings
    assert finding.outcome is Outcome.PENDING
    assert finding.rationale.en.startswith("The weights were only loaded and nothing was trained")
    assert scored.verdict is Verdict.HELD


class TestCompare:
    def test_answers_alike_agree_without_a_calibration(self, tmp_path: Path) -> None:
        note = compare(run_of(tmp_path, Mode.RETRAIN, 0.80, seed=1), run_of(tmp_path, Mode.LOAD, 0.82, seed=2), LAB)
        assert (note.outcome, note.actual) == (Outcome.PASSED, "0.800 / 0.820")

    @pytest.mark.parametrize(("right", "word"), [(0.95, "better"), (0.6, "worse")])
    def test_answers_far_apart_are_told_by_the_paired_comparison(self, tmp_path: Path, right: float, word: str) -> None:
        note = compare(run_of(tmp_path, Mode.RETRAIN, 0.80, seed=1), run_of(tmp_path, Mode.LOAD, right, seed=2), LAB)
        assert note.outcome is Outcome.PENDING
        assert word in note.rationale.en
        assert "an exact paired comparison" in note.rationale.en

    @pytest.mark.parametrize(("right", "outcome"), [(0.84, Outcome.PASSED), (0.92, Outcome.PENDING)])
    def test_where_it_is_calibrated_three_spreads_of_the_seed_are_allowed(self, tmp_path: Path, right: float, outcome: Outcome) -> None:
        # Standard deviation 0.02: 3 x 0.02 x sqrt(2) = 0.085.
        known = Calibrated(classes=(0, 55, 58), accuracies=(0.78, 0.80, 0.82), set_aside=(), train=None, hidden=300, chance=1 / 3)
        thresholds = Thresholds(
            assignment="assignment", engine="fast", recipe="", view=LAB.view, data_name="", data="", environment={}, variants={"0,55,58": known}
        )  # fmt: skip
        assignment = replace(LAB, thresholds=thresholds)
        note = compare(run_of(tmp_path, Mode.RETRAIN, 0.80), run_of(tmp_path, Mode.LOAD, right), assignment)
        assert note.outcome is outcome
        assert ("allows a difference of 0.085" in note.rationale.en) == (outcome is Outcome.PENDING)

    def test_another_model_and_weights_as_drawn_are_named(self, tmp_path: Path) -> None:
        load = run_of(tmp_path, Mode.LOAD, 0.8, {"class": "Other", "parameters": 12, "untouched": "equal"})
        note = compare(run_of(tmp_path, Mode.RETRAIN, 0.8), load, LAB)
        assert "Net 10, and the weights are for Other 12" in note.rationale.en
        assert "no training changed them" in note.rationale.en
        assert note.outcome is Outcome.PENDING


def test_a_run_that_trained_cannot_pass_for_one_that_loaded(tmp_path: Path) -> None:
    forged = run_of(tmp_path, Mode.RETRAIN, 0.8)
    forged = replace(forged, _values={**forged._values, "records": {**forged._values["records"], "loaded": {"problem": "", "class": "Net"}}})
    assert not_loaded(forged) is None
    (note,) = weights_notes(forged, LAB)
    assert note.outcome is Outcome.SKIPPED
