"""What the commands about variants share: how a rule is to be read, and how long lists and JSON are printed."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce, wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from grader.course import course_around
from variants.draw import read_secret
from variants.group import GroupIs
from variants.lint import Case, Lint, lint_roster
from variants.manifest import Resolve, Variant, assign
from variants.roster import Student
from variants.rule import Rule

_T = TypeVar("_T")
FILE: click.Path = click.Path(path_type=Path)
_SHOWN = 40  # cases printed of each kind; --json has all
DEFAULT_GROUPS = tuple(range(1, 11))
DEFAULT_NUMBERS = tuple(range(1, 36))


def number_range(_context: click.Context, _parameter: click.Parameter, value: str | None) -> tuple[int, ...] | None:
    """Read whole numbers such as `1-10`, `3` or `1-4,21-24`: ascending, each once."""
    if value is None:
        return None
    numbers: set[int] = set()
    for part in value.split(","):
        match = re.fullmatch(r"\s*(\d{1,4})\s*(?:-\s*(\d{1,4})\s*)?", part)
        first, last = (int(match.group(1)), int(match.group(2) or match.group(1))) if match else (1, 0)
        if last < first:
            raise click.BadParameter(f'"{value}" is not a range such as 1-10 or 1-4,21-24.')
        numbers.update(range(first, last + 1))
    return tuple(sorted(numbers))


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """How a rule is to be read for the students of a roster."""

    group_is: GroupIs | None
    stream: str
    assignment: str
    secret_file: Path | None
    around: Path = Path()

    def near(self, file: Path) -> "How":
        """Return the same for a roster at `file`: what is not said here, the course around it says."""
        return replace(self, around=file.parent)

    @property
    def is_plain(self) -> bool:
        """Whether the rule is to be read as its file says."""
        return not (self.group_is or self.stream or self.assignment or self.secret_file)

    def assign(self, students: Sequence[Student], rule: Rule, resolve: Resolve | None, kept: Sequence[Variant] = ()) -> tuple[Variant, ...]:
        """Give these students the classes of `rule`; who has a set among `kept` that nobody else may have keeps it."""
        secret, group_is = self._secret(rule), self._group()
        return assign(
            students, rule, assignment=self.assignment, secret=secret, group_is=group_is, stream=self.stream, resolve=resolve, kept=kept
        )

    def lint(self, students: Sequence[Student], rule: Rule, kept: Sequence[Variant] = ()) -> Lint:
        """Look at the classes that these students would get; `kept` as in `assign`."""
        secret, group_is = self._secret(rule), self._group()
        return lint_roster(students, rule, assignment=self.assignment, secret=secret, group_is=group_is, stream=self.stream, kept=kept)

    def manifest(self, rule: Rule) -> Path | None:
        """Return the manifest of the course around, where there is one and the rule minds who has a set already."""
        course = course_around(self.around) if rule.wanted else None
        return course.manifest if course and course.manifest.is_file() else None

    def _secret(self, rule: Rule) -> bytes | None:
        course = course_around(self.around) if rule.kind == "keyed" and self.secret_file is None else None
        return (course.secret() if course else read_secret(self.secret_file)) if rule.kind == "keyed" else None

    def _group(self) -> GroupIs | None:
        course = None if self.group_is else course_around(self.around)
        return GroupIs(course.group_is) if course and course.group_is else self.group_is


def how_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say how a rule is to be read; the command gets them as one `how`."""

    @wraps(command)
    def collected(group_is: str | None, stream: str, assignment: str, secret_file: Path | None, **rest: Any) -> None:
        meaning = GroupIs(group_is) if group_is else None
        command(how=How(group_is=meaning, stream=stream, assignment=assignment, secret_file=secret_file), **rest)

    options = (
        click.option(
            "--group-is",
            type=click.Choice([meaning.value for meaning in GroupIs]),
            help="What «group» means, when not what the rule says: ИУ5-61Б is 61 printed, 1 ordinal.",
        ),
        click.option("--stream", default="", help="The stream of the students whose line in the roster names none."),
        click.option("--assignment", default="", metavar="SLUG", help="What the variants are for; a keyed rule needs it."),
        click.option("--secret-file", type=FILE, help="File with the course secret for a keyed rule; by default that of the course around the roster, or ZACHET_SECRET."),
    )
    return reduce(lambda inner, option: option(inner), reversed(options), collected)


as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def print_some(title: str, items: Sequence[_T], line: Callable[[_T], str]) -> None:
    """Print a title, how many there are, and the first 40 of them."""
    click.echo(f"{title}: {len(items):,}")
    for item in items[:_SHOWN]:
        click.echo(f"  {line(item)}")
    if len(items) > _SHOWN:
        click.echo(f"  and {len(items) - _SHOWN:,} more; --json lists all")


def line_of(case: Case) -> str:
    """Return a variant on one line."""
    return f"{case.who}: {', '.join(map(str, case.classes))}"


def shared_line(cases: Sequence[Case]) -> str:
    """Return a set of classes and who has it, on one line."""
    return f"{', '.join(map(str, sorted(set(cases[0].classes))))}: {'; '.join(case.who for case in cases)}"


def shared_json(cases: Sequence[Case]) -> dict[str, Any]:
    """Return a set of classes and who has it, for JSON."""
    return {"classes": sorted(set(cases[0].classes)), "who": [case.who for case in cases]}


def kept_line(manifest: Path | None) -> str:
    """Say where the sets come from that students have already, by a rule that gives every set once."""
    return f"Whoever has a set in {manifest} keeps it." if manifest else "As if nobody had a set yet: the roster is not in a course with a variants.csv."


def print_json(value: dict[str, Any]) -> None:
    """Print JSON that people can read as well."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))
