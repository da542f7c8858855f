"""The container tier: what docker, podman or apptainer is told, and which of them answers here.

Only what the engines document is used. The image brings Python 3.11 or newer and the libraries; the runner, the probe and the data come
from this machine, read-only. docker and podman hand the work to a service or to a process that is not ours, so the engine itself keeps
memory, processes and disk; apptainer starts an ordinary child, and its limits are the engine's where it can set them and ours elsewhere.
"""

import csv
import io
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.errors import ConfigurationError, IsolationError
from grader.model import Limits
from grader.sandbox.job import RUNNER, STANDINS, Container, Job, Place, interpreter, variables

ENGINES = ("docker", "podman", "apptainer")
WORK, TMP = "/work", "/tmp"  # noqa: S108 - inside the container
_DATA, _FILES, _PROBE, _INSIDE, _BIN = "/data", "/in/files", "/zachet/probe.py", "/zachet/inside", "/zachet/bin"
_NOBODY = 65533
_ANSWER_S, _END_S, _PAUSE_S, _TRY_S = 15.0, 20.0, 0.25, 120.0
_SPARE_MB, _SPARE_PROCESSES, _OPEN_FILES, _CPU_GRACE_S = 64, 8, 1024, 5
_FOLDERS_IN_MEMORY = 3
_PYTHON = "python3"
_GPUS = re.compile(r"(all|[0-9]+(,[0-9]+)*)?")
_PATH = "/usr/local/sbin:/usr/local/bin:/opt/conda/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy")
_ASKED: Mapping[str, tuple[str, ...]] = {
    "docker": ("version", "--format", "{{.Server.Version}}"),
    "podman": ("info", "--format", "{{.Version.Version}}"),
    "apptainer": ("--version",),
}
_TRUSTED = "or pass --isolation none for work you trust."


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """One engine that answers: its name, its program and the version it gave."""

    name: str
    program: str
    version: str

    def end(self, container: str, command: subprocess.Popen[bytes]) -> None:
        """End a container of docker or podman that `command` started, and remove it; apptainer's run is our own child."""
        if self.name == "apptainer":
            return
        # It may not be there yet: to end the command first would leave a container that nobody waits for.
        end = time.monotonic() + _END_S
        while command.poll() is None and not self._told("kill", container) and time.monotonic() < end:
            time.sleep(_PAUSE_S)
        self._told("rm", "--force", container)

    def _told(self, *words: str) -> bool:
        try:
            return subprocess.run([self.program, *words], capture_output=True, timeout=_ANSWER_S, check=False).returncode == 0
        except (OSError, subprocess.TimeoutExpired):
            return False


