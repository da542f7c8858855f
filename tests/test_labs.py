"""The small labs: through the whole road, their solutions earn everything and every mutant fails its own checks and no others."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from grader.cli.assignment import assignment
from grader.model import Isolation
from tests.sandbox_jobs import need

LABS = Path(__file__).parent / "labs"
pytestmark = [pytest.mark.sandbox, pytest.mark.train, pytest.mark.timeout(600)]


@pytest.mark.parametrize("slug", sorted(file.parent.name for file in LABS.glob("*/assignment.toml")))
def test_a_small_lab_holds(slug: str) -> None:
    need(Isolation.FULL)
    result = CliRunner().invoke(assignment, ["verify", slug, "--assignments", str(LABS)], standalone_mode=False)
    assert result.exception is None, result.exception
    assert result.return_value == 0, result.output
