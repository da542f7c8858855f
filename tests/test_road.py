"""The whole road on embedded data: the demonstration course, graded through the command line, and everything that must be true of it."""

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from grader.assignment import load_assignment
from grader.mutants import load_mutants

pytestmark = [pytest.mark.sandbox, pytest.mark.train, pytest.mark.timeout(1500)]

ZACHET = [sys.executable, "-I", "-c", "from grader.cli import main; main()"]
LAB = load_assignment("iu5_lab1", [])
MUTANTS = {mutant.name: mutant for mutant in load_mutants(LAB)}
NAMES = ["solution", "untouched", *MUTANTS]


def zachet(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*ZACHET, *map(str, arguments)], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    folder = tmp_path_factory.mktemp("road") / "demo"
    done = zachet("demo", "--out", folder)
    assert done.returncode == 0, done.stderr
    for line in ("index.html", "gradebook-iu5_lab1.csv"):
        assert line in done.stdout
    return folder


def score_of(demo: Path, name: str) -> dict[str, Any]:
    student = f"s{NAMES.index(name) + 1:02}"
    score: dict[str, Any] = json.loads((demo / "results" / "scores" / "iu5_lab1" / f"{student}.json").read_text(encoding="utf-8"))
    return score


def short_of_full(score: dict[str, Any]) -> set[str]:
    findings = [*score["notes"], *(finding for criterion in score["criteria"] for finding in criterion["findings"])]
    return {finding["check"] for finding in findings if finding["share"] < 1}


def test_the_solution_earns_everything_and_the_blank_package_nothing(demo: Path) -> None:
    solution, untouched = score_of(demo, "solution"), score_of(demo, "untouched")
    assert short_of_full(solution) == set()
    assert (solution["earned"], solution["verdict"]) == (solution["points"], "passed")
    assert (untouched["earned"], untouched["verdict"]) == (0, "failed")


@pytest.mark.parametrize("name", MUTANTS)
def test_every_mutant_is_caught_by_the_checks_it_names_and_only_those(demo: Path, name: str) -> None:
    assert short_of_full(score_of(demo, name)) == set(MUTANTS[name].fails)


def test_no_student_code_is_ours_to_blame(demo: Path) -> None:
    for name in NAMES:
        score = score_of(demo, name)
        assert score["verdict"] != "held"
        assert score["isolation"] == "full"
        assert not [finding for criterion in score["criteria"] for finding in criterion["findings"] if finding["outcome"] == "errored"]


def test_the_weights_that_training_left_are_measured_not_those_the_plot_destroyed(demo: Path) -> None:
    score = score_of(demo, "original_style")
    note = next(note for note in score["notes"] if note["check"] == "weights_unchanged")
    before, after = (float(figure) for figure in note["actual"].split(" → "))
    measured = next(finding for row in score["criteria"] for finding in row["findings"] if finding["check"] == "hidden_accuracy")
    assert float(measured["actual"]) == before > after + 0.05


def test_the_forger_earns_no_more_than_the_honest_part(demo: Path) -> None:
    forger, solution = score_of(demo, "forger"), score_of(demo, "solution")
    honest = {row["id"]: row["earned"] for row in solution["criteria"]}
    assert all(row["earned"] <= honest[row["id"]] for row in forger["criteria"])
    assert forger["earned"] < solution["earned"] - 20


def test_scoring_again_gives_the_same_bytes(demo: Path) -> None:
    files = sorted((demo / "results" / "scores" / "iu5_lab1").glob("*.json"))
    before = {file: file.read_bytes() for file in files}
    done = zachet("rescore", "--course", demo)
    assert done.returncode == 1, done.stderr
    assert {file: file.read_bytes() for file in files} == before


def test_resuming_runs_nothing_again(demo: Path) -> None:
    evidence = demo / "results" / "evidence"
    before = sorted(evidence.iterdir())
    done = zachet("grade", "--course", demo, "--resume", "--quiet", "--cpu-limit", "150", "--cell-limit", "30")
    assert done.returncode == 1, done.stderr
    assert sorted(evidence.iterdir()) == before


def test_the_gradebook_has_a_row_for_everybody(demo: Path) -> None:
    with (demo / "results" / "gradebook-iu5_lab1.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["student"] for row in rows] == [f"s{number:02}" for number in range(1, len(NAMES) + 1)]
    assert {row["student"]: float(row["earned"]) for row in rows}["s01"] == score_of(demo, "solution")["earned"]


def test_every_student_has_a_page_with_pictures_and_nothing_from_outside(demo: Path) -> None:
    reports = demo / "results" / "reports" / "iu5_lab1"
    index = (reports / "index.html").read_text(encoding="utf-8")
    for number, name in enumerate(NAMES, start=1):
        page = (reports / f"s{number:02}.html").read_text(encoding="utf-8")
        assert f"s{number:02}.html" in index
        assert "default-src 'none'" in page
        assert "<script" not in page.lower()
        assert ("data:image/png;base64," in page) or name == "untouched"


def test_scores_follow_the_published_schema(demo: Path) -> None:
    import jsonschema

    schema = json.loads((Path(__file__).parent.parent / "docs" / "schema" / "score-1.json").read_text(encoding="utf-8"))
    for name in NAMES:
        jsonschema.validate(score_of(demo, name), schema)
