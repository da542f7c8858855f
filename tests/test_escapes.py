"""The attack corpus: every hostile submission of tests/escapes goes from the intake to the gradebook, and none gets anywhere.

Runs start warm, and cold with ZACHET_TEST_START=cold. `python benchmarks/escape_table.py --user 54321` runs both, as root and as a user.
"""

import csv
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from grader.model import ExitReason, Isolation, Outcome
from tests.escapes.campaign import NEIGHBOURS, Campaign, run_campaign
from tests.escapes.corpus import FAMILIES, HERE, Attack, corpus
from tests.sandbox_jobs import need
from tests.test_report_hostile import assert_harmless

ATTACKS = corpus()
EACH = pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.student)
sandboxed = pytest.mark.sandbox
PAGE = HERE.parent.parent / "docs" / "security.md"


@pytest.fixture(scope="module")
def campaign() -> Iterator[Campaign]:
    need(Isolation.FULL)
    # Not in pytest's own folder, which is closed to the uid that runs have outside: the traps must be in its reach.
    folder = Path(tempfile.mkdtemp(prefix="zachet-campaign-"))
    folder.chmod(0o755)
    yield run_campaign(folder, start="cold" if os.environ.get("ZACHET_TEST_START") == "cold" else "warm")
    shutil.rmtree(folder)


def shown(campaign: Campaign, attack: Attack) -> str:
    """Return all that came out of the run: outputs, records, messages. Not the source, in which the attack stands itself."""
    outcome = campaign.outcomes[attack.student]
    assert outcome.evidence is not None, outcome.done.error
    cells: list[dict[str, Any]] = json.loads(outcome.evidence.notebook)["cells"]
    outputs = json.dumps([cell.get("outputs", []) for cell in cells], ensure_ascii=False)
    records = json.dumps(json.loads((outcome.evidence.folder / "records.json").read_text(encoding="utf-8"))["records"], ensure_ascii=False)
    return "\n".join([outputs, records, outcome.evidence.execution.message, *(cell.error for cell in outcome.evidence.execution.cells)])


def test_there_are_attacks_of_every_family() -> None:
    assert len(ATTACKS) >= 40
    assert {attack.family for attack in ATTACKS} == set(FAMILIES)
    assert len({attack.student for attack in ATTACKS}) == len(ATTACKS)


def test_every_attack_stands_in_the_documents_with_what_came_of_it() -> None:
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    for attack in ATTACKS:
        words = attack.tries.replace("|", "∣")
        (line,) = [line for line in lines if line.startswith(f"| {attack.family} | {attack.title} | {words} |")]
        assert "NOT CONTAINED" not in line
    assert f"{len(ATTACKS)} of {len(ATTACKS)}" in PAGE.read_text(encoding="utf-8")


@sandboxed
@EACH
def test_nothing_that_an_attack_wanted_comes_out(campaign: Campaign, attack: Attack) -> None:
    outcome = campaign.outcomes[attack.student]
    said = shown(campaign, attack)
    assert "ESCAPED" not in said, said[said.index("ESCAPED") :][:500]
    for words in attack.says:
        assert words in said, "the attack was not even tried"
    for name, secret in campaign.secrets.items():
        assert secret not in said, name
        assert secret not in outcome.page, name


@sandboxed
@EACH
def test_an_attack_ends_as_it_must_and_earns_its_honest_part(campaign: Campaign, attack: Attack) -> None:
    score = campaign.outcomes[attack.student].score
    execution = score.execution
    assert ExitReason(str(execution["exit_reason"])) in attack.exits, execution["message"]
    assert score.earned <= attack.points
    if len(attack.exits) == 1:
        assert score.earned == attack.points
    assert str(score.verdict) == attack.verdict
    assert score.isolation is Isolation.FULL
    judged = [*score.notes, *(finding for criterion in score.criteria for finding in criterion.findings)]
    errored = [finding for finding in judged if finding.outcome is Outcome.ERRORED]
    assert not [finding.actual for finding in errored]


@sandboxed
@EACH
def test_the_report_of_an_attack_shows_it_as_text(campaign: Campaign, attack: Attack) -> None:
    assert_harmless(campaign.outcomes[attack.student].page)


@sandboxed
def test_every_hand_in_is_taken_for_that_of_its_student(campaign: Campaign) -> None:
    assert {one.student for one in campaign.intake.submissions} == {attack.student for attack in ATTACKS} | set(NEIGHBOURS)
    assert not campaign.intake.missing
    assert not campaign.intake.strays


@sandboxed
def test_neighbours_of_attacks_are_the_same_to_the_bit_as_alone(campaign: Campaign) -> None:
    for name in NEIGHBOURS:
        assert "arrays/records/logits.npy" in campaign.alone[name]
        assert campaign.beside[name] == campaign.alone[name]
        assert campaign.neighbours[name].earned == 10


@sandboxed
def test_nothing_of_an_attack_is_left_on_the_machine(campaign: Campaign) -> None:
    assert campaign.after == campaign.before
    assert not campaign.survivors
    assert not campaign.after.groups


@sandboxed
def test_nothing_reached_a_process_outside(campaign: Campaign) -> None:
    assert not campaign.contacts


@sandboxed
def test_the_gradebook_holds_no_formula_and_the_index_no_markup(campaign: Campaign) -> None:
    with campaign.results.gradebook.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.reader(stream))
    assert len(rows) == 1 + len(ATTACKS) + len(NEIGHBOURS)
    assert not [cell for row in rows for cell in row if cell.lstrip().startswith(("=", "+", "-", "@"))]
    assert all(character.isprintable() for row in rows for cell in row for character in cell)
    assert_harmless((campaign.results.reports / "index.html").read_text(encoding="utf-8"))


@sandboxed
@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user has no control group to look for")
def test_control_groups_are_gone(campaign: Campaign) -> None:
    assert not [path for path in Path("/sys/fs/cgroup").glob("**/zachet-*") if f"zachet-{os.getpid()}-" in path.name]
