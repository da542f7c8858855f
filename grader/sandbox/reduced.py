"""The reduced tier, for a Linux that refuses user namespaces: one process tree kept in by Landlock, two filters and limits.

The run shares the machine's file system and process numbers. It may read the system, Python and its own inputs, and write to two folders
on disk whose size the guard watches. It has no sockets at all. confiner.py is the program that sets this up and ends the run.
"""

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.errors import IsolationError
from grader.files import link_or_copy
from grader.model import Json, Limits
from grader.sandbox import confiner
from grader.sandbox.folders import hidden_folders, python_binds
from grader.sandbox.job import INSIDE, RUNNER, STANDINS, Job, Place, interpreter, variables
from grader.sandbox.landlock import landlock_version
from grader.sandbox.seccomp import filter_program, sharing_program

_ADDRESS_SPACE_ABOVE_MB = 8192
_CPU_GRACE_S, _OPEN_FILES, _TRY_S = 5, 1024, 60
_OURS = 2  # the confiner itself and the process that ends others
_READABLE = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_FACTS = (
    *("/etc/ld.so.cache", "/etc/fonts", "/etc/localtime", "/etc/alternatives", "/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/hosts"),
    *("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/loadavg", "/proc/uptime", "/proc/version", "/proc/filesystems"),
    "/sys/devices/system/cpu",
)
_TRUSTED = "or pass --isolation none for work you trust."


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where one run finds its parts on this machine; `own` are the folders it may write to."""

    place: Place
    runner: Path
    own: tuple[Path, ...]
    reached: tuple[Path, ...]


def try_out() -> None:
    """Start Python in an empty run; raises IsolationError, saying what this machine lacks, when that does not work here."""
    if not sys.platform.startswith("linux"):
        raise IsolationError("Reduced isolation needs Linux.", remedy=f"Grade on Linux, {_TRUSTED}")
    filter_program()
    if landlock_version() < 1:
        raise IsolationError(
            "This kernel has no Landlock, without which every file of this machine would be open to submissions.",
            where=f"Linux {os.uname().release}",
            remedy=f"Use Linux 5.13 or newer that starts with “landlock” in its list lsm=, pass --isolation container, {_TRUSTED}",
        )
    folder = make_folder()
    try:
        layout = lay_out_nothing(folder)
        command = [sys.executable, "-I", "-S", "-c", "pass"]
        process = _launch(specification(layout, command, Limits(), ()), subprocess.DEVNULL)
        said = process.communicate(timeout=_TRY_S)[1].decode("utf-8", "replace").strip()
    except subprocess.TimeoutExpired:
        process.terminate()
        process.wait()
        said = f"no answer within {_TRY_S} seconds"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if process.returncode != 0:
        last = said.splitlines()[-1].removeprefix(confiner.MARK) if said else f"exit code {process.returncode}"
        raise IsolationError("No run can be kept in on this machine.", where=last, remedy=_remedy(last))


def make_folder() -> Path:
    """Make the folder of one run, which others may pass through but not list."""
    folder = Path(tempfile.mkdtemp(prefix="zachet-run-")).resolve()
    for own in _own(folder):
        own.mkdir(mode=0o700)
    folder.chmod(0o711)
    return folder


def lay_out_nothing(folder: Path) -> Layout:
    """Return the layout of a run without a job, to try the tier out."""
    work, tmp = _own(folder)
    place = Place(work=str(work), data="", files="", probe="", standins="", writable=(str(work), str(tmp)))
    return Layout(place=place, runner=Path(sys.executable), own=(work, tmp), reached=())


def lay_out(job: Job, folder: Path) -> Layout:
    """Put the parts of `job` where the run may read them, as root in copies below `folder`, and return where they are."""
    work, tmp = _own(folder)
    bring = _Bringer(folder) if os.geteuid() == 0 else None
    inside, probe = (bring(path, name) if bring else path.resolve() for path, name in ((job.inside, "inside"), (job.probe, "probe.py")))
    files = job.files and (bring(job.files, "files") if bring else job.files.resolve())
    data = job.data and (bring(job.data, "data") if bring else job.data.resolve())
    shown = [path for path in (inside, probe, files, data) if path]
    if data and not bring:
        shown += [entry.resolve() for entry in sorted(data.iterdir())]
    readable, listed = _rules(hidden_folders(python_binds()))
    standins = inside / STANDINS
    place = Place(
        work=str(work),
        data=str(data) if data else "",
        files=str(files) if files else "",
        probe=str(probe),
        standins=str(standins) if standins.is_dir() else "",
        read_only=(*readable, *_FACTS, *map(str, shown)),
        writable=(str(work), str(tmp)),
        listed=tuple(listed),
    )
    return Layout(place=place, runner=inside / RUNNER, own=(work, tmp), reached=tuple(shown))


def start_job(job: Job, layout: Layout, groups: tuple[str, ...]) -> subprocess.Popen[bytes]:
    """Start the runner of `job`; raises IsolationError for a processor or a Python that cannot be kept in."""
    return _launch(specification(layout, interpreter(str(layout.runner), sys.executable), job.limits, groups), subprocess.PIPE)


def specification(layout: Layout, command: list[str], limits: Limits, groups: tuple[str, ...]) -> dict[str, Json]:
    """Return what the confiner is told: plain JSON."""
    place = layout.place
    readable, listed = (place.read_only, place.listed) if place.read_only else _rules(())
    python = [str(path) for bind in python_binds() for path in (bind.source, bind.target)]
    work, tmp = layout.own
    return {
        "harden": str(INSIDE / "harden.py"),
        "folder": str(work.parent),
        "work": str(work),
        "owned": [str(work), str(tmp)],
        "reached": [*dict.fromkeys(python), *map(str, layout.reached), str(work), str(tmp)],
        "read_only": list(readable),
        "listed": list(listed),
        "writable": list(place.writable),
        "groups": list(groups),
        "processes": limits.processes + _OURS,
        "rlimits": {
            "RLIMIT_CPU": limits.cpu_s + _CPU_GRACE_S,
            "RLIMIT_FSIZE": limits.disk_mb << 20,
            "RLIMIT_NOFILE": _OPEN_FILES,
            "RLIMIT_CORE": 0,
            "RLIMIT_AS": (limits.memory_mb + _ADDRESS_SPACE_ABOVE_MB) << 20,
        },
        "seccomp": [base64.b64encode(program).decode("ascii") for program in (filter_program(), sharing_program(landlock_version()))],
        "environment": dict(_environment(place, work, tmp)),
        "command": list(command),
    }


def _own(folder: Path) -> tuple[Path, Path]:
    return folder / "work", folder / "tmp"


def _environment(place: Place, work: Path, tmp: Path) -> Iterator[tuple[str, str]]:
    yield from variables(home=str(work), caches=str(tmp)).items()
    programs = (place.standins, str(Path(sys.executable).parent), "/usr/bin", "/bin")
    yield "PATH", ":".join(program for program in programs if program)
    yield from (("USER", "student"), ("LOGNAME", "student"))


def _rules(hidden: Sequence[Path]) -> tuple[list[str], list[str]]:
    """Return what of the system and of Python may be read, and the folders of which only names may, so that `hidden` is left out."""
    readable, listed = list[str](), list[str]()
    waiting = [Path(folder) for folder in _READABLE if Path(folder).is_dir()]
    waiting += [path for bind in python_binds() for path in dict.fromkeys((bind.target, bind.source))]
    while waiting:
        path = waiting.pop()
        below = [folder for folder in hidden if folder.is_relative_to(path)]
        if path in below:
            continue
        if not below:
            readable.append(str(path))
            continue
        listed.append(str(path))
        waiting += path.iterdir()
    return readable, listed


class _Bringer:
    """Copies what only root may reach, or links it where a link says the same."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, source: Path, name: str) -> Path:
        """Bring a file or a folder under `name`, readable for everybody; links of a submission are left out, others are followed."""
        target = self._folder / name
        self._bring(source.resolve(), target)
        return target

    def _bring(self, source: Path, target: Path) -> None:
        if source.is_dir():
            target.mkdir(mode=0o755)
            for entry in sorted(source.iterdir()):
                if entry.name != "__pycache__":
                    self._bring(entry.resolve(), target / entry.name)
            return
        mode = source.stat().st_mode
        if mode & 0o004:
            link_or_copy(source, target)
        else:
            shutil.copyfile(source, target)
        if not target.samefile(source):
            target.chmod(0o644 | (mode & 0o111))


def _launch(told: dict[str, Json], stdin: int) -> subprocess.Popen[bytes]:
    with tempfile.TemporaryFile() as stream:
        stream.write(json.dumps(told).encode("ascii"))
        stream.seek(0)
        return subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(confiner.__file__).resolve()), str(stream.fileno())],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(stream.fileno(),),
            env={},
            cwd="/",
            start_new_session=True,
        )


def _remedy(said: str) -> str:
    if "not readable" in said:
        return f"Move the virtual environment to a folder that every user may read (chmod a+rX), {_TRUSTED}"
    return f"Run “zachet doctor” to see what this machine refuses, {_TRUSTED}"
