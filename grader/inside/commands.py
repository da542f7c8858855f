"""Programs that a notebook starts: `!cmd`, `x = !cmd`, `%pip`, `%conda`, `%%bash`. Each has a time limit and no input."""

import codecs
import contextlib
import os
import queue
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

MOST_SECONDS = 120.0
_PACKAGE_TOOLS = ("pip", "conda", "mamba", "micromamba", "uv")
# A program that went to the background keeps the pipe open; the cell does not wait for it longer than this.
_SILENCE_S = 0.2
_KILLED_RC = 124


def run_command(command: str, seconds: float, emit: Callable[[str], None]) -> int:
    """Run `command` in a shell for at most `seconds`, pass on its output as it comes, and return its exit status (124: stopped)."""
    limit = min(seconds, MOST_SECONDS)
    process = _start(command)
    try:
        finished = _pump(process, time.monotonic() + limit, emit)
    except BaseException:
        _kill(process)
        raise
    if not finished:
        _kill(process)
        emit(f"\n[stopped: the command ran longer than {limit:.0f} s]\n")
        return _KILLED_RC
    return process.wait()


def add_magics(shell: Any, left: Callable[[], float]) -> None:
    """Register the package and shell magics on `shell`; `left` says how many seconds the cell still has."""

    def package_magic(tool: str) -> Callable[[str], None]:
        def magic(line: str) -> None:
            shell.system(f"{tool} {line}")

        return magic

    def bash(line: str, cell: str) -> None:
        options = shlex.split(line)
        caught: list[str] = []
        emit = caught.append if "--out" in options else shell.show_text
        status = run_command(cell, left(), emit)
        if "--out" in options[:-1]:
            shell.user_ns[options[options.index("--out") + 1]] = "".join(caught)
        if status and "--no-raise-error" not in options:
            raise subprocess.CalledProcessError(status, "bash")

    for tool in _PACKAGE_TOOLS:
        shell.register_magic_function(package_magic(tool), "line", tool)
    for name in ("bash", "sh"):
        shell.register_magic_function(bash, "cell", name)


def _start(command: str) -> subprocess.Popen[bytes]:
    bash = next((path for path in ("/bin/bash", "/usr/bin/bash", "/bin/sh") if Path(path).exists()), None)
    arguments: Any = [bash, "-c", command] if bash else command
    return subprocess.Popen(
        arguments,
        shell=bash is None,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def _pump(process: subprocess.Popen[bytes], deadline: float, emit: Callable[[str], None]) -> bool:
    """Pass the output on until the program is over; False when the deadline came first."""
    assert process.stdout is not None  # noqa: S101 - it was asked for above
    pieces: queue.Queue[bytes] = queue.Queue(maxsize=256)
    threading.Thread(target=_read, args=(process.stdout.fileno(), pieces), daemon=True).start()
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    while time.monotonic() < deadline:
        try:
            piece = pieces.get(timeout=_SILENCE_S)
        except queue.Empty:
            if process.poll() is not None:
                return True
            continue
        emit(decoder.decode(piece, final=not piece))
        if not piece:
            return True
    return False


def _read(descriptor: int, pieces: queue.Queue[bytes]) -> None:
    with contextlib.suppress(OSError):
        while piece := os.read(descriptor, 1 << 16):
            pieces.put(piece)
    pieces.put(b"")


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()
