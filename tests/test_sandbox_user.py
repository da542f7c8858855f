"""The full tier for an ordinary user, who has neither control groups nor another uid to drop to."""

import os

import pytest

from grader.model import Isolation
from tests.as_user import passes_as_user
from tests.sandbox_jobs import need

pytestmark = pytest.mark.sandbox


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user runs every other test of the sandbox already")
def test_an_ordinary_user_gets_the_full_tier_without_any_help_of_root() -> None:
    need(Isolation.FULL)
    picked = "completes or raised or measured or daemon or environment or private_home or written or shown or bomb"
    passes_as_user(["tests/test_sandbox_run.py", "tests/test_sandbox_escapes.py", "-k", f"({picked}) and not none"])
