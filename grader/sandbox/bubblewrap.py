"""The full tier: what bubblewrap is told, and whether this machine lets it."""

import base64
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from grader.errors import IsolationError
from grader.model import Json, Limits
from grader.sandbox import gpu, launcher
from grader.sandbox.folders import Bind, hidden_folders, python_binds
from grader.sandbox.gpu import Gpu
from grader.sandbox.job import RUNNER, STANDINS, WARM, Job, Place, interpreter, variables
from grader.sandbox.seccomp import filter_program

# Neither systemd nor any distribution gives these out, and files of nobody (65534) are not theirs.
DROP_TO_UID = DROP_TO_GID = 65533
# What CUDA builds of torch map and never touch; resident memory is the guard's business.
_ADDRESS_SPACE_ABOVE_MB = 8192
_CPU_GRACE_S = 5
_TRY_S = 60
_OPEN_FILES = 1024

_WORK, _TMP, _SHM, _DATA, _FILES = "/work", "/tmp", "/dev/shm", "/data", "/in/files"  # noqa: S108 - inside the sandbox
_PROBE, _INSIDE, _BIN = "/zachet/probe.py", "/zachet/inside", "/zachet/bin"
_UID = "1000"
_SYSTEM_FILES = ("/etc/ld.so.cache", "/etc/fonts", "/etc/localtime", "/etc/alternatives")
_SYSTEM_LINKS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_TEXTS = {
    "/etc/passwd": f"student:x:{_UID}:{_UID}::{_WORK}:/bin/sh\n",
    "/etc/group": f"student:x:{_UID}:\n",
    "/etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
}
_NAMESPACES = (
    *("--unshare-user", "--die-with-parent", "--new-session", "--clearenv"),
    *("--hostname", "zachet", "--uid", _UID, "--gid", _UID),
)
_OF_A_JOB = ("--unshare-all", "--disable-userns", "--proc", "/proc")
# No student code runs in the warm process. The sandboxes of its jobs lie below its own name space of users, so that it may enter them, and
# beside it as processes: bubblewrap needs a /proc that knows them.
_OF_THE_WARM = (
    *("--unshare-ipc", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"),
    *("--cap-add", "CAP_SYS_ADMIN", "--ro-bind", "/proc", "/proc"),
)
_WARM_DISK_MB = 64
# A process that stays and does nothing; that it gives back what it was sent says that the sandbox around it is complete.
_HOLDER = "cat"

_READ_ONLY = ("/usr", "/etc", "/proc", "/dev", "/bin", "/lib", "/lib64", "/in", _DATA, "/zachet")


def find_bubblewrap() -> str:
    """Return the path of bubblewrap; raises IsolationError when it is missing or too old."""
    if not sys.platform.startswith("linux"):
        raise IsolationError("Full isolation needs Linux.", remedy="Grade on Linux, or pass --isolation none for work you trust.")
    path = shutil.which("bwrap")
    if path is None:
        raise IsolationError(
            "Bubblewrap is not on this machine, so submissions would share it with the grader.",
            remedy="Install it (apt install bubblewrap), or pass --isolation none for work you trust.",
        )
    missing = [option for option in ("--size", "--disable-userns", "--seccomp", "--args") if option not in _help(path)]
    if missing:
        raise IsolationError(
            f"This bubblewrap has no {missing[0]}.",
            where=path,
            remedy="Install bubblewrap 0.8 or newer, as Debian 12 and Ubuntu 24.04 have it.",
        )
    return path


@functools.cache
def _help(path: str) -> str:
    try:
        return subprocess.run([path, "--help"], capture_output=True, text=True, check=False, env={}, timeout=_TRY_S).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


def place_of(job: Job) -> Place:
    """Return where the parts of `job` stand inside."""
    return Place(
        work=_WORK,
        data=_DATA if job.data else "",
        files=_FILES if job.files else "",
        probe=_PROBE,
        standins=_BIN if (job.inside / STANDINS).is_dir() else "",
        read_only=(*_READ_ONLY, *(gpu.SYSTEM if job.gpu else ()), *(str(bind.target) for bind in python_binds())),
        writable=(_WORK, _TMP, _SHM, *(f"/dev/{node.name}" for node in (job.gpu.nodes if job.gpu else ()))),
    )


def start_job(job: Job, groups: tuple[str, ...]) -> subprocess.Popen[bytes]:
    """Start the runner of `job` in a sandbox of its own; raises IsolationError when there can be none."""
    command = [*_process_limit(job.limits), *interpreter(f"{_INSIDE}/{RUNNER}", sys.executable)]
    return _launch(_specification(_job_binds(job), command, job.limits, groups, device=job.gpu), subprocess.PIPE)


def start_ahead(warm: int, errors: int) -> tuple[subprocess.Popen[bytes], int]:
    """Start what will make a sandbox below the process whose handle is `warm`, and wait; return it, and where `become_holder` writes."""
    reading, writing = os.pipe()
    try:
        return _popen(reading, subprocess.PIPE, stderr=errors, handles=(warm,)), writing
    finally:
        os.close(reading)


def become_holder(writing: int, job: Job, groups: tuple[str, ...], warm: int) -> None:
    """Let it make the sandbox of `job`, with a process in it that only gives back what it is sent; closes `writing`."""
    with os.fdopen(writing, "wb") as stream:
        specification = {**_specification(_job_binds(job), [_HOLDER], job.limits, groups), "join": warm}
        stream.write(json.dumps(specification).encode("ascii"))


def start_warm(inside: Path, control: int, errors: int) -> subprocess.Popen[bytes]:
    """Start the runner of the folder `inside` as a warm process that listens on the socket `control`; raises IsolationError."""
    command = [*interpreter(f"{_INSIDE}/{RUNNER}", sys.executable), WARM]
    binds = _inside_binds(inside)
    specification = _specification(binds, command, Limits(disk_mb=_WARM_DISK_MB), (), options=_OF_THE_WARM)
    # Children inherit limits, and nothing that a job may not use up belongs to the process itself.
    specification.update(rlimits={"RLIMIT_CORE": 0, "RLIMIT_NOFILE": _OPEN_FILES}, seccomp="")
    return _launch(specification, control, stdout=subprocess.DEVNULL, stderr=errors)


def resource_limits(limits: Limits, device: Gpu | None = None) -> dict[str, int]:
    """Return the resource limits of one process of a run, by their names in the module `resource`.

    CUDA maps more addresses than any machine has memory; with a GPU the guard and the control group alone bound what is used.
    """
    found = {
        "RLIMIT_CPU": limits.cpu_s + _CPU_GRACE_S,
        "RLIMIT_FSIZE": limits.disk_mb << 20,
        "RLIMIT_NOFILE": _OPEN_FILES,
        "RLIMIT_CORE": 0,
        "RLIMIT_AS": (limits.memory_mb + _ADDRESS_SPACE_ABOVE_MB) << 20,
    }
    if device is not None:
        del found["RLIMIT_AS"]
    return found


def _inside_binds(inside: Path) -> list[Bind]:
    binds = [Bind(source=inside, target=Path(_INSIDE))]
    if (inside / STANDINS).is_dir():
        binds.append(Bind(source=inside / STANDINS, target=Path(_BIN)))
    return binds


def _job_binds(job: Job) -> list[Bind]:
    binds = [Bind(source=job.probe, target=Path(_PROBE)), *_inside_binds(job.inside)]
    if job.files:
        binds.append(Bind(source=job.files, target=Path(_FILES)))
    if job.data:
        # One by one, so that a Python installed below the machine's own /data stays in sight.
        binds += [Bind(source=entry.resolve(), target=Path(_DATA, entry.name)) for entry in sorted(job.data.iterdir())]
    return binds


def try_out() -> None:
    """Start Python in an empty sandbox; raises IsolationError with the remedy when that does not work here."""
    if not Path(f"/proc/self/task/{os.getpid()}/children").exists():
        raise IsolationError(
            "This kernel does not say which processes a process started, so limits could not be kept.",
            remedy="Use a kernel with CONFIG_PROC_CHILDREN, as distributions have it, or pass --isolation none for work you trust.",
        )
    command = [*_process_limit(Limits()), sys.executable, "-I", "-S", "-c", "pass"]
    process = _launch(_specification([], command, Limits(), ()), subprocess.DEVNULL)
    try:
        said = process.communicate(timeout=_TRY_S)[1].decode("utf-8", "replace").strip()
    except subprocess.TimeoutExpired:
        said = f"no answer within {_TRY_S} seconds"
    finally:
        process.kill()
        process.wait()
    if process.returncode != 0:
        raise IsolationError("No sandbox can be made on this machine.", where=_last_line(said), remedy=_remedy(said))


def _launch(specification: dict[str, Json], stdin: int, *, stdout: int = subprocess.PIPE, stderr: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
    with tempfile.TemporaryFile() as stream:
        stream.write(json.dumps(specification).encode("ascii"))
        stream.seek(0)
        return _popen(stream.fileno(), stdin, stdout=stdout, stderr=stderr)


def _popen(
    handle: int, stdin: int, *, stdout: int = subprocess.PIPE, stderr: int = subprocess.PIPE, handles: tuple[int, ...] = ()
) -> subprocess.Popen[bytes]:
    # A session of its own: Ctrl-C is for the parent, which ends the run in order. An empty environment: pid 1 inside shows it.
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(Path(launcher.__file__).resolve()), str(handle)],
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        pass_fds=(handle, *handles),
        env={},
        cwd="/",
        start_new_session=True,
    )


