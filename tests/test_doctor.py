"""`zachet doctor` tries, says, and ends with a code; its trials see what a hole would look like."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from grader.cli.doctor import _some
from grader.doctor import Machine, State, detect
from grader.doctor.machine import bubblewrap, cache, engine
from grader.doctor.remedies import remedy
from grader.doctor.walls import Sandbox, explain_import, memory, remains
from grader.model import Isolation
from tests.sandbox_jobs import need

CHECKOUT = Path(__file__).parent.parent
DOCTOR = [sys.executable, "-c", "from grader.cli import main; main()", "doctor"]
WALLS = ("network", "environment", "kernel", "files", "processes", "privileges")
LIMITS = ("limit_memory", "limit_processes", "limit_disk", "limit_output", "limit_cpu", "limit_wall", "remains")


def doctor(*words: str, wrapper: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1"}
    return subprocess.run([*wrapper, *DOCTOR, *words], cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.sandbox
def test_where_the_full_tier_can_be_had_every_promise_of_it_is_held() -> None:
    need(Isolation.FULL)
    done = doctor("--json")
    said = json.loads(done.stdout)
    found = {promise["id"]: promise for promise in said["promises"]}
    assert {name: found[name]["state"] for name in (*WALLS, *LIMITS)} == dict.fromkeys((*WALLS, *LIMITS), "held"), done.stdout
    assert found["full"]["state"] == "held"
    assert (said["schema"], said["tier"]) == ("zachet-doctor-1", "full")
    assert said["seconds"] < 60
    assert said["ok"] is (done.returncode == 0)
    assert all(bool(promise["remedy"]) is (promise["state"] != "held") for promise in found.values())


@pytest.mark.sandbox
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the wrapper knows the numbers of x86-64")
def test_without_user_namespaces_it_tries_the_reduced_tier_and_ends_with_1() -> None:
    need(Isolation.REDUCED)
    done = doctor("--json", wrapper=(sys.executable, "tests/refusing.py", "userns", "--"))
    said = json.loads(done.stdout)
    found = {promise["id"]: promise for promise in said["promises"]}
    assert (done.returncode, said["tier"], said["ok"]) == (1, "reduced", False)
    assert {name: found[name]["state"] for name in ("namespaces", "full", "reduced")} == {"namespaces": "not held", "full": "not held", "reduced": "held"}
    assert {name: found[name]["state"] for name in (*WALLS, *LIMITS)} == dict.fromkeys((*WALLS, *LIMITS), "held"), done.stdout


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the wrapper knows the numbers of x86-64")
def test_the_table_fits_80_columns_and_says_what_to_do() -> None:
    done = doctor(wrapper=(sys.executable, "tests/refusing.py", "userns,landlock", "--"))
    assert done.returncode == 1
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "What to do" in done.stdout
    assert "Not held, and needed: user namespaces, the tier full starts" in " ".join(done.stdout.split())
    assert "cannot be tried" in done.stdout


@pytest.mark.sandbox
def test_without_walls_the_trials_see_the_holes() -> None:
    open_ground = Sandbox(Isolation.NONE)
    seen = {name: open_ground.wall(name)() for name in WALLS}
    assert {name for name, found in seen.items() if found.state is State.NOT_HELD} >= {"files", "processes", "privileges"}
    assert memory(open_ground).state is State.HELD


@pytest.mark.sandbox
def test_a_process_that_outlives_a_run_would_be_seen() -> None:
    need(Isolation.FULL)
    assert remains(Sandbox(Isolation.FULL)).state is State.HELD


def test_without_a_sandbox_nothing_is_claimed() -> None:
    nothing = Sandbox(None)
    assert {nothing.wall(name)().state for name in WALLS} == {State.UNTRIED}
    assert memory(nothing).seen == "no sandbox can be started"


def test_a_missing_and_an_old_bubblewrap_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert bubblewrap().seen == "not installed"
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\necho bubblewrap 0.4.1\n", encoding="utf-8")
    program.chmod(0o755)
    assert (bubblewrap().state, bubblewrap().seen) == (State.NOT_HELD, "0.4 is older than 0.8")


def test_no_engine_at_all_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert engine().seen == "none of docker, podman, apptainer is installed"


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("ZACHET_CACHE", str(tmp_path / "file" / "cache"))
    assert cache().state is State.NOT_HELD
    assert str(tmp_path / "file" / "cache") in cache().seen


@pytest.mark.parametrize(
    ("machine", "promise", "word"),
    [
        (Machine.APPARMOR, "namespaces", "apparmor_restrict_unprivileged_userns=0"),
        (Machine.CONTAINER, "namespaces", "systempaths=unconfined"),
        (Machine.CI_CONTAINER, "bubblewrap", "image"),
        (Machine.GPU_NODE, "engine", "apptainer"),
        (Machine.LAPTOP, "bubblewrap", "sudo apt install bubblewrap"),
        (Machine.MACOS, "full", "WSL 2"),
        (Machine.COLAB, "namespaces", "zachet check"),
        (Machine.WINDOWS, "network", "Linux machine"),
        (Machine.LAPTOP, "torchvision", "one index"),
    ],
)
def test_each_kind_of_machine_has_its_own_remedy(machine: Machine, promise: str, word: str) -> None:
    assert word in remedy(promise, "tiers", State.NOT_HELD, (machine,))
    assert not remedy(promise, "tiers", State.HELD, (machine,))


def test_the_kind_of_this_machine_is_always_known() -> None:
    assert detect()


def test_a_torchvision_of_another_build_is_explained() -> None:
    assert "another torch" in explain_import("RuntimeError: operator torchvision::nms does not exist")
    assert explain_import("ModuleNotFoundError: No module named 'torchvision'") == "ModuleNotFoundError: No module named 'torchvision'"


def test_long_lists_of_names_are_cut() -> None:
    assert _some(["a", "b", "c", "d"]) == "a, b, c, d"
    assert _some(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
