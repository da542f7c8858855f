"""Whatever a run puts under the names that checks ask for: no check breaks, nothing that makes hidden inputs breaks, and the page still comes out."""

import json
import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grader.assignment import Assignment, Checks, load_assignment, load_checks
from grader.checks import Preparation
from grader.content import content_dir
from grader.datasets import HiddenSet
from grader.model import Array, Given, Json, Outcome, Record, View, Vouched
from grader.report import render_report
from grader.scores import to_json
from grader.scoring import score
from tests.evidence_of import VARIANT, evidence_of

ROOT = Path(__file__).parent
LABS = {
    name: load_assignment(folder / name, [])
    for folder, name in ((content_dir("assignments"), "iu5_lab1"), (ROOT / "labs", "tiny_cnn"), (ROOT / "labs", "tiny_transfer"), (ROOT / "loading", "assignment"))
}
CHECKS = {name: load_checks(lab) for name, lab in LABS.items()}
CODE = "\n".join(file.read_text(encoding="utf-8") for folder in (ROOT.parent / "grader" / "checks", ROOT.parent / "assignments", ROOT / "labs") for file in folder.rglob("*.py"))
NAMES = sorted({*re.findall(r"(?:\.(?:record|array|has|get)|_attempt|records)\w*\(?\[?\(?\"([a-z][a-z0-9_]+)\"", CODE), "trace", "figures", "loaded", "models", "logits"})
IMAGES = np.random.default_rng(1).integers(0, 256, (30, 32, 32, 3), dtype=np.uint8)
SET = HiddenSet(images=IMAGES, labels=np.arange(30) % 3)
# Evidence is synced to disk file by file, which hundreds of cases need not wait for.
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
HOSTILE: list[Json | Array] = [
    None, True, 7, -1, 10**300, float("nan"), float("inf"), "", "x" * 5000, "<script>alert(1)</script>", "=1+1", [], [None], [[[[]]]], {}, {"runs": 3}, {"": {"": []}},
    [{"class": 1, "chosen": "yes", "changed_in_cell": "x", "parameters": [], "steps": {}}], [{"chosen": True, "changed_in_cell": 10**18}], ["0", "55", "58"], [0, 55, 58], [1e308, -1e308],
    {"runs": [{"id": 1, "kind": "module", "steps": 5, "weights": "logits"}]}, {"runs": [{"id": "0", "kind": "module", "steps": -5, "losses": [[0, "nan"]], "passes": [{"role": "evaluation", "accuracy": [[0, 7]]}]}], "loaders": [None], "sources": "x"},
    {"runs": [{"id": 0, "kind": "module", "steps": 50, "epochs": 5, "weights": "fed_eval", "optimizer": {"class_name": "SGD", "lr": [[0, float("nan")]]}, "model": {"layers": [{"name": "", "class_name": "x"}]}}]},
    np.zeros(()), np.zeros((0, 3)), np.zeros(0), np.full((30, 3), np.nan), np.full((30, 3), np.inf), np.ones((30, 3), dtype=bool), np.ones((30, 3), dtype=np.uint8),
    np.full((30, 3), 2**63 - 1, dtype=np.int64), np.ones((2, 2, 2, 2)), np.ones((30, 10000), dtype=np.float16), np.frombuffer(b"\xff" * 64, dtype=np.uint8), np.zeros((8, 32, 32, 3)),
]  # fmt: skip


def given_of(checks: Checks, records: dict[str, Json | Array]) -> Given:
    made = {name: Record(name=name, vouched=Vouched.REPORTED, value=value) for name, value in records.items()}
    preparation = Preparation(
        variant=VARIANT, view=View.SEALED, records=made, rng=np.random.default_rng(3), hidden=SET, public=IMAGES, public_labels=SET.labels, test=SET
    )
    return checks.prepare(preparation)


def holds(lab: Assignment, checks: Checks, records: dict[str, Json | Array], mode: str, vouched: Vouched) -> None:
    """Judge and report a run that recorded all this; raise AssertionError where something of ours broke."""
    honest = given_of(checks, {"fed_eval": IMAGES[:8].astype(np.float32) / 255})
    with tempfile.TemporaryDirectory(dir=MEMORY) as store:
        for made in (honest, given_of(checks, records)):
            evidence = evidence_of(Path(store), records=records, given=made, sources=["model = 1"], texts=["| a | lr = 0.1 | test = 70 % |"], vouched=vouched, facts={"mode": mode})
            scored = score(evidence, lab, checks)
            broken = [f"{one.check}: {one.actual}" for row in scored.criteria for one in row.findings if one.outcome is Outcome.ERRORED]
            broken += [f"{one.check}: {one.actual}" for one in scored.notes if one.outcome is Outcome.ERRORED]
            assert not broken, broken
            json.dumps(to_json(scored), allow_nan=False)
            assert "<script>alert" not in render_report(scored, evidence.notebook, "ru")


@pytest.mark.parametrize("name", LABS)
@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: str(type(value).__name__))
def test_one_value_under_every_name_breaks_nothing(name: str, value: Any) -> None:
    for mode, vouched in (("retrain", Vouched.MEASURED), ("load", Vouched.REPORTED)):
        holds(LABS[name], CHECKS[name], dict.fromkeys(NAMES, value), mode, vouched)


NAMED: list[tuple[Json, Json]] = [
    ([], 1), (["forward"] * 500, "x"), (["{part.__class__}", "<script>alert(1)</script>", "y" * 5000, None], 10**300), ("forward", None), (["model"], {}),
]  # fmt: skip
CODES: list[Json] = ["no_function", "no_weights", "other_shapes", "nothing_returned", "other_count", "no_model", "{cause}", 7]
TOLD: list[Json] = [
    {"code": code, "names": names, "part": part, "count": -1, "wanted": [[], {}, "<script>alert(1)</script>"]} for code in CODES for names, part in NAMED
]


@pytest.mark.parametrize("name", LABS)
def test_any_reason_for_a_missing_record_breaks_nothing(name: str) -> None:
    for value in (*HOSTILE, *TOLD):
        holds(LABS[name], CHECKS[name], {f"{key}_error": value for key in NAMES}, "retrain", Vouched.REPORTED)


@pytest.mark.parametrize("name", LABS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(choices=st.lists(st.integers(0, len(HOSTILE) - 1), min_size=len(NAMES), max_size=len(NAMES)))
def test_any_mixture_of_values_breaks_nothing(name: str, choices: list[int]) -> None:
    holds(LABS[name], CHECKS[name], {key: HOSTILE[choice] for key, choice in zip(NAMES, choices, strict=True)}, "retrain", Vouched.MEASURED)