def _specification(
    binds: list[Bind],
    command: list[str],
    limits: Limits,
    groups: tuple[str, ...],
    *,
    options: tuple[str, ...] = _OF_A_JOB,
    device: Gpu | None = None,
) -> dict[str, Json]:
    python = python_binds()
    root = os.geteuid() == 0
    return {
        "bwrap": find_bubblewrap(),
        "uid": DROP_TO_UID if root else None,
        "gid": DROP_TO_GID if root else None,
        "groups": list(groups),
        "rlimits": dict(resource_limits(limits, device)),
        "join": None,
        "before": [*_NAMESPACES, *options, *_system(), *gpu.system_of(device), *_own_folders(limits.disk_mb << 20, device)],
        "binds": [[str(bind.source), str(bind.target)] for bind in (*python, *binds)],
        "texts": dict(_TEXTS),
        "after": [*_masks(python), "--remount-ro", "/", *_environment(device), "--chdir", _WORK],
        "seccomp": base64.b64encode(filter_program()).decode("ascii"),
        "command": list(command),
    }


def _system() -> Iterator[str]:
    yield from ("--ro-bind", "/usr", "/usr", "--dir", "/etc", "--dir", "/in", "--dir", _DATA)
    for name in _SYSTEM_LINKS:
        path = Path("/", name)
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), str(path))
        elif path.is_dir():
            yield from ("--ro-bind", str(path), str(path))
    for file in _SYSTEM_FILES:
        yield from ("--ro-bind-try", file, file)


