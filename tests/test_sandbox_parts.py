"""Parts of the sandbox that can be looked at without starting one: the filter, the groups, the folders, the process tree."""

import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.errors import IsolationError
from grader.model import Isolation
from grader.sandbox import available, folders
from grader.sandbox.cgroup import make_group
from grader.sandbox.folders import Bind, hidden_folders, python_binds
from grader.sandbox.seccomp import DENIED, filter_program
from grader.sandbox.tree import Tree

CHECKOUT = Path(__file__).parent.parent
ALLOW, KILL, EPERM, ENOSYS, NO_FAMILY = 0x7FFF0000, 0x80000000, 0x50001, 0x50026, 0x50061
ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
HEADERS = {"x86_64": "/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "aarch64": "/usr/include/asm-generic/unistd.h"}


def verdict(program: bytes, architecture: int, number: int, *arguments: int) -> int:
    """Run a filter as the kernel would."""
    data = struct.pack("<IIQ6Q", number, architecture, 0, *arguments, *[0] * (6 - len(arguments)))
    steps = list(struct.iter_unpack("<HBBI", program))
    place = value = 0
    while True:
        operation, when_true, when_false, operand = steps[place]
        place += 1
        if operation == 0x20:
            (value,) = struct.unpack_from("<I", data, operand)
        elif operation == 0x54:
            value &= operand
        elif operation == 0x06:
            return int(operand)
        else:
            truth = {0x15: value == operand, 0x45: bool(value & operand), 0x35: value >= operand}[operation]
            place += when_true if truth else when_false


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_the_filter_refuses_its_list_and_allows_the_rest(machine: str) -> None:
    column, architecture = ARCHITECTURES[machine]
    program = filter_program(machine)
    refused = {number for pair in DENIED.values() if (number := pair[column]) is not None}
    clone, clone3, ioctl, socket = {"x86_64": (56, 435, 16, 41), "aarch64": (220, 435, 29, 198)}[machine]
    for number in range(500):
        if number not in {clone3, socket}:
            assert verdict(program, architecture, number) == (EPERM if number in refused else ALLOW), number
    assert verdict(program, architecture, clone3) == ENOSYS
    assert verdict(program, architecture, clone, 0x11) == ALLOW
    assert verdict(program, architecture, clone, 0x10000011) == EPERM
    assert [verdict(program, architecture, socket, family) for family in (1, 2, 10, 16, 17, 40)] == [ALLOW] * 4 + [NO_FAMILY] * 2
    assert [verdict(program, architecture, ioctl, 0, request) for request in (0x5412, 0x541C, 0x5413)] == [EPERM, EPERM, ALLOW]


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_the_filter_refuses_other_ways_into_the_kernel(machine: str) -> None:
    program = filter_program(machine)
    assert verdict(program, 0x40000003, 1) == KILL
    assert verdict(program, ARCHITECTURES[machine][1], 0x40000001) == ENOSYS


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_the_table_agrees_with_the_headers_of_the_system(machine: str) -> None:
    header = Path(HEADERS[machine])
    if not header.is_file():
        pytest.skip("the kernel's headers are not here")
    known = dict(re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text(encoding="utf-8")))
    column = ARCHITECTURES[machine][0]
    found = {name: int(known[name]) if name in known else None for name in DENIED}
    assert found == {name: pair[column] for name, pair in DENIED.items()}


def test_an_unknown_processor_is_said_with_a_remedy() -> None:
    with pytest.raises(IsolationError, match=r"There is no table of system calls for the processor “vax”\. Run on x86_64 or aarch64"):
        filter_program("vax")


def old_groups(root: Path) -> str:
    for controller in ("memory/mine", "pids", "cpuacct"):
        (root / controller).mkdir(parents=True)
    return "4:memory:/mine\n8:pids:/\n2:cpu,cpuacct:/\n0::/\n"


