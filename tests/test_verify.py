"""`zachet assignment verify` on a tiny assignment: it holds, and each way in which it may not hold is said."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from nbformat import NotebookNode

from grader.assignment import load_assignment
from grader.cli.assignment import assignment
from grader.errors import AssignmentError
from grader.verify import make_work
from variants.manifest import Variant
from variants.roster import Student

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300)]

TOML = """
slug = "tiny"
edition = "1"
points = 4
languages = ["en"]
[title]
en = "Tiny"
[[criterion]]
id = "double"
points = 4
checks = ["doubles"]
[criterion.title]
en = "Doubling"
"""
LAB = """# %% [markdown]
# Double a number.

# %%
def double(x):
    # solution
    return 2 * x
    # end solution
"""
PROBE = """
WATCH = ("double",)


def describe(session):
    pass


def answer(session, given):
    session.record("doubled", session.namespace["double"](given["numbers"]))
"""
CHECKS = '''
"""Checks of a tiny lab."""

import numpy as np

from grader.checks import check, failed, passed
from grader.model import Given, Text

WORDS = Text(ru="слова", en="words")


def prepare(preparation):
    numbers = preparation.rng.normal(size=5)
    return Given(sent={"numbers": numbers}, kept={"doubled": 2 * numbers})


@check(ru="Удваивает", en="Doubles")
def doubles(evidence):
    right = np.allclose(evidence.array("doubled"), evidence.kept("doubled"))
    return passed(WORDS) if right else failed(WORDS, hint=WORDS)
'''
MUTANT = 'fails = {fails}\n[title]\nru = "х"\nen = "x"\n[[edit]]\nfind = "{find}"\nreplace = "{replace}"\n'


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    folder = tmp_path / "tiny"
    for name, text in {"assignment.toml": TOML, "lab.py": LAB, "probe.py": PROBE, "checks.py": CHECKS}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def mutate(tiny: Path, name: str, fails: list[str], find: str, replace: str) -> None:
    target = tiny / "mutants" / name / "mutant.toml"
    target.parent.mkdir(parents=True)
    target.write_text(MUTANT.format(fails=fails, find=find, replace=replace), encoding="utf-8")


def verify(tiny: Path) -> tuple[int, str]:
    result = CliRunner().invoke(assignment, ["verify", str(tiny), "--variants", "1", "--isolation", "none"], standalone_mode=False)
    if result.exception:
        raise result.exception
    return int(result.return_value), result.output


def test_an_assignment_that_holds(tiny: Path) -> None:
    mutate(tiny, "triples", ["doubles"], "2 * x", "3 * x")
    code, said = verify(tiny)
    assert code == 0, said
    assert "✓ triples" in said
    assert "tiny: everything holds." in said


def test_a_mutant_that_nothing_catches_and_a_solution_that_fails_are_said(tiny: Path) -> None:
    mutate(tiny, "adds", ["doubles"], "2 * x", "x + x")
    (tiny / "checks.py").write_text(CHECKS.replace("2 * numbers", "2 * numbers + 1e-3 * (numbers > 9)"), encoding="utf-8")
    code, said = verify(tiny)
    assert code == 1
    assert "✗ adds" in said
    assert "not caught by doubles" in said


def test_a_check_that_the_mutant_does_not_name_is_said(tiny: Path) -> None:
    mutate(tiny, "triples", [], "2 * x", "3 * x")
    code, said = verify(tiny)
    assert code == 1
    assert "also fails doubles" in said


def test_a_mutant_whose_edit_finds_nothing_is_refused(tiny: Path) -> None:
    mutate(tiny, "stale", ["doubles"], "4 * x", "3 * x")
    with pytest.raises(Exception, match="has no “4 \\* x” to change"):
        verify(tiny)


def cells_of(tiny: Path, rows: str) -> list[NotebookNode]:
    """Return the cells of the mutant that has these lines in its file."""
    folder = tiny / "mutants" / "stale"
    folder.mkdir(parents=True)
    (folder / "mutant.toml").write_text(rows + '[title]\nru = "х"\nen = "x"\n', encoding="utf-8")
    variant = Variant(student=Student(id="s", name="", group="", number=None, stream=""), assignment="tiny", rule="", classes=(1, 2, 3))
    return list(make_work("stale", load_assignment(tiny), variant, "en").cells)


def test_a_mutant_may_change_the_text_and_store_an_output(tiny: Path) -> None:
    edit, below = '[[edit]]\nfind = "Double a number."\nreplace = "Halve it."\n', '[[printed]]\nbelow = "return 2"\ntext = "42"\n'
    cells = cells_of(tiny, edit + below)
    assert any(cell.source == "Halve it." for cell in cells)
    assert [output.text for cell in cells if cell.cell_type == "code" for output in cell.outputs] == ["42"]


def test_a_mutant_that_stores_an_output_below_no_code_is_refused(tiny: Path) -> None:
    with pytest.raises(AssignmentError, match=r"has no code with “Double a number\.” to store an output below"):
        cells_of(tiny, '[[printed]]\nbelow = "Double a number."\ntext = "42"\n')


@pytest.mark.parametrize("rows", ["", 'work = "work.py"\n[[printed]]\nbelow = "return 2"\ntext = "42"\n'])
def test_a_mutant_of_no_form_or_of_two_is_told_which_there_are(tiny: Path, rows: str) -> None:
    with pytest.raises(AssignmentError, match=r"either rows \(`edit`, `printed`\) or `work`"):
        cells_of(tiny, rows)
