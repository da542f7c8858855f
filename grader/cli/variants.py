"""`zachet variants`: give out variants, look for what is wrong with a rule, show what one student got."""

import difflib
import gc
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from grader.cli.lint import lint_command
from grader.cli.reading import FILE, How, as_json_option, how_options, kept_line, print_json, print_some, shared_json, shared_line
from variants.balance import allowed_sets
from variants.cifar100 import SUPERCLASS, SUPERCLASSES, names
from variants.difficulty import load_difficulty
from variants.errors import VariantsError
from variants.lint import Case, shared_sets
from variants.manifest import MOVED, Resolve, Variant, earlier, is_manifest, read_manifest, variant_record, write_manifest
from variants.roster import Student, read_roster
from variants.rule import Rule
from variants.rules import load_rule

_resolve = click.option(
    "--resolve",
    type=click.Choice(["next-free"]),
    help="Move a class that is there twice or outside 0..99 up to the next one the student does not have.",
)


@click.group()
def variants() -> None:
    """Give every student of a roster a variant: which CIFAR-100 classes to work with."""


variants.add_command(lint_command)


@variants.command("assign")
@click.argument("roster", type=FILE)
@click.option("--rule", "rule_name", required=True, metavar="RULE", help="A bundled rule such as iu5-2024, or the path of a .toml file.")
@click.option("-o", "--output", type=FILE, required=True, metavar="FILE", help="The manifest to write, variants.csv.")
@_resolve
@how_options
@as_json_option
def assign_command(*, roster: Path, rule_name: str, output: Path, resolve: Resolve | None, how: How, as_json: bool) -> None:
    """Give every student of ROSTER (CSV) the classes that a rule says.

    Nothing is written unless every student gets different classes within 0..99; those who do not are named. By a rule that gives every
    set once, a student who is in the FILE already keeps what is written there; those who are no longer in the ROSTER are named, and their sets are free again.
    """
    rule = load_rule(rule_name)
    if output.exists() and roster.exists() and output.samefile(roster):
        raise VariantsError("the manifest would replace the roster.", where=str(output), remedy="Choose another name for -o.")
    gc.disable()  # hundreds of thousands of small values and no cycle among them: looking for cycles is a third of the time
    try:
        kept = read_manifest(output) if rule.wanted and output.exists() else ()
        given = how.near(roster).assign(read_roster(roster), rule, resolve, kept)
        write_manifest(output, given)
        shared = shared_sets(given)
    finally:
        gc.enable()
    moved = [variant for variant in given if MOVED in variant.resolution]
    stayed, gone = _before(given, earlier(kept, rule, how.assignment))
    strange = _no_longer_allowed(rule, stayed)
    meaning = str(how.group_is or rule.group_is) if rule.uses_group() else None
    if as_json:
        print_json(
            {
                "manifest": str(output),
                "rule": rule.name,
                "assignment": how.assignment,
                "group_is": meaning,
                "students": len(given),
                "kept": [variant.student.id for variant in stayed],
                "gone": [variant.student.id for variant in gone],
                "kept_against_the_rule": [variant.student.id for variant in strange],
                "resolved": [{"id": variant.student.id, "resolution": variant.resolution} for variant in moved],
                "identical": [shared_json(_cases(sharing)) for sharing in shared],
            }
        )
        return
    click.echo(f"{output}: {len(given):,} students, rule {rule.name} ({rule}" + (f"; group is {meaning})." if meaning else ")."))
    _print_earlier(stayed, strange, gone)
    if moved:
        print_some("Moved to the next free class", moved, lambda one: f"{one.student.id} {one.student.name}: {one.resolution}")
    if shared:
        print_some("Sets of classes that several students have", shared, lambda sharing: shared_line(_cases(sharing)))


@variants.command("show")
@click.argument("path", metavar="MANIFEST-or-ROSTER", type=FILE)
@click.argument("identity", metavar="ID")
@click.option("--rule", "rule_name", metavar="RULE", help="With a roster: the rule that gives the classes.")
@_resolve
@how_options
@as_json_option
def show_command(*, path: Path, identity: str, rule_name: str | None, resolve: Resolve | None, how: How, as_json: bool) -> None:
    """Show one student of a manifest, or of a roster: with --rule the classes they would get, without it how their line was read.

    By a rule that gives every set once, who is in the variants.csv of the course around the roster keeps what is written there; without one it
    is as if nobody had a set yet.
    """
    source, note = None, ""
    if not is_manifest(path):
        students, how = read_roster(path), how.near(path)
        student, rule = _find(students, identity, path), load_rule(rule_name) if rule_name else None
        if rule and rule.wanted:  # sets that are given once depend on who else is there
            source = how.manifest(rule)
            note = kept_line(source)
            given = how.assign(students, rule, resolve, read_manifest(source) if source else ())
        else:
            given = how.assign([student], rule, resolve) if rule else ()
        found = tuple(one for one in given if one.student.id == student.id)
    elif rule_name or resolve or how.group_is:
        raise click.UsageError("A manifest has its classes already; --rule, --resolve and --group-is are for a roster.")
    else:
        source, every = path, read_manifest(path)
        student = _find([variant.student for variant in every], identity, path)
        found = tuple(one for one in every if one.student.id == student.id and how.assignment in ("", one.assignment))
    if as_json:
        records = [{"assignment": one.assignment, **variant_record(one)} for one in found]
        print_json({"id": student.id, "name": student.name, "manifest": str(source) if source else None, "variants": records})
        return
    _print_student(student, found)
    if note:
        click.echo(f"\n{note}")


def _print_earlier(stayed: Sequence[Variant], strange: Sequence[Variant], gone: Sequence[Variant]) -> None:
    """Print what became of the sets that were there before."""
    if stayed:
        click.echo(f"Kept from the manifest that was there: {len(stayed):,}")
    if strange:
        print_some("Of these, not allowed by the rule as it is now (delete the manifest to draw anew)", strange, _variant_line)
    if gone:
        print_some("In the manifest that was there, and not in the roster (their sets are free again)", gone, _variant_line)


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


def _before(given: Sequence[Variant], before: Mapping[str, Variant]) -> tuple[list[Variant], list[Variant]]:
    """Return those given who were there before, and those of before (by id in lower case) to whom nothing is given now."""
    now = {one.student.id.casefold() for one in given}
    stayed = [one for one in given if one.student.id.casefold() in before]
    return stayed, [one for identity, one in before.items() if identity not in now]


def _no_longer_allowed(rule: Rule, given: Sequence[Variant]) -> list[Variant]:
    """Return the variants that a rule which chooses its sets would not give today: it was edited, or predicts otherwise."""
    if not given:
        return []
    today = set(map(tuple, allowed_sets(rule, load_difficulty()).sets.tolist()))
    return [one for one in given if tuple(sorted(one.classes)) not in today]


def _variant_line(variant: Variant) -> str:
    return f"{variant.student.id} {variant.student.name}: {', '.join(map(str, variant.classes))}"


def _cases(sharing: Sequence[Variant]) -> list[Case]:
    return [Case(who=one.student.id, classes=one.classes) for one in sharing]
