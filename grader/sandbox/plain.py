"""The tier that keeps nothing apart: the same runner as a plain process in a temporary folder, on any system."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from grader.sandbox.gpu import variables_of
from grader.sandbox.job import RUNNER, STANDINS, Job, Place, interpreter, variables

# What programs need to start at all, on Windows above all; no variable that could hold a secret.
_KEPT = (
    "PATH",
    "SYSTEMROOT",
    "SYSTEMDRIVE",
    "WINDIR",
    "COMSPEC",
    "PATHEXT",
    "NUMBER_OF_PROCESSORS",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
)

_PAUSE_S = 0.005


def place_of(job: Job, folder: Path) -> Place:
    """Return where the parts of `job` stand: where they are, with `folder` to work in."""
    standins = job.inside / STANDINS
    return Place(
        work=str(folder / "work"),
        data=str(job.data.resolve()) if job.data else "",
        files=str(job.files.resolve()) if job.files else "",
        probe=str(job.probe.resolve()),
        standins=str(standins) if standins.is_dir() else "",
    )


def start_job(job: Job, folder: Path) -> subprocess.Popen[bytes]:
    """Start the runner of `job` in `folder/work`, with `folder/caches` for what libraries keep."""
    work, caches = folder / "work", folder / "caches"
    for made in (work, caches):
        made.mkdir()
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    # Every device of the machine shows here, so that without a UUID the number of the node has to name it.
    device = {"CUDA_VISIBLE_DEVICES": job.gpu.uuid or str(job.gpu.number)} if job.gpu else {}
    temporary = {"TEMP": str(caches), "TMP": str(caches), "USERPROFILE": str(work)}
    return subprocess.Popen(
        interpreter(str(job.inside / RUNNER), sys.executable),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**kept, **temporary, **variables(home=str(work), caches=str(caches)), **variables_of(job.gpu), **device},
        cwd=work,
        start_new_session=os.name == "posix",
    )


def wait_without_reaping(process: subprocess.Popen[bytes], seconds: float) -> int:
    """Return the exit code as Popen spells it, and keep the process's number taken until its group has been ended too.

    Raises subprocess.TimeoutExpired when it still runs after `seconds`.
    """
    if not hasattr(os, "waitid"):
        return process.wait(seconds)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if found is not None:
            return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status
        time.sleep(_PAUSE_S)
    raise subprocess.TimeoutExpired(process.args, seconds)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """End a process and what it started, as far as the system can tell; to be called before anybody waits for it."""
    if sys.platform == "win32":
        if process.poll() is not None:
            return
        taskkill = Path(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "taskkill.exe")
        subprocess.run([str(taskkill), "/T", "/F", "/PID", str(process.pid)], capture_output=True, check=False)
        return
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # nobody is left in it; macOS says the latter
        process.kill()
