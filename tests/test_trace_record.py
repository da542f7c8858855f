"""The training trace as checks read it: whatever the process wrote, what comes out is bounded and typed, or missing."""

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grader.checks.data import never_trained_on_test, parts_disjoint
from grader.checks.figures import Figure, figures_of
from grader.checks.plain import LONGEST_TEXT, MOST_ITEMS, read, read_all
from grader.checks.trace import MOST_PASSES, MOST_RUNS, Trace, TrainingRun, trace_of, training_runs, weights_of
from grader.evidence import MissingRecord
from grader.model import Json, Outcome
from tests.evidence_of import evidence_of

RUN: dict[str, Json] = {
    "id": 0, "kind": "module", "first_cell": 3, "last_cell": 4, "steps": 20, "losses": [[0, 1.5], [19, "nan"]], "weights": "weights_0",
    "model": {"class_name": "Net", "layers": [{"name": "", "class_name": "Net", "input": [8, 3], "output": None}]},
    "optimizer": {"class_name": "SGD", "groups": [{"parameters": 12, "settings": {"lr": 0.1, "nesterov": False, "betas": "(0.9, 0.99)"}}]},
    "passes": [{"role": "evaluation", "when": "after", "source": 1}, {"role": "training", "source": 0}],
    "loss": {"function": "cross_entropy", "came_from": "softmax", "encoding": "indices"},
}  # fmt: skip
RECORD: dict[str, Json] = {"runs": [RUN], "sources": [{"id": 0, "kind": "dataset"}, {"id": 1, "kind": "tensor"}], "overlaps": [{"first": 1, "second": 0, "rows": 4}]}


def test_a_trace_is_read_into_runs(tmp_path: Path) -> None:
    evidence = evidence_of(tmp_path, records={"trace": RECORD})
    (run,) = training_runs(evidence)
    assert (run.kind, run.first_cell, run.steps) == ("module", 3, 20)
    assert run.losses[0] == (0, 1.5)
    assert math.isnan(run.losses[1][1])
    assert run.optimizer is not None
    assert dict(run.optimizer.groups[0].settings) == {"lr": 0.1, "nesterov": False, "betas": "(0.9, 0.99)"}
    assert run.model.layers[0].input == (8, 3)
    assert [passes.source for passes in run.training] == [0]
    assert [passes.source for passes in run.evaluation] == [1]
    trace = trace_of(evidence)
    assert trace.overlap(0, 1) == trace.overlap(1, 0) == trace.overlaps[0]
    assert trace.overlap(0, 0) is None


def test_a_run_that_ended_before_has_no_trace(tmp_path: Path) -> None:
    with pytest.raises(MissingRecord):
        training_runs(evidence_of(tmp_path))
    with pytest.raises(MissingRecord):
        figures_of(evidence_of(tmp_path))


@pytest.mark.parametrize("value", [[], "trace", 7, None, np.zeros(3)])
def test_a_trace_that_is_no_object_is_missing(tmp_path: Path, value: Any) -> None:
    with pytest.raises(MissingRecord):
        training_runs(evidence_of(tmp_path, records={"trace": value}))


@pytest.mark.parametrize("field", ["id", "kind"])
def test_a_run_without_an_id_or_a_kind_is_left_out(tmp_path: Path, field: str) -> None:
    broken: Json = {name: value for name, value in RUN.items() if name != field}
    evidence = evidence_of(tmp_path, records={"trace": {**RECORD, "runs": [broken, RUN]}})
    assert [run.id for run in training_runs(evidence)] == [0]


def test_fields_of_other_types_take_their_defaults() -> None:
    run = read(TrainingRun, {**RUN, "steps": True, "seconds": [], "changed": "yes", "epochs_cut": "cut", "restored": {"epoch": 1}, "batch_sizes": [[1], [2, 3]]})
    assert run is not None
    assert (run.steps, run.seconds, run.changed, run.epochs_cut, run.restored, run.batch_sizes) == (0, 0.0, None, "none", None, ((2, 3),))


