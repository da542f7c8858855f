"""Draws that ask something of a set of classes: which sets are allowed, and who gets which, each set once."""

import hmac
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from variants.cifar100 import SUPERCLASS
from variants.difficulty import Difficulty
from variants.draw import framed
from variants.errors import VariantsError
from variants.rule import CLASSES, Rule, Wanted

_SHOWN: Final = 20
_PURPOSE: Final = "zachet-deal-1"  # a part of every such draw ever made: never change it
# The constants of SplitMix64 (Steele, Lea, Flood 2014).
_GOLDEN, _MIX_1, _MIX_2 = (np.uint64(number) for number in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """The sets that a rule allows, (n, count) ascending classes, and the accuracies (n,) predicted for them."""

    sets: NDArray[np.uint8]
    accuracies: NDArray[np.float64]


def allowed_sets(rule: Rule, difficulty: Difficulty) -> Allowed:
    """Return every set that a keyed rule (of `CHOOSABLE` classes) may give; raises VariantsError when it leaves none."""
    wanted = rule.wanted or Wanted()
    sets = _all_sets(rule.draws)
    sets = sets[_related(sets, wanted)]
    if not len(sets):
        raise VariantsError(
            f"no {rule.draws} classes have the superclasses that the rule asks for.", where=f"rule {rule.name}", remedy="Change superclasses."
        )
    accuracies = difficulty.predict_many(sets)
    if wanted.band is None:
        return Allowed(sets=sets, accuracies=accuracies)
    centre = float(np.median(accuracies)) if wanted.around is None else wanted.around
    low, high = centre - wanted.band / 2, centre + wanted.band / 2
    within = (accuracies >= low) & (accuracies <= high)
    if not within.any():
        raise VariantsError(
            f"no set of {rule.draws} classes is predicted between {low:.3f} and {high:.3f}; "
            f"the {len(sets):,} sets run from {accuracies.min():.3f} to {accuracies.max():.3f}.",
            where=f"rule {rule.name}",
            remedy="Widen band or change around.",
        )
    return Allowed(sets=sets[within], accuracies=accuracies[within])


def deal(
    rule: Rule, allowed: Allowed, students: Sequence[str], *, assignment: str, secret: bytes, kept: Mapping[str, Sequence[int]]
) -> list[tuple[int, ...]]:
    """Give every student (ids) a set of their own; `kept` are the sets that some have already, by the id in lower case.

    HMAC-SHA256 keyed by the secret over purpose, assignment and student id gives every student a 64-bit number, SplitMix64 of
    that number and a set gives every set its place on the student's list, and the student gets the first of the list that is free
    (rendezvous hashing). So each allowed set is equally likely, a set that the rule no longer allows concerns its holder only,
    and who comes later never takes anything from who came before: first those of `kept` who are among the students, then the others
    in their order. Raises VariantsError when there are fewer sets than students, and for kept sets of another size than the rule's.
    """
    have = [kept.get(student.casefold()) for student in students]
    _check_sizes(rule, {student: classes for student, classes in zip(students, have, strict=True) if classes is not None})
    taken = _identities(np.array([sorted(classes) for classes in have if classes is not None], np.uint8).reshape(-1, rule.draws))
    sets = allowed.sets[~np.isin(_identities(allowed.sets), taken)]
    lacking = [student for student, classes in zip(students, have, strict=True) if classes is None]
    if len(lacking) > len(sets):
        raise _too_few(rule, len(sets), len(lacking), len(taken))
    chosen = iter(_chosen(sets, (_number(secret, assignment, student) for student in lacking)))
    return [next(chosen) if classes is None else tuple(classes) for classes in have]


def _check_sizes(rule: Rule, kept: Mapping[str, Sequence[int]]) -> None:
    """Raise VariantsError that names the students (the first 20) whose sets have another size than the rule's."""
    other = [f"  {student}: {', '.join(map(str, classes))}\n" for student, classes in kept.items() if len(classes) != rule.draws]
    if other:
        more = f"  and {len(other) - _SHOWN:,} more\n" if len(other) > _SHOWN else ""
        raise VariantsError(
            f"the rule gives {rule.draws} classes, and {len(other):,} of {len(kept):,} sets in the manifest have another size:\n"
            + "".join(other[:_SHOWN])
            + more,
            where=f"rule {rule.name}",
            remedy="Give the rule another name, or delete the manifest to draw anew.",
        )


def _chosen(sets: NDArray[np.uint8], numbers: Iterable[np.uint64]) -> Iterable[tuple[int, ...]]:
    """Yield each student's first free set."""
    free, identities = sets, _identities(sets)
    for number in numbers:
        first = int(_mixed(identities + number).argmin())
        yield tuple(free[first].tolist())
        free, identities = np.delete(free, first, axis=0), np.delete(identities, first)


def _number(secret: bytes, assignment: str, student: str) -> np.uint64:
    digest = hmac.digest(secret, framed(_PURPOSE) + framed(assignment) + framed(student), "sha256")
    return np.uint64(int.from_bytes(digest[:8], "big"))


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return SplitMix64's output for these counters; products wrap, as they must."""
    values = values * _GOLDEN
    values = (values ^ (values >> np.uint64(30))) * _MIX_1
    values = (values ^ (values >> np.uint64(27))) * _MIX_2
    return np.asarray(values ^ (values >> np.uint64(31)))


def _identities(sets: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return one number per set, whatever other sets there are: its ascending classes as digits, base 128."""
    weights = np.uint64(128) ** np.arange(sets.shape[1], dtype=np.uint64)
    return np.asarray((sets.astype(np.uint64) * weights).sum(axis=1, dtype=np.uint64))


def _all_sets(count: int) -> NDArray[np.uint8]:
    numbers = chain.from_iterable(combinations(range(CLASSES), count))
    return np.fromiter(numbers, np.uint8, math.comb(CLASSES, count) * count).reshape(-1, count)


def _related(sets: NDArray[np.uint8], wanted: Wanted) -> NDArray[np.bool_]:
    """Say of every set (n,) whether its superclasses are as wanted."""
    above = np.sort(np.array(SUPERCLASS, np.uint8)[sets], axis=1)
    if wanted.superclasses == "same":
        return np.asarray(above[:, 0] == above[:, -1])
    if wanted.superclasses == "different":
        return np.asarray((above[:, 1:] != above[:, :-1]).all(axis=1))
    return np.ones(len(sets), np.bool_)


def _too_few(rule: Rule, sets: int, students: int, taken: int) -> VariantsError:
    return VariantsError(
        f"the rule leaves {sets:,} free sets of classes, and {students:,} students need one each"
        + (f" ({taken:,} have theirs already)." if taken else "."),
        where=f"rule {rule.name}",
        remedy="Widen band, change around or drop superclasses; nobody gets another's set.",
    )
