"""Which batches of `zachet grade` start warm: those in which a warm process serves more than one run."""

import json
from pathlib import Path

import nbformat
import pytest

from grader.evidence import load
from grader.model import Isolation
from tests.commands import run
from tests.sandbox_jobs import need
from tests.test_replicates import CHECKS, PROBE, TOML

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300)]


@pytest.mark.parametrize(("more", "starts"), [((), ["cold"]), (("--replicates", "2"), ["warm", "warm"]), (("--replicates", "2", "--cold"), ["cold", "cold"])])
def test_one_work_starts_warm_when_it_is_run_several_times(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], starts: list[str]
) -> None:
    need(Isolation.FULL)
    course = tmp_path / "course"
    assert run(capsys, "init", course)[0] == 0
    for name, text in (("assignment.toml", TOML), ("probe.py", PROBE), ("checks.py", CHECKS), ("lab.py", "# %%\nx = 1\n")):
        (course / "assignments" / "tiny").mkdir(exist_ok=True)
        (course / "assignments" / "tiny" / name).write_text(text, encoding="utf-8")
    (course / "roster.csv").write_text("id;ФИО;группа;вариант;поток\ns01;Иванов Иван;ИУ5-61Б;5;ИУ5\n", encoding="utf-8")
    arguments = ("variants", "assign", course / "roster.csv", "--rule", "iu5-2026", "--assignment", "tiny", "-o", course / "variants.csv")
    assert run(capsys, *arguments)[0] == 0
    cells = [nbformat.v4.new_code_cell("# 1")]
    (course / "submissions" / "tiny" / "s01").mkdir(parents=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells), course / "submissions" / "tiny" / "s01" / "lab.ipynb")
    code, _, err = run(capsys, "grade", "--course", course, "--assignment", "tiny", "--jobs", "2", *more)
    assert code == 0, err
    score = json.loads((course / "results" / "scores" / "tiny" / "s01.json").read_text(encoding="utf-8"))
    runs = [load(course / "results" / "evidence" / made["evidence"]) for made in score["execution"]["runs"]]
    assert [made.execution.start for made in runs] == starts
