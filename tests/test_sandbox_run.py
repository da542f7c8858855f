"""What comes of a run: its end, its records, its notebook; in both tiers, with a stand-in for the runner."""

import json
import os
import signal
import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest

from grader.model import ExitReason, Given, Isolation, Limits, Record, Vouched
from grader.sandbox import execute
from tests.sandbox_jobs import SMALL, TIERS, job_of, need, nothing, run, running, said

pytestmark = pytest.mark.sandbox


@TIERS
def test_a_run_completes_and_keeps_the_outputs_of_its_cells(tmp_path: Path, isolation: Isolation) -> None:
    result = run(job_of(tmp_path, "print('Привет')", "print(job['seed'], job['isolation'])", isolation=isolation))
    assert result.execution.exit_reason is ExitReason.COMPLETED, result.execution.message
    assert [cell.status for cell in result.execution.cells] == ["ok", "ok"]
    assert said(result, 0) == "Привет"
    assert said(result, 1) == f"7 {isolation}"
    assert result.execution.environment == {"runner": "stand-in"}
    assert result.execution.limits == SMALL
    assert json.loads(result.notebook)["cells"][1]["execution_count"] == 2


@TIERS
def test_an_error_in_a_cell_is_raised_and_the_next_cell_still_runs(tmp_path: Path, isolation: Isolation) -> None:
    result = run(job_of(tmp_path, "1/0", "print(2)", isolation=isolation))
    assert result.execution.exit_reason is ExitReason.RAISED
    assert result.execution.cells[0].error == "ZeroDivisionError: division by zero"
    assert said(result, 1) == "2"


@TIERS
def test_hidden_inputs_go_in_after_the_last_cell_and_answers_to_them_are_measured(tmp_path: Path, isolation: Isolation) -> None:
    seen: list[str] = []

    def give(records: tuple[Record, ...]) -> Given:
        seen.extend(record.name for record in records)
        return Given(sent={"x": np.array([[1.5, 2.0]], dtype=">f4"), "flags": np.array([True])}, kept={"labels": np.array([1])})

    early = "send({'type': 'record', 'name': 'early', 'kind': 'json'}, b'1')"
    result = run(job_of(tmp_path, early, isolation=isolation), give)
    assert seen == ["early"]
    vouched = {record.name: record.vouched for record in result.records}
    assert vouched == {"early": Vouched.REPORTED, "given": Vouched.MEASURED}
    described = [
        {"name": "x", "dtype": "<f4", "shape": [1, 2], "bytes": 8},
        {"name": "flags", "dtype": "|b1", "shape": [1], "bytes": 1},
    ]
    assert result.records[1].value == [described, np.array([1.5, 2.0], "<f4").tobytes().hex() + "01"]
    assert list(result.given.kept) == ["labels"]


@TIERS
def test_an_early_exit_keeps_the_cells_before_it(tmp_path: Path, isolation: Isolation) -> None:
    result = run(job_of(tmp_path, "print(1)", "import os; os.write(2, b'the last words\\n'); os._exit(3)", "print(3)", isolation=isolation))
    assert result.execution.exit_reason is ExitReason.EXITED
    assert result.execution.message == "exit code 3\nthe last words"
    assert [cell.status for cell in result.execution.cells] == ["ok", "error", "not_run"]
    assert result.execution.cells[1].error == "exited: the run ended while this cell was running"
    assert said(result, 0) == "1"


@TIERS
def test_a_signal_is_named(tmp_path: Path, isolation: Isolation) -> None:
    result = run(job_of(tmp_path, "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", isolation=isolation))
    assert result.execution.exit_reason is ExitReason.KILLED_BY_SIGNAL
    assert result.execution.message == "signal 11 (SIGSEGV)"


@TIERS
def test_a_run_that_only_waits_ends_at_its_wall_limit(tmp_path: Path, isolation: Isolation) -> None:
    limits = Limits(wall_s=1, output_mb=1, memory_mb=512, disk_mb=4)
    result = run(job_of(tmp_path, "import time; time.sleep(60)", isolation=isolation, limits=limits))
    assert result.execution.exit_reason is ExitReason.TIMED_OUT
    assert result.execution.message == "more than 1 seconds"
    assert result.execution.wall_s < 5


@TIERS
def test_cpu_seconds_are_those_of_the_whole_tree(tmp_path: Path, isolation: Isolation) -> None:
    busy = "import os\nfor _ in range(3):\n  if os.fork() == 0:\n    while True: pass\nimport time; time.sleep(60)"
    limits = Limits(cpu_s=1, wall_s=60, memory_mb=512, disk_mb=4)
    result = run(job_of(tmp_path, busy, isolation=isolation, limits=limits))
    assert result.execution.exit_reason is ExitReason.TIMED_OUT
    assert result.execution.message == "more than 1 CPU seconds"
    assert 1 < result.execution.cpu_s < 2


