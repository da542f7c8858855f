"""The surroundings of the notebook: environment variables, seeds, one thread, quiet input, and what is said about them."""

import builtins
import contextlib
import functools
import getpass
import importlib
import importlib.metadata
import importlib.util
import inspect
import os
import platform
import random
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_REPORTED = ("torch", "torchvision", "numpy", "scipy", "scikit-learn", "matplotlib", "pandas", "pillow", "ipython")
# Only of these the version that they say themselves, with the variant of the build: which others are loaded depends on the start.
_ALWAYS_LOADED = ("torch", "numpy")
_ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def set_variables(standins: str, data: str, scratch: Path) -> None:
    """Set what libraries and programs started from the notebook read from the environment; before torch is imported."""
    folders = [standins, str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
    os.environ["PATH"] = os.pathsep.join(dict.fromkeys(part for folder in folders for part in folder.split(os.pathsep) if part))
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    os.environ.setdefault("MPLCONFIGDIR", str(scratch / "matplotlib"))
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(scratch / "inductor"))
    # A real pip would retry for more than a minute without a network.
    os.environ.update(PIP_NO_INDEX="1", PIP_RETRIES="0", PIP_NO_INPUT="1", PIP_DISABLE_PIP_VERSION_CHECK="1")
    os.environ["ZACHET_STANDIN_DATA"] = data
    os.environ["ZACHET_STANDIN_PYTHON"] = sys.executable


def seed_everything(seed: int) -> None:
    """Seed random, numpy and torch, and hold torch to one thread: the same run gives the same numbers to the last bit."""
    import numpy as np
    import torch

    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - what student code draws from
    torch.manual_seed(seed % 2**63)
    torch.set_num_threads(1)
    # Fewer bits in products of float32, or the fastest way of the moment, would make the same work another one on another card.
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True


def take_gpu(share: float) -> dict[str, str]:
    """Start CUDA before any code of a student's, bound this process to `share` of the device's memory, and return what is used."""
    import torch

    try:
        torch.cuda.set_per_process_memory_fraction(share, 0)
        torch.zeros(8, device="cuda").sum().item()
        return {"gpu": torch.cuda.get_device_name(0), "gpu_memory_share": f"{share:g}"}
    except (RuntimeError, AssertionError) as error:  # a build without CUDA says so by an assertion
        return {"gpu_error": (str(error).splitlines() or ["?"])[0][:200]}


def answer_prompts() -> None:
    """Let `input` and `getpass` return an empty line with a note: nobody sits in front of this run."""

    def read(prompt: object = "", *_: object, **__: object) -> str:
        sys.stdout.write(f"{prompt}\n")
        sys.stderr.write("[nobody answers here: an empty line was returned]\n")
        return ""

    builtins.input = read
    getpass.getpass = read
    sys.stdin = Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115 - for the life of the process


def plain_progress_bars() -> None:
    """Give `tqdm.notebook` the bars of a terminal where there are no widgets: its own would raise in the middle of a training."""
    if importlib.util.find_spec("tqdm") is None or importlib.util.find_spec("ipywidgets") is not None:
        return
    plain, notebook = importlib.import_module("tqdm"), importlib.import_module("tqdm.notebook")
    notebook.tqdm = notebook.tqdm_notebook = plain.tqdm  # type: ignore[attr-defined]
    notebook.trange = notebook.tnrange = plain.trange  # type: ignore[attr-defined]


def load_in_one_process() -> None:
    """Let `DataLoader` load in this process whatever number of workers it is asked for: they would need sockets and shared memory."""
    data = importlib.import_module("torch.utils.data")
    loader: Any = data.DataLoader
    made = loader.__init__

    @functools.wraps(made)
    def alone(self: Any, dataset: Any, *rest: Any, **named: Any) -> None:
        bound = inspect.signature(made).bind(self, dataset, *rest, **named)
        if bound.arguments.get("num_workers"):
            for name in ("num_workers", "prefetch_factor", "persistent_workers", "multiprocessing_context", "timeout"):
                bound.arguments.pop(name, None)
        made(*bound.args, **bound.kwargs)

    loader.__init__ = alone


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Return the versions and settings this run works with, and `extra`; `gpu` is empty on the CPU."""
    said: dict[str, str] = {"python": platform.python_version(), "system": platform.system(), "machine": platform.machine(), "threads": "1"}
    for name in _REPORTED:
        said[name] = _version(name)
    return {**said, "cpu": _processor(), "gpu": "", **_arithmetic(), **extra}


@functools.cache
def _processor() -> str:
    """Return the model of the processor, as far as the system says it."""
    with contextlib.suppress(OSError), Path("/proc/cpuinfo").open(encoding="utf-8", errors="replace") as stream:
        for line in stream:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def _arithmetic() -> dict[str, str]:
    """Return what decides how numbers are rounded: the CUDA of this build of torch, and whether float32 may be computed with fewer bits."""
    import torch

    return {
        "cuda": torch.version.cuda or "none",
        "tf32": "on" if torch.backends.cuda.matmul.allow_tf32 or torch.backends.cudnn.allow_tf32 else "off",
        "bf16_reduction": "on" if torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction else "off",
        "float32_matmul_precision": torch.get_float32_matmul_precision(),
    }


@functools.cache
def _version(distribution: str) -> str:
    loaded: Any = sys.modules.get(distribution) if distribution in _ALWAYS_LOADED else None
    known = getattr(loaded, "__version__", None)
    if known is not None:
        return str(known)
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""
