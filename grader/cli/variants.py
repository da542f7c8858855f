"""`zachet variants`: give out variants, look for what is wrong with a rule, show what one student got."""

import difflib
import gc
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce, wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from grader.course import course_around
from variants.cifar100 import SUPERCLASS, SUPERCLASSES, names
from variants.draw import read_secret
from variants.errors import VariantsError
from variants.group import GroupIs
from variants.lint import Case, Lint, lint_roster, lint_rule, shared_sets
from variants.manifest import MOVED, Resolve, Variant, assign, is_manifest, read_manifest, variant_record, write_manifest
from variants.roster import Student, read_roster
from variants.rule import Rule
from variants.rules import load_rule

_T = TypeVar("_T")
_FILE = click.Path(path_type=Path)
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

    def assign(self, students: Sequence[Student], rule: Rule, resolve: Resolve | None) -> tuple[Variant, ...]:
        """Give these students the classes of `rule`."""
        secret, group_is = self._secret(rule), self._group()
        return assign(students, rule, assignment=self.assignment, secret=secret, group_is=group_is, stream=self.stream, resolve=resolve)

    def lint(self, students: Sequence[Student], rule: Rule) -> Lint:
        """Look at the classes that these students would get."""
        secret, group_is = self._secret(rule), self._group()
        return lint_roster(students, rule, assignment=self.assignment, secret=secret, group_is=group_is, stream=self.stream)

    def _secret(self, rule: Rule) -> bytes | None:
        course = course_around(self.around) if rule.kind == "keyed" and self.secret_file is None else None
        return (course.secret() if course else read_secret(self.secret_file)) if rule.kind == "keyed" else None

    def _group(self) -> GroupIs | None:
        course = None if self.group_is else course_around(self.around)
        return GroupIs(course.group_is) if course and course.group_is else self.group_is


def _how(command: Callable[..., None]) -> Callable[..., None]:
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
        click.option("--secret-file", type=_FILE, help="File with the course secret for a keyed rule; by default that of the course around the roster, or ZACHET_SECRET."),
    )
    return reduce(lambda inner, option: option(inner), reversed(options), collected)


_resolve = click.option(
    "--resolve",
    type=click.Choice(["next-free"]),
    help="Move a class that is there twice or outside 0..99 up to the next one the student does not have.",
)
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def variants() -> None:
    """Give every student of a roster a variant: which CIFAR-100 classes to work with."""


@variants.command("assign")
@click.argument("roster", type=_FILE)
@click.option("--rule", "rule_name", required=True, metavar="RULE", help="A bundled rule such as iu5-2024, or the path of a .toml file.")
@click.option("-o", "--output", type=_FILE, required=True, metavar="FILE", help="The manifest to write, variants.csv.")
@_resolve
@_how
@_as_json
def assign_command(*, roster: Path, rule_name: str, output: Path, resolve: Resolve | None, how: How, as_json: bool) -> None:
    """Give every student of ROSTER (CSV) the classes that a rule says.

    Nothing is written unless every student gets different classes within 0..99; those who do not are named.
    """
    rule = load_rule(rule_name)
    if output.exists() and roster.exists() and output.samefile(roster):
        raise VariantsError("the manifest would replace the roster.", where=str(output), remedy="Choose another name for -o.")
    gc.disable()  # hundreds of thousands of small values and no cycle among them: looking for cycles is a third of the time
    try:
        given = how.near(roster).assign(read_roster(roster), rule, resolve)
        write_manifest(output, given)
        shared = shared_sets(given)
    finally:
        gc.enable()
    moved = [variant for variant in given if MOVED in variant.resolution]
    meaning = str(how.group_is or rule.group_is) if rule.uses_group() else None
    if as_json:
        _print_json(
            {
                "manifest": str(output),
                "rule": rule.name,
                "assignment": how.assignment,
                "group_is": meaning,
                "students": len(given),
                "resolved": [{"id": variant.student.id, "resolution": variant.resolution} for variant in moved],
                "identical": [_shared_json(_cases(sharing)) for sharing in shared],
            }
        )
        return
    click.echo(f"{output}: {len(given):,} students, rule {rule.name} ({rule}" + (f"; group is {meaning})." if meaning else ")."))
    if moved:
        _print_some("Moved to the next free class", moved, lambda one: f"{one.student.id} {one.student.name}: {one.resolution}")
    if shared:
        _print_some("Sets of classes that several students have", shared, lambda sharing: _shared_line(_cases(sharing)))


@variants.command("lint")
@click.argument("rule_name", metavar="RULE")
@click.argument("roster", type=_FILE, required=False)
@click.option("--groups", callback=number_range, metavar="RANGE", help="Numbers of groups as the formula sees them [default: 1-10].")
@click.option("--variants", "numbers", callback=number_range, metavar="RANGE", help="Numbers of variants [default: 1-35].")
@_how
@_as_json
def lint_command(
    *, rule_name: str, roster: Path | None, groups: tuple[int, ...] | None, numbers: tuple[int, ...] | None, how: How, as_json: bool
) -> None:
    """Look for variants of RULE that nobody should get: over a range of groups and numbers, or for the students of ROSTER.

    Finds a class twice in one variant, classes outside 0..99, and sets that several have. Ends with 1 when it found something.
    """
    rule = load_rule(rule_name)
    if roster is None:
        if not how.is_plain:
            raise click.UsageError("--group-is, --stream, --assignment and --secret-file say how to read a ROSTER, and none is given.")
        groups, numbers = groups or DEFAULT_GROUPS, numbers or DEFAULT_NUMBERS
        found, scope = lint_rule(rule, groups, numbers), _scope(rule, groups, numbers)
    elif groups or numbers:
        raise click.UsageError("--groups and --variants are for a RULE without a ROSTER.")
    else:
        found, scope = how.near(roster).lint(read_roster(roster), rule), str(roster)
    if as_json:
        _print_json(_lint_json(found))
    else:
        click.echo(f"{rule.name}: {rule.title}: {rule}")
        _print_lint(found, scope)
    click.get_current_context().exit(0 if found.clean else 1)


