"""What several test files ask for: a trace that watches, and a grader for work handed in with weights."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.inside.trace import Trace
from grader.model import Isolation
from grader.pipeline import Setting
from grader.sandbox import WarmStart
from tests.loading.handing_in import make_setting, make_weights
from tests.sandbox_jobs import need
from tests.traced import Names, watching


def pytest_configure() -> None:
    # A shell starts what runs in the background with Ctrl-C ignored, and tests of interrupts and what they start would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def names() -> Names:
    """The names of the notebook that `trace` watches."""
    return {}


@pytest.fixture
def trace(names: Names) -> Iterator[Trace]:
    """A trace in the middle of cell 0."""
    with watching(names) as watched:
        yield watched


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of files with weights, good and bad."""
    return make_weights(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setting]:
    """How work with weights is graded: synthetic data, warm start."""
    need(Isolation.FULL)
    with WarmStart() as warm:
        yield make_setting(tmp_path_factory.mktemp("store"), warm)
