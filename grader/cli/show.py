"""What the commands print: tables, progress, findings, exit codes."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from grader.cohort import Done, first_problem
from grader.model import Finding, Language, Outcome, Score, Verdict
from grader.submission import Intake

MARKS = {Outcome.PASSED: "✓", Outcome.FAILED: "✗", Outcome.SKIPPED: "–", Outcome.ERRORED: "!", Outcome.PENDING: "…"}
VERDICTS: dict[Verdict, dict[Language, str]] = {
    Verdict.PASSED: {"ru": "зачтено", "en": "passed"},
    Verdict.FAILED: {"ru": "не зачтено", "en": "not passed"},
    Verdict.HELD: {"ru": "на проверке", "en": "held"},
}
_COLOURS = {Verdict.PASSED: "green", Verdict.FAILED: "red", Verdict.HELD: "yellow"}
NOT_PASSED, NOT_GRADABLE, OUR_FAULT = 1, 3, 4


def printable(text: str) -> str:
    """Return the text without what could command a terminal."""
    return "".join(character if character.isprintable() else "�" for character in text)


def exit_code(done: Sequence[Done], intake: Intake) -> int:
    """Return the code of a batch: our fault before theirs, not gradable before not passed."""
    if any(one.error is not None for one in done):
        return OUR_FAULT
    if intake.strays or any(submission.notebook is None for submission in intake.submissions):
        return NOT_GRADABLE
    return NOT_PASSED if any(one.score is None or one.score.verdict is not Verdict.PASSED for one in done) else 0


def score_table(scores: Sequence[Score], language: Language) -> None:
    """Print one line per student."""
    head = {
        "ru": ("студент", "имя", "баллы", "итог", "на что посмотреть сначала"),
        "en": ("student", "name", "points", "verdict", "look at this first"),
    }[language]
    table = Table(*head, box=None, pad_edge=False, header_style="bold")
    for scored in scores:
        problem = first_problem(scored)
        colour = _COLOURS[scored.verdict]
        table.add_row(
            escape(printable(scored.student)),
            escape(printable(scored.name)),
            f"{scored.earned:g} / {scored.points:g}",
            f"[{colour}]{VERDICTS[scored.verdict][language]}[/{colour}]",
            escape(printable(problem.of(language))) if problem else "",
        )
    Console().print(table)


def show_findings(intake: Intake, language: Language) -> None:
    """Print on stderr what the intake found that belongs to no score, so that no submission is lost in silence."""
    for finding in (*intake.strays, *intake.absences):
        click.echo(finding_lines(finding, language), err=True)


def finding_lines(finding: Finding, language: Language) -> str:
    """Return a finding as the lines a terminal shows: outcome and title, then expected, seen and hint."""
    words: dict[str, dict[Language, str]] = {
        "expected": {"ru": "ожидалось", "en": "expected"},
        "actual": {"ru": "получено", "en": "seen"},
        "hint": {"ru": "что попробовать", "en": "what to try"},
    }
    lines = [f"{MARKS[finding.outcome]} {finding.title.of(language)}: {finding.rationale.of(language)}"]
    if finding.expected and finding.outcome is not Outcome.PASSED:
        lines.append(f"    {words['expected'][language]}: {finding.expected}")
    if finding.actual:
        lines.append(f"    {words['actual'][language]}: {finding.actual}")
    if finding.hint and finding.outcome is not Outcome.PASSED:
        lines.append(f"    {words['hint'][language]}: {finding.hint.of(language)}")
    return "\n".join(printable_lines(line) for line in lines)


def printable_lines(text: str) -> str:
    """Return the text on one line, without what could command a terminal."""
    return printable(text.replace("\n", " ⏎ "))


@contextmanager
def progress_bar(total: int, *, visible: bool) -> Iterator[Callable[[Done], None]]:
    """Show a bar with an estimate of what is left, on stderr; yields what to call with each result."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not (visible and total), transient=True) as bar:
        task = bar.add_task("grading", total=total)

        def advance(one: Done) -> None:
            bar.update(task, advance=1, description=escape(printable(one.student)))

        yield advance
