"""The container tier: the command that each engine is given, which engine answers, and a run from its first frame to its last."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from grader.errors import ConfigurationError, IsolationError
from grader.model import ExitReason, Isolation, Limits
from grader.sandbox import available, execute
from grader.sandbox.container import ENGINES, Engine, ask, binds_of, command_line, find_engine, place_of, runner_arguments
from grader.sandbox.job import Container, Job
from tests.sandbox_jobs import job_of, nothing, said

LIMITS = Limits(cpu_s=20, memory_mb=1000, disk_mb=100, processes=50)
IMAGE = Container(image="image:1")
PLAIN = {
    "--network": "none", "--cap-drop": "ALL", "--pull": "never", "--log-driver": "none", "--ipc": "private", "--workdir": "/work", "--cpus": "1",
    "--memory": "1364m", "--memory-swap": "1364m", "--pids-limit": "58", "--shm-size": "100m", "--entrypoint": "python3", "--name": "zachet-1",
}  # fmt: skip


def engine(name: str) -> Engine:
    return Engine(name=name, program=f"/usr/bin/{name}", version="1.0")


def built(name: str, container: Container = IMAGE, binds: tuple[tuple[Path, str], ...] = (), folder: Path | None = None) -> list[str]:
    return command_line(engine(name), "zachet-1", container, LIMITS, binds, arguments=["-P", "runner.py"], folder=folder)


def values(words: list[str], option: str) -> list[str]:
    return [words[place + 1] for place, word in enumerate(words) if word == option]


@pytest.mark.parametrize("name", ["docker", "podman"])
def test_docker_and_podman_get_every_wall_and_limit(name: str) -> None:
    words = built(name)
    assert words[:2] == [f"/usr/bin/{name}", "run"]
    assert words[-3:] == ["image:1", "-P", "runner.py"]
    assert {option: values(words, option) for option in PLAIN} == {option: [value] for option, value in PLAIN.items()}
    assert {"--rm", "--interactive", "--init", "--read-only"} <= set(words)
    assert "no-new-privileges" in values(words, "--security-opt")
    assert [mount.split(":")[0] for mount in values(words, "--tmpfs")] == ["/work", "/tmp"]
    assert all("size=100m" in mount and "nosuid" in mount and "nodev" in mount for mount in values(words, "--tmpfs"))
    assert set(values(words, "--ulimit")) == {"core=0", "nofile=1024:1024", "cpu=25:25", "fsize=104857600:104857600"}
    assert not {"--privileged", "--gpus", "--device", "--publish", "--volume"} & set(words)
    assert values(words, "--user")[0].split(":")[0] != "0"


@pytest.mark.parametrize("name", ENGINES)
def test_the_environment_of_a_run_is_made_and_proxies_are_not_handed_on(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:secret@proxy:1")
    given = dict(word.split("=", 1) for word in values(built(name), "--env"))
    assert given["HTTPS_PROXY"] == given["https_proxy"] == ""
    assert given["CUDA_VISIBLE_DEVICES"] == ""
    assert given["OMP_NUM_THREADS"] == "1"
    assert "secret" not in " ".join(built(name))


@pytest.mark.parametrize(
    ("name", "gpus", "expected"),
    [
        ("docker", "all", {"--gpus": ["all"]}),
        ("docker", "0,1", {"--gpus": ['"device=0,1"']}),
        ("podman", "all", {"--device": ["nvidia.com/gpu=all"]}),
        ("podman", "0,1", {"--device": ["nvidia.com/gpu=0", "nvidia.com/gpu=1"]}),
    ],
)
def test_gpus_are_shown_as_each_engine_wants_it(name: str, gpus: str, expected: dict[str, list[str]]) -> None:
    words = built(name, replace(IMAGE, gpus=gpus))
    assert {option: values(words, option) for option in ("--gpus", "--device") if option in words} == expected
    assert not [word for word in values(words, "--env") if word.startswith("CUDA_VISIBLE_DEVICES")]


def test_the_real_command_of_docker_takes_every_option() -> None:
    program = shutil.which("docker")
    if program is None or find_any() is not None:
        pytest.skip("only a docker whose service is not there can be asked without starting anything")
    words = built("docker", replace(IMAGE, gpus="0,1"), ((Path('/srv/a,b "c"'), "/data/x"),))
    said_of_it = subprocess.run([program, *words[1:]], capture_output=True, text=True, check=False).stderr
    assert "Docker daemon" in said_of_it or "docker daemon" in said_of_it
    assert not re.search(r"unknown flag|invalid|flag needs", said_of_it), said_of_it


def find_any() -> Engine | None:
    return ask("docker")[0]


def test_apptainer_is_contained_without_network_and_home() -> None:
    words = built("apptainer", Container(image="lab.sif", gpus="1"), ((Path("/srv/probe.py"), "/zachet/probe.py"),), Path("/run/mine"))
    assert words[:2] == ["/usr/bin/apptainer", "exec"]
    assert words[-4:] == ["lab.sif", "python3", "-P", "runner.py"]
    assert {"--containall", "--cleanenv", "--no-home", "--no-eval", "--net", "--no-privs", "--nv"} <= set(words)
    assert values(words, "--network") == ["none"]
    assert values(words, "--pwd") == ["/work"]
    assert values(words, "--bind") == ["/srv/probe.py:/zachet/probe.py:ro", "/run/mine/work:/work:rw", "/run/mine/tmp:/tmp:rw"]
    assert "CUDA_VISIBLE_DEVICES=1" in values(words, "--env")
    assert "--nv" not in built("apptainer")


def test_apptainer_refuses_a_path_that_it_would_split() -> None:
    with pytest.raises(IsolationError, match="apptainer takes the comma and the colon"):
        built("apptainer", binds=((Path("/srv/a,b"), "/data"),))


def test_paths_with_commas_and_quotes_reach_docker_whole() -> None:
    path = '/srv/a,b "c"'
    (mount,) = values(built("docker", binds=((Path(path), "/data/x"),)), "--mount")
    assert next(csv.reader([mount])) == ["type=bind", f"source={path}", "target=/data/x", "readonly"]


def test_a_job_is_shown_read_only_at_the_places_of_the_sandbox(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "cifar-100-python").mkdir(parents=True)
    job = job_of(tmp_path, "1", isolation=Isolation.CONTAINER, data=data, files=data)
    targets = {target: source for source, target in binds_of(job)}
    assert set(targets) == {"/zachet/probe.py", "/zachet/inside", "/in/files", "/data/cifar-100-python"}
    assert targets["/zachet/inside"] == tmp_path / "inside"
    place = place_of(job)
    assert (place.work, place.data, place.files, place.probe) == ("/work", "/data", "/in/files", "/zachet/probe.py")
    assert runner_arguments() == ["-P", "-s", "/zachet/inside/runner.py"]


def test_without_an_engine_each_one_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(IsolationError, match="docker: not installed; podman: not installed; apptainer: not installed: No container engine answers here"):
        find_engine()


def test_an_engine_without_its_service_does_not_answer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(tmp_path, "docker", "#!/bin/sh\necho 'Cannot connect to the Docker daemon.' >&2\nexit 1\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert ask("docker") == (None, "Cannot connect to the Docker daemon.")


@pytest.mark.skipif(os.geteuid() != 0, reason="as an ordinary user it may be used")
def test_apptainer_is_not_used_by_root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(tmp_path, "apptainer", "#!/bin/sh\necho 'apptainer version 1.4.0'\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    found, why = ask("apptainer")
    assert found is None
    assert "run zachet as an ordinary user" in why


@pytest.mark.parametrize(("image", "gpus"), [("--privileged", ""), ("image:1", "device=0")])
def test_what_is_no_image_and_no_choice_of_gpus_is_refused(image: str, gpus: str) -> None:
    with pytest.raises(ConfigurationError, match="no image of a container, or no choice of GPUs"):
        available(Isolation.CONTAINER, Container(image=image, gpus=gpus))


def test_the_tier_needs_an_image() -> None:
    with pytest.raises(IsolationError, match="The tier container needs an image"):
        available(Isolation.CONTAINER)


def install(folder: Path, name: str, text: str) -> None:
    program = folder / name
    program.write_text(text, encoding="utf-8")
    program.chmod(0o755)


@pytest.fixture(params=["docker", "podman"])
def standin(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a stand-in for an engine first on the path; return the folder where it keeps what it was told."""
    state, programs = tmp_path / "state", tmp_path / "programs"
    state.mkdir()
    programs.mkdir()
    script = Path(__file__).parent / "standin_engine.py"
    install(programs, request.param, f'#!/bin/sh\nexec "{sys.executable}" "{script}" "$@"\n')
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setenv("STANDIN_ENGINE", str(state))
    return state


