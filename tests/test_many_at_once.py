"""Two hundred submissions, all of them asked for at once: each is graded, in a machine that stays within its memory."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import nbformat
import pytest

from grader.capacity import at_once, cores
from grader.cli import main
from grader.model import Isolation, Limits
from tests.escapes.corpus import ASSIGNMENT, HERE, cells_of
from tests.sandbox_jobs import need
from tests.test_road import ZACHET

GROUPS, EACH = 8, 25


def test_one_run_per_core_and_more_only_as_far_as_memory_goes() -> None:
    assert at_once(None, Limits()) == cores()
    assert at_once(1, Limits(memory_mb=10**9)) == 1
    assert at_once(200, Limits(memory_mb=10**9)) == cores()
    if Path("/proc/meminfo").exists():
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20
        assert cores() <= at_once(200, Limits(memory_mb=max(1, free // 10))) < 200
    assert at_once(200, Limits(memory_mb=1)) == 200


@pytest.mark.sandbox
@pytest.mark.timeout(900)
def test_two_hundred_at_once_are_all_graded(tmp_path: Path) -> None:
    need(Isolation.FULL)
    course = tmp_path / "course"
    with pytest.raises(SystemExit):
        main(["init", str(course)])
    shutil.copytree(ASSIGNMENT, course / "assignments" / "assignment")
    students = [(f"s{group}-{number}", group, number) for group in range(1, GROUPS + 1) for number in range(1, EACH + 1)]
    rows = "".join(f"{name};Имя {name};ИУ5-6{group}Б;{number};ИУ5\n" for name, group, number in students)
    (course / "roster.csv").write_text("id;ФИО;группа;вариант;поток\n" + rows, encoding="utf-8")
    assign = ["variants", "assign", str(course / "roster.csv"), "--rule", "iu5-2026", "--assignment", "assignment", "-o", str(course / "variants.csv")]
    with pytest.raises(SystemExit):
        main([*assign, "--resolve", "next-free"])
    honest = cells_of((HERE / "cells" / "honest.py").read_text(encoding="utf-8"))
    cells = [nbformat.v4.new_code_cell("PLACES = {'neighbour': ''}"), *(nbformat.v4.new_code_cell(str(cell["source"])) for cell in honest)]
    for name, _, _ in students:
        (course / "submissions" / "assignment" / name).mkdir(parents=True)
        nbformat.write(nbformat.v4.new_notebook(cells=cells), course / "submissions" / "assignment" / name / "lab.ipynb")
    command = [*ZACHET, "grade", "--course", str(course), "--assignment", "assignment", "--jobs", "200", "--json"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    scores = [json.loads(line) for line in run.stdout.splitlines()]
    assert {score["student"] for score in scores} == {name for name, _, _ in students}
    assert {score["earned"] for score in scores} == {10.0}
    assert not [score["execution"]["note"] for score in scores if score["execution"]["note"]]
