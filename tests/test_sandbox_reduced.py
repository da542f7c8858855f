"""The reduced tier: what it holds without namespaces, where it is refused, and what of a run it leaves behind."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from grader.errors import IsolationError
from grader.model import ExitReason, Isolation, Limits
from grader.sandbox import available
from grader.sandbox.seccomp import PRETENDED, SHARED, sharing_program
from grader.sandbox.watch import BEYOND, FolderSize, remove_folder
from tests.sandbox_jobs import SMALL, job_of, need, run, running, said
from tests.test_sandbox_parts import ALLOW, ARCHITECTURES, EPERM, HEADERS, KILL, NO_FAMILY, verdict

pytestmark = pytest.mark.sandbox
CHECKOUT = Path(__file__).parent.parent
X86 = pytest.mark.skipif(os.uname().machine != "x86_64", reason="written with the numbers of x86-64")
TRY = """
import os
def refused(action):
    try:
        action()
    except OSError as error:
        return os.strerror(error.errno)
    return 'allowed'
"""
ASK = """
from grader.errors import IsolationError
from grader.model import Isolation
from grader.sandbox import available
for tier in (Isolation.FULL, Isolation.REDUCED):
    try:
        available(tier)
        print(tier, "yes")
    except IsolationError as error:
        print(tier, "no:", error.what, error.where, error.remedy)
