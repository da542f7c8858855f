"""A running child of the reduced tier: its folder on disk counts, and it is ended through the confiner, which misses nothing."""

import signal
import subprocess
from dataclasses import replace

from grader.sandbox import plain, reduced
from grader.sandbox.child import Child
from grader.sandbox.job import Job, Place
from grader.sandbox.tree import Usage
from grader.sandbox.watch import FolderSize, remove_folder

_PATIENCE_S = 5.0


class ReducedChild(Child):
    """The process of one job under the confiner."""

    def _start(self, job: Job) -> tuple[Place, subprocess.Popen[bytes]]:
        self._folder = reduced.make_folder()
        layout = reduced.lay_out(job, self._folder)
        self._size = FolderSize(*layout.own)
        return layout.place, reduced.start_job(job, layout, self._make_group(job))

    def usage(self) -> Usage:
        """Return what the child and all it started use, on disk too."""
        return replace(super().usage(), disk=self._size.bytes())

    def exit_code(self, seconds: float) -> int | None:
        """Wait for the end; return the code (128 + N for signal N), or None when it still runs after `seconds`."""
        try:
            code = plain.wait_without_reaping(self._process, seconds)
        except subprocess.TimeoutExpired:
            return None
        return 128 - code if code < 0 else code

    def kill(self) -> None:
        """Let the confiner end the run; end the confiner and what is known of the run when it does not answer."""
        if self._ended(0.0):
            return
        # Continued, in case student code of our own uid stopped it on an old kernel.
        for number in (signal.SIGTERM, signal.SIGCONT):
            self._process.send_signal(number)
        if not self._ended(_PATIENCE_S) and self._tree:
            self._tree.kill()
            self._process.kill()

    def _ended(self, seconds: float) -> bool:
        if self._process.returncode is not None:
            return True
        try:
            plain.wait_without_reaping(self._process, max(seconds, 0.001))
        except (subprocess.TimeoutExpired, ChildProcessError):
            return False
        return True

    def _clean(self) -> None:
        folder, self._folder = self._folder, None
        super()._clean()
        if folder is not None:
            remove_folder(folder)
