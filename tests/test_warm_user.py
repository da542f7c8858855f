"""The warm start for an ordinary user, who has neither control groups nor another uid to drop to."""

import os
import shutil
import subprocess
import sys

import pytest

from grader.model import Isolation
from tests.sandbox_jobs import need
from tests.test_sandbox_user import AS_USER, CHECKOUT, USER

pytestmark = pytest.mark.sandbox


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user runs every other test of the warm start already")
def test_an_ordinary_user_starts_warm_without_any_help_of_root() -> None:
    need(Isolation.FULL)
    if not all(map(shutil.which, ("unshare", "setpriv"))):
        pytest.skip("util-linux is not here")
    folders = " ".join(dict.fromkeys([sys.base_prefix, sys.prefix, str(CHECKOUT)]))
    picked = "shows_the_same or sees_nothing or limits_hold or folders_and_memory or killed_in_the_middle or daemons"
    tests = ["tests/test_warm.py", "tests/test_warm_faults.py", "-k", picked, "-q", "-p", "no:cacheprovider"]
    shell = ["unshare", "--mount", "--propagation", "private", "sh", "-c", AS_USER, "sh", str(USER), folders]
    environment = {"PATH": os.environ["PATH"], "HOME": "/nowhere", "PYTHONDONTWRITEBYTECODE": "1", "LANG": "C.UTF-8"}
    command = [*shell, sys.executable, "-m", "pytest", *tests]
    result = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)
    if "unshare failed" in result.stderr:
        pytest.skip(result.stderr.strip())
    assert result.returncode == 0, result.stdout + result.stderr
    assert "skipped" not in result.stdout.splitlines()[-1]