def _own_folders(disk: int, device: Gpu | None) -> Iterator[str]:
    yield from ("--dev", "/dev", *gpu.shown_to(device), "--size", str(disk), "--tmpfs", _SHM, "--remount-ro", "/dev")
    yield from ("--size", str(disk), "--tmpfs", _TMP, "--size", str(disk), "--tmpfs", _WORK, "--symlink", _WORK, "/content")
    # Notebooks look for the data set one level up as well; the runner cannot make this link, as `/` is read-only by then.
    for name in ("cifar-100-python", "cifar-100-python.tar.gz"):
        yield from ("--symlink", f"{_DATA}/{name}", f"/{name}")


def _masks(python: tuple[Bind, ...]) -> Iterator[str]:
    for folder in hidden_folders(python):
        yield from ("--size", "4096", "--tmpfs", str(folder), "--remount-ro", str(folder))


def _environment(device: Gpu | None) -> Iterator[str]:
    path = f"{_BIN}:{Path(sys.executable).parent}:/usr/bin:/bin"
    for name, value in {**variables(home=_WORK, caches=_TMP), **gpu.variables_of(device), "PATH": path}.items():
        yield from ("--setenv", name, value)


def _process_limit(limits: Limits) -> list[str]:
    """Return the command that bounds the processes. Only inside: outside, it would count all that this person runs."""
    program = "/usr/bin/prlimit"
    return [program, f"--nproc={limits.processes}"] if Path(program).exists() else []


def _last_line(said: str) -> str:
    lines = said.splitlines()
    return lines[-1].removeprefix(launcher.MARK) if lines else "bubblewrap"


def _remedy(said: str) -> str:
    trusted = "or pass --isolation none for work you trust."
    if said.startswith(launcher.MARK):
        return f"Move the virtual environment to a folder that every user may read (chmod a+rX), {trusted}"
    if "mount proc" in said:
        return f"In a container, start it with --security-opt systempaths=unconfined --security-opt seccomp=unconfined, {trusted}"
    if "uid map" in said or "namespace" in said:
        return (
            "Allow user namespaces (sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 on Ubuntu, "
            "kernel.unprivileged_userns_clone=1 on older Debian, --security-opt seccomp=unconfined in a container), "
            f"or pass --isolation reduced, which needs none, {trusted}"
        )
    return f"Run “bwrap --unshare-all --ro-bind / / true” to see what this machine refuses, {trusted}"