"""


def refusing(what: str, *command: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, str(CHECKOUT / "tests" / "refusing.py"), what, "--", *command]
    return subprocess.run(words, cwd=CHECKOUT, capture_output=True, text=True, check=False)


def reduced(folder: Path, *cells: str, data: Path | None = None, files: Path | None = None) -> str:
    """Return what the first cell printed."""
    need(Isolation.REDUCED)
    return said(run(job_of(folder, *cells, isolation=Isolation.REDUCED, limits=SMALL, data=data, files=files)))


@X86
def test_where_user_namespaces_are_refused_the_full_tier_says_so_and_the_reduced_one_starts() -> None:
    need(Isolation.REDUCED)
    full, lesser = refusing("userns", sys.executable, "-c", ASK).stdout.splitlines()
    assert full.startswith("full no: No sandbox can be made on this machine.")
    assert "Allow user namespaces" in full
    assert lesser == "reduced yes"


@X86
def test_a_kernel_without_landlock_is_named_with_the_remedy() -> None:
    _, lesser = refusing("userns,landlock", sys.executable, "-c", ASK).stdout.splitlines()
    assert lesser.startswith("reduced no: This kernel has no Landlock, without which every file of this machine would be open to submissions. Linux ")
    assert "Use Linux 5.13 or newer" in lesser


@X86
def test_a_whole_job_runs_where_user_namespaces_are_refused(tmp_path: Path) -> None:
    need(Isolation.REDUCED)
    test = "tests/test_sandbox_run.py::test_hidden_inputs_go_in_after_the_last_cell_and_answers_to_them_are_measured[reduced]"
    result = refusing("userns", sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test)
    assert "1 passed" in result.stdout, result.stdout


def test_without_bubblewrap_the_reduced_tier_still_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need(Isolation.REDUCED)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(IsolationError, match="Bubblewrap is not on this machine"):
        available(Isolation.FULL)
    available(Isolation.REDUCED)


def test_files_and_folders_of_the_machine_are_closed(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("private", encoding="utf-8")
    paths = [CHECKOUT / "pyproject.toml", CHECKOUT / "grader", tmp_path / "mine", tmp_path, "/etc/shadow", "/home", "/root", "/var", "/run", "/tmp", "/proc", "/proc/1/environ", "/dev/shm", "/"]
    cell = TRY + f"for path in {list(map(str, paths))!r}: print(refused(lambda: os.close(os.open(path, os.O_RDONLY))))"
    assert set(reduced(tmp_path, cell).splitlines()) <= {"Permission denied", "No such file or directory"}


def test_nothing_can_be_written_but_its_own_two_folders(tmp_path: Path) -> None:
    cell = TRY + (
        "import sys, tempfile\nplaces = ('/', '/usr', '/etc', '/tmp', '/var/tmp', '/dev/shm', sys.prefix, sys.base_prefix, '..')\n"
        "print({refused(lambda: os.close(os.open(place + '/x', os.O_CREAT | os.O_WRONLY))) for place in places} - {'No such file or directory'})\n"
        "print(refused(lambda: open('x', 'w').close()), refused(lambda: open(tempfile.gettempdir() + '/x', 'w').close()))"
    )
    system, own = reduced(tmp_path, cell).splitlines()
    assert system == "{'Permission denied'}"
    assert own == "allowed allowed"


def test_the_product_cannot_be_imported(tmp_path: Path) -> None:
    need(Isolation.REDUCED)
    result = run(job_of(tmp_path, "import grader", "import variants", isolation=Isolation.REDUCED))
    assert [cell.error for cell in result.execution.cells] == [
        "ModuleNotFoundError: No module named 'grader'",
        "ModuleNotFoundError: No module named 'variants'",
    ]


def test_there_are_no_sockets_at_all_but_pairs_that_stay_pairs(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as service:
        service.bind(f"{folder}/service")
        Path(folder).chmod(0o755)
        Path(folder, "service").chmod(0o777)
        cell = TRY + (
            "import socket as s\n"
            "print({refused(lambda: s.socket(family, kind)) for family in (s.AF_INET, s.AF_INET6, s.AF_UNIX, s.AF_NETLINK, s.AF_PACKET)\n"
            "       for kind in (s.SOCK_STREAM, s.SOCK_DGRAM, s.SOCK_RAW)})\n"
            "print(refused(lambda: s.socketpair()), refused(lambda: s.socketpair(type=s.SOCK_DGRAM)))\n"
            f"pair = s.socketpair(); print(refused(lambda: pair[0].sendto(b'x', '{folder}/service')) != 'allowed')"
        )
        families, pairs, _ = reduced(tmp_path, cell).splitlines()
        service.setblocking(False)
        with pytest.raises(BlockingIOError):
            service.recv(1)
    assert families == "{'Address family not supported by protocol'}"
    assert pairs == "allowed Address family not supported by protocol"


def test_it_runs_without_root_without_privileges_and_without_the_environment_of_the_grader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZACHET_TEST_SECRET", "do-not-show")
    cell = (
        "import os\nprint(os.getuid() != 0, os.getgroups(), 'do-not-show' in str(dict(os.environ)))\n"
        "print([line.split()[1] for line in open('/proc/self/status') if line.startswith(('CapEff', 'CapPrm', 'NoNewPrivs', 'Seccomp:'))])"
    )
    who, powers = reduced(tmp_path, cell).splitlines()
    assert re.fullmatch(r"True \[[\d, ]*\] False", who)
    assert powers == "['0000000000000000', '0000000000000000', '1', '2']"


def test_processes_of_the_grader_cannot_be_ended_and_their_limits_cannot_be_set(tmp_path: Path) -> None:
    cell = TRY + (
        f"import resource, signal\nprint(refused(lambda: os.kill({os.getpid()}, 0)), refused(lambda: os.kill(os.getppid(), signal.SIGKILL)))\n"
        f"print(refused(lambda: resource.prlimit({os.getpid()}, resource.RLIMIT_CORE, (0, 0))))"
    )
    assert set(" ".join(reduced(tmp_path, cell).splitlines()).split("Operation not permitted")) <= {"", " "}


def test_modes_of_files_are_changed_in_words_only(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("x", encoding="utf-8")
    precious.chmod(0o640)
    cell = TRY + f"print(refused(lambda: os.chmod('{precious}', 0o777)), refused(lambda: os.utime('{precious}', (0, 0))))"
    assert reduced(tmp_path, cell) == "allowed allowed"
    assert precious.stat().st_mode & 0o777 == 0o640
    assert precious.stat().st_mtime > 1


@X86
def test_objects_that_all_processes_share_are_refused(tmp_path: Path) -> None:
    calls = {"shmget": (29, 1, 4096, 0o1777), "msgget": (68, 1, 0o1777), "semget": (64, 1, 1, 0o1777), "memfd": (319, 0, 0), "inotify": (254, 0, 0, 1), "user": (272, 0x10000000)}
    cell = (
        "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        f"for words in {list(calls.values())!r}:\n"
        "  print(libc.syscall(*[ctypes.c_long(word) for word in words]), os.strerror(ctypes.get_errno()))"
    )
    assert set(reduced(tmp_path, cell).splitlines()) == {"-1 Operation not permitted"}


def test_a_fork_bomb_finds_an_end(tmp_path: Path) -> None:
    bomb = "import os, time\ncount = 0\nwhile True:\n  try:\n    if os.fork() == 0: time.sleep(60)\n  except OSError: break\n  count += 1\nprint(count)"
    assert 30 <= int(reduced(tmp_path, bomb)) <= 45


def test_a_fork_bomb_that_goes_on_is_ended_and_cleared(tmp_path: Path) -> None:
    need(Isolation.REDUCED)
    bomb = "import os\nwhile True:\n  try:\n    if os.fork() == 0: os.setsid()\n  except OSError: pass"
    limits = Limits(cpu_s=2, wall_s=10, processes=40, memory_mb=512, disk_mb=4)
    assert run(job_of(tmp_path, bomb, isolation=Isolation.REDUCED, limits=limits)).execution.exit_reason is ExitReason.TIMED_OUT


def test_a_daemon_does_not_outlive_the_run(tmp_path: Path) -> None:
    marker = f"93{os.getpid()}"
    cell = f"import os\nif os.fork() == 0:\n  os.setsid()\n  if os.fork() == 0: os.execvp('sleep', ['sleep', '{marker}'])\n  os._exit(0)\nos.wait(); print('left')"
    assert reduced(tmp_path, cell) == "left"
    assert not running(marker)


def test_a_run_ends_when_the_grader_is_killed(tmp_path: Path) -> None:
    need(Isolation.REDUCED)
    marker = f"92{os.getpid()}"
    own = tmp_path / "temporary"
    own.mkdir()
    own.chmod(0o755)
    script = (
        "import sys\nfrom pathlib import Path\nfrom grader.model import Isolation\nfrom grader.sandbox import execute\nfrom tests.sandbox_jobs import job_of, nothing\n"
        f"cell = \"import subprocess; subprocess.run(['sleep', '{marker}'])\"\n"
        f"execute(job_of(Path({str(tmp_path)!r}), cell, isolation=Isolation.REDUCED), nothing)"
    )
    grader = subprocess.Popen([sys.executable, "-c", script], cwd=CHECKOUT, env={**os.environ, "TMPDIR": str(own)})
    wait_until(lambda: running(marker))
    grader.send_signal(signal.SIGKILL)
    grader.wait()
    wait_until(lambda: not running(marker) and not list(own.iterdir()))


def wait_until(true: object) -> None:
    assert callable(true)
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        os.sched_yield()


@pytest.mark.parametrize("fill", ["open(str(n), 'wb').write(bytes(1 << 20))", "open(str(n), 'w')", "os.mkdir('d'); os.chdir('d')"])
def test_what_it_keeps_on_disk_is_bounded_in_bytes_in_number_and_in_depth(tmp_path: Path, fill: str, monkeypatch: pytest.MonkeyPatch) -> None:
    need(Isolation.REDUCED)
    own = tmp_path / "temporary"
    own.mkdir()
    own.chmod(0o755)
    monkeypatch.setattr(tempfile, "tempdir", str(own))
    cell = f"import os, time\nfor n in range(20_000):\n  {fill}\ntime.sleep(30)"
    result = run(job_of(tmp_path, cell, isolation=Isolation.REDUCED, limits=Limits(disk_mb=8, wall_s=60, cpu_s=30, memory_mb=512)))
    assert (result.execution.exit_reason, result.execution.message) == (ExitReason.OUTPUT_LIMIT, "more than 8 MB on disk")
    assert list(own.iterdir()) == []


def test_the_size_of_a_folder_counts_entries_and_refuses_paths_without_end(tmp_path: Path) -> None:
    for number in range(10):
        (tmp_path / str(number)).touch()
    assert FolderSize(tmp_path).bytes() == 10 * 4096
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(40):
        os.mkdir("d" * 200, dir_fd=here)
        deeper = os.open("d" * 200, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = deeper
    os.close(here)
    assert FolderSize(tmp_path).bytes() >= BEYOND
    remove_folder(tmp_path)
    assert not tmp_path.exists()


def test_data_and_files_are_shown_and_cannot_be_changed(tmp_path: Path) -> None:
    kept, data, files = tmp_path / "kept", tmp_path / "view", tmp_path / "files"
    for folder in (kept / "cifar-100-python", data, files):
        folder.mkdir(parents=True)
    (kept / "cifar-100-python" / "meta").write_text("names", encoding="utf-8")
    (data / "cifar-100-python").symlink_to(kept / "cifar-100-python")
    (files / "notes.txt").write_text("mine", encoding="utf-8")
    cell = TRY + (
        "meta, notes = job['data'] + '/cifar-100-python/meta', job['files'] + '/notes.txt'\nprint(open(meta).read(), open(notes).read())\n"
        "print(refused(lambda: open(meta, 'w')), refused(lambda: os.unlink(notes)), refused(lambda: os.truncate(meta, 0)))"
    )
    shown, changed = reduced(tmp_path, cell, data=data, files=files).splitlines()
    assert shown == "names mine"
    assert changed == " ".join(["Permission denied"] * 3)
    assert (kept / "cifar-100-python" / "meta").read_text(encoding="utf-8") == "names"


def test_loaders_with_workers_load_in_the_process_itself(tmp_path: Path) -> None:
    need(Isolation.REDUCED)
    cell = (
        "import torch\nfrom torch.utils.data import DataLoader, TensorDataset\n"
        "loader = DataLoader(TensorDataset(torch.arange(6.)), 2, num_workers=2, persistent_workers=True, prefetch_factor=4, timeout=9)\n"
        "print([batch.tolist() for batch, in loader])"
    )
    result = run(job_of(tmp_path, cell, isolation=Isolation.REDUCED, limits=Limits(), real=True))
    assert said(result) == "[[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]"
    assert result.execution.isolation is Isolation.REDUCED
    assert result.execution.environment["landlock"].isdigit()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives runs uids of their own")
def test_runs_of_root_have_uids_of_their_own(tmp_path: Path) -> None:
    need(Isolation.REDUCED)
    seen: list[str] = []
    inner = job_of(tmp_path / "a", "import os; print(os.getuid())", isolation=Isolation.REDUCED)

    def give(_records: object) -> None:
        seen.append(said(run(inner)))
        raise LookupError

    outer = job_of(tmp_path, "import os; print(os.getuid())", isolation=Isolation.REDUCED)
    with pytest.raises(LookupError):
        run(outer, give)  # type: ignore[arg-type]
    seen.append(said(run(outer)))
    assert len(set(seen)) == 2
    assert all(65520 <= int(uid) < 65533 for uid in seen)


@pytest.mark.parametrize("machine", ARCHITECTURES)
@pytest.mark.parametrize("landlock", [1, 3])
def test_the_second_filter_refuses_its_list_pretends_the_other_and_allows_the_rest(machine: str, landlock: int) -> None:
    column, architecture = ARCHITECTURES[machine]
    program = sharing_program(landlock, machine)
    refused = {number for pair in SHARED.values() if (number := pair[column]) is not None}
    pretended = {number for pair in PRETENDED.values() if (number := pair[column]) is not None}
    socket_, socketpair, prlimit, truncate = {"x86_64": (41, 53, 302, 76), "aarch64": (198, 199, 261, 45)}[machine]
    expected = dict.fromkeys(refused, EPERM) | dict.fromkeys(pretended, 0x50000) | {truncate: EPERM if landlock < 3 else ALLOW}
    for number in set(range(500)) - {socket_, socketpair, prlimit}:
        assert verdict(program, architecture, number) == expected.get(number, ALLOW), number
    assert verdict(program, 0x40000003, 1) == KILL
    assert {verdict(program, architecture, socket_, family) for family in (1, 2, 10, 16, 17)} == {NO_FAMILY}
    kinds = [verdict(program, architecture, socketpair, 1, kind) for kind in (1, 1 | 0x80000, 5, 2, 3)]
    assert kinds == [ALLOW] * 3 + [NO_FAMILY] * 2
    assert [verdict(program, architecture, prlimit, pid) for pid in (0, 7)] == [ALLOW, EPERM]


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_the_second_table_agrees_with_the_headers_of_the_system(machine: str) -> None:
    header = Path(HEADERS[machine])
    if not header.is_file():
        pytest.skip("the kernel's headers are not here")
    known = dict(re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text(encoding="utf-8")))
    column = ARCHITECTURES[machine][0]
    for name, pair in (SHARED | PRETENDED).items():
        if name in known:
            assert int(known[name]) == pair[column], name
        else:
            assert pair[column] is None or name in {"fchmodat2", "memfd_secret"}, name


def test_a_python_that_nobody_may_read_is_named(tmp_path: Path) -> None:
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("only root gives up root, and setpriv is needed to take its mounts away")
    need(Isolation.REDUCED)
    if all(folder.stat().st_mode & 0o001 for folder in Path(sys.base_prefix).parents):
        pytest.skip("everybody may read this Python")
    script = f"from grader.sandbox import available\nfrom grader.model import Isolation\navailable(Isolation('{Isolation.REDUCED}'))"
    command = ["setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin", sys.executable, "-c", script]
    result = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert "is not readable for uid" in result.stderr
    assert "Move the virtual environment to a folder that every user may read" in result.stderr
