"""How hard a set of CIFAR-100 classes is: the accuracy that the reference training of Lab 1 is predicted to reach on it.

A table says of every two classes how many pictures of the one a cheap classifier of the two recognises, and one formula goes from
pairs to sets of 2 to 10 classes. Both were made and measured by benchmarks/difficulty.py; docs/variants.md has the figures.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from variants.errors import VariantsError
from variants.rule import CLASSES, wrong_with

TABLE: Final = Path(__file__).parent / "cifar100_difficulty.json"
SCHEMA: Final = "zachet-difficulty-1"
FEWEST, MOST = 2, 10
_AT_ONCE = 200_000  # sets predicted in one go: some ten million numbers
_TRAININGS, _QUANTILE = 10, 2.33  # a calibration as it is by default: ten trainings, one honest work in a hundred fails


@dataclass(frozen=True, slots=True, kw_only=True)
class Formula:
    """From the raw share of right answers to the predicted accuracy; both are counted from guessing (0) to no mistake (1).

    skill = intercept + slope * raw + doubling * log2(classes / 3).
    """

    slope: float
    intercept: float
    doubling: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Difficulty:
    """The table and what goes with it.

    `odds` (100, 100): for a picture of class a, wrong against right when it is to be told from class b; 0 on the diagonal. `errors` are
    the root mean square errors measured on sets that had no part in the fit, by number of classes, none left out between the least and
    the largest (which stand for all below and above). `seed_sd` is the spread of the reference over seeds, `hidden` how many hidden
    pictures of a class measure it, `made` where the table comes from.
    """

    odds: NDArray[np.float64]
    formula: Formula
    errors: Mapping[int, float]
    seed_sd: float
    hidden: int
    made: Mapping[str, Any]

    def predict(self, classes: Sequence[int]) -> float:
        """Return the predicted accuracy (0..1) of one set; raises VariantsError for classes that are no set of 2 to 10."""
        wrong = wrong_with(classes) or ("" if self.can_predict(classes) else f"{len(classes)} classes")
        if wrong:
            raise VariantsError(
                f"the difficulty of {', '.join(map(str, classes)) or 'nothing'} cannot be predicted: {wrong}.",
                remedy=f"Give {FEWEST} to {MOST} different classes within 0..{CLASSES - 1}.",
            )
        return float(self.predict_many(np.array([sorted(classes)]))[0])

    def can_predict(self, classes: Sequence[int]) -> bool:
        """Whether these are as many classes as the formula is for."""
        return FEWEST <= len(classes) <= MOST

    def predict_many(self, sets: NDArray[Any]) -> NDArray[np.float64]:
        """Return the predicted accuracies (n,) of sets (n, k) of k different classes each; 161,700 triples take a fraction of a second.

        A picture of a is taken for one of the others with the odds of all pairs together, as if the answers for pairs came from one
        set of scores (Bradley and Terry 1952).
        """
        parts = range(0, len(sets), _AT_ONCE)
        return np.concatenate([self._predicted(sets[begin : begin + _AT_ONCE]) for begin in parts]) if len(sets) else np.empty(0)

    def error(self, count: int) -> float:
        """Return the typical error of a prediction for sets of `count` classes."""
        return self.errors[min(max(count, min(self.errors)), max(self.errors))]

    def line(self, accuracy: float) -> float:
        """Return about where the pass line of a set would be if ten trainings of the reference reached this accuracy on average."""
        return accuracy - _QUANTILE * self.seed_sd * math.sqrt(1 + 1 / _TRAININGS)

    def least_line(self, count: int) -> float:
        """Return what a pass line has to be above to mean anything: guessing and its standard error on the hidden pictures."""
        chance = 1 / count
        return chance + math.sqrt(chance * (1 - chance) / (count * self.hidden))

    def _predicted(self, sets: NDArray[Any]) -> NDArray[np.float64]:
        count = sets.shape[1]
        chance = 1 / count
        right = np.zeros(len(sets))
        for own in range(count):
            odds = sum((self.odds[sets[:, own], sets[:, other]] for other in range(count) if other != own), np.zeros(len(sets)))
            right += 1 / (1 + odds)
        raw = (right / count - chance) / (1 - chance)
        skill = self.formula.intercept + self.formula.slope * raw + self.formula.doubling * math.log2(count / 3)
        return np.asarray(chance + (1 - chance) * np.clip(skill, 0, 1))


@lru_cache(maxsize=1)
def load_difficulty() -> Difficulty:
    """Return the table that comes with this release."""
    return difficulty_of(json.loads(TABLE.read_text(encoding="utf-8")))


def difficulty_of(content: Mapping[str, Any]) -> Difficulty:
    """Return the difficulty written down as JSON: `right` has for every class a and b how many of a's `pictures` were told from b.

    Raises VariantsError for a table of another schema.
    """
    if content.get("schema") != SCHEMA:
        raise VariantsError(
            f'the schema is "{content.get("schema")}", and this release reads {SCHEMA}.',
            where="the table of difficulty",
            remedy="Install zachet again, or make the table with benchmarks/difficulty.py.",
        )
    right, pictures = np.array(content["right"], np.float64), int(content["pictures"])
    # Half a picture for each side: nothing is certain after so many pictures, and odds stay finite.
    odds = (pictures - right + 0.5) / (right + 0.5)
    np.fill_diagonal(odds, 0)
    return Difficulty(
        odds=odds,
        formula=Formula(**content["formula"]),
        errors={int(count): float(error) for count, error in content["errors"].items()},
        seed_sd=float(content["seed_sd"]),
        hidden=int(content["hidden"]),
        made=content["made"],
    )