def test_a_group_of_the_old_hierarchies_lies_below_our_own(tmp_path: Path) -> None:
    group = make_group(1 << 20, 9, mount=tmp_path, membership=old_groups(tmp_path))
    assert group is not None
    memory, pids, clock = group.folders
    assert memory.parent == tmp_path / "memory" / "mine"
    assert (memory / "memory.limit_in_bytes").read_text(encoding="ascii") == str(1 << 20)
    assert (pids / "pids.max").read_text(encoding="ascii") == "9"
    (clock / "cpuacct.usage").write_text("2500000000\n", encoding="ascii")
    (memory / "memory.oom_control").write_text("oom_kill_disable 0\noom_kill 1\n", encoding="ascii")
    assert group.cpu_s() == 2.5
    assert group.ran_out_of_memory()
    assert [Path(entrance).name for entrance in group.entrances] == ["cgroup.procs"] * 3


def test_a_group_of_the_unified_hierarchy_lies_beside_a_group_that_holds_processes(tmp_path: Path) -> None:
    own = tmp_path / "user.slice" / "session.scope"
    own.mkdir(parents=True)
    (tmp_path / "cgroup.controllers").touch()
    (own / "cgroup.subtree_control").write_text("\n", encoding="ascii")
    (own.parent / "cgroup.subtree_control").write_text("cpu memory pids\n", encoding="ascii")
    group = make_group(1 << 20, 9, mount=tmp_path, membership="0::/user.slice/session.scope\n")
    assert group is not None
    (folder,) = group.folders
    assert folder.parent == own.parent
    assert (folder / "memory.max").read_text(encoding="ascii") == str(1 << 20)
    (folder / "cpu.stat").write_text("usage_usec 1500000\nuser_usec 1\n", encoding="ascii")
    (folder / "memory.events").write_text("low 0\noom_kill 0\n", encoding="ascii")
    assert group.cpu_s() == 1.5
    assert not group.ran_out_of_memory()


def test_no_group_is_made_where_the_controllers_are_not_ours(tmp_path: Path) -> None:
    assert make_group(1, 1, mount=tmp_path, membership="0::/\n") is None
    (tmp_path / "cgroup.controllers").touch()
    (tmp_path / "cgroup.subtree_control").write_text("cpu\n", encoding="ascii")
    assert make_group(1, 1, mount=tmp_path, membership="0::/\n") is None


def test_a_group_that_a_dead_process_left_behind_is_swept(tmp_path: Path) -> None:
    membership = old_groups(tmp_path)
    left = tmp_path / "pids" / "zachet-4194999-0"
    kept = tmp_path / "pids" / f"zachet-{os.getppid()}-0"
    left.mkdir()
    kept.mkdir()
    assert make_group(1, 1, mount=tmp_path, membership=membership) is not None
    assert not left.exists()
    assert kept.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes groups")
def test_a_real_group_comes_and_goes() -> None:
    group = make_group(64 << 20, 9)
    if group is None:
        pytest.skip("no group can be made here")
    assert all(folder.is_dir() for folder in group.folders)
    group.remove()
    assert not any(folder.exists() for folder in group.folders)


def test_python_is_bound_at_its_own_paths_and_the_system_is_not_bound_twice() -> None:
    binds = python_binds()
    for prefix in (Path(sys.prefix), Path(sys.base_prefix), Path(sys.prefix).resolve()):
        assert prefix.is_relative_to("/usr") or any(prefix.is_relative_to(bind.target) for bind in binds)
    assert not [bind for bind in binds if bind.target.is_relative_to("/usr")]
    assert not [bind for bind in binds if Path.home().is_relative_to(bind.source)]


def test_what_is_ours_is_hidden_where_a_bind_would_show_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "env" / "lib" / "site-packages"
    for name in ("grader", "variants", "numpy"):
        (site / name).mkdir(parents=True)
    monkeypatch.syspath_prepend(str(site))
    hidden = hidden_folders([Bind(source=tmp_path / "env", target=Path("/opt/env"))])
    assert hidden == (Path("/opt/env/lib/site-packages/grader"), Path("/opt/env/lib/site-packages/variants"))
    shown = hidden_folders([Bind(source=CHECKOUT, target=Path("/src"))])
    assert {Path("/src/grader"), Path("/src/variants"), Path("/src/assignments"), Path("/src/templates")} <= set(shown)


def test_a_python_right_in_a_home_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(IsolationError, match="Everything in this folder would be shown to student code"):
        folders._refuse_unusable(tmp_path)
    with pytest.raises(IsolationError, match="Python lies where the sandbox keeps something of its own"):
        folders._refuse_unusable(Path("/zachet/venv"))