@variants.command("show")
@click.argument("path", metavar="MANIFEST-or-ROSTER", type=_FILE)
@click.argument("identity", metavar="ID")
@click.option("--rule", "rule_name", metavar="RULE", help="With a roster: the rule that gives the classes.")
@_resolve
@_how
@_as_json
def show_command(*, path: Path, identity: str, rule_name: str | None, resolve: Resolve | None, how: How, as_json: bool) -> None:
    """Show one student of a manifest, or of a roster: with --rule the classes they would get, without it how their line was read."""
    if not is_manifest(path):
        student = _find(read_roster(path), identity, path)
        found = how.near(path).assign([student], load_rule(rule_name), resolve) if rule_name else ()
    elif rule_name or resolve or how.group_is:
        raise click.UsageError("A manifest has its classes already; --rule, --resolve and --group-is are for a roster.")
    else:
        every = read_manifest(path)
        student = _find([variant.student for variant in every], identity, path)
        found = tuple(one for one in every if one.student.id == student.id and how.assignment in ("", one.assignment))
    if as_json:
        records = [{"assignment": one.assignment, **variant_record(one)} for one in found]
        _print_json({"id": student.id, "name": student.name, "variants": records})
    else:
        _print_student(student, found)


def _print_student(student: Student, found: Sequence[Variant]) -> None:
    known = [
        f"group {student.group}" if student.group else "",
        f"number {student.number}" if student.number else "",
        student.stream,
        student.email,
    ]
    click.echo(f"{student.id}  {student.name}\n{' · '.join(filter(None, known))}")
    for one in found:
        click.echo(" · ".join(filter(None, [f"\n{one.rule}", one.assignment, one.resolution])))
        for index, english, russian in zip(one.classes, names(one.classes), names(one.classes, russian=True), strict=True):
            click.echo(f"  {index:2}  {english:14} {russian:22} {SUPERCLASSES[SUPERCLASS[index]]}")


def _find(students: Sequence[Student], identity: str, path: Path) -> Student:
    for student in students:
        if student.id.casefold() == identity.casefold():
            return student
    near = difflib.get_close_matches(identity, (student.id for student in students), n=1)
    remedy = f'Did you mean "{near[0]}"?' if near else "Look for the id in the file."
    raise VariantsError(f'nobody here has the id "{identity}".', where=str(path), remedy=remedy)


def _scope(rule: Rule, groups: Sequence[int], numbers: Sequence[int]) -> str:
    if rule.kind == "keyed":
        return "nothing to enumerate (a draw always has different classes within 0..99; give a ROSTER to compare students)"
    streams = f", streams {', '.join(rule.streams)}" if rule.streams else ""
    return f"groups {_spelled(groups)}, numbers {_spelled(numbers)}{streams}"


def _spelled(numbers: Sequence[int]) -> str:
    whole = numbers[-1] - numbers[0] + 1 == len(numbers) > 1
    return f"{numbers[0]}-{numbers[-1]}" if whole else ", ".join(map(str, numbers))


def _print_lint(found: Lint, scope: str) -> None:
    click.echo(f"{scope}: {found.cases:,} variants")
    _print_some("No classes at all", found.unusable, str)
    _print_some(f"The same class twice, of {found.cases:,}", found.repeated, _line)
    _print_some(f"Classes outside 0..99, of {found.cases:,}", found.outside, _line)
    _print_some("Sets of classes that several have", found.identical, _shared_line)


def _print_some(title: str, items: Sequence[_T], line: Callable[[_T], str]) -> None:
    click.echo(f"{title}: {len(items):,}")
    for item in items[:_SHOWN]:
        click.echo(f"  {line(item)}")
    if len(items) > _SHOWN:
        click.echo(f"  and {len(items) - _SHOWN:,} more; --json lists all")


def _cases(sharing: Sequence[Variant]) -> list[Case]:
    return [Case(who=one.student.id, classes=one.classes) for one in sharing]


def _line(case: Case) -> str:
    return f"{case.who}: {', '.join(map(str, case.classes))}"


def _shared_line(cases: Sequence[Case]) -> str:
    return f"{', '.join(map(str, sorted(set(cases[0].classes))))}: {'; '.join(case.who for case in cases)}"


def _shared_json(cases: Sequence[Case]) -> dict[str, Any]:
    return {"classes": sorted(set(cases[0].classes)), "who": [case.who for case in cases]}


def _lint_json(found: Lint) -> dict[str, Any]:
    return {
        "rule": found.rule,
        "variants": found.cases,
        "unusable": list(found.unusable),
        "repeated": [{"who": case.who, "classes": list(case.classes)} for case in found.repeated],
        "outside": [{"who": case.who, "classes": list(case.classes)} for case in found.outside],
        "identical": [_shared_json(cases) for cases in found.identical],
    }


def _print_json(value: dict[str, Any]) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))
