"""The warm process: it has loaded what notebooks load, and forks for every job a process that enters the sandbox of that job.

It runs in a read-only sandbox of its own, without a network, secrets or threads, and never sees a notebook, a record or student code:
it hands the pipes of a job to the process it forks, and says when that one has ended.
"""

import base64
import gc
import json
import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import entering, warming

_MOST_MESSAGE = 64 << 10
_HANDLES = 4
_REFUSED = 125


def wait_for_job() -> None:
    """Load everything, then serve the socket at descriptor 0. Returns only in forked processes, which have a job's pipes at 0, 1, 2."""
    control = socket.socket(fileno=os.dup(0))
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    _leave_a_reaper()
    warming.warm_up()
    threads = len(list(Path("/proc/self/task").iterdir()))
    if threads != 1:  # a fork would copy one of them, and the locks that the others hold for ever
        raise SystemExit(f"{threads} threads run in the warm process; it cannot fork")
    gc.collect()
    gc.freeze()
    warming.gather()
    _send(control, {"type": "warm"}, [os.pidfd_open(os.getpid())])
    while True:
        message, handles, _, _ = socket.recv_fds(control, _MOST_MESSAGE, _HANDLES)
        if not message:
            os._exit(0)  # the parent is gone
        if _fork(control, json.loads(message), handles):
            return


def _leave_a_reaper() -> None:
    """Go on in a child. This process stays to reap: should the child crash, no first process of this machine has to know how.

    A process namespace cannot end while one of its dead is not reaped.
    """
    entering.adopt_orphans()
    child = os.fork()
    if child == 0:
        entering.die_with_parent()
        return
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    while True:
        try:
            os.wait()
        except ChildProcessError:
            os._exit(0)


def _fork(control: socket.socket, job: dict[str, Any], handles: Sequence[int]) -> bool:
    """Run one job in a forked process, where this returns True; in the warm process it returns False when the job has ended."""
    holder, *ends = handles
    try:
        entering.children_go_to(holder)
        child = os.fork()
    except OSError as error:
        _close(handles)
        _send(control, {"type": "failed", "error": str(error)}, [])
        return False
    if child == 0:
        _become(control, job, holder, ends)
        return True
    _close(handles)
    _send(control, {"type": "running"}, [os.pidfd_open(child)])
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    _send(control, {"type": "ended", "code": code}, [])
    return False


def _become(control: socket.socket, job: dict[str, Any], holder: int, ends: Sequence[int]) -> None:
    try:
        control.detach()
        os.setsid()
        entering.enter(holder)
        os.chdir(job["work"])
        warming.settle_in()
        entering.keep_only(ends)
        entering.give_up(job["limits"], base64.b64decode(job["seccomp"]))
    except BaseException as error:
        os.write(ends[-1] if ends else 2, f"{type(error).__name__}: {error}\n".encode())
        os._exit(_REFUSED)


def _send(control: socket.socket, message: dict[str, Any], handles: list[int]) -> None:
    try:
        socket.send_fds(control, [json.dumps(message).encode("ascii")], handles)
    except OSError:
        os._exit(0)  # the parent is gone
    _close(handles)


def _close(handles: Sequence[int]) -> None:
    for handle in handles:
        os.close(handle)
