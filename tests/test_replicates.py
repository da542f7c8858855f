"""Several runs of one work: other seeds and other hidden inputs each time, kept one by one, none repeated, none too many."""

import json
import threading
from dataclasses import replace
from pathlib import Path

import jsonschema
import nbformat
import numpy as np
import pytest

from grader import __version__
from grader.assignment import load_assignment, load_checks
from grader.cohort import Results, grade_cohort, read_scores, rescore
from grader.evidence import Evidence, load_runs
from grader.intake.notebook_texts import SCRIPT_CONVERTED
from grader.intake.says import say
from grader.model import ExitReason, Isolation, Mode, Outcome, Submission, Verdict, View
from grader.pipeline import Setting, grade_run_by_run, seed_of
from grader.report import render_report
from grader.scores import to_json
from variants.manifest import Variant
from variants.roster import Student

pytestmark = [pytest.mark.timeout(300)]

TOML = """
slug = "tiny"
edition = "1"
points = 4
languages = ["en"]
[accuracy]
replicates = 3
[title]
en = "Tiny"
[[criterion]]
id = "value"
points = 4
checks = ["settled"]
[criterion.title]
en = "Value"
"""
PROBE = """
import random

WATCH = ()


def describe(session):
    session.record("drawn", session.namespace.get("drawn"))


def answer(session, given):
    session.record("echo", given["numbers"])
"""
CHECKS = '''
"""Checks of a tiny lab."""

import numpy as np

from grader.checks import Conclusion, check
from grader.model import Given, Outcome, Text

WORDS = Text(ru="слова", en="words")


def prepare(preparation):
    numbers = preparation.rng.normal(0, 1, 4)
    return Given(sent={"numbers": numbers}, kept={"numbers": numbers})


@check(ru="Значение", en="Value")
def settled(evidence):
    """In doubt until there are as many runs as the notebook's first cell says."""
    enough = int(evidence.cells[0].source.removeprefix("# "))
    runs = len(evidence.replicates)
    return Conclusion(outcome=Outcome.PASSED, share=1.0, rationale=WORDS, actual=str(runs), again=runs < enough)
'''


def setting_of(folder: Path, replicates: int = 1) -> Setting:
    lab = folder / "tiny"
    lab.mkdir(exist_ok=True)
    for name, text in (("assignment.toml", TOML), ("probe.py", PROBE), ("checks.py", CHECKS), ("lab.py", "# %%\nx = 1\n")):
        (lab / name).write_text(text, encoding="utf-8")
    assignment = load_assignment(str(lab), [])
    return Setting(
        assignment=assignment, checks=load_checks(assignment), isolation=Isolation.NONE, limits=assignment.limits, secret=b"secret",
        store=folder / "results" / "evidence", data=None, prepared=None, view=View.SEALED, stop=threading.Event(), replicates=replicates,
    )  # fmt: skip


def work_of(folder: Path, enough: int, source: str = "import random; drawn = random.random()") -> tuple[Submission, Variant]:
    notebook = folder / "work.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in (f"# {enough}", source)]), notebook)
    student = Student(id="s01", name="", group="", number=None, stream="")
    submission = Submission(student="s01", assignment="tiny", source="work.ipynb", digest=f"sha256-{enough}", notebook=str(notebook))
    return submission, Variant(student=student, assignment="tiny", rule="", classes=(0, 1, 2))


def runs_of(evidence: Evidence) -> list[tuple[int, int, object]]:
    return [(run.replicate, run.execution.seed, run.record("drawn")) for run in evidence.replicates]


def test_every_run_has_its_own_seed_and_hidden_inputs_and_repeats_to_the_last_bit(tmp_path: Path) -> None:
    submission, variant = work_of(tmp_path, 1)
    *_, (evidence, _) = grade_run_by_run(submission, variant, setting_of(tmp_path, replicates=2))
    *_, (again, _) = grade_run_by_run(submission, variant, setting_of(tmp_path, replicates=2))
    runs = runs_of(evidence)
    assert [(replicate, seed) for replicate, seed, _ in runs] == [(number, seed_of("tiny", "s01", number)) for number in (0, 1)]
    assert runs[0][2] != runs[1][2]
    assert not np.array_equal(evidence.kept("numbers"), evidence.further[0].kept("numbers"))
    assert runs_of(again) == runs
    assert np.array_equal(again.further[0].array("echo"), evidence.further[0].kept("numbers"))


@pytest.mark.parametrize(("enough", "replicates", "made"), [(1, 1, 1), (2, 1, 2), (9, 1, 3), (1, 2, 2)])
def test_doubt_makes_further_runs_up_to_the_declared_number_and_no_more(tmp_path: Path, enough: int, replicates: int, made: int) -> None:
    steps = list(grade_run_by_run(*work_of(tmp_path, enough), setting_of(tmp_path, replicates)))
    evidence, scored = steps[-1]
    assert [len(step.replicates) for step, _ in steps] == list(range(1, made + 1))
    assert scored.criteria[0].findings[0].actual == str(made)
    assert scored.criteria[0].findings[0].again is (enough > made)
    assert scored.further == tuple(run.digest for run in evidence.further)
    notes = [note for note in scored.notes if note.check == "runs"]
    assert len(notes) == (made > 1)
    if notes:
        assert f"was run {made} times" in notes[0].rationale.en
        assert ("borderline" in notes[0].rationale.en) is (made > replicates)


