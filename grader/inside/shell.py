"""An IPython shell in this process whose outputs become nbformat outputs of the cell that runs."""

import ast
import contextlib
import os
import sys
import time
import types
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.text import SList
from traitlets import Type
from traitlets.config import Config

from .commands import add_magics, run_command
from .limits import CellClock, CellTimeLimit
from .outputs import MOST_MEDIA, CellOutputs, Output, Screen, Stream

_HERE = str(Path(__file__).resolve().parent)
_LONGEST_ERROR = 1500


class _Publisher(DisplayPublisher):  # type: ignore[misc] # IPython has no types
    def publish(
        self,
        data: Mapping[str, Any],
        metadata: Mapping[str, Any] | None = None,
        source: object = None,  # noqa: ARG002 - IPython 8 passes it
        *,
        transient: Mapping[str, Any] | None = None,
        update: bool = False,
        **_: object,
    ) -> None:
        display_id = (transient or {}).get("display_id")
        cell = self.shell.screen.cell
        if update:
            cell.update(display_id, data, metadata)
        else:
            cell.show("display_data", data, metadata, display_id=display_id)

    def clear_output(self, wait: bool = False) -> None:
        self.shell.screen.cell.clear(wait=wait)


class _Hook(DisplayHook):  # type: ignore[misc] # IPython has no types
    def write_output_prompt(self) -> None:
        """Outputs carry their number."""

    def write_format_data(self, format_dict: Mapping[str, Any], md_dict: Mapping[str, Any] | None = None) -> None:
        self.shell.screen.cell.show("execute_result", format_dict, md_dict, execution_count=self.prompt_count)

    def finish_displayhook(self) -> None:
        self._is_active = False


class Shell(InteractiveShell):  # type: ignore[misc] # IPython has no types
    """The shell of one notebook; `screen` holds the outputs of the running cell."""

    displayhook_class = Type(_Hook)
    display_pub_class = Type(_Publisher)
    screen: Screen
    clock: CellClock
    failure: BaseException | None = None

    def show_text(self, text: str) -> None:
        """Show the output of a program."""
        sys.stdout.write(text)

    def system(self, cmd: str) -> None:
        """Run `!cmd`, leaving its exit status in `_exit_code`."""
        self.user_ns["_exit_code"] = run_command(self.var_expand(cmd, depth=1), self.clock.left(), self.show_text)

    system_piped = system_raw = system

    def getoutput(self, cmd: str, split: bool = True, depth: int = 0) -> Any:
        """Run `x = !cmd` and return its output, by lines unless told otherwise."""
        pieces: list[str] = []
        self.user_ns["_exit_code"] = run_command(self.var_expand(cmd, depth=depth + 1), self.clock.left(), pieces.append)
        text = "".join(pieces)
        return SList(text.splitlines()) if split else text

    def enable_gui(self, gui: str | None = None) -> None:
        """There is no event loop to enable."""

    def enable_matplotlib(self, gui: str | None = None) -> Any:  # noqa: ARG002
        """Take every backend for the inline one: there is no screen for the others."""
        return super().enable_matplotlib("inline")

    def ask_exit(self) -> None:
        """End the cell on `exit` and `quit`, as the run goes on with the next one."""
        raise SystemExit

    def showtraceback(self, exc_tuple: Any = None, *arguments: Any, **options: Any) -> None:
        """Show an error without the frames of this package."""
        error = exc_tuple[1] if exc_tuple else sys.exc_info()[1]
        self.failure = error if self.failure is None else self.failure
        if error is not None:
            error.__traceback__ = without_our_frames(error.__traceback__)
        try:
            super().showtraceback(exc_tuple, *arguments, **options)
        except Exception:  # an error that cannot even be shown, by its own fault
            name = type(error).__name__
            self.screen.cell.fail(name, said(error), [f"{name}: {said(error)}"])

    def _showtraceback(self, etype: type[BaseException], evalue: BaseException, stb: Sequence[str]) -> None:
        lines = "\n".join(stb).split("\n")
        self.screen.cell.fail(etype.__name__, said(evalue), lines)

    @contextlib.contextmanager
    def _tee(self, channel: str) -> Iterator[None]:  # noqa: ARG002
        """Keep no second copy of what was printed: it would grow without a bound."""
        yield


