"""The runner that ships, in the sandbox that ships: a small notebook in both tiers."""

import json
from pathlib import Path

import numpy as np
import pytest

from grader.model import ExitReason, Given, Isolation, Limits, Vouched
from tests.sandbox_jobs import TIERS, job_of, run, said

pytestmark = pytest.mark.sandbox
ROOMY = Limits(cpu_s=120, wall_s=300, cell_cpu_s=60, memory_mb=2048, processes=64, disk_mb=64, output_mb=16)
CELLS = (
    "%matplotlib inline\nimport torch, random\na = torch.rand(2)\nprint(torch.get_num_threads(), sorted({'x', 'y', 'z', 'w'}), list({'x', 'y', 'z', 'w'}))",
    "import matplotlib.pyplot as plt\nplt.plot([1, 2]);",
    "!pip install something\n!wget http://example.com/x.zip",
    "1 / 0",
    "model = torch.nn.Linear(4, 2); out = model(torch.ones(3, 4)).sum(); out.backward(); b = out.item(); print(b, float(a[0]))",
)


@TIERS
def test_a_notebook_runs_and_answers(tmp_path: Path, isolation: Isolation) -> None:
    result = run(job_of(tmp_path, *CELLS, isolation=isolation, limits=ROOMY, real=True), lambda _: Given(sent={"x": np.arange(3.0)}))
    execution = result.execution
    assert execution.exit_reason is ExitReason.RAISED, execution.message
    assert [cell.status for cell in execution.cells] == ["ok", "ok", "ok", "error", "ok"]
    records = {record.name: record for record in result.records}
    assert (records["names"].value, records["names"].vouched) == (["a", "b"], Vouched.REPORTED)
    assert records["twice_x"].vouched is Vouched.MEASURED
    assert np.asarray(records["twice_x"].value).tolist() == [0, 2, 4]
    picture = json.loads(result.notebook)["cells"][1]["outputs"]
    assert any("image/png" in output.get("data", {}) for output in picture)
    assert execution.cpu_s > 0.5
    assert execution.peak_mb > 100
    assert execution.environment["torch"]
    if isolation is Isolation.FULL:
        assert execution.environment["no_new_privs"] == "yes"


def test_the_same_seed_gives_the_same_numbers_and_the_same_order_of_sets(tmp_path: Path) -> None:
    once, again = (run(job_of(tmp_path, CELLS[0], CELLS[4], limits=ROOMY, real=True)) for _ in range(2))
    assert said(once, 0) == said(again, 0)
    assert said(once, 0).startswith("1 ['w', 'x', 'y', 'z']")
    assert said(once, 1) == said(again, 1)


def test_the_data_set_stands_where_notebooks_look_for_it_and_an_endless_cell_ends(tmp_path: Path) -> None:
    data = tmp_path / "view"
    (data / "cifar-100-python").mkdir(parents=True)
    (data / "cifar-100-python" / "meta").write_bytes(b"names")
    looks = "import os\nprint([open(p + 'cifar-100-python/meta').read() for p in ('', 'data/', '/content/', './data/')])"
    limits = Limits(cpu_s=60, wall_s=120, cell_cpu_s=1, memory_mb=2048, disk_mb=16)
    result = run(job_of(tmp_path, looks, "while True: pass", "print('after')", limits=limits, data=data, real=True))
    assert said(result, 0) == str(["names"] * 4)
    assert result.execution.cells[1].error.startswith("CellTimeLimit")
    assert said(result, 2) == "after"


def test_student_code_cannot_leave_by_the_doors_that_the_parent_left_to_the_runner(tmp_path: Path) -> None:
    cell = (
        "import os\nfor path in ('/', '/root', '/proc/1/root', '/proc/1/fd'):\n  try: os.listdir(path); print(path)\n  except OSError: pass\n"
        "try: os.readlink('/proc/1/fd/1'); print('wire')\nexcept OSError: pass"
    )
    shown = said(run(job_of(tmp_path, cell, limits=ROOMY, real=True)))
    assert not {"/", "/root", "/proc/1/root", "wire"} & set(shown.splitlines())