def test_a_batch_interrupted_between_runs_goes_on_where_it_was(tmp_path: Path) -> None:
    setting, results = setting_of(tmp_path), Results(root=tmp_path / "results", assignment="tiny")
    work = work_of(tmp_path, 3)
    stopped = replace(setting, assignment=replace(setting.assignment, policy=replace(setting.assignment.policy, replicates=2)))
    first = list(grade_cohort([work], stopped, results, jobs=1, language="en", resume=False))
    before = sorted(setting.store.iterdir())
    assert first[0].score is not None
    assert len(before) == 2
    second = list(grade_cohort([work], setting_of(tmp_path), results, jobs=1, language="en", resume=True))
    assert second[0].score is not None
    assert second[0].score.evidence == first[0].score.evidence
    assert second[0].score.further[: len(first[0].score.further)] == first[0].score.further
    assert len(set(setting.store.iterdir()) - set(before)) == 1
    third = list(grade_cohort([work], setting_of(tmp_path), results, jobs=1, language="en", resume=True))
    assert third[0].reused
    assert len(list(setting.store.iterdir())) == 3


def test_scoring_several_runs_again_gives_the_same_bytes(tmp_path: Path) -> None:
    setting, results = setting_of(tmp_path, replicates=3), Results(root=tmp_path / "results", assignment="tiny")
    list(grade_cohort([work_of(tmp_path, 1)], setting, results, jobs=1, language="ru", resume=False))
    file = results.scores / "s01.json"
    before, page = file.read_bytes(), (results.reports / "s01.html").read_bytes()
    assert len(json.loads(before)["further"]) == 2
    assert [done.error for done in rescore(setting.assignment, setting.checks, results, language="ru")] == [None]
    assert (file.read_bytes(), (results.reports / "s01.html").read_bytes()) == (before, page)


def test_a_later_run_that_dies_is_said_and_costs_nothing(tmp_path: Path) -> None:
    unlucky = seed_of("tiny", "s01", 1)
    source = f"import os, random\ndrawn = random.random()\nstate = random.Random({unlucky})\nif drawn == state.random(): os._exit(3)"
    *_, (evidence, scored) = grade_run_by_run(*work_of(tmp_path, 1, source), setting_of(tmp_path, replicates=3))
    assert [run.execution.exit_reason for run in evidence.replicates] == [ExitReason.COMPLETED, ExitReason.EXITED, ExitReason.COMPLETED]
    said = [note for note in scored.notes if note.check == "runs" and note.outcome is Outcome.FAILED]
    assert [note.actual.split(":")[0] for note in said] == ["exited"]
    assert "Run 2 of 3" in said[0].rationale.en
    assert (scored.earned, scored.verdict) == (4, Verdict.PASSED)


def test_the_page_shows_every_run_with_its_seed(tmp_path: Path) -> None:
    setting, results = setting_of(tmp_path, replicates=2), Results(root=tmp_path / "results", assignment="tiny")
    list(grade_cohort([work_of(tmp_path, 1)], setting, results, jobs=1, language="en", resume=False))
    scored = next(iter(read_scores(results)))
    page = render_report(scored, load_runs(results.store, scored.evidence, scored.further).notebook, "en")
    for number in (0, 1):
        assert str(seed_of("tiny", "s01", number)) in page


def test_a_score_names_all_that_it_takes_to_repeat_it(tmp_path: Path) -> None:
    *_, (_, scored) = grade_run_by_run(*work_of(tmp_path, 1), setting_of(tmp_path, replicates=2))
    said, runs = scored.environment, scored.execution["runs"]
    assert {"python", "numpy", "torch", "cuda", "gpu", "cpu", "threads", "tf32", "bf16_reduction", "float32_matmul_precision"} <= set(said)
    assert (said["gpu"], said["tf32"], said["threads"]) == ("", "off", "1")
    assert scored.execution["tool"] == __version__
    assert isinstance(runs, list)
    assert [(run["seed"], run["device"], run["mode"]) for run in runs if isinstance(run, dict)] == [
        (seed_of("tiny", "s01", number), "cpu", "retrain") for number in (0, 1)
    ]
    schema = json.loads((Path(__file__).parent.parent / "docs" / "schema" / "score-1.json").read_text(encoding="utf-8"))
    jsonschema.validate(json.loads(json.dumps(to_json(scored))), schema)


def test_what_is_kept_is_what_ran_whatever_the_file_holds_by_then(tmp_path: Path) -> None:
    source = f"from pathlib import Path\ndrawn = Path({str(tmp_path / 'work.ipynb')!r}).write_text('{{}}')"
    *_, (evidence, _) = grade_run_by_run(*work_of(tmp_path, 1, source), setting_of(tmp_path))
    assert (tmp_path / "work.ipynb").read_text(encoding="utf-8") == "{}"
    assert [cell.source for cell in evidence.cells] == ["# 1", source]


def test_a_run_that_is_spared_says_that_there_were_no_weights(tmp_path: Path) -> None:
    submission, variant = work_of(tmp_path, 1)
    submission = replace(submission, problems=(say(SCRIPT_CONVERTED, name="work.py"),))
    *_, (evidence, _) = grade_run_by_run(submission, variant, replace(setting_of(tmp_path), modes=(Mode.RETRAIN, Mode.LOAD)))
    (loaded,) = evidence.further
    assert (loaded.mode, loaded.execution.message) == (Mode.LOAD, "no weights were handed in")
