"""Runs from a warm process: the same as cold ones in everything but the time they take."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from grader.model import ExitReason, Given, Isolation, Limits, Record, Run, Vouched
from grader.sandbox import Job, WarmStart, execute
from tests.sandbox_jobs import job_of, need, nothing, said
from tests.warm_jobs import ROOMY, children, descriptors

pytestmark = pytest.mark.sandbox


@pytest.fixture(scope="module")
def warm() -> Iterator[WarmStart]:
    need(Isolation.FULL)
    with WarmStart() as start:
        yield start


def of(folder: Path, *cells: str, limits: Limits = ROOMY) -> Job:
    return job_of(folder, *cells, limits=limits, real=True)


def run(warm: WarmStart, folder: Path, *cells: str, limits: Limits = ROOMY) -> Run:
    result = warm.execute(of(folder, *cells, limits=limits), nothing)
    assert (result.execution.start, result.execution.note) == ("warm", ""), result.execution
    return result


DATA = """
import random, numpy as np, torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
X = torch.rand(256, 3, 16, 16); y = (X.mean((1, 2, 3)) > 0.5).long()
print(random.random(), np.random.rand())
"""
TRAINING = """
model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.2), nn.Flatten(), nn.Linear(8 * 14 * 14, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=0.003, weight_decay=1e-4)
for epoch in range(3):
    for images, labels in DataLoader(TensorDataset(X, y), batch_size=32, shuffle=True):
        loss = nn.functional.cross_entropy(model(images), labels)
        optimizer.zero_grad(); loss.backward(); optimizer.step()
