"""Rules that give every student their classes: formulas over group, number and stream, or keyed random draws.

A rule is data, a TOML file (variants/rules/*.toml, or one of an instructor's own, read by rule_file.py); this module says what it means.
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
class Position:
    """One class of the variant: a term for everyone, or one per stream."""

    everyone: Term | None = None
    by_stream: Mapping[str, Term] = field(default_factory=dict)

    def term(self, stream: str) -> Term:
        """Return the term for a stream, given by the rule's own name for it."""
        return self.everyone or self.by_stream[stream]

    def __str__(self) -> str:
        return str(self.everyone) if self.everyone else " / ".join(f"{stream}: {term}" for stream, term in self.by_stream.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule: `positions` for a formula, `draws` (how many classes) for a keyed one; `streams` has the spellings of each stream."""

    name: str
    title: str
    kind: Literal["formula", "keyed"]
    group_is: GroupIs = GroupIs.PRINTED
    positions: tuple[Position, ...] = ()
    streams: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    draws: int = 0

    def __str__(self) -> str:
        return ", ".join(map(str, self.positions)) or f"{self.draws} keyed draws"

    @property
    def count(self) -> int:
        """How many classes a variant has."""
        return self.draws or len(self.positions)

    def uses(self, source: Literal["group", "number"]) -> bool:
        """Whether the formula reads the group or the number of any student."""
        terms = [term for position in self.positions for term in (position.everyone, *position.by_stream.values())]
        return any(term is not None and term.source == source for term in terms)

    def evaluate(self, group: int, number: int, stream: str) -> tuple[int, ...]:
        """Return what the formulas give, valid or not; `stream` is the rule's own name for it (empty when the rule has none)."""
        return tuple(position.term(stream).value(group, number) for position in self.positions)

    def stream_of(self, written: str) -> str:
        """Return the rule's own name for a stream as a roster spells it; raises VariantsError when the rule does not know it."""
        if not self.streams:
            return ""
        wanted = _folded_stream(written)
        for stream, spellings in self.streams.items():
            if wanted and wanted in map(_folded_stream, (stream, *spellings)):
                return stream
        raise VariantsError(
            f'the stream "{written}" is unknown' if written else "no stream is given",
            remedy=f"This rule has the streams {', '.join(self.streams)}: write one of them in a column «поток», or pass --stream for everyone without one.",
        )

    def classes_for(
        self, student: Student, *, group_is: GroupIs | None = None, stream: str = "", assignment: str = "", secret: bytes | None = None
    ) -> tuple[int, ...]:
        """Return the student's classes as the rule gives them; a formula may repeat a class or leave 0..99.

        `group_is` overrides what the rule means by group, `stream` stands for a stream the roster does not name. A keyed rule needs `assignment` and `secret`. Depends on nothing
        but this student. Raises VariantsError that names the student when group, number or stream cannot be used.
        """
        if self.kind == "keyed":
            if not assignment:
                raise VariantsError(
                    "this rule draws classes per assignment, and none was named.", where=f"rule {self.name}", remedy="Pass --assignment."
                )
            if secret is None:
                raise absent_secret(self.name)
            return draw(secret, assignment, student.id, count=self.draws, classes=CLASSES)
        try:
            own_stream = self.stream_of(student.stream or stream)
            group = group_number(student.group, group_is or self.group_is) if self.uses("group") else 0
        except VariantsError as error:
            raise VariantsError(error.what, where=label(student), remedy=error.remedy) from error
        if student.number is None and self.uses("number"):
            raise VariantsError(
                "no number is given",
                where=label(student),
                remedy="The number of the variant is never guessed from the order of lines: write it in a column «вариант» or «номер по списку».",
            )
        return self.evaluate(group, student.number or 0, own_stream)


def repeated(classes: Sequence[int]) -> tuple[int, ...]:
    """Return the classes that are there more than once, ascending."""
    return tuple(sorted({index for index in classes if classes.count(index) > 1}))


def outside(classes: Sequence[int]) -> tuple[int, ...]:
    """Return the classes that CIFAR-100 does not have, in the order given."""
    return tuple(index for index in classes if not 0 <= index < CLASSES)


def wrong_with(classes: Sequence[int]) -> str:
    """Say what is wrong with a variant, or return an empty string."""
    twice = [
        f"class {index} is there twice" if classes.count(index) == 2 else f"class {index} is there too often" for index in repeated(classes)
    ]
    return ", ".join([*twice, *(f"class {index} is outside 0..{CLASSES - 1}" for index in outside(classes))])


def _folded_stream(text: str) -> str:
    return fold(text).replace(" ", "")
