"""When a warm start fails: no submission is lost, what failed is said, and nothing stays behind."""

import os
import select
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from grader.model import ExitReason, Given, Isolation, Limits, Record
from grader.sandbox import Job, WarmStart
from grader.sandbox.job import INSIDE
from tests.sandbox_jobs import TIERS, job_of, need, nothing, said
from tests.warm_jobs import ROOMY, below, children, descriptors

pytestmark = pytest.mark.sandbox


@pytest.fixture(scope="module")
def shared() -> Iterator[WarmStart]:
    """One warm start for all tests; when they are over, nothing of it may be left."""
    need(Isolation.FULL)
    before = (children(), descriptors())
    with WarmStart() as start:
        yield start
    assert (children(), descriptors()) == before


@pytest.fixture
def warm(shared: WarmStart, tmp_path: Path) -> WarmStart:
    """A warm start whose one process has served a job and waits."""
    assert shared.execute(of(tmp_path, "1"), nothing).execution.start == "warm"
    return shared


def of(folder: Path, *cells: str, limits: Limits = ROOMY) -> Job:
    return job_of(folder, *cells, limits=limits, real=True)


def kill(pid: int) -> None:
    """Kill a process and wait until it, and all below the sandbox it is in, can have taken note."""
    parent = os.pidfd_open(int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1]))
    os.kill(pid, signal.SIGKILL)
    select.select([parent], [], [], 30)
    os.close(parent)


def once(harm: Callable[[], None]) -> Callable[[tuple[Record, ...]], Given]:
    """Return a `give` that does harm the first time it is called."""
    calls: list[int] = []

    def give(_records: tuple[Record, ...]) -> Given:
        calls.append(1)
        if len(calls) == 1:
            harm()
        return Given()

    return give


def test_a_warm_process_that_is_killed_in_the_middle_loses_no_submission(warm: WarmStart, tmp_path: Path) -> None:
    (zygote,) = warm.zygotes
    result = warm.execute(of(tmp_path, "print(6 * 7)"), once(lambda: kill(zygote.pid)))
    assert said(result) == "42"
    assert result.execution.exit_reason is ExitReason.COMPLETED
    assert result.execution.start == "cold"
    assert result.execution.note.startswith("repeated after a warm start: killed_by_signal: signal 9")
    assert [record.name for record in result.records][-1:] == ["names"]
    assert warm.execute(of(tmp_path, "1"), nothing).execution.start == "warm"


def test_a_warm_process_that_dies_between_two_jobs_is_replaced(warm: WarmStart, tmp_path: Path) -> None:
    (zygote,) = warm.zygotes
    kill(zygote.pid)
    result = warm.execute(of(tmp_path, "print(1)"), nothing)
    assert (said(result), result.execution.exit_reason) == ("1", ExitReason.COMPLETED)
    again = warm.execute(of(tmp_path, "print(2)"), nothing)
    assert (said(again), again.execution.start) == ("2", "warm")
    (after,) = warm.zygotes
    assert after is not zygote


def test_a_sandbox_whose_holder_is_killed_from_outside_loses_no_submission(warm: WarmStart, tmp_path: Path) -> None:
    def harm() -> None:
        (holder,) = (pid for pid in below(os.getpid()) if Path(f"/proc/{pid}/comm").read_text(encoding="ascii").strip() == "cat")
        kill(holder)

    result = warm.execute(of(tmp_path, "print(6 * 7)"), once(harm))
    assert (said(result), result.execution.start) == ("42", "cold")
    assert "killed_by_signal" in result.execution.note


ENDS = {
    "import os; os._exit(3)": (ExitReason.EXITED, "repeated after a warm start: exited: exit code 3"),
    "import os; os.kill(os.getpid(), 11)": (ExitReason.KILLED_BY_SIGNAL, "repeated after a warm start: killed_by_signal: signal 11 (SIGSEGV)"),
    "import os; os.kill(os.getpid(), 9)": (ExitReason.KILLED_BY_SIGNAL, "repeated after a warm start: killed_by_signal"),
}