def container_job(folder: Path, *cells: str, wall_s: int = 30) -> Job:
    inner = folder / "job"
    inner.mkdir()
    job = job_of(inner, *cells, isolation=Isolation.CONTAINER, limits=replace(LIMITS, wall_s=wall_s, output_mb=1))
    return replace(job, container=IMAGE)


def test_a_run_goes_through_the_engine_and_back(standin: Path, tmp_path: Path) -> None:
    result = execute(container_job(tmp_path, "print(job['isolation'], job['work'], job['harden'], job['unbounded'])"), nothing)
    assert said(result) == "container /work True ['RLIMIT_NPROC']"
    assert (result.execution.exit_reason, result.execution.isolation) == (ExitReason.COMPLETED, Isolation.CONTAINER)
    told = json.loads((standin / "last.json").read_text(encoding="utf-8"))
    assert any(mount.endswith("target=/zachet/inside,readonly") for mount in values(told, "--mount"))
    assert [path.name for path in standin.iterdir()] == ["last.json"]


def test_a_run_that_goes_on_is_ended_through_the_engine(standin: Path, tmp_path: Path) -> None:
    result = execute(container_job(tmp_path, "import time; time.sleep(100)", wall_s=2), nothing)
    assert (result.execution.exit_reason, result.execution.message) == (ExitReason.TIMED_OUT, "more than 2 seconds")
    assert [path.name for path in standin.iterdir()] == ["last.json"]


def test_an_image_that_is_not_here_is_named(standin: Path) -> None:
    assert standin.is_dir()
    available(Isolation.CONTAINER, IMAGE)
    with pytest.raises(IsolationError, match=r"other: .* cannot run Python in the image .*Unable to find image 'other' locally"):
        available(Isolation.CONTAINER, Container(image="other"))


@pytest.mark.sandbox
def test_a_real_engine_keeps_a_run_in(tmp_path: Path) -> None:
    image = os.environ.get("ZACHET_TEST_IMAGE", "")
    answers = {name: ask(name) for name in ENGINES}
    if not image or not any(found for found, _ in answers.values()):
        reasons = "; ".join(f"{name}: {why or 'answers'}" for name, (_, why) in answers.items())
        pytest.skip(f"no engine that answers and no image in ZACHET_TEST_IMAGE ({reasons})")
    cell = "import socket\ntry:\n  socket.create_connection(('198.51.100.1', 80), 5)\nexcept OSError as error:\n  print(error.strerror)"
    job = replace(container_job(tmp_path, cell), container=Container(image=image))
    available(Isolation.CONTAINER, job.container)
    assert said(execute(job, nothing)) == "Network is unreachable"
