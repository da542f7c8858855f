"""Rules that give every student their classes: formulas over group, number and stream, or keyed random draws.

A rule is data, a TOML file (variants/rules/*.toml, or one of an instructor's own, read by rules.py); this module says what it means.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from variants.draw import absent_secret, draw
from variants.errors import VariantsError
from variants.group import GroupIs, group_number
from variants.roster import Student, label
from variants.table import fold

CLASSES = 100  # CIFAR-100: class indices are 0..99
CHOOSABLE = range(2, 5)  # of so many classes a rule can go through all sets and choose
Relation = Literal["any", "different", "same"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One summand and a constant: the number of the group or of the variant plus `add`, or `add` alone when `source` is empty."""

    source: Literal["group", "number", ""] = ""
    add: int = 0

    def value(self, group: int, number: int) -> int:
        """Return the class index that the term gives; it may lie outside 0..99."""
        return self.add + (group if self.source == "group" else number if self.source == "number" else 0)

    def __str__(self) -> str:
        if not self.source:
            return str(self.add)
        sign = "+" if self.add > 0 else "-"
        return f"{self.source} {sign} {abs(self.add)}" if self.add else self.source


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a keyed rule asks of a set of classes. Where it asks anything, no two students of a course have the same set.

    The predicted accuracy lies within `band` (its whole width, over 0 to 1) around `around`, or around the median of what
    `superclasses` leaves when that is None; a `band` of None allows any accuracy. `superclasses` are all "different", all the
    "same", or "any" for as they come.
    """

    band: float | None = None
    around: float | None = None
    superclasses: Relation = "any"

    def __str__(self) -> str:
        centre = "the median" if self.around is None else f"{self.around:g}"
        parts = [f"predicted accuracy within {self.band:g} around {centre}"] if self.band is not None else []
        related = {"any": "", "different": "no two of one superclass", "same": "all of one superclass"}[self.superclasses]
        return ", ".join(filter(None, [*parts, related, "nobody has another's set"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule: `formulas` for a formula rule, `draws` (how many classes) and perhaps `wanted` for a keyed one.

    `formulas` has the terms of all classes per stream, by the rule's own name for it; a rule without streams has them under "".
    `spellings` leads from every folded spelling of a stream (`fold_stream`) to that name.
    """

    name: str
    title: str
    kind: Literal["formula", "keyed"]
    group_is: GroupIs = GroupIs.PRINTED
    formulas: Mapping[str, tuple[Term, ...]] = field(default_factory=dict)
    spellings: Mapping[str, str] = field(default_factory=dict)
    draws: int = 0
    wanted: Wanted | None = None

    def __str__(self) -> str:
        if self.kind == "keyed":
            return f"{self.draws} keyed draws" + (f": {self.wanted}" if self.wanted else "")
        by_class = zip(*self.formulas.values(), strict=True)
        return ", ".join(
            str(terms[0])
            if len(set(terms)) == 1
            else " / ".join(f"{stream}: {term}" for stream, term in zip(self.formulas, terms, strict=True))
            for terms in by_class
        )

    @property
    def streams(self) -> tuple[str, ...]:
        """The rule's own names of the streams it tells apart."""
        return tuple(filter(None, self.formulas))

    def uses_group(self) -> bool:
        """Whether any formula reads the number of the group."""
        return any(term.source == "group" for terms in self.formulas.values() for term in terms)

    def evaluate(self, group: int, number: int, stream: str) -> tuple[int, ...]:
        """Return what the formulas give, valid or not; `stream` is the rule's own name for it (empty when the rule has none)."""
        return tuple(term.value(group, number) for term in self.formulas[stream])

    def stream_of(self, written: str) -> str:
        """Return the rule's own name for a stream as a roster spells it; raises VariantsError when the rule does not know it."""
        if not self.spellings:
            return ""
        stream = self.spellings.get(fold_stream(written))
        if stream is not None:
            return stream
        raise VariantsError(
            f'the stream "{written}" is unknown' if written else "no stream is given",
            remedy=f"This rule has the streams {', '.join(self.streams)}: write one of them in a column «поток», "
            "or pass --stream for everyone without one.",
        )

    def classes_for(
        self, student: Student, *, group_is: GroupIs | None = None, stream: str = "", assignment: str = "", secret: bytes | None = None
    ) -> tuple[int, ...]:
        """Return the student's classes as the rule gives them; a formula may repeat a class or leave 0..99.

        `group_is` overrides what the rule means by group, `stream` stands for a stream the roster does not name. A keyed
        rule needs `assignment` and `secret`. Depends on nothing but this student. Raises VariantsError that names the
        student when group, number or stream cannot be used.
        """
        if self.kind == "keyed":
            return draw(self.key(assignment, secret), assignment, student.id, count=self.draws, classes=CLASSES)
        try:
            terms = self.formulas[self.stream_of(student.stream or stream)]
            return tuple([_value(term, student, group_is or self.group_is) for term in terms])
        except VariantsError as error:
            raise VariantsError(error.what, where=label(student), remedy=error.remedy) from error

    def key(self, assignment: str, secret: bytes | None) -> bytes:
        """Return the secret of a keyed rule; raises VariantsError when it or the assignment is missing."""
        if not assignment:
            raise VariantsError(
                "this rule draws classes per assignment, and none was named.", where=f"rule {self.name}", remedy="Pass --assignment."
            )
        if secret is None:
            raise absent_secret(self.name)
        return secret


def _value(term: Term, student: Student, group_is: GroupIs) -> int:
    if term.source == "group":
        return term.add + group_number(student.group, group_is)
    if term.source == "number" and student.number is None:
        raise VariantsError(
            "no number is given",
            remedy="The number of the variant is never guessed from the order of lines: "
            "write it in a column «вариант» or «номер по списку».",
        )
    return term.value(0, student.number or 0)


def repeated(classes: Sequence[int]) -> tuple[int, ...]:
    """Return the classes that are there more than once, ascending."""
    return tuple(sorted({index for index in classes if classes.count(index) > 1}))


def outside(classes: Sequence[int]) -> tuple[int, ...]:
    """Return the classes that CIFAR-100 does not have, in the order given."""
    return tuple(index for index in classes if not 0 <= index < CLASSES)


def wrong_with(classes: Sequence[int]) -> str:
    """Say what is wrong with a variant, or return an empty string."""
    if not classes:
        return "no classes"
    if len(set(classes)) == len(classes) and min(classes) >= 0 and max(classes) < CLASSES:
        return ""
    twice = [
        f"class {index} is there twice" if classes.count(index) == 2 else f"class {index} is there too often" for index in repeated(classes)
    ]
    return ", ".join([*twice, *(f"class {index} is outside 0..{CLASSES - 1}" for index in outside(classes))])


def fold_stream(text: str) -> str:
    """Return the form in which names of streams are compared."""
    return fold(text).replace(" ", "")
