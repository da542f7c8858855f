"""From the request of a run to the first line of student code, warm and cold; what an empty job costs; whether anything is left.

    python benchmarks/warm_start.py [--rounds 50] [--cold 10] [--jobs 500] [--user 54321]

Warm and cold runs alternate, so that both see the same machine. Between two runs there is a pause, as there is between two submissions: the sandbox of
the next warm run is begun while the one before is running. CPU is that of the run's process tree and of the grader's own process. Private memory is what
the forked process holds alone, asked for in the last cell. The jobs in a row are empty and come without a pause. With `--user`, root measures as that ordinary user.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click

from grader.model import Given, Isolation, Limits, Run
from grader.sandbox import Job, WarmStart, available, execute

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.as_user import as_user  # noqa: E402 - the tests lie beside, not on the path

PROBE = "WATCH = ()\ndef describe(session): pass\ndef answer(session, given): pass\n"
FIRST = "import time; print(time.monotonic())"
IMPORTS = "import numpy as np, torch, pandas, matplotlib.pyplot as plt, sklearn.metrics\nfrom torch import nn\nimport time; print(time.monotonic())"
STEP = (
    "model = nn.Linear(8, 2); optimizer = torch.optim.Adam(model.parameters())\n"
    "model(torch.ones(4, 8)).sum().backward(); optimizer.step(); print(time.monotonic())"
)
MEMORY = "print(*(line.split()[1] for line in open('/proc/self/smaps_rollup') if line.startswith(('Private_Dirty', 'Pss:'))))"
LIMITS = Limits(cpu_s=120, wall_s=300, cell_cpu_s=60, memory_mb=4096, processes=64, disk_mb=64, output_mb=16)
PAUSE_S = 0.2
Execute = Callable[..., Run]


def job_of(folder: Path, *cells: str) -> Job:
    """Return a job of these cells."""
    import nbformat

    (folder / "probe.py").write_text(PROBE, encoding="utf-8")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    return Job(notebook=nbformat.writes(notebook), probe=folder / "probe.py", files=None, data=None, limits=LIMITS, seed=1, isolation=Isolation.FULL)


def timed(how: Execute, job: Job, start: str) -> tuple[list[str], float, float, float]:
    """Run once; return what the cells printed, when the request was made, CPU seconds, and wall seconds of the whole run."""
    import nbformat

    time.sleep(PAUSE_S)
    began, own = time.monotonic(), time.process_time()
    run = how(job, lambda _: Given())
    wall, cpu = time.monotonic() - began, time.process_time() - own + run.execution.cpu_s
    if run.execution.start != start or run.execution.message:
        raise SystemExit(f"the run did not start {start}: {run.execution.note} {run.execution.message}")
    cells = nbformat.reads(run.notebook, as_version=4).cells
    return ["".join(output.get("text", "") for output in cell.outputs) for cell in cells], began, cpu, wall


def traces() -> dict[str, int]:
    """Return what a leak would make grow: processes below this one, its open files, the machine's mounts, its control groups."""
    waiting, found = [os.getpid()], 0
    while waiting:
        pid = waiting.pop()
        for thread in Path(f"/proc/{pid}/task").glob("*/children"):
            new = thread.read_text(encoding="ascii").split()
            found += len(new)
            waiting += map(int, new)
    groups = sum(1 for _ in Path("/sys/fs/cgroup").rglob(f"zachet-{os.getpid()}-*"))
    mounts = len(Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines())
    return {"processes": found, "files": len(os.listdir("/proc/self/fd")), "mounts": mounts, "groups": groups}  # noqa: PTH208


def resident_mb(pid: int) -> float:
    """Return the anonymous resident memory of a process."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024


def compare(warm: WarmStart, folder: Path, rounds: int, colds: int) -> None:
    """Alternate warm and cold runs and print their medians."""
    lines: dict[str, list[list[float]]] = {"warm": [], "cold": []}
    costs: dict[str, list[float]] = {"warm": [], "cold": []}
    private: list[float] = []
    every = max(1, rounds // max(1, colds))
    for number in range(rounds):
        for start, how in (("warm", warm.execute), ("cold", execute)):
            if start == "cold" and (number % every or number // every >= colds):
                continue
            said, began, _, _ = timed(how, job_of(folder, FIRST, IMPORTS, STEP), start)
            lines[start].append([float(text) - began for text in said])
            costs[start].append(timed(how, job_of(folder, ""), start)[2])
        private.append(int(timed(warm.execute, job_of(folder, FIRST, MEMORY), "warm")[0][1].split()[-1]) / 1024)
    for place, what in enumerate(("first line", "after the usual imports", "after a step of an optimiser")):
        both = {start: [line[place] * 1000 for line in values] for start, values in lines.items()}
        middle = {start: statistics.median(values) for start, values in both.items()}
        click.echo(
            f"{what}: warm {middle['warm']:.0f} ms (min {min(both['warm']):.0f}, n={len(both['warm'])}), "
            f"cold {middle['cold']:.0f} ms (min {min(both['cold']):.0f}, n={len(both['cold'])}), ratio 1/{middle['cold'] / middle['warm']:.0f}"
        )
    cpu = {start: statistics.median(values) * 1000 for start, values in costs.items()}
    click.echo(f"CPU of an empty job: warm {cpu['warm']:.0f} ms, cold {cpu['cold']:.0f} ms")
    click.echo(f"private memory of a warm run at its second cell: {statistics.median(private):.1f} MiB (most {max(private):.1f})")


def in_a_row(warm: WarmStart, folder: Path, jobs: int) -> None:
    """Run empty jobs and print what has grown."""
    execute_one = job_of(folder, "")
    for _ in range(5):
        warm.execute(execute_one, lambda _: Given())
    (zygote,) = warm.zygotes
    before, memory, began = traces(), resident_mb(zygote.pid), time.monotonic()
    for _ in range(jobs):
        run = warm.execute(execute_one, lambda _: Given())
        if run.execution.start != "warm" or run.execution.message:
            raise SystemExit(f"{run.execution.note} {run.execution.message}")
    wall = time.monotonic() - began
    (after,) = warm.zygotes
    grown = {name: value - before[name] for name, value in traces().items()}
    click.echo(f"{jobs} jobs in a row: {wall / jobs * 1000:.0f} ms each, grown by {grown}, same process: {after is zygote}")
    click.echo(f"memory of the warm process: {memory:.1f} MiB before, {resident_mb(zygote.pid):.1f} after")


@click.command()
@click.option("--rounds", default=50)
@click.option("--cold", "colds", default=10)
@click.option("--jobs", default=500)
@click.option("--user", type=int, default=None, help="Measure as this ordinary user (needs root).")
def main(rounds: int, colds: int, jobs: int, user: int | None) -> None:
    """Print the figures of this machine, for this user."""
    if user is not None:
        sys.exit(as_user(user, [__file__, "--rounds", str(rounds), "--cold", str(colds), "--jobs", str(jobs)]).returncode)
    available(Isolation.FULL)
    with tempfile.TemporaryDirectory() as name, WarmStart(jobs_each=10**9) as warm:
        folder = Path(name)
        click.echo(f"uid {os.geteuid()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        began = time.monotonic()
        warm.execute(job_of(folder, ""), lambda _: Given())
        click.echo(f"the first job, with the start of the warm process: {time.monotonic() - began:.1f} s")
        compare(warm, folder, rounds, colds)
        in_a_row(warm, folder, jobs)
        click.echo(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
