"""Look for what goes wrong with a rule before anyone works on it: over a whole range, or for the students of a roster."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from variants.errors import VariantsError
from variants.giving import give
from variants.group import GroupIs
from variants.manifest import Variant, earlier
from variants.roster import Student, label
from variants.rule import Rule, outside, repeated

CASES_MAX = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One variant looked at; `who` is a student or a combination of group, number and stream."""

    who: str
    classes: tuple[int, ...]


_HasClasses = TypeVar("_HasClasses", Case, Variant)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lint:
    """What was found. `unusable` names students that the rule cannot give any classes; `every` are all variants looked at."""

    rule: str
    every: tuple[Case, ...]
    repeated: tuple[Case, ...]
    outside: tuple[Case, ...]
    identical: tuple[tuple[Case, ...], ...]
    unusable: tuple[str, ...] = ()

    @property
    def cases(self) -> int:
        """How many variants were looked at."""
        return len(self.every)

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return not (self.repeated or self.outside or self.identical or self.unusable)


def lint_rule(rule: Rule, groups: Sequence[int], numbers: Sequence[int]) -> Lint:
    """Enumerate every stream, group and number of a formula; `groups` are numbers as the formula sees them.

    A keyed rule has nothing to enumerate: its classes are different and in range by construction.
    """
    if rule.kind == "keyed":
        return _lint(rule, [])
    streams = rule.streams or ("",)
    if len(groups) * len(numbers) * len(streams) > CASES_MAX:
        raise VariantsError(
            f"more than {CASES_MAX:,} cases would have to be looked at.", where=f"rule {rule.name}", remedy="Narrow --groups or --variants."
        )
    return _lint(
        rule,
        (
            Case(who=f"group {group}, number {number}{stream and f', {stream}'}", classes=rule.evaluate(group, number, stream))
            for stream in streams
            for group in groups
            for number in numbers
        ),
    )


def lint_roster(
    students: Sequence[Student],
    rule: Rule,
    *,
    assignment: str = "",
    secret: bytes | None = None,
    group_is: GroupIs | None = None,
    stream: str = "",
    kept: Sequence[Variant] = (),
) -> Lint:
    """Look at the variants that `rule` gives these students, as `assign` would without resolving anything."""
    sets = {identity: one.classes for identity, one in earlier(kept, rule, assignment).items()}
    cases: list[Case] = []
    unusable: list[str] = []
    for student, said in give(students, rule, assignment=assignment, secret=secret, group_is=group_is, stream=stream, kept=sets):
        if isinstance(said, VariantsError):
            unusable.append(f"{said.where}: {said.what}")
        else:
            cases.append(Case(who=label(student), classes=said))
    return _lint(rule, cases, unusable)


def shared_sets(items: Sequence[_HasClasses]) -> tuple[tuple[_HasClasses, ...], ...]:
    """Return the items (cases, variants) that have the same set of classes, together."""
    sets = [frozenset(item.classes) for item in items]
    counts = Counter(sets)
    by_set: dict[frozenset[int], list[_HasClasses]] = {}
    for classes, item in zip(sets, items, strict=True):
        if counts[classes] > 1:
            by_set.setdefault(classes, []).append(item)
    return tuple(map(tuple, by_set.values()))


def _lint(rule: Rule, cases: Iterable[Case], unusable: Sequence[str] = ()) -> Lint:
    every = tuple(cases)
    return Lint(
        rule=rule.name,
        every=every,
        repeated=tuple(case for case in every if repeated(case.classes)),
        outside=tuple(case for case in every if outside(case.classes)),
        identical=shared_sets(every),
        unusable=tuple(unusable),
    )
