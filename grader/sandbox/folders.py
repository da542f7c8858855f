"""Which folders of this machine a Python needs to run elsewhere, and what in them must not be seen there."""

import os
import sys
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from grader.content import content_dir
from grader.errors import IsolationError

_SYSTEM = Path("/usr")
_TAKEN = (Path("/in"), Path("/zachet"), Path("/proc"), Path("/dev"), Path("/etc"))
_HIDDEN = ("grader", "variants")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bind:
    """One folder or file of this machine (`source`) and where it stands inside (`target`)."""

    source: Path
    target: Path


def python_binds() -> tuple[Bind, ...]:
    """Return the folders of this interpreter and its virtual environment, at their own paths; those of the system are left out.

    Raises IsolationError for a Python that lies where the sandbox keeps something of its own, or whose prefix is a whole home.
    """
    wanted = [Path(prefix) for prefix in (sys.base_prefix, sys.base_exec_prefix, sys.prefix, sys.exec_prefix)]
    found: dict[Path, Path] = {}
    for prefix in (*wanted, *(prefix.resolve() for prefix in wanted)):
        if not _within(prefix, (_SYSTEM, *found)):
            _refuse_unusable(prefix)
            found[prefix] = prefix.resolve()
    for link in _links(Path(sys.executable)):
        if not _within(link, (_SYSTEM, *found)):
            found[link] = link.resolve()
    return tuple(Bind(source=source, target=target) for target, source in sorted(found.items()))


def hidden_folders(binds: Iterable[Bind]) -> tuple[Path, ...]:
    """Return the folders, by their paths inside, that hold this product and would be visible through `binds` or the system."""
    sites = {Path(entry) for entry in (*sys.path, sysconfig.get_path("purelib"), sysconfig.get_path("platlib")) if entry}
    ours = {site / name for site in sites for name in _HIDDEN}
    package = Path(__file__).resolve().parent.parent
    ours |= {package, package.parent / "variants", content_dir("assignments"), content_dir("templates")}
    real = {folder.resolve() for folder in ours if folder.is_dir() and not folder.is_symlink()}
    seen = (Bind(source=_SYSTEM, target=_SYSTEM), *binds)
    inside = {bind.target / folder.relative_to(bind.source) for bind in seen for folder in real if folder.is_relative_to(bind.source)}
    return tuple(sorted(folder for folder in inside if not any(folder.is_relative_to(other) for other in inside - {folder})))


def _links(executable: Path) -> list[Path]:
    """Return every step of the chain of links from the command to the program."""
    steps = [executable]
    while steps[-1].is_symlink() and len(steps) < 20:
        steps.append(steps[-1].parent / steps[-1].readlink())
    return steps


def _within(path: Path, folders: Iterable[Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)


def _refuse_unusable(prefix: Path) -> None:
    home = Path(os.path.expanduser("~")).resolve()  # noqa: PTH111 - never raises, for a uid without an account
    if home.is_relative_to(prefix.resolve()):
        raise IsolationError(
            "Everything in this folder would be shown to student code, because Python is installed right in it.",
            where=str(prefix),
            remedy="Make a virtual environment in a folder of its own, or pass --isolation none for work you trust.",
        )
    if _within(prefix, _TAKEN):
        raise IsolationError(
            "Python lies where the sandbox keeps something of its own.",
            where=str(prefix),
            remedy="Make the virtual environment in another folder, or pass --isolation none for work you trust.",
        )