"""
RESULT = """
from sklearn.linear_model import LogisticRegression
b = [float(p.double().sum()) for p in model.parameters()] + LogisticRegression().fit(X.flatten(1).numpy(), y.numpy()).coef_.tolist()[0][:5]
print(b, np.linalg.svd(np.random.rand(40, 40))[1][:3].tolist())
"""


def numbers_of(result: Run) -> list[tuple[str, Vouched, bytes]]:
    """Return every record but the trace, which tells seconds too and is no array."""
    return [(record.name, record.vouched, np.asarray(record.value).tobytes()) for record in result.records if record.name != "trace"]


def test_a_training_gives_the_same_numbers_to_the_last_bit_warm_and_cold(warm: WarmStart, tmp_path: Path) -> None:
    def give(_records: tuple[Record, ...]) -> Given:
        return Given(sent={"x": np.linspace(0, 1, 7)})

    job = of(tmp_path, DATA, TRAINING, RESULT)
    cold, first, second = execute(job, give), warm.execute(job, give), warm.execute(job, give)
    assert [result.execution.start for result in (cold, first, second)] == ["cold", "warm", "warm"]
    for result in (first, second):
        assert numbers_of(result) == numbers_of(cold)
        assert result.notebook == cold.notebook
        assert result.execution.environment == cold.execution.environment


SHOWN = (
    "import matplotlib.pyplot as plt\nplt.plot([1, 2]);",
    "%matplotlib inline\nplt.figure().number",
    "import pandas as pd\npd.DataFrame({'a': [1]})",
    "1 / 0",
    "from tqdm.notebook import tqdm\nsum(tqdm(range(3), disable=True))",
    "_, __name__, In[1][:6], get_ipython().execution_count",
    "import sys\nsys.argv, sys.path[0], sys.modules['__main__'].__name__, sys.getrecursionlimit()",
    "def depth():\n  try: return 1 + depth()\n  except RecursionError: return 1\ndepth()",
    "import os\nsorted(os.environ.items())",
    "os.getcwd(), os.listdir('/work'), sorted(os.listdir('/tmp/matplotlib')) is None, os.getuid(), os.umask(0)",
    "import signal, resource\n[str(signal.getsignal(n)) for n in (signal.SIGINT, signal.SIGCHLD, signal.SIGPIPE)], resource.getrlimit(resource.RLIMIT_NPROC)",
    "[line for line in open('/proc/self/status') if line.split(':')[0] in {'CapEff', 'CapPrm', 'CapInh', 'CapBnd', 'CapAmb', 'NoNewPrivs', 'Seccomp', 'Threads'}]",
    "!id -u; ulimit -a | grep -v -e 'virtual' -e 'pending'",
)


def test_a_cell_shows_the_same_warm_and_cold(warm: WarmStart, tmp_path: Path) -> None:
    cold, result = execute(of(tmp_path, *SHOWN), nothing), run(warm, tmp_path, *SHOWN)
    for before, after in zip(json.loads(cold.notebook)["cells"], json.loads(result.notebook)["cells"], strict=True):
        assert after["outputs"] == before["outputs"], before["source"]


def test_a_warm_run_sees_nothing_that_a_cold_one_would_not(warm: WarmStart, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZACHET_TOKEN", "a secret of this machine")
    look = (
        "import os\nprint(sorted(int(n) for n in os.listdir('/proc') if n.isdigit()), os.getpid(), os.getppid())\n"
        "print(len(os.listdir('/proc/self/fd')))\nprint([os.readlink(f'/proc/self/fd/{n}').split(':')[0] for n in (0, 1, 2)])\n"
        "def environment(number):\n  try: return open(f'/proc/{number}/environ', 'rb').read()\n  except OSError: return b''\n"
        "print(any(b'secret' in environment(number) for number in os.listdir('/proc') if number.isdigit()))\n"
        "print('a secret of this' + ' machine' in str(os.environ))"
    )
    shown = said(run(warm, tmp_path, look)).splitlines()
    assert shown[0] == "[1, 2, 3] 3 0"
    cold = said(execute(of(tmp_path, look), nothing)).splitlines()
    assert shown[1:] == cold[1:]
    assert shown[3:] == ["False", "False"]


def test_folders_and_memory_of_one_job_are_gone_in_the_next(warm: WarmStart, tmp_path: Path) -> None:
    leave = "for folder in ('/work', '/tmp', '/dev/shm'): open(folder + '/left', 'w').write('x')\nimport builtins, torch; builtins.left = torch.left = 'mar' + 'ker-7391'"
    look = (
        "import os, gc, torch, builtins\nprint([os.path.exists(f + '/left') for f in ('/work', '/tmp', '/dev/shm')], hasattr(torch, 'left'), hasattr(builtins, 'left'))\n"
        "import ctypes\nwanted = b'mar' + b'ker-73' + b'91'\nfound = 0\n"
        "for line in list(open('/proc/self/maps')):\n  span, rights = line.split()[:2]\n"
        "  if not rights.startswith('rw') or '[v' in line: continue\n  first, last = (int(n, 16) for n in span.split('-'))\n"
        "  found += (ctypes.c_char * (last - first)).from_address(first).raw.count(wanted)\nprint(found, torch.__name__)"
    )
    before = run(warm, tmp_path, leave)
    after = run(warm, tmp_path, look)
    assert before.execution.exit_reason is ExitReason.COMPLETED
    lines = said(after).splitlines()
    assert lines[0] == "[False, False, False] False False"
    # The search finds what it looks for and its own copies, as often in a process that never served the job that left it.
    with WarmStart() as fresh:
        assert lines[1] == said(run(fresh, tmp_path, look)).splitlines()[1]


def test_limits_hold_in_a_warm_run(warm: WarmStart, tmp_path: Path) -> None:
    fork = "import os, time\nn = 0\ntry:\n  while True:\n    if os.fork() == 0: time.sleep(60)\n    n += 1\nexcept OSError: print(n < 64)"
    result = warm.execute(of(tmp_path, fork), nothing)
    assert said(result) == "True"
    calls = (
        "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        "print([libc.unshare(0x10000000), libc.setns(0, 0), libc.ptrace(0, 0, 0, 0), libc.mount(b'', b'/tmp', b'tmpfs', 0, b'')])\n"
        "for path in ('/usr/x', '/in/x', '/zachet/x', '/x'):\n  try: open(path, 'w'); print(path)\n  except OSError: pass\n"
        "try: open('/proc/sys/kernel/core_pattern', 'w'); print('core')\nexcept OSError: pass\n"
        "import socket\ntry: socket.create_connection(('1.1.1.1', 53), 1); print('network')\nexcept OSError: pass\n"
        "try: os.chmod(os.readlink('/proc/self/exe'), 0o777); print('chmod')\nexcept OSError: pass\n"
        "import importlib.util\nprint([importlib.util.find_spec(name) for name in ('grader', 'variants')])"
    )
    lines = said(run(warm, tmp_path, calls)).splitlines()
    assert lines[0] == "[-1, -1, -1, -1]"
    assert len(lines) == 2, lines
    memory = warm.execute(of(tmp_path, "hold = b'x' * (900 << 20)\nimport time; time.sleep(30)", limits=Limits(memory_mb=1000, wall_s=60)), nothing)
    assert memory.execution.exit_reason in {ExitReason.OUT_OF_MEMORY, ExitReason.RAISED}
    assert memory.execution.cells[0].status == "error"


def test_twenty_jobs_four_at_once_keep_apart_and_leave_nothing(tmp_path: Path) -> None:
    need(Isolation.FULL)
    before = (children(), descriptors())
    with WarmStart() as warm, ThreadPoolExecutor(4) as pool:

        def one(number: int) -> str:
            return said(run(warm, tmp_path / str(number), f"open('n{number}', 'w')", "import glob\nprint(glob.glob('n*'))"), 1)

        for number in range(20):
            (tmp_path / str(number)).mkdir()
        assert list(pool.map(one, range(20))) == [f"['n{number}']" for number in range(20)]
        assert 1 <= len(warm.zygotes) <= 4
    assert (children(), descriptors()) == before


def test_a_process_is_replaced_after_its_share_of_jobs(tmp_path: Path) -> None:
    need(Isolation.FULL)
    with WarmStart(jobs_each=1) as warm:
        assert said(run(warm, tmp_path, "print(1)")) == "1"
        assert warm.zygotes == ()
        assert said(run(warm, tmp_path, "print(2)")) == "2"


def test_open_files_of_the_grader_do_not_grow(warm: WarmStart, tmp_path: Path) -> None:
    run(warm, tmp_path, "1")
    before = descriptors()
    for _ in range(5):
        run(warm, tmp_path, "1")
    assert descriptors() == before