@pytest.mark.parametrize("cell", ENDS)
def test_an_end_that_the_start_could_have_caused_is_repeated_cold(warm: WarmStart, tmp_path: Path, cell: str) -> None:
    result = warm.execute(of(tmp_path, cell), nothing)
    reason, note = ENDS[cell]
    assert (result.execution.exit_reason, result.execution.start) == (reason, "cold")
    assert result.execution.note.startswith(note)


def test_a_run_that_used_up_its_cpu_seconds_is_not_repeated(warm: WarmStart, tmp_path: Path) -> None:
    limits = replace(ROOMY, cpu_s=2)
    result = warm.execute(of(tmp_path, "while True: pass", limits=limits), nothing)
    # The cells leave a part of the run's seconds to what is measured after them, so the cell is ended and not the run.
    assert (result.execution.exit_reason, result.execution.start, result.execution.note) == (ExitReason.RAISED, "warm", "")
    assert "CellTimeLimit" in result.execution.cells[0].error
    waiting = warm.execute(of(tmp_path, "import signal, time; signal.pthread_sigmask(0, {14}); time.sleep(60)", limits=replace(ROOMY, wall_s=3)), nothing)
    assert (waiting.execution.exit_reason, waiting.execution.start) == (ExitReason.TIMED_OUT, "cold")
    assert waiting.execution.note == "repeated after a warm start: timed_out: more than 3 seconds"


def test_daemons_of_a_warm_run_die_with_it(warm: WarmStart, tmp_path: Path) -> None:
    before = below(os.getpid())
    daemon = "import os, time\nfor _ in range(3):\n  if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0: time.sleep(600)\n    os._exit(0)"
    result = warm.execute(of(tmp_path, daemon), nothing)
    assert (result.execution.exit_reason, result.execution.start) == (ExitReason.COMPLETED, "warm")
    (zygote,) = warm.zygotes
    assert below(zygote.pid) == set()
    assert len(below(os.getpid())) == len(before)


def test_a_batch_that_stops_ends_a_warm_run(warm: WarmStart, tmp_path: Path) -> None:
    stop = threading.Event()
    job = of(tmp_path, "1")
    job.probe.write_text("WATCH = ()\ndef describe(session): pass\ndef answer(session, given): __import__('time').sleep(60)", encoding="utf-8")
    with pytest.raises(KeyboardInterrupt):
        warm.execute(job, once(stop.set), stop)


def test_what_give_raises_comes_out_of_a_warm_run(warm: WarmStart, tmp_path: Path) -> None:
    def harm() -> None:
        raise LookupError("ours")

    with pytest.raises(LookupError, match="ours"):
        warm.execute(of(tmp_path, "1"), once(harm))


def test_a_runner_that_cannot_warm_up_is_started_cold_and_not_tried_for_ever(tmp_path: Path) -> None:
    need(Isolation.FULL)
    inside = tmp_path / "inside"
    shutil.copytree(INSIDE, inside)
    (inside / "warming.py").write_text("raise RuntimeError('no such library')", encoding="utf-8")
    job = replace(of(tmp_path, "print(1)"), inside=inside)
    with WarmStart() as warm:
        for _ in range(3):
            result = warm.execute(job, nothing)
            assert (said(result), result.execution.start) == ("1", "cold")
            assert "no such library" in result.execution.note


def test_a_change_of_the_environment_ends_the_old_process(tmp_path: Path) -> None:
    need(Isolation.FULL)
    inside = tmp_path / "inside"
    shutil.copytree(INSIDE, inside)
    job = replace(of(tmp_path, "print(1)"), inside=inside)
    with WarmStart() as warm:
        warm.execute(job, nothing)
        (before,) = warm.zygotes
        os.utime(inside / "shell.py", (1, 1))
        warm.execute(job, nothing)
        (after,) = warm.zygotes
        assert after is not before


@TIERS
def test_what_cannot_start_warm_starts_cold(tmp_path: Path, isolation: Isolation) -> None:
    need(isolation)
    with WarmStart() as warm:  # the stand-in of the runner cannot
        result = warm.execute(job_of(tmp_path, "print(1)", isolation=isolation), nothing)
        assert (said(result), result.execution.start, result.execution.note) == ("1", "cold", "")
        assert warm.zygotes == ()