def ask(name: str) -> tuple[Engine | None, str]:
    """Return the engine `name` when it answers, else None and why it does not."""
    program = shutil.which(name)
    if program is None:
        return None, "not installed"
    if name == "apptainer" and os.geteuid() == 0:
        # It runs what it is given as the user who calls it, and files below /proc/sys obey uid 0 also without capabilities.
        return None, "root would run the work as root; run zachet as an ordinary user"
    try:
        answer = subprocess.run([program, *_ASKED[name]], capture_output=True, text=True, errors="replace", timeout=_ANSWER_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return None, f"no answer ({type(error).__name__})"
    said = answer.stdout.strip().splitlines()
    if answer.returncode != 0 or not said:
        why = (answer.stderr.strip().splitlines() or said or [f"exit code {answer.returncode}"])[-1]
        return None, why
    return Engine(name=name, program=program, version=said[-1]), ""


def find_engine(chosen: str = "") -> Engine:
    """Return `chosen`, or the first engine that answers; raises IsolationError with what each one said."""
    said = {}
    for name in (chosen,) if chosen else ENGINES:
        engine, said[name] = ask(name)
        if engine is not None:
            return engine
    raise IsolationError(
        "No container engine answers here.",
        where="; ".join(f"{name}: {why}" for name, why in said.items()),
        remedy=f"Start docker or podman, or install apptainer; where bubblewrap works, the tier full needs none of them, {_TRUSTED}",
    )


def try_out(container: Container | None) -> Engine:
    """Start Python once in the image; raises IsolationError with the remedy when that does not work here."""
    if container is None or not container.image:
        raise IsolationError(
            "The tier container needs an image.",
            where="course.toml, image",
            remedy="Name one with --image or in course.toml; it needs Python 3.11 and the libraries that the notebooks use.",
        )
    if container.image.startswith("-") or not _GPUS.fullmatch(container.gpus):
        raise ConfigurationError(
            "This is no image of a container, or no choice of GPUs.",
            where=f"image {container.image}, gpus {container.gpus}",
            remedy="Write the image as the engine knows it, and the GPUs as all or as numbers: 0,1.",
        )
    engine = find_engine(container.engine)
    name = f"zachet-try-{os.getpid()}"
    limits = Limits(memory_mb=512, disk_mb=16)
    words = command_line(engine, name, container, limits, (), arguments=["-c", "import sys; sys.exit(sys.version_info < (3, 11))"])
    tried = start(words, stdin=subprocess.DEVNULL)
    try:
        said = tried.communicate(timeout=_TRY_S)[1].decode("utf-8", "replace").strip()
    except subprocess.TimeoutExpired:
        said = f"no answer within {_TRY_S:g} seconds"
    finally:
        if tried.poll() is None:
            engine.end(name, tried)
            tried.kill()
            tried.wait()
    if tried.returncode != 0:
        last = (said.splitlines() or [f"Python older than 3.11, exit code {tried.returncode}"])[-1]
        raise IsolationError(
            f"{engine.name} cannot run Python in the image ({last}).",
            where=container.image,
            remedy=f"Pull or build the image first, with Python 3.11 or newer as “{_PYTHON}”; it is never pulled while grading.",
        )
    return engine


def start(words: list[str], stdin: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
    """Start a command line of an engine, without the variables by which a person tells apptainer to show more than is asked here."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("APPTAINER", "SINGULARITY")) or name.endswith("DIR")}
    return subprocess.Popen(
        words, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=kept, cwd="/", start_new_session=os.name == "posix"
    )


def place_of(job: Job) -> Place:
    """Return where the parts of `job` stand in the container."""
    own = (WORK, TMP, "/dev/shm")  # noqa: S108 - inside the container
    devices = ("/dev", "/sys") if job.container and job.container.gpus else ()
    return Place(
        work=WORK,
        data=_DATA if job.data else "",
        files=_FILES if job.files else "",
        probe=_PROBE,
        standins=_BIN if (job.inside / STANDINS).is_dir() else "",
        read_only=("/",),  # what the image has is for the run to read, wherever its Python lies
        writable=(*own, *devices),
    )


def binds_of(job: Job) -> tuple[tuple[Path, str], ...]:
    """Return what is shown to the run, read-only: paths of this machine and of the container."""
    found = [(job.probe.resolve(), _PROBE), (job.inside.resolve(), _INSIDE)]
    if (job.inside / STANDINS).is_dir():
        found.append(((job.inside / STANDINS).resolve(), _BIN))
    if job.files:
        found.append((job.files.resolve(), _FILES))
    if job.data:
        found += [(entry.resolve(), f"{_DATA}/{entry.name}") for entry in sorted(job.data.iterdir())]
    return tuple(found)


def runner_arguments() -> list[str]:
    """Return what Python in the container is called with."""
    return interpreter(f"{_INSIDE}/{RUNNER}", _PYTHON)[1:]


def command_line(
    engine: Engine,
    name: str,
    container: Container,
    limits: Limits,
    binds: Sequence[tuple[Path, str]],
    *,
    arguments: Sequence[str],
    folder: Path | None = None,
) -> list[str]:
    """Return the command that runs Python with `arguments` in a new container `name`.

    `folder` is where apptainer keeps the run's own files on disk; docker and podman keep them in memory.
    """
    if engine.name == "apptainer":
        return [engine.program, "exec", *_apptainer(container, limits, binds, folder), container.image, _PYTHON, *arguments]
    options = [*_walls(engine, name), *_limits(limits), *_gpus(engine, container), *_shown(binds), *_variables(container)]
    return [engine.program, "run", *options, container.image, *arguments]


def _walls(engine: Engine, name: str) -> Iterator[str]:
    yield from ("--rm", "--interactive", "--init", "--pull", "never", "--name", name, "--hostname", "zachet", "--entrypoint", _PYTHON)
    yield from ("--network", "none", "--ipc", "private", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
    # What a run says comes through the pipes and is counted there; a log of the engine would fill the machine's disk.
    yield from ("--log-driver", "none", "--workdir", WORK)
    user = os.geteuid() if hasattr(os, "geteuid") else _NOBODY
    if user == 0:
        yield from ("--user", f"{_NOBODY}:{_NOBODY}")
    else:
        if engine.name == "podman":
            yield from ("--userns", "keep-id")
        yield from ("--user", f"{user}:{os.getegid() if hasattr(os, 'getegid') else _NOBODY}")
    if Path("/sys/fs/selinux/enforce").exists():
        # Else nothing of this machine could be read; the other way is to relabel the user's own files.
        yield from ("--security-opt", "label=disable")


def _limits(limits: Limits) -> Iterator[str]:
    memory = f"{limits.memory_mb + _FOLDERS_IN_MEMORY * limits.disk_mb + _SPARE_MB}m"
    yield from ("--memory", memory, "--memory-swap", memory, "--pids-limit", str(limits.processes + _SPARE_PROCESSES), "--cpus", "1")
    for folder in (WORK, TMP):
        yield from ("--tmpfs", f"{folder}:rw,exec,nosuid,nodev,size={limits.disk_mb}m,mode=1777")
    yield from ("--shm-size", f"{limits.disk_mb}m", "--ulimit", "core=0", "--ulimit", f"nofile={_OPEN_FILES}:{_OPEN_FILES}")
    seconds, size = limits.cpu_s + _CPU_GRACE_S, limits.disk_mb << 20
    yield from ("--ulimit", f"cpu={seconds}:{seconds}", "--ulimit", f"fsize={size}:{size}")


def _gpus(engine: Engine, container: Container) -> Iterator[str]:
    if not container.gpus:
        return
    if engine.name == "docker":
        # A list of devices has commas, which the engine would take for its own.
        yield from ("--gpus", "all" if container.gpus == "all" else f'"device={container.gpus}"')
    else:
        for number in container.gpus.split(","):
            yield from ("--device", f"nvidia.com/gpu={number}")


def _shown(binds: Sequence[tuple[Path, str]]) -> Iterator[str]:
    for source, target in binds:
        yield from ("--mount", _fields("type=bind", f"source={source}", f"target={target}", "readonly"))


def _fields(*values: str) -> str:
    """Join as the engines split: comma-separated, with quotes where a path has a comma or quotes of its own."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(values)
    return line.getvalue()


def _variables(container: Container) -> Iterator[str]:
    for name, value in _environment(container).items():
        yield from ("--env", f"{name}={value}")


def _environment(container: Container) -> dict[str, str]:
    # Engines hand on the proxies of whoever calls them, with the passwords in their addresses, unless they are given.
    proxies = {name: "" for word in _PROXIES for name in (word, word.upper())}
    found = {**proxies, **variables(home=WORK, caches=TMP), "PATH": _PATH, "USER": "student", "LOGNAME": "student"}
    if container.gpus:
        del found["CUDA_VISIBLE_DEVICES"]
    return found


def _apptainer(container: Container, limits: Limits, binds: Sequence[tuple[Path, str]], folder: Path | None) -> Iterator[str]:
    yield from ("--containall", "--cleanenv", "--no-home", "--no-eval", "--net", "--network", "none", "--hostname", "zachet")
    yield from ("--no-privs", "--pwd", WORK if folder else "/")
    memory = f"{limits.memory_mb + _SPARE_MB}m"
    if _limits_by_apptainer():
        yield from ("--memory", memory, "--memory-swap", memory, "--pids-limit", str(limits.processes + _SPARE_PROCESSES), "--cpus", "1")
    if container.gpus:
        yield "--nv"
        if container.gpus != "all":
            yield from ("--env", f"CUDA_VISIBLE_DEVICES={container.gpus}")
    for source, target in binds:
        _refuse_comma(source)
        yield from ("--bind", f"{source}:{target}:ro")
    for inner, target in (("work", WORK), ("tmp", TMP)) if folder else ():
        yield from ("--bind", f"{Path(str(folder), inner)}:{target}:rw")
    for name, value in _environment(container).items():
        if name != "HOME":  # its own option sets it
            yield from ("--env", f"{name}={value}")


def _limits_by_apptainer() -> bool:
    """Return whether this user may ask apptainer for limits: root, or control groups of version 2 with a systemd that delegates them."""
    return not hasattr(os, "geteuid") or os.geteuid() == 0 or Path("/sys/fs/cgroup/cgroup.controllers").exists()


def _refuse_comma(path: Path) -> None:
    if "," in str(path) or ":" in str(path):
        raise IsolationError(
            "apptainer takes the comma and the colon in this path for its own.", where=str(path), remedy="Move it to a path without them."
        )
