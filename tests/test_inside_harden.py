"""What the child gives up before student code runs."""

import sys
from pathlib import Path

import pytest

from tests.inside_parent import INSIDE, LIMITS, Told, run_cells

pytestmark = [pytest.mark.sandbox, pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Landlock and prctl are Linux's")]

CELLS = {
    "read secret": "print(open({secret!r}).read())",
    "write outside": "open({outside!r}, 'w')",
    "write inside": "open('mine.txt', 'w').write('x')",
    "privileges": "print([line for line in open('/proc/self/status') if line.startswith('NoNewPrivs')])",
    "connect": "import socket\nsocket.create_connection(('127.0.0.1', 9), timeout=1)",
    "core": "import resource\nresource.getrlimit(resource.RLIMIT_CORE)",
    "memory": "block = bytearray(3 << 30)",
    "file size": "with open('big', 'wb') as f:\n    f.truncate(64 << 20)",
    "programs": "!echo still works; cat mine.txt",
    "workers": "import torch\nfrom torch.utils.data import DataLoader\nprint(sum(len(b) for b in DataLoader(range(8), batch_size=2, num_workers=1)))",
    "null": "open('/dev/null', 'w').write('x')",
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    folder = tmp_path_factory.mktemp("harden")
    secret = tmp_path_factory.mktemp("outside") / "secret"
    secret.write_text("labels", encoding="utf-8")
    names = {"secret": str(secret), "outside": str(secret.parent / "new")}
    system = ["/usr", "/bin", "/lib", "/lib64", "/etc", "/proc", sys.prefix, sys.base_prefix, str(INSIDE)]
    return run_cells(
        folder,
        *(source.format(**names) if "{" in source else source for source in CELLS.values()),
        harden=True,
        landlock_ro=system,
        landlock_rw=[str(folder), "/dev/shm"],
        limits={**LIMITS, "memory_mb": 2048, "disk_mb": 32},
    )


def error(told: Told, name: str) -> str:
    return told.cells[list(CELLS).index(name)].error


def test_the_environment_says_what_was_reached(told: Told) -> None:
    assert told.environment["no_new_privs"] == "yes"
    assert told.environment["not_dumpable"] == "yes"
    assert told.environment["landlock"].isdigit() or told.environment["landlock"].startswith("no: ")


def test_only_the_named_paths_can_be_reached(told: Told) -> None:
    if not told.environment["landlock"].isdigit():
        pytest.skip(f"this kernel has no Landlock ({told.environment['landlock']})")
    assert error(told, "read secret").startswith("PermissionError")
    assert error(told, "write outside").startswith("PermissionError")
    assert error(told, "connect").startswith("PermissionError")
    assert error(told, "write inside") == ""
    assert error(told, "null") == ""


def test_no_new_privileges_can_be_had(told: Told) -> None:
    assert "NoNewPrivs:\\t1" in told.cells[list(CELLS).index("privileges")].text()


def test_memory_and_files_are_bounded(told: Told) -> None:
    assert error(told, "memory").startswith("MemoryError")
    assert error(told, "file size").startswith("OSError")


def test_programs_and_loader_workers_still_run(told: Told) -> None:
    assert told.cells[list(CELLS).index("programs")].text() == "still works\nx"
    assert told.cells[list(CELLS).index("workers")].text() == "8\n"


def test_a_run_that_is_not_hardened_says_nothing_of_it(tmp_path: Path) -> None:
    assert "landlock" not in run_cells(tmp_path, "1").environment
