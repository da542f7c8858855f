"""NVIDIA GPUs of this machine: which there are, which a run gets, and what of the machine it then sees.

Nothing here initialises CUDA: devices are known by their nodes in /dev and by what the driver says in /proc/driver/nvidia. A run on a
GPU starts cold, since a process that has touched CUDA cannot be forked. What the driver needs inside a sandbox:
the device's own node, /dev/nvidiactl and /dev/nvidia-uvm bound as devices, and /sys, where `cuInit` looks the PCI bus up (without it
it fails with CUDA_ERROR_OPERATING_SYSTEM). The driver's libraries lie below /usr, where the loader finds them or LD_LIBRARY_PATH names
them, as in the containers of GPU nodes; its part of /proc shows in every /proc.
"""

import os
import queue
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from grader.errors import ConfigurationError, IsolationError

_DEV, _DRIVER = Path("/dev"), Path("/proc/driver/nvidia/gpus")
_NODE = re.compile(r"nvidia(\d+)")
_COMMON = ("nvidiactl", "nvidia-uvm")
# What the driver looks up about the bus; control groups, firmware and the kernel's own switches below /sys stay out of sight.
SYSTEM = ("/sys/bus", "/sys/devices", "/sys/module")
_CHOICE = re.compile(r"auto|cpu|cuda(?::(\d+))?")
# The rest is for what CUDA itself takes in every process.
_USABLE = 0.95
_LOOK_S = 0.5
_CPU = "Pass --device cpu to grade on the CPU; `zachet doctor` says what this machine has."
_WITHOUT = "Leave out --device, or pass --device cpu; a GPU that is not here is never replaced by the CPU unasked."


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """One GPU as a run gets it: its number in /dev, the name and UUID that the driver gives (may be empty), its nodes.

    `share` (0..1) is the part of its memory that one run may take.
    """

    number: int
    name: str
    uuid: str
    nodes: tuple[Path, ...]
    share: float = _USABLE

    @property
    def visible(self) -> str:
        """What CUDA_VISIBLE_DEVICES is set to: numbers depend on what else is to be seen, the UUID does not."""
        return self.uuid or "0"

    def require(self) -> None:
        """Raise IsolationError when the device has gone since it was found."""
        lost = next((node for node in self.nodes if not node.exists()), None)
        if lost is not None:
            raise IsolationError(
                f"GPU {self.number} is not there any more, so this work was not run.",
                where=str(lost),
                remedy=f"Look at `dmesg` and `nvidia-smi`, then run the same command with --resume. {_CPU}",
            )


class GpuPool:
    """The GPUs of a batch, dealt round robin to the `jobs` runs that are made at once, each with its share of a device's memory."""

    def __init__(self, gpus: Sequence[Gpu], jobs: int) -> None:
        each = -(-jobs // len(gpus))
        self._waiting: queue.Queue[Gpu] = queue.Queue()
        for _ in range(each):
            for gpu in gpus:
                self._waiting.put(replace(gpu, share=round(_USABLE / each, 4)))

    @contextmanager
    def lend(self, stop: threading.Event) -> Iterator[Gpu]:
        """Yield a device with a share of its memory; raises IsolationError for one that is gone, KeyboardInterrupt on `stop`."""
        gpu = self._take(stop)
        try:
            gpu.require()
            yield gpu
        finally:
            self._waiting.put(gpu)

    def _take(self, stop: threading.Event) -> Gpu:
        while not stop.is_set():
            try:
                return self._waiting.get(timeout=_LOOK_S)
            except queue.Empty:
                continue
        raise KeyboardInterrupt


def find_gpus(dev: Path = _DEV, driver: Path = _DRIVER) -> tuple[Gpu, ...]:
    """Return the GPUs whose nodes are there, by number; none where the driver's common nodes are missing."""
    common = tuple(dev / name for name in _COMMON)
    if not all(node.exists() for node in common):
        return ()
    said = _said_by(driver)
    found = []
    for node in dev.iterdir():
        match = _NODE.fullmatch(node.name)
        if match:
            number = int(match[1])
            name, uuid = said.get(number, ("", ""))
            found.append(Gpu(number=number, name=name, uuid=uuid, nodes=(node, *common)))
    return tuple(sorted(found, key=lambda gpu: gpu.number))


def choose_gpus(device: str, found: Sequence[Gpu]) -> tuple[Gpu, ...]:
    """Return the GPUs that `device` (auto, cpu, cuda, cuda:N) means among those found; none means the CPU.

    Raises ConfigurationError for any other word, and IsolationError when a GPU is asked for and is not there: never the CPU instead.
    """
    choice = _CHOICE.fullmatch(device)
    if choice is None:
        raise ConfigurationError(f"“{device}” is not a device.", where="--device", remedy="Write auto, cpu, cuda, or cuda:0 for one GPU.")
    if device == "cpu":
        return ()
    if device == "auto":
        return tuple(found)
    chosen = tuple(gpu for gpu in found if choice[1] is None or gpu.number == int(choice[1]))
    if not chosen:
        there = ", ".join(f"cuda:{gpu.number}" for gpu in found)
        what = f"This GPU is not here; there is {there}." if there else "There is no GPU here."
        raise IsolationError(what, where=f"--device {device}", remedy=_WITHOUT)
    return chosen


def shown_to(gpu: Gpu | None) -> Iterator[str]:
    """Yield what bubblewrap is told after its own /dev is made and before that is closed."""
    for node in gpu.nodes if gpu else ():
        yield from ("--dev-bind", str(node), f"/dev/{node.name}")


def system_of(gpu: Gpu | None) -> Iterator[str]:
    """Yield what bubblewrap is told of the machine for a run on a GPU."""
    for folder in SYSTEM if gpu else ():
        yield from ("--ro-bind-try", folder, folder)


def variables_of(gpu: Gpu | None) -> dict[str, str]:
    """Return the variables that a run on a GPU gets beside the common ones: one device, cuBLAS in the way that repeats, the driver's folder."""
    if gpu is None:
        return {}
    searched = os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)
    driver = os.pathsep.join(folder for folder in searched if folder and Path(folder, "libcuda.so.1").is_file())
    found = {"LD_LIBRARY_PATH": driver} if driver else {}
    return {"CUDA_VISIBLE_DEVICES": gpu.visible, "CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUBLAS_WORKSPACE_CONFIG": ":4096:8", **found}


def _said_by(driver: Path) -> dict[int, tuple[str, str]]:
    """Return name and UUID of every device by the number of its node."""
    found: dict[int, tuple[str, str]] = {}
    for file in sorted(driver.glob("*/information")):
        try:
            lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
        facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
        if facts.get("Device Minor", "").isdigit():
            found[int(facts["Device Minor"])] = (facts.get("Model", ""), facts.get("GPU UUID", ""))
    return found
