"""A running child of the container tier: the engine's command is our process, the run is the engine's."""

import contextlib
import itertools
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from grader.errors import IsolationError
from grader.sandbox import container, plain
from grader.sandbox.child import Child
from grader.sandbox.job import Job, Place
from grader.sandbox.reduced import make_folder
from grader.sandbox.tree import Tree, Usage
from grader.sandbox.watch import FolderSize, remove_folder

_NUMBERS = itertools.count()
_ASK_S = 5.0


class ContainerChild(Child):
    """The process of one job in a container of its own."""

    def _start(self, job: Job) -> tuple[Place, subprocess.Popen[bytes]]:
        if job.container is None:
            raise IsolationError("The tier container needs an image.", remedy="Name one with --image or in course.toml.")
        self._engine = container.find_engine(job.container.engine)
        self._name = f"zachet-{os.getpid()}-{next(_NUMBERS)}"
        self._inner: Tree | None = None
        self._memory = job.limits.memory_mb << 20
        self._size: FolderSize | None = None
        if self._engine.name == "apptainer":
            self._folder = make_folder()
            self._size = FolderSize(self._folder / "work", self._folder / "tmp")
        words = container.command_line(
            self._engine,
            self._name,
            job.container,
            job.limits,
            container.binds_of(job),
            arguments=container.runner_arguments(),
            folder=self._folder,
        )
        return container.place_of(job), container.start(words)

    def usage(self) -> Usage:
        """Return what the run uses: our own processes with apptainer, else those of the container where this machine shows them."""
        if self._engine.name == "apptainer":
            return replace(super().usage(), disk=self._size.bytes() if self._size else 0)
        self._inner = self._inner or self._find_inner()
        return self._inner.sample() if self._inner else Usage(cpu_s=0.0, memory=0)

    def kill(self) -> None:
        """End the container, and then the command that stands for it."""
        self._engine.end(self._name, self._process)
        if self._engine.name == "apptainer" and self._tree:
            self._tree.kill()
        plain.kill_group(self._process)

    def _clean(self) -> None:
        folder, self._folder = self._folder, None
        super()._clean()
        if folder is not None:
            remove_folder(folder)

    def _find_inner(self) -> Tree | None:
        """Return the container's processes when the engine's number for the first of them is true on this machine, not in a virtual one."""
        if not sys.platform.startswith("linux"):
            return None
        question = [self._engine.program, "inspect", "--format", "{{.State.Pid}} {{.Id}}", self._name]
        with contextlib.suppress(OSError, ValueError, subprocess.TimeoutExpired):
            said = subprocess.run(question, capture_output=True, text=True, timeout=_ASK_S, check=False).stdout.split()
            if len(said) == 2 and said[0] != "0" and said[1] in Path("/proc", said[0], "cgroup").read_text(encoding="utf-8"):
                return Tree(int(said[0]), self._memory)
        return None