def test_final_weights_are_read_without_unpickling(tmp_path: Path) -> None:
    weights = {"layer.weight": np.arange(6, dtype=np.float32).reshape(2, 3)}
    content = np.frombuffer(safetensors.numpy.save(weights), np.uint8)
    evidence = evidence_of(tmp_path, records={"trace": RECORD, "weights_0": content})
    (run,) = training_runs(evidence)
    assert np.array_equal(weights_of(evidence, run)["layer.weight"], weights["layer.weight"])


@pytest.mark.parametrize("content", [np.zeros(0, np.uint8), np.full(64, 255, np.uint8), np.zeros(4, np.float32), "text"])
def test_weights_that_cannot_be_read_are_missing(tmp_path: Path, content: Any) -> None:
    evidence = evidence_of(tmp_path, records={"trace": RECORD, "weights_0": content})
    with pytest.raises(MissingRecord):
        weights_of(evidence, training_runs(evidence)[0])


HOSTILE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["module", "training", "nan", "during"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


def _mutated(kind: type) -> st.SearchStrategy[Any]:
    names = [field.name for field in dataclasses.fields(kind)]
    return st.dictionaries(st.sampled_from(names), HOSTILE | st.lists(st.fixed_dictionaries({"id": HOSTILE, "kind": HOSTILE}), max_size=3))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_mutated(Trace) | HOSTILE, _mutated(TrainingRun))
def test_nothing_that_json_can_say_breaks_the_reader(record: Any, run: dict[str, Any]) -> None:
    for kind, raw in ((Trace, record), (Trace, {"runs": [{**RUN, **run}]}), (TrainingRun, {**RUN, **run}), (Figure, {**run, "cell": 1, "axes": record})):
        made = read(kind, raw)
        assert made is None or _typed(made)
    assert all(isinstance(item, Figure) for item in read_all(Figure, record))


def _typed(value: Any) -> bool:
    """Whether everything in `value` is of the kinds that a reader may make, and bounded."""
    if dataclasses.is_dataclass(value):
        return all(_typed(getattr(value, name)) for name in get_type_hints(type(value)))
    if isinstance(value, tuple):
        return len(value) <= MOST_ITEMS and all(map(_typed, value))
    if isinstance(value, Mapping):
        return len(value) <= MOST_ITEMS and all(isinstance(key, str) and _typed(item) for key, item in value.items())
    if isinstance(value, str):
        return len(value) <= LONGEST_TEXT
    return value is None or isinstance(value, bool | float) or (isinstance(value, int) and abs(value) < 2**53)


def test_long_lists_and_texts_are_cut() -> None:
    run = read(TrainingRun, {**RUN, "weights": "w" * 5000, "losses": [[index, 0.0] for index in range(5000)]})
    assert run is not None
    assert len(run.weights) == LONGEST_TEXT
    assert len(run.losses) == MOST_ITEMS


@pytest.mark.timeout(60)
def test_a_forged_record_is_cut_at_what_the_runner_keeps_and_costs_the_checks_no_more(tmp_path: Path) -> None:
    passes: list[Json] = [{"role": role, "when": "during", "source": place, "rows": 64} for role in ("training", "evaluation") for place in range(600)]
    runs: list[Json] = [{**RUN, "id": number, "continues": number - 1, "passes": passes[::-1] + passes} for number in range(600)]
    sources: list[Json] = [{"id": number, "kind": "batches"} for number in range(600)]
    overlaps: list[Json] = [{"first": number, "second": number + 600, "rows": 1, "of_second": 1} for number in range(1000)]
    evidence = evidence_of(tmp_path, records={"trace": {"runs": runs, "sources": sources, "overlaps": overlaps}})
    trace = trace_of(evidence)
    assert trace_of(evidence) is trace
    assert (len(trace.runs), {len(run.passes) for run in trace.runs}) == (MOST_RUNS, {MOST_PASSES})
    for check in (parts_disjoint, never_trained_on_test):
        assert check(evidence).outcome is not Outcome.ERRORED