@TIERS
def test_memory_is_that_of_the_whole_tree(tmp_path: Path, isolation: Isolation) -> None:
    bomb = "import os, time\nfor _ in range(5):\n  if os.fork() == 0:\n    hold = bytearray(60 << 20); time.sleep(60)\ntime.sleep(60)"
    limits = Limits(memory_mb=200, wall_s=60, disk_mb=4)
    result = run(job_of(tmp_path, bomb, isolation=isolation, limits=limits))
    assert result.execution.exit_reason is ExitReason.OUT_OF_MEMORY
    assert result.execution.peak_mb > 200


@TIERS
def test_memory_that_is_shared_and_anonymous_counts(tmp_path: Path, isolation: Isolation) -> None:
    bomb = "import mmap, time\nhold = mmap.mmap(-1, 300 << 20)\nfor at in range(0, 300 << 20, 4096): hold[at] = 1\ntime.sleep(60)"
    result = run(job_of(tmp_path, bomb, isolation=isolation, limits=Limits(memory_mb=200, wall_s=60, disk_mb=4)))
    assert result.execution.exit_reason is ExitReason.OUT_OF_MEMORY


@TIERS
def test_memory_shared_by_many_counts_once(tmp_path: Path, isolation: Isolation) -> None:
    shared = (
        "import mmap, os, time\nhold = mmap.mmap(-1, 100 << 20)\nfor at in range(0, 100 << 20, 4096): hold[at] = 1\n"
        "children = []\nfor _ in range(3):\n  child = os.fork()\n  if child == 0:\n"
        "    total = sum(hold[at] for at in range(0, 100 << 20, 4096)); time.sleep(0.3); os._exit(0)\n  children.append(child)\n"
        "for child in children: os.waitpid(child, 0)\nprint('fine')"
    )
    result = run(job_of(tmp_path, shared, isolation=isolation, limits=Limits(memory_mb=250, wall_s=60, disk_mb=4)))
    assert said(result) == "fine"
    assert 100 < result.execution.peak_mb < 200


@TIERS
def test_memory_that_forks_share_counts_once(tmp_path: Path, isolation: Isolation) -> None:
    forks = (
        "import os, time\nhold = bytearray(os.urandom(1 << 20)) * 100\nchildren = []\nfor _ in range(4):\n  child = os.fork()\n"
        "  if child == 0: time.sleep(0.3); os._exit(0)\n  children.append(child)\nfor child in children: os.waitpid(child, 0)\nprint('fine')"
    )
    result = run(job_of(tmp_path, forks, isolation=isolation, limits=Limits(memory_mb=250, wall_s=60, disk_mb=4)))
    assert said(result) == "fine"
    assert 100 < result.execution.peak_mb < 200


@TIERS
def test_output_is_bounded_on_the_wire_and_beside_it(tmp_path: Path, isolation: Isolation) -> None:
    for cell in ("print('x' * (3 << 20))", "import os\nwhile True: os.write(2, b'x' * 65536)"):
        result = run(job_of(tmp_path, cell, isolation=isolation, limits=Limits(output_mb=2, wall_s=60, disk_mb=4)))
        assert result.execution.exit_reason is ExitReason.OUTPUT_LIMIT
        assert result.execution.message == "more than 2 MB of output"


HOSTILE = {
    "a header of 4294967295 bytes": "raw(b'\\xff' * 4)",
    "a header of 1195725856 bytes": "raw(b'GET / HTTP/1.1' * 9)",
    "a frame that breaks off": "import os; raw(b'\\0\\0\\0\\x20{'); os._exit(0)",
    "JSON that cannot be read (ValueError)": "raw(b'\\0\\0\\0\\x12{\"type\": NaNxxxxxx}')",
    "JSON that cannot be read (RecursionError)": "raw(b'\\0\\0\\xff\\0' + b'[' * 0xff00)",
    "a header without a type": "send({'kind': 'record'})",
    "a payload of -1 bytes": "send({'type': 'record', 'bytes': -1})",
    "a payload of 999999999999 bytes": "send({'type': 'record', 'bytes': 999999999999})",
    "a second record “r”": "for _ in range(2): send({'type': 'record', 'name': 'r', 'kind': 'json'}, b'1')",
    "“started” where it does not belong": "send({'type': 'started', 'environment': {}})",
    "“done” where it does not belong": "send({'type': 'done'})",
    "“given” where it does not belong": "send({'type': 'given'})",
    "the end of cell 5, which was not running": "send({'type': 'cell', 'index': 5, 'status': 'ok'}, b'[]')",
    "outputs that are not a list of objects": "send({'type': 'cell', 'index': 0, 'status': 'ok'}, b'[1]')",
    "a record without a usable name": "send({'type': 'record', 'name': '../x', 'kind': 'json'}, b'1')",
    "an array of dtype O": "send({'type': 'record', 'name': 'r', 'kind': 'array', 'dtype': 'O', 'shape': [1]}, b'12345678')",
    "an array of 4 numbers in 3 bytes": "send({'type': 'record', 'name': 'r', 'kind': 'array', 'dtype': '<f4', 'shape': [2, 2]}, b'123')",
}


