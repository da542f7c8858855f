"""What student code tries to get out of the full tier, with a runner that gives up nothing by itself: the parent alone has to hold."""

import os
import socket
from pathlib import Path

import pytest

from grader.model import ExitReason, Isolation, Limits
from tests.sandbox_jobs import job_of, need, run, running, said

pytestmark = pytest.mark.sandbox
CHECKOUT = Path(__file__).parent.parent

TRY = """
import os
def refused(action):
    try:
        action()
    except OSError as error:
        return type(error).__name__ + ' ' + os.strerror(error.errno)
    return 'allowed'
"""
CALL = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *words):
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(word) for word in words])
    return os.strerror(ctypes.get_errno()) if result < 0 else 'allowed'
"""


@pytest.fixture(autouse=True)
def _full_tier() -> None:
    need(Isolation.FULL)


def test_files_of_the_machine_are_not_there(tmp_path: Path) -> None:
    paths = [
        CHECKOUT / "pyproject.toml",
        CHECKOUT / "grader",
        CHECKOUT / "assignments",
        tmp_path,
        "/etc/shadow",
        "/sys",
        "/home",
        "/var",
        "/run",
    ]
    cell = f"import os; print([path for path in {list(map(str, paths))!r} if os.path.exists(path)])"
    assert said(run(job_of(tmp_path, cell))) == "[]"


def test_a_private_home_shows_only_the_way_to_python(tmp_path: Path) -> None:
    cell = (
        "import os, sys\nprefixes = {sys.prefix, sys.base_prefix}\nstray = []\nfor home in ('/root', '/home'):\n"
        "  for folder, inner, files in os.walk(home):\n    if any(folder == p or p.startswith(folder + '/') for p in prefixes):\n"
        "      inner[:] = [name for name in inner if os.path.join(folder, name) not in prefixes]\n      stray += files\n"
        "    else:\n      stray.append(folder)\nprint(stray)"
    )
    assert said(run(job_of(tmp_path, cell))) == "[]"


def test_the_product_cannot_be_imported(tmp_path: Path) -> None:
    result = run(job_of(tmp_path, "import grader", "import variants"))
    assert [cell.error for cell in result.execution.cells] == [
        "ModuleNotFoundError: No module named 'grader'",
        "ModuleNotFoundError: No module named 'variants'",
    ]


def test_the_environment_of_the_grader_is_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZACHET_TEST_SECRET", "do-not-show")
    cell = (
        "import os\nfor name in ('/proc/1/environ', '/proc/1/cmdline', '/proc/self/environ', '/proc/1/mountinfo'):\n"
        "  print(open(name, errors='replace').read().replace(chr(0), ' '))\nprint(dict(os.environ))"
    )
    text = said(run(job_of(tmp_path, cell)))
    assert "do-not-show" not in text
    assert str(Path.home() / ".") not in text.splitlines()[1]
    assert str(tmp_path) not in text.splitlines()[1]


def test_the_settings_of_the_kernel_cannot_be_written(tmp_path: Path) -> None:
    cell = (
        TRY
        + "print(refused(lambda: open('/proc/sys/kernel/core_pattern', 'w')), refused(lambda: open('/proc/sysrq-trigger', 'w')), sep='; ')"
    )
    assert "allowed" not in said(run(job_of(tmp_path, cell)))


def test_it_runs_as_nobody_in_particular(tmp_path: Path) -> None:
    cell = (
        TRY + "import getpass, pwd, sys\nprint(getpass.getuser(), os.getuid(), os.getgroups(), pwd.getpwuid(os.getuid()).pw_dir)\n"
        "print(open('/proc/self/uid_map').read().split())\n"
        "print([line.split()[1] for line in open('/proc/self/status') if line.startswith(('CapEff', 'CapPrm', 'CapBnd', 'NoNewPrivs'))])\n"
        "print(refused(lambda: os.setuid(0)))"
    )
    who, mapped, powers, becoming_root = said(run(job_of(tmp_path, cell))).splitlines()
    assert who == "student 1000 [] /work"
    outside = 65533 if os.geteuid() == 0 else os.geteuid()
    # The map is written as seen from the namespace above, which is bubblewrap's own.
    assert mapped.split("'")[1] == "1000"
    assert outside != 0
    assert powers == "['0000000000000000', '0000000000000000', '0000000000000000', '1']"
    assert becoming_root != "allowed"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has privileges to drop")
def test_outside_the_process_has_the_uid_that_root_dropped_to(tmp_path: Path) -> None:
    marker = f"96{os.getpid()}"
    owners: set[int] = set()
    cell = f"import subprocess; child = subprocess.Popen(['sleep', '{marker}'])\nsend({{'type': 'ready'}}); import time; time.sleep(60)"

    def look(_records: object) -> None:
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit() and marker.encode() in (folder / "cmdline").read_bytes().split(b"\0"):
                owners.add(folder.stat().st_uid)
        raise LookupError

    with pytest.raises(LookupError):
        run(job_of(tmp_path, cell), look)  # type: ignore[arg-type]
    assert owners == {65533}


def test_nothing_of_the_system_can_be_written(tmp_path: Path) -> None:
    cell = TRY + (
        "import sys\nfor path in ('/x', '/usr/x', '/etc/x', '/dev/x', '/zachet/x', '/zachet/inside/x', '/data/x', '/in/x', sys.prefix + '/x',\n"
        "             sys.base_prefix + '/x'):\n  print(refused(lambda: open(path, 'w')))\n"
        "print(refused(lambda: os.chmod(os.path.realpath(sys.executable), 0o777)))\nprint(refused(lambda: os.utime('/zachet/inside/runner.py')))"
    )
    assert set(said(run(job_of(tmp_path, cell))).splitlines()) == {"OSError Read-only file system"}


def test_the_folders_it_may_write_to_are_sized(tmp_path: Path) -> None:
    cell = TRY + (
        "def fill(folder):\n  for number in range(9):\n    with open(f'{folder}/{number}', 'wb') as file: file.write(bytes(4 << 20))\n"
        "for folder in ('/work', '/tmp', '/dev/shm'): print(refused(lambda: fill(folder)))\n"
        "for number in range(9):\n  try: os.unlink(f'/work/{number}')\n  except OSError: pass\n"
        "print(refused(lambda: open('/work/large', 'wb').truncate(17 << 20)), os.path.realpath('/content'))"
    )
    lines = said(run(job_of(tmp_path, cell))).splitlines()
    assert lines == ["OSError No space left on device"] * 3 + ["OSError File too large /work"]


def test_there_is_no_network(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        cell = TRY + (
            f"import socket\nprint(refused(lambda: socket.create_connection(('127.0.0.1', {port}), 5)))\n"
            "print(refused(lambda: socket.create_connection(('198.51.100.1', 80), 5)))\n"
            "print(refused(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('198.51.100.1', 53))))\n"
            "print(refused(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)))\nprint([name for _, name in socket.if_nameindex()])"
        )
        lines = said(run(job_of(tmp_path, cell))).splitlines()
    assert lines[0] == "ConnectionRefusedError Connection refused"
    assert lines[1:3] == ["OSError Network is unreachable"] * 2
    assert lines[3] == "OSError Address family not supported by protocol"
    assert lines[4] == "['lo']"


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="written with the numbers of x86-64")
def test_calls_that_lead_out_are_refused(tmp_path: Path) -> None:
    calls = {
        "unshare user": (272, 0x10000000), "clone user": (56, 0x10000011, 0, 0, 0, 0), "mount": (165, 0, 0, 0, 0, 0), "ptrace": (101, 16, 1, 0, 0),
        "keyctl": (250, 0, -3, 0), "bpf": (321, 0, 0, 0), "setns": (308, 0, 0), "userfaultfd": (323, 0), "perf": (298, 0, 0, -1, -1, 0),
        "chroot": (161, 0), "pidfd_getfd": (438, 0, 0, 0), "process_vm_readv": (310, 1, 0, 0, 0, 0, 0), "type": (16, 0, 0x5412, 0),
    }  # fmt: skip
    cell = f"{TRY}{CALL}\nfor words in {list(calls.values())!r}: print(call(*words))\nprint(call(435, 0, 0), call(425, 8, 0))"
    lines = said(run(job_of(tmp_path, cell))).splitlines()
    assert dict(zip(calls, lines[:-1], strict=True)) == dict.fromkeys(calls, "Operation not permitted")
    assert lines[-1] == "Function not implemented Operation not permitted"


def test_a_fork_bomb_finds_an_end(tmp_path: Path) -> None:
    cell = "import os, time\ncount = 0\nwhile True:\n  try:\n    if os.fork() == 0: time.sleep(60)\n  except OSError: break\n  count += 1\nprint(count)"
    assert 30 <= int(said(run(job_of(tmp_path, cell)))) < 40


def test_a_fork_bomb_that_goes_on_is_ended_and_cleared(tmp_path: Path) -> None:
    cell = "import os\nwhile True:\n  try: os.fork()\n  except OSError: pass"
    result = run(job_of(tmp_path, cell, limits=Limits(cpu_s=2, wall_s=10, processes=40, memory_mb=512, disk_mb=4)))
    assert result.execution.exit_reason is ExitReason.TIMED_OUT


def test_a_daemon_does_not_outlive_the_run(tmp_path: Path) -> None:
    marker = f"95{os.getpid()}"
    cell = f"import os\nif os.fork() == 0:\n  os.setsid()\n  if os.fork() == 0: os.execvp('sleep', ['sleep', '{marker}'])\n  os._exit(0)\nprint('left')"
    assert said(run(job_of(tmp_path, cell))) == "left"
    assert not running(marker)


def test_other_processes_can_be_neither_seen_nor_killed(tmp_path: Path) -> None:
    cell = TRY + "print(sum(name.isdigit() for name in os.listdir('/proc')), refused(lambda: os.kill(-1, 9)))\nos.kill(1, 9)"
    assert said(run(job_of(tmp_path, cell))) == "2 ProcessLookupError No such process"


def test_no_descriptor_of_the_grader_leaks(tmp_path: Path) -> None:
    with (tmp_path / "open").open("wb") as held:
        os.set_inheritable(held.fileno(), True)
        cell = (
            "import os\nlinks = set()\nfor name in os.listdir('/proc/self/fd'):\n  try: links.add(os.readlink('/proc/self/fd/' + name).split(':')[0])\n"
            "  except OSError: pass\nprint(links)"
        )
        assert said(run(job_of(tmp_path, cell))) == "{'pipe'}"


def test_data_and_files_are_shown_and_cannot_be_changed(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    data, files = tmp_path / "view", tmp_path / "files"
    for folder in (kept / "cifar-100-python", data, files):
        folder.mkdir(parents=True)
    (kept / "cifar-100-python" / "meta").write_text("names", encoding="utf-8")
    (data / "cifar-100-python").symlink_to(kept / "cifar-100-python")
    (files / "notes.txt").write_text("mine", encoding="utf-8")
    cell = TRY + (
        "print(open('/data/cifar-100-python/meta').read(), open('/in/files/notes.txt').read(), job['data'], job['files'])\n"
        "print(refused(lambda: open('/data/cifar-100-python/meta', 'w')), refused(lambda: os.unlink('/in/files/notes.txt')), sep='; ')"
    )
    shown, changed = said(run(job_of(tmp_path, cell, data=data, files=files))).splitlines()
    assert shown == "names mine /data /in/files"
    assert changed == "OSError Read-only file system; OSError Read-only file system"
