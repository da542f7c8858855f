"""What a process loads before it is forked, so that no run pays for it, and how everything is put back as a fresh process has it."""

import builtins
import contextlib
import ctypes
import importlib
import io
import os
import signal
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import surroundings

# What notebooks of a deep-learning course import, and what those libraries only load when they are first used.
_MODULES = (
    *("numpy", "torch", "torch.nn.functional", "torch.optim", "torch.optim.lr_scheduler", "torch.utils.data", "torch.func", "safetensors.torch"),
    *("pandas", "scipy.stats", "scipy.sparse", "PIL.Image", "PIL.PngImagePlugin", "tqdm", "tqdm.auto", "tqdm.notebook"),
    *("sklearn.datasets", "sklearn.linear_model", "sklearn.metrics", "sklearn.model_selection", "sklearn.preprocessing"),
    *("torchvision", "torchvision.transforms", "torchvision.datasets", "torchvision.models"),
    *("matplotlib", "matplotlib.pyplot", "matplotlib.backends.backend_agg", "mpl_toolkits.mplot3d"),
    *("IPython.core.pylabtools", "IPython.display", "IPython.core.completer", "seaborn", "inspect", "tarfile", "urllib.request"),
)
_LARGE_PAGE, _MADV_COLLAPSE = 2 << 20, 25
_OURS = ("serving", "epochs", "session", "shell", "trace", "models", "loading", "presenting")


def warm_up() -> None:
    """Load the libraries, take each of their slow first steps once, and leave no trace but what is loaded."""
    with _put_back():
        for name in _MODULES:
            with contextlib.suppress(Exception):  # a library that is not here is missing from the run as well, and is told there
                importlib.import_module(name)
        package = __package__ or ""
        for name in _OURS:
            importlib.import_module(f"{package}.{name}")
        surroundings.seed_everything(0)
        surroundings.environment({})
        _train()
        _draw()
        _run_a_cell()
    # When it is loaded this one looks for the shell that figures are shown in: it must find that of the run.
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib_inline"]:
        del sys.modules[name]


def gather() -> None:
    """Let the kernel hold memory in large pages, of which a fork copies the table in a fifth of the time; a page written to stays small.

    Does nothing on kernels that cannot (before 6.1).
    """
    libc = ctypes.CDLL(None)
    for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines():
        span, rights, *_, inode = line.split(None, 5)[:5]
        first, last = (int(place, 16) for place in span.split("-"))
        first, last = -(-first // _LARGE_PAGE) * _LARGE_PAGE, last // _LARGE_PAGE * _LARGE_PAGE
        if rights == "rw-p" and inode == "0" and first < last:
            libc.madvise(ctypes.c_void_p(first), ctypes.c_size_t(last - first), _MADV_COLLAPSE)


def settle_in() -> None:
    """Make, in the sandbox of a run, the folders that a library made when it was loaded and takes for granted."""
    Path(os.environ["MPLCONFIGDIR"]).mkdir(parents=True, exist_ok=True)


@contextlib.contextmanager
def _put_back() -> Iterator[None]:
    """Keep and restore what libraries change in the process around them: names, variables, streams, filters, random numbers."""
    import random

    import numpy as np
    import torch

    torch.set_num_threads(1)
    numbers, legacy, own = torch.get_rng_state(), np.random.get_state(), random.getstate()  # noqa: NPY002 - what student code draws from
    variables, names, main = dict(os.environ), dict(vars(builtins)), sys.modules["__main__"]
    path, arguments, streams, hooks = list(sys.path), list(sys.argv), (sys.stdout, sys.stderr), (sys.displayhook, sys.excepthook)
    try:
        with warnings.catch_warnings():
            yield
    finally:
        torch.set_rng_state(numbers)
        np.random.set_state(legacy)  # noqa: NPY002
        random.setstate(own)
        os.environ.clear()
        os.environ.update(variables)
        for name in vars(builtins).keys() - names.keys():
            delattr(builtins, name)
        vars(builtins).update(names)
        sys.modules["__main__"] = main
        sys.path[:], sys.argv[:] = path, arguments
        (sys.stdout, sys.stderr), (sys.displayhook, sys.excepthook) = streams, hooks
        for number in (signal.SIGPROF, signal.SIGALRM):
            signal.signal(number, signal.SIG_DFL)


def _train() -> None:
    """Build optimisers and take a step: the first of a process loads the compiler and its thousand modules."""
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset

    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 3))
    batches = DataLoader(TensorDataset(torch.zeros(4, 3, 8, 8), torch.zeros(4, dtype=torch.int64)), batch_size=2, shuffle=True)
    for kind in (torch.optim.SGD, torch.optim.Adam):
        optimizer = kind(model.parameters(), lr=0.01)
        for images, labels in batches:
            optimizer.zero_grad()
            loss: Any = nn.functional.cross_entropy(model(images), labels)
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        model.eval()(torch.zeros(1, 3, 8, 8)).softmax(1).numpy()


def _draw() -> None:
    """Draw one figure, for the fonts; not through pyplot, which would settle on a backend before there is a shell to show it."""
    from IPython.core.pylabtools import print_figure
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure()
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.plot([0, 1], label="a")
    axes.set_title("Ж")
    axes.legend()
    print_figure(figure)
    figure.savefig(io.BytesIO(), format="png")


def _run_a_cell() -> None:
    """Start a shell, run a cell of every kind, and let the next shell be the first again."""
    from .limits import CellClock
    from .shell import NotebookShell, Shell

    with tempfile.TemporaryDirectory(prefix="zachet-") as scratch:
        shell = NotebookShell(CellClock(60, 60), 1 << 20, Path(scratch))
        shell.run("import pandas as pd\nprint(1)\npd.DataFrame({'a': [1.5]})")
        shell.run("1 / 0")
        shell.run("%time x = 1")
        Shell.clear_instance()
