"""The documents say what is there."""

import ast
import re
import sys
from pathlib import Path

import click
import pytest

from grader.cli import zachet
from grader.model import ExitReason, Isolation, Outcome, Verdict, View

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def commands() -> list[tuple[str, click.Command]]:
    found: list[tuple[str, click.Command]] = []

    def walk(prefix: str, command: click.Command) -> None:
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                inner = command.get_command(context, name)
                assert inner is not None
                walk(f"{prefix} {name}", inner)
        else:
            found.append((prefix, command))

    walk("zachet", zachet)
    return found


@pytest.mark.parametrize(("name", "command"), commands(), ids=[name for name, _ in commands()])
def test_every_command_has_help_and_stands_in_the_reference(name: str, command: click.Command) -> None:
    assert command.help
    reference = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert f"`{name}" in reference
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{name} {parameter.name} has no help"
            assert f"`{parameter.opts[-1]}" in reference or f"`{parameter.opts[0]}" in reference, f"{name} {parameter.opts} is not in docs/cli.md"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / link).exists(), f"{page.name} links to {link}"


def test_every_outcome_exit_reason_and_verdict_stands_in_the_glossary() -> None:
    glossary = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    for word in (*Outcome, *ExitReason, *Verdict, *View, *Isolation):
        assert re.search(rf"[*`]{word}[*`]", glossary), word


def test_the_readme_is_a_screen_and_a_half() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 110


def test_the_image_that_the_docs_describe_has_all_that_the_runner_imports() -> None:
    (line,) = re.findall(r"^RUN pip install (.+)$", (ROOT / "docs" / "security.md").read_text(encoding="utf-8"), re.MULTILINE)
    installed = set(line.split())
    distributions = {"IPython": "ipython", "PIL": "pillow", "traitlets": "ipython"}
    for file in (ROOT / "grader" / "inside").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            absolute = [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else absolute
            for name in {name.split(".")[0] for name in names} - sys.stdlib_module_names:
                assert distributions.get(name, name) in installed, f"{file.name} imports {name}"
