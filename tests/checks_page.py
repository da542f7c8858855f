"""Writes docs/checks.md from the checks themselves: `python -m tests.checks_page`. A test holds the page in step."""

import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path

import grader.checks
from grader.assignment import load_assignment
from grader.checks import CheckFunction, CheckInfo
from grader.content import content_dir
from grader.mutants import Mutant, load_mutants

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "checks.md"
LABS = (*sorted(file.parent for file in (ROOT / "tests" / "labs").glob("*/assignment.toml")), content_dir("assignments") / "iu5_lab1")
TITLES = {
    "optimisation": "Optimisation", "validation": "Validation", "loss": "Loss", "data": "Data", "models": "Models", "images": "Models of images",
    "stated": "Numbers and comparisons", "claims": "The final table", "reports": "Reports by class", "outputs": "What the notebook shows",
    "components": "Required components", "study": "The written part",
}  # fmt: skip
HEAD = """# The checks of the library

For authors of assignments. Import a check into `checks.py` and name it in `assignment.toml`; [writing-an-assignment.md](writing-an-assignment.md) says how.
Every check says what was expected, what was seen and what to try next, in Russian and in English. Those that read the [trace](trace.md) need no
name of the notebook's own: they find models by what was optimised and data by what was read, and look at every training. What they conclude is
*reported*, so give them notes or few points; accuracy and gradients rest on measured records.

One mistake gives one finding: each check has a mutant that it catches and, as far as the mistake has no other consequence, no other check does.
`zachet assignment verify SLUG --assignments tests/labs` runs those of the two small labs. A check leaves a work alone where it has no training to look at.

"""
TAIL = """## With numbers of your own

These are functions for a check that you write in a few lines, with a title of your own:

| function | concludes |
| --- | --- |
| `components.components(evidence, parts, lacks)` | which required source patterns are in code that ran |
| `components.forbidden(evidence, parts, found, hint)` | that no forbidden source pattern is |
| `stated.trained_as_stated(evidence, batch=, epochs=, lr=)` | that some training ran with the numbers of the lab |
| `models.parameters_between(evidence, least, most, trainable=)` | how large the last trained model is |
| `gradients.judge_gradients(seen, expected, names=, shapes=, hint=)` | which gradients of hidden inputs are right, a share of the points each |
| `study.answers_given(evidence, assignment, wanted)` | how many answers are in the student's own words and repeat no question |
| `study.rows_given(evidence, assignment, wanted)` | how many rows the student's own tables have |
| `tables.read_results(text)` | the rows of a table of results, in whatever hand it is written |

Patterns are those of ast-grep: `$OPT.zero_grad()` matches any name, `$$$` any arguments; comments and strings never match.
"""


def checks_of(module: str) -> Iterator[CheckFunction]:
    """Yield the checks that the module defines, in its order."""
    for value in vars(importlib.import_module(f"grader.checks.{module}")).values():
        if hasattr(value, "__zachet_check__") and value.__module__ == f"grader.checks.{module}":
            yield value


def modules() -> set[str]:
    """Return the modules of the library that define checks."""
    names = {file.stem for file in Path(grader.checks.__file__).parent.glob("*.py")} - {"__init__"}
    return {name for name in names if any(True for _ in checks_of(name))}


def mutants() -> list[tuple[str, Mutant]]:
    """Return every mutant with the lab it belongs to, those that fail few checks first."""
    found = [(lab.slug, mutant) for folder in LABS for lab in [load_assignment(folder)] for mutant in load_mutants(lab)]
    return sorted(found, key=lambda one: len(one[1].fails))


def catcher_of(check: str) -> str:
    """Return `lab/mutant` of the mutant that fails this check and as few others as any, or ""."""
    return next((f"{slug}/{mutant.name}" for slug, mutant in mutants() if check in mutant.fails), "")


def page() -> str:
    """Return the page as it has to be."""
    parts = [HEAD]
    for module, title in TITLES.items():
        parts.append(f"## {title}\n\n`grader.checks.{module}`\n\n| check | Russian, English | looks at | mutant |\n| --- | --- | --- | --- |\n")
        for function in checks_of(module):
            info: CheckInfo = function.__zachet_check__  # type: ignore[attr-defined]
            looks = " ".join((inspect.getdoc(function) or "").split()).replace("|", "\\|")
            parts.append(f"| `{info.name}` | {info.title.ru}; {info.title.en} | {looks} | `{catcher_of(info.name)}` |\n")
        parts.append("\n")
    return "".join([*parts, TAIL])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