@TIERS
@pytest.mark.parametrize("fault", HOSTILE)
def test_what_is_not_the_protocol_ends_the_run_as_its_own_fault(tmp_path: Path, isolation: Isolation, fault: str) -> None:
    result = run(job_of(tmp_path, HOSTILE[fault] + "\nimport time; time.sleep(60)", isolation=isolation))
    assert result.execution.exit_reason is ExitReason.EXITED, result.execution.message
    if "RecursionError" in fault:
        assert result.execution.message.startswith("the run said something that is not part of the protocol: JSON that cannot be read")
    else:
        assert result.execution.message == f"the run said something that is not part of the protocol: {fault}"


@TIERS
def test_the_first_record_of_a_name_is_kept(tmp_path: Path, isolation: Isolation) -> None:
    twice = "for value in (b'1', b'2'): send({'type': 'record', 'name': 'r', 'kind': 'json'}, value)"
    assert [record.value for record in run(job_of(tmp_path, twice, isolation=isolation)).records] == [1]


@TIERS
def test_a_child_that_never_listens_cannot_hold_the_parent(tmp_path: Path, isolation: Isolation) -> None:
    deaf = "send({'type': 'cell', 'index': 0, 'status': 'ok'}, b'[]'); send({'type': 'ready'}); import time; time.sleep(60)"
    limits = Limits(wall_s=2, memory_mb=512, disk_mb=4)
    large = Given(sent={"x": np.zeros(4 << 20)})
    result = run(job_of(tmp_path, deaf, isolation=isolation, limits=limits), lambda _: large)
    assert result.execution.exit_reason is ExitReason.TIMED_OUT


@TIERS
def test_a_cell_that_writes_to_every_descriptor_harms_itself_alone(tmp_path: Path, isolation: Isolation) -> None:
    noise = "import os\nfor number in range(256):\n  try: os.write(number, b'{\"points\": 100}')\n  except OSError: pass\nimport time; time.sleep(60)"
    assert run(job_of(tmp_path, noise, isolation=isolation)).execution.exit_reason is ExitReason.EXITED


@TIERS
def test_what_give_raises_comes_out_and_nothing_stays_behind(tmp_path: Path, isolation: Isolation) -> None:
    def give(_records: tuple[Record, ...]) -> Given:
        raise LookupError("ours")

    with pytest.raises(LookupError, match="ours"):
        run(job_of(tmp_path, "print(1)", isolation=isolation), give)


@TIERS
def test_a_batch_that_stops_ends_the_run_and_says_so(tmp_path: Path, isolation: Isolation) -> None:
    need(isolation)
    stop = threading.Event()
    job = job_of(tmp_path, "send({'type': 'ready'}); import time; time.sleep(60)", isolation=isolation)

    def give(_records: tuple[Record, ...]) -> Given:
        stop.set()
        return Given()

    with pytest.raises(KeyboardInterrupt):
        execute(job, give, stop)


@TIERS
def test_ctrl_c_ends_the_run_and_what_it_started(tmp_path: Path, isolation: Isolation) -> None:
    need(isolation)
    marker = f"97{os.getpid()}.{len(isolation)}"
    job = job_of(tmp_path, f"import subprocess; subprocess.run(['sleep', '{marker}'])", isolation=isolation)

    def interrupt() -> None:
        while not running(marker):
            finished.wait(0.01)
        signal.raise_signal(signal.SIGINT)

    finished = threading.Event()
    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        execute(job, nothing)
    thread.join()
    assert not running(marker)


@TIERS
def test_nothing_is_left_in_the_temporary_folder(tmp_path: Path, isolation: Isolation, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "temporary"
    own.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(own))
    run(job_of(tmp_path, "open('file', 'w').write('x')", "import os; os._exit(1)", isolation=isolation))
    assert list(own.iterdir()) == []


def test_a_child_that_never_starts_is_our_fault(tmp_path: Path) -> None:
    job = job_of(tmp_path, "print(1)")
    (job.inside / "runner.py").write_text("raise SystemExit('no torch here')", encoding="utf-8")
    result = run(job)
    assert result.execution.exit_reason is ExitReason.SANDBOX_FAULT
    assert result.execution.message == "the sandbox did not start (exit code 1)\nno torch here"
    assert [cell.status for cell in result.execution.cells] == ["not_run"]
