"""The warm start for an ordinary user, who has neither control groups nor another uid to drop to."""

import os

import pytest

from grader.model import Isolation
from tests.as_user import passes_as_user
from tests.sandbox_jobs import need

pytestmark = pytest.mark.sandbox


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user runs every other test of the warm start already")
def test_an_ordinary_user_starts_warm_without_any_help_of_root() -> None:
    need(Isolation.FULL)
    picked = "shows_the_same or sees_nothing or limits_hold or folders_and_memory or killed_in_the_middle or daemons"
    passes_as_user(["tests/test_warm.py", "tests/test_warm_faults.py", "-k", picked])