@dataclass(frozen=True, slots=True, kw_only=True)
class CellResult:
    """How one cell ended; `status` is "ok" or "error", `error` is `Name: message` or empty."""

    status: str
    error: str
    outputs: list[Output]
    cpu_s: float
    wall_s: float


class NotebookShell:
    """Runs cells one after another in one namespace. `media_bytes` bounds the pictures of the whole notebook."""

    def __init__(self, clock: CellClock, media_bytes: int, scratch: Path) -> None:
        self._clock, self._media_left = clock, media_bytes
        main = types.ModuleType("__main__")
        config = Config()
        config.HistoryManager.enabled = False
        config.HistoryManager.hist_file = ":memory:"
        Shell.screen, Shell.clock = Screen(), clock
        self.shell: Any = Shell.instance(config=config, user_module=main, ipython_dir=str(scratch / "ipython"), colors="nocolor")
        self.namespace: dict[str, Any] = self.shell.user_ns
        add_magics(self.shell, clock.left)
        # IPython's advice for people at a prompt, with the path of its own file.
        warnings.filterwarnings("ignore", message="To exit: use")
        # One pair for the whole run: what keeps a reference (logging, tqdm) still writes to the cell that runs.
        sys.stdout, sys.stderr = Stream(Shell.screen, "stdout", 1), Stream(Shell.screen, "stderr", 2)

    def rewrite_with(self, transformer: ast.NodeTransformer) -> None:
        """Let `transformer` change the code of every cell before it runs."""
        self.shell.ast_transformers.append(transformer)

    def run(self, source: str) -> CellResult:
        """Run one cell; whatever its code does, this returns (unless the process ends)."""
        screen = self.shell.screen
        screen.cell = CellOutputs(min(MOST_MEDIA, self._media_left))
        cpu, wall = _cpu_seconds(), time.monotonic()
        error: BaseException | None
        try:
            error = self._run_limited(source)
        except CellTimeLimit as late:
            self._clock.disarm()
            error = late
            screen.cell.fail(type(late).__name__, said(late), [f"{type(late).__name__}: {said(late)}"])
        # A thread that outlives the cell writes to the next one.
        finished, screen.cell = screen.cell, CellOutputs(0)
        outputs = finished.finish()
        self._media_left -= finished.media
        return CellResult(
            status="error" if error is not None else "ok",
            error=f"{type(error).__name__}: {said(error)}"[:_LONGEST_ERROR] if error is not None else "",
            outputs=outputs,
            cpu_s=_cpu_seconds() - cpu,
            wall_s=time.monotonic() - wall,
        )

    def _run_limited(self, source: str) -> BaseException | None:
        self.shell.failure = None
        self._clock.arm()
        try:
            result = self.shell.run_cell(source, store_history=True)
            failure: BaseException | None = result.error_in_exec if result.error_before_exec is None else result.error_before_exec
            # An error so odd that IPython failed over it was shown first, and is the one to name.
            return self.shell.failure if failure is not None and self.shell.failure is not None else failure
        except CellTimeLimit:
            raise
        except BaseException as escaped:
            if self.shell.failure is None:
                self.shell.showtraceback((type(escaped), escaped, escaped.__traceback__))
            return escaped if self.shell.failure is None else self.shell.failure
        finally:
            self._clock.disarm()


def without_our_frames(top: types.TracebackType | None) -> types.TracebackType | None:
    """Return the traceback `top` without the frames of this package."""
    while top is not None and top.tb_frame.f_code.co_filename.startswith(_HERE):
        top = top.tb_next
    entry = top
    while entry is not None:
        while entry.tb_next is not None and entry.tb_next.tb_frame.f_code.co_filename.startswith(_HERE):
            entry.tb_next = entry.tb_next.tb_next
        entry = entry.tb_next
    return top


def said(error: BaseException | None) -> str:
    """Return the message of an error whose `__str__` may fail as well; a syntax error names its line and not IPython's file."""
    if isinstance(error, SyntaxError) and str(error.filename).startswith("<ipython-input"):
        return f"{error.msg} (line {error.lineno})"
    try:
        return str(error)
    except Exception:
        return "(its message cannot be shown)"


def _cpu_seconds() -> float:
    times = os.times()
    return time.process_time() + times.children_user + times.children_system
