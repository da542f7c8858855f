"""`zachet variants lint`: what is wrong with a rule, and whom it treats worse than others, before anybody works by it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from grader.assignment import load_assignment
from grader.cli.reading import (
    DEFAULT_GROUPS,
    DEFAULT_NUMBERS,
    FILE,
    How,
    as_json_option,
    how_options,
    kept_line,
    line_of,
    number_range,
    print_json,
    print_some,
    shared_json,
    shared_line,
)
from grader.course import course_around
from grader.thresholds import NotUsable, Thresholds, read_thresholds
from variants.balance import allowed_sets
from variants.difficulty import Difficulty, load_difficulty
from variants.lint import Lint, lint_rule
from variants.manifest import read_manifest
from variants.roster import read_roster
from variants.rule import CHOOSABLE, Rule
from variants.rules import load_rule
from variants.spread import Judged, Measured, Spread, spread_of_cases, spread_of_sets


@click.command("lint")
@click.argument("rule_name", metavar="RULE")
@click.argument("roster", type=FILE, required=False)
@click.option("--groups", callback=number_range, metavar="RANGE", help="Numbers of groups as the formula sees them [default: 1-10].")
@click.option("--variants", "numbers", callback=number_range, metavar="RANGE", help="Numbers of variants [default: 1-35].")
@click.option("--thresholds", "measured", type=FILE, metavar="FILE", help="What `zachet calibrate` measured, to be believed before the prediction; by default that of the course around the roster.")
@how_options
@as_json_option
def lint_command(
    *, rule_name: str, roster: Path | None, groups: tuple[int, ...] | None, numbers: tuple[int, ...] | None, measured: Path | None, how: How, as_json: bool
) -> None:
    """Look for variants of RULE that nobody should get: over a range of groups and numbers, or for the students of ROSTER.

    Finds a class twice in one variant, classes outside 0..99, sets that several have, and sets on which no pass line could tell good work
    from guessing; then it ends with 1. Prints how unequal the variants are and names the unlucky. By a rule that gives every set once, who is
    in the variants.csv of the course around the ROSTER keeps what is written there; without one it is as if nobody had a set yet.
    """
    rule, manifest = load_rule(rule_name), None
    if roster is None:
        if not how.is_plain:
            raise click.UsageError("--group-is, --stream, --assignment and --secret-file say how to read a ROSTER, and none is given.")
        groups, numbers = groups or DEFAULT_GROUPS, numbers or DEFAULT_NUMBERS
        found, scope = lint_rule(rule, groups, numbers), _scope(rule, groups, numbers)
    elif groups or numbers:
        raise click.UsageError("--groups and --variants are for a RULE without a ROSTER.")
    else:
        how = how.near(roster)
        manifest = how.manifest(rule)
        found, scope = how.lint(read_roster(roster), rule, read_manifest(manifest) if manifest else ()), str(roster)
    difficulty, thresholds = load_difficulty(), _thresholds(measured, roster, how)
    spread = _spread(rule, found, difficulty, thresholds, Path() if roster is None else roster.parent)
    if as_json:
        kept = str(manifest) if manifest else None
        print_json({**_lint_json(found), "manifest": kept, "difficulty": _spread_json(spread, difficulty) if spread else None})
    else:
        click.echo(f"{rule.name}: {rule.title}: {rule}")
        if roster and rule.wanted:
            click.echo(kept_line(manifest))
        _print_lint(found, scope)
        if spread:
            _print_spread(spread, difficulty, thresholds)
    click.get_current_context().exit(0 if found.clean and not (spread and spread.hopeless) else 1)


def _thresholds(named: Path | None, roster: Path | None, how: How) -> Thresholds | None:
    """Return the calibration that was named, or that of the course around the roster, if there is one."""
    course = course_around(roster.parent) if named is None and roster is not None else None
    file = named or (course.thresholds(how.assignment or course.assignment) if course else None)
    return read_thresholds(file) if file is not None and (named or file.exists()) else None


def _spread(rule: Rule, found: Lint, difficulty: Difficulty, thresholds: Thresholds | None, around: Path) -> Spread | None:
    if rule.kind == "keyed" and not found.every:
        return spread_of_sets(allowed_sets(rule, difficulty).accuracies) if rule.draws in CHOOSABLE else None
    return spread_of_cases(found.every, difficulty, _measured(thresholds, around) if thresholds else {})


def _measured(thresholds: Thresholds, around: Path) -> dict[tuple[int, ...], Measured]:
    """Return what is calibrated, by ascending classes, and why a set has no pass line."""
    course = course_around(around)
    policy = load_assignment(thresholds.assignment, course.own_assignments if course else ()).policy
    found = {}
    for variant in thresholds.variants.values():
        unusable = ""
        try:
            thresholds.reference(variant.classes, policy)
        except NotUsable as reason:
            unusable = reason.reason.en
        found[variant.classes] = Measured(accuracy=variant.mean, unusable=unusable)
    return found


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
    print_some("No classes at all", found.unusable, str)
    print_some(f"The same class twice, of {found.cases:,}", found.repeated, line_of)
    print_some(f"Classes outside 0..99, of {found.cases:,}", found.outside, line_of)
    print_some("Sets of classes that several have", found.identical, shared_line)


def _print_spread(spread: Spread, difficulty: Difficulty, thresholds: Thresholds | None) -> None:
    least, first, middle, third, greatest = spread.summary
    where = f"{spread.variants:,} variants" if spread.judged else f"each of the {spread.variants:,} sets that can be drawn"
    measured = f", measured for {spread.measured:,} of them" if spread.measured else ""
    click.echo(
        f"What the reference reaches, predicted for {where}{measured}: "
        f"least {least:.3f}, quartiles {first:.3f} {middle:.3f} {third:.3f}, greatest {greatest:.3f}"
    )
    if thresholds and not _same_making(thresholds, difficulty):
        click.echo("  The calibration is of another recipe, view or data set than the prediction: measured and predicted do not compare.")
    if spread.lowest:
        click.echo("The unlucky, the lowest of all:")
        for one in spread.lowest:
            error = "" if one.measured else f" ± {difficulty.error(len(one.case.classes)):.3f}"
            click.echo(f"  {line_of(one.case)}: {one.accuracy:.3f}{error}, {_source(one)}")
        print_some("No pass line could tell good work from guessing", spread.hopeless, lambda one: f"{line_of(one.case)}: {_source(one)} {one.accuracy:.3f}; {one.why}")


def _same_making(thresholds: Thresholds, difficulty: Difficulty) -> bool:
    made = difficulty.made
    return (thresholds.recipe, str(thresholds.view), thresholds.data) == (made["measured"]["recipe"], made["measured"]["view"], made["data"]["digest"])


def _source(one: Judged) -> str:
    return "measured" if one.measured else "predicted"


def _lint_json(found: Lint) -> dict[str, Any]:
    return {
        "rule": found.rule,
        "variants": found.cases,
        "unusable": list(found.unusable),
        "repeated": [{"who": case.who, "classes": list(case.classes)} for case in found.repeated],
        "outside": [{"who": case.who, "classes": list(case.classes)} for case in found.outside],
        "identical": [shared_json(cases) for cases in found.identical],
    }


def _spread_json(spread: Spread, difficulty: Difficulty) -> dict[str, Any]:
    return {
        "sets": spread.variants,
        "measured": spread.measured,
        **dict(zip(("min", "q1", "median", "q3", "max"), (round(value, 4) for value in spread.summary), strict=True)),
        "errors": {str(count): error for count, error in difficulty.errors.items()},
        "table": dict(difficulty.made),
        "lowest": [_judged_json(one) for one in spread.lowest],
        "hopeless": [_judged_json(one) for one in spread.hopeless],
        "variants": [_judged_json(one) for one in spread.judged],
    }


def _judged_json(one: Judged) -> dict[str, Any]:
    return {"who": one.case.who, "classes": list(one.case.classes), "accuracy": round(one.accuracy, 4), "source": _source(one), "why": one.why}