def test_the_tree_sees_children_keeps_orphans_and_ends_them_all() -> None:
    script = (
        "import os, subprocess, sys\nsubprocess.Popen(['sleep', '60'], start_new_session=True)\nprint('on', flush=True)\nsys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"on\n"
        tree = Tree(process.pid, 1 << 30)
        usage = tree.sample()
        assert usage.cpu_s > 0
        assert usage.memory > 1 << 20
        process.stdin.close()
        process.wait()
        assert not tree.wait(0)
        tree.kill()
        assert tree.wait(5)


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the only folder on the path; unlike pytest's own it is open to the uid that root drops to, and not below /tmp."""
    folder = Path(tempfile.mkdtemp(dir="/var/tmp"))
    folder.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    yield folder
    shutil.rmtree(folder)


def bubblewrap_that(folder: Path, says: str, helps: str = "--size --disable-userns --seccomp --args") -> None:
    script = folder / "bwrap"
    script.write_text(f'#!/bin/sh\nif [ "$1" = --help ]; then echo "{helps}"; exit; fi\necho "{says}" >&2; exit 1\n', encoding="utf-8")
    script.chmod(0o755)


def test_without_bubblewrap_the_error_says_how_to_get_it(programs: Path) -> None:
    assert programs.is_dir()
    with pytest.raises(IsolationError) as raised:
        available(Isolation.FULL)
    assert str(raised.value) == (
        "Bubblewrap is not on this machine, so submissions would share it with the grader. "
        "Install it (apt install bubblewrap), or pass --isolation none for work you trust."
    )


def test_a_bubblewrap_that_is_too_old_is_named(programs: Path) -> None:
    bubblewrap_that(programs, "", helps="--seccomp --args --size")
    with pytest.raises(IsolationError) as raised:
        available(Isolation.FULL)
    assert str(raised.value) == (
        f"{programs}/bwrap: This bubblewrap has no --disable-userns. Install bubblewrap 0.8 or newer, as Debian 12 and Ubuntu 24.04 have it."
    )


@pytest.mark.parametrize(
    ("says", "remedy"),
    [
        ("bwrap: setting up uid map: Permission denied", "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"),
        ("bwrap: No permissions to create new namespace", "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"),
        ("bwrap: Can't mount proc on /newroot/proc: Operation not permitted", "--security-opt systempaths=unconfined"),
        ("bwrap: something else", "bwrap --unshare-all --ro-bind / / true"),
    ],
)
def test_what_the_machine_refuses_is_said_with_its_remedy(programs: Path, says: str, remedy: str) -> None:
    bubblewrap_that(programs, says)
    with pytest.raises(IsolationError) as raised:
        available(Isolation.FULL)
    assert (raised.value.what, raised.value.where) == ("No sandbox can be made on this machine.", says)
    assert remedy in raised.value.remedy
    assert "--isolation none" in raised.value.remedy


def test_the_tier_none_is_always_there() -> None:
    available(Isolation.NONE)


def test_the_sandbox_can_be_imported_where_the_modules_of_posix_are_missing() -> None:
    missing = ["resource", "fcntl", "pwd", "grp", "termios", "pty", "posix_ipc"]
    script = f"import sys\nfor name in {missing!r}: sys.modules[name] = None\nimport grader.sandbox"
    assert subprocess.run([sys.executable, "-c", script], cwd=CHECKOUT, check=False).returncode == 0


def test_root_that_may_not_mount_says_what_is_out_of_reach() -> None:
    if os.geteuid() != 0 or not shutil.which("setpriv") or Path(sys.base_prefix).is_relative_to("/usr"):
        pytest.skip("needs root, setpriv and a Python of its own")
    script = "from grader.model import Isolation\nfrom grader.sandbox import available\navailable(Isolation.FULL)"
    command = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", sys.executable, "-c", script]
    result = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    if os.access("/root", os.X_OK) and Path("/root").stat().st_mode & 0o001 == 0 and sys.base_prefix.startswith("/root/"):
        assert f"{sys.base_prefix} is not readable for uid 65533, and root may not make mounts here" in result.stderr
        assert "chmod a+rX" in result.stderr
    else:
        assert result.returncode == 0, result.stderr
