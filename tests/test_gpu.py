"""GPUs: which a run gets and what it is then shown. Devices stand for themselves as empty files; what needs a real one is skipped with a reason."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from grader.errors import ConfigurationError, IsolationError, ZachetError
from grader.model import Isolation, Limits, View
from grader.sandbox import Gpu, GpuPool, Job, bubblewrap, choose_gpus, execute, find_gpus
from grader.sandbox.gpu import SYSTEM, variables_of
from grader.sandbox.job import opening
from grader.sandbox.warm import serves
from grader.setting import Options, gpus_for
from tests.sandbox_jobs import job_of, need, nothing, run, said

NODES = ("nvidia0", "nvidia3", "nvidiactl", "nvidia-uvm", "nvidia-modeset", "null")


@pytest.fixture
def machine(tmp_path: Path) -> tuple[Path, Path]:
    dev, driver = tmp_path / "dev", tmp_path / "driver"
    dev.mkdir()
    for name in NODES:
        (dev / name).touch()
    for place, number in (("0000:0a:00.0", 3), ("0000:0b:00.0", 0)):
        folder = driver / place
        folder.mkdir(parents=True)
        text = f"Model: \t\t NVIDIA A100\nIRQ:   \t\t 42\nGPU UUID: \t GPU-00{number}\nBus Location: \t {place}\nDevice Minor: \t {number}\n"
        (folder / "information").write_text(text, encoding="utf-8")
    return dev, driver


def job_on(gpu: Gpu | None, folder: Path, isolation: Isolation = Isolation.FULL) -> Job:
    return Job(notebook="{}", probe=folder / "probe.py", files=None, data=None, limits=Limits(), seed=1, isolation=isolation, gpu=gpu)


def words_for(gpu: Gpu | None) -> list[str]:
    made = bubblewrap._specification([], ["true"], Limits(), (), device=gpu)
    return [*made["before"], *made["after"]]  # type: ignore[misc]


def test_devices_are_known_by_their_nodes_and_by_what_the_driver_says(machine: tuple[Path, Path]) -> None:
    found = find_gpus(*machine)
    assert [(gpu.number, gpu.name, gpu.uuid, gpu.visible) for gpu in found] == [
        (0, "NVIDIA A100", "GPU-000", "GPU-000"), (3, "NVIDIA A100", "GPU-003", "GPU-003"),
    ]  # fmt: skip
    assert [node.name for node in found[1].nodes] == ["nvidia3", "nvidiactl", "nvidia-uvm"]


def test_a_driver_that_says_nothing_leaves_the_only_device_that_a_run_sees(machine: tuple[Path, Path], tmp_path: Path) -> None:
    assert [gpu.visible for gpu in find_gpus(machine[0], tmp_path / "nothing")] == ["0", "0"]


@pytest.mark.parametrize("missing", ["nvidiactl", "nvidia-uvm"])
def test_without_the_nodes_of_the_driver_there_is_no_gpu(machine: tuple[Path, Path], missing: str) -> None:
    (machine[0] / missing).unlink()
    assert find_gpus(*machine) == ()


@pytest.mark.parametrize(("device", "numbers"), [("auto", [0, 3]), ("cpu", []), ("cuda", [0, 3]), ("cuda:3", [3])])
def test_the_word_chooses_among_what_is_there(machine: tuple[Path, Path], device: str, numbers: list[int]) -> None:
    assert [gpu.number for gpu in choose_gpus(device, find_gpus(*machine))] == numbers


def test_auto_is_the_cpu_where_there_is_no_gpu() -> None:
    assert choose_gpus("auto", ()) == choose_gpus("cpu", ()) == ()


@pytest.mark.parametrize("device", ["cuda", "cuda:0"])
def test_a_gpu_that_is_not_there_is_said_and_the_cpu_never_stands_in_for_it(device: str) -> None:
    with pytest.raises(IsolationError, match="not here") as caught:
        choose_gpus(device, ())
    assert device in caught.value.where
    assert "--device cpu" in caught.value.remedy


def test_another_gpu_than_those_that_are_here_is_answered_with_them(machine: tuple[Path, Path]) -> None:
    with pytest.raises(IsolationError, match="This GPU is not here; there is cuda:0, cuda:3") as caught:
        choose_gpus("cuda:7", find_gpus(*machine))
    assert caught.value.where == "--device cuda:7"


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:x", "CUDA", "cuda:0,1", ""])
def test_another_word_is_a_mistake_of_the_person(device: str) -> None:
    with pytest.raises(ConfigurationError, match="is not a device"):
        choose_gpus(device, ())


def test_a_batch_deals_its_devices_round_robin_with_a_budget_each(machine: tuple[Path, Path]) -> None:
    pool, stop = GpuPool(find_gpus(*machine), jobs=4), threading.Event()
    lent = [pool.lend(stop) for _ in range(4)]
    gpus = [one.__enter__() for one in lent]
    assert [gpu.number for gpu in gpus] == [0, 3, 0, 3]
    assert {gpu.share for gpu in gpus} == {0.475}
    lent[1].__exit__(None, None, None)
    with pool.lend(stop) as again:
        assert again.number == 3
    stop.set()


def test_one_run_more_than_there_are_shares_waits_and_gives_way_to_an_interrupt(machine: tuple[Path, Path]) -> None:
    pool, stop = GpuPool(find_gpus(*machine)[:1], jobs=1), threading.Event()
    with pool.lend(stop):
        threading.Timer(0.1, stop.set).start()
        with pytest.raises(KeyboardInterrupt), pool.lend(stop):
            pass


def test_a_device_lost_in_the_middle_of_a_batch_is_said_and_gives_its_share_back(machine: tuple[Path, Path]) -> None:
    pool, stop = GpuPool(find_gpus(*machine)[:1], jobs=1), threading.Event()
    (machine[0] / "nvidia0").unlink()
    for _ in range(2):
        with pytest.raises(IsolationError, match="not there any more") as caught, pool.lend(stop):
            pass
        assert "--resume" in caught.value.remedy


@pytest.mark.sandbox
def test_only_the_assigned_device_is_bound_and_before_dev_is_closed(machine: tuple[Path, Path]) -> None:
    words = words_for(find_gpus(*machine)[1])
    bound = [words[place + 2] for place, word in enumerate(words) if word == "--dev-bind"]
    assert bound == ["/dev/nvidia3", "/dev/nvidiactl", "/dev/nvidia-uvm"]
    closed = next(place for place, word in enumerate(words) if word == "--remount-ro" and words[place + 1] == "/dev")
    assert words.index("--dev") < words.index("--dev-bind") < closed
    assert [words[place + 1] for place, word in enumerate(words) if word == "--ro-bind-try" and words[place + 1] in SYSTEM] == list(SYSTEM)
    variables = {words[place + 1]: words[place + 2] for place, word in enumerate(words) if word == "--setenv"}
    assert variables["CUDA_VISIBLE_DEVICES"] == "GPU-003"
    assert variables["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"


def test_the_driver_is_found_where_the_machine_names_it_and_no_other_folder_is_passed_on(
    machine: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpu = find_gpus(*machine)[0]
    (tmp_path / "driver" / "libcuda.so.1").touch()
    monkeypatch.setenv("LD_LIBRARY_PATH", f"{tmp_path}:{tmp_path / 'driver'}:")
    assert variables_of(gpu)["LD_LIBRARY_PATH"] == str(tmp_path / "driver")
    assert variables_of(None) == {}
    monkeypatch.delenv("LD_LIBRARY_PATH")
    assert "LD_LIBRARY_PATH" not in variables_of(gpu)


@pytest.mark.sandbox
def test_a_run_on_the_cpu_sees_nothing_of_a_gpu() -> None:
    words = words_for(None)
    assert "--dev-bind" not in words
    assert not set(words) & set(SYSTEM)
    assert words[words.index("CUDA_VISIBLE_DEVICES") + 1] == ""


def test_cuda_gets_the_addresses_that_it_maps_and_every_other_limit_stays(machine: tuple[Path, Path], tmp_path: Path) -> None:
    gpu = find_gpus(*machine)[0]
    with_gpu, without = bubblewrap.resource_limits(Limits(), gpu), bubblewrap.resource_limits(Limits())
    assert set(without) - set(with_gpu) == {"RLIMIT_AS"}
    job = job_on(gpu, tmp_path)
    header = opening(job, bubblewrap.place_of(job))
    assert header["unbounded"] == ["RLIMIT_AS"]
    assert header["gpu_share"] == gpu.share
    assert opening(job_on(None, tmp_path), bubblewrap.place_of(job_on(None, tmp_path)))["unbounded"] == []


def test_landlock_opens_the_device_and_the_bus_and_no_other_device(machine: tuple[Path, Path], tmp_path: Path) -> None:
    place = bubblewrap.place_of(job_on(find_gpus(*machine)[0], tmp_path))
    assert [path for path in place.writable if path.startswith("/dev/nv")] == ["/dev/nvidia0", "/dev/nvidiactl", "/dev/nvidia-uvm"]
    assert set(SYSTEM) <= set(place.read_only)


def test_a_run_on_a_gpu_never_comes_from_a_forked_process(machine: tuple[Path, Path], tmp_path: Path) -> None:
    assert serves(job_on(None, tmp_path))
    assert not serves(job_on(find_gpus(*machine)[0], tmp_path))


def test_a_tier_that_cannot_show_a_gpu_says_so() -> None:
    if not find_gpus():
        pytest.skip("no NVIDIA GPU on this machine")
    with pytest.raises(ZachetError, match="does not take --device"):
        gpus_for(Options(isolation=Isolation.REDUCED, data_root=None, view=View.SEALED, device="cuda"))


@pytest.mark.sandbox
@pytest.mark.timeout(300)
@pytest.mark.parametrize("isolation", [Isolation.FULL, Isolation.NONE])
def test_a_gpu_that_pytorch_cannot_use_is_our_fault_and_no_cell_is_run(tmp_path: Path, isolation: Isolation) -> None:
    """A device that is none stands in: every system lets a run have it, and no CUDA starts on it."""
    need(isolation)
    if find_gpus():
        pytest.skip("this machine has a GPU, which CUDA might find all the same")
    job = job_of(tmp_path, "print('ran')", isolation=isolation, limits=Limits(), real=True)
    with pytest.raises(IsolationError, match="cannot use the GPU") as caught:
        execute(replace(job, gpu=Gpu(number=0, name="", uuid="", nodes=(Path("/dev/zero"),))), nothing)
    assert "cuda:0" in caught.value.where
    assert "no reason given" not in caught.value.where
    assert "--device cpu" in caught.value.remedy


@pytest.mark.sandbox
@pytest.mark.timeout(300)
def test_a_notebook_computes_on_the_gpu_in_the_full_tier(tmp_path: Path) -> None:
    if not find_gpus():
        pytest.skip("no NVIDIA GPU on this machine")
    cell = "import torch; x = torch.ones(64, 64, device='cuda'); print((x @ x).sum().item())"
    done = run(replace(job_of(tmp_path, cell, limits=Limits(), real=True), gpu=find_gpus()[0]))
    assert done.execution.device.startswith("cuda")
    assert said(done) == "262144.0"
