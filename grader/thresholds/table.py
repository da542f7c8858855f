"""What calibration found out, variant by variant, and whether it may be used for a given work."""

import hashlib
import json
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Literal

from grader.model import Policy, Recipe, Text, View
from grader.thresholds.decision import Reference, lines
from grader.thresholds.statistics import Spread, moderated_spread, pooled_spread

Engine = Literal["fast", "true"]
# Below five trainings one that did not converge is too large a part of them to be set aside.
_ENOUGH_TO_SET_ONE_ASIDE = 5


class NotUsable(Exception):  # noqa: N818 - a fact about the calibration, told in the report; nothing of ours broke
    """The calibration cannot judge this work; `reason` is a clause in both languages, without capital and full stop."""

    def __init__(self, reason: Text) -> None:
        super().__init__(reason.en)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """The reference's trainings on one set of classes.

    `accuracies` on the `hidden` hidden images, one per seed, those that converged; `set_aside` those that did not. `train` is the mean
    accuracy on the training part, where it was measured, `hits` which hidden images (in published order) the training nearest the mean got right, as the hex
    digits of the packed bits, or empty.
    """

    classes: tuple[int, ...]
    accuracies: tuple[float, ...]
    set_aside: tuple[float, ...]
    train: float | None
    hidden: int
    chance: float
    hits: str = ""

    @property
    def n(self) -> int:
        """How many trainings converged."""
        return len(self.accuracies)

    @property
    def mean(self) -> float:
        """Their mean accuracy; not a number when there are none."""
        return statistics.fmean(self.accuracies) if self.accuracies else math.nan

    @property
    def spread(self) -> Spread:
        """Their own spread over seeds; nothing is known of it from one training."""
        return _spread(self.accuracies)


@lru_cache(maxsize=1 << 14)  # every reference asks for the spreads of all variants
def _spread(accuracies: tuple[float, ...]) -> Spread:
    return Spread(sd=statistics.stdev(accuracies), df=len(accuracies) - 1) if len(accuracies) > 1 else Spread(sd=0.0, df=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """One calibration: where it comes from, and its variants by key (`key_of`). `data` is the digest of the data set."""

    assignment: str
    engine: Engine
    recipe: str
    view: View
    data_name: str
    data: str
    environment: Mapping[str, str]
    variants: Mapping[str, Calibrated] = field(default_factory=dict)

    def reference(self, classes: Sequence[int], policy: Policy) -> Reference:
        """Return what the decision needs of these classes; raises NotUsable when they are not calibrated or cannot be told from chance."""
        found = self.variants.get(key_of(classes))
        if found is None:
            raise NotUsable(Text(ru="для этого набора классов калибровки нет", en="this set of classes was not calibrated"))
        everyone = [variant.spread for variant in self.variants.values()]
        spreads = (pooled_spread(everyone), moderated_spread(found.spread, everyone))
        _converged(found)
        reference = Reference(mean=found.mean, n=found.n, spreads=spreads, hidden=found.hidden, chance=found.chance)
        _tells_from_chance(reference, policy)
        return reference


def key_of(classes: Sequence[int]) -> str:
    """Return the key of a set of classes, whatever their order; raises ValueError for a repeated class or none."""
    if not classes or len(set(classes)) != len(classes):
        raise ValueError(f"{list(classes)} is not a set of classes")
    return ",".join(str(index) for index in sorted(classes))


def sort_out(
    classes: Sequence[int], accuracies: Sequence[float], train: Sequence[float] | None, *, hidden: int, hits: str = ""
) -> Calibrated:
    """Return the trainings of one variant, those apart that did not converge: not a number, or no better than guessing (3 SE).

    `train` are the accuracies on the training part, None where nobody measured them.
    """
    chance = 1 / len(classes)
    least = chance + 3 * math.sqrt(chance * (1 - chance) / max(1, hidden))
    learnt = accuracies if train is None else train
    good = [math.isfinite(seen) and math.isfinite(known) and max(seen, known) > least for seen, known in zip(accuracies, learnt, strict=True)]
    kept = [] if train is None else [known for known, fine in zip(train, good, strict=True) if fine]
    return Calibrated(
        classes=tuple(sorted(classes)),
        accuracies=tuple(round(seen, 6) for seen, fine in zip(accuracies, good, strict=True) if fine),
        set_aside=tuple(round(seen, 6) if math.isfinite(seen) else 0.0 for seen, fine in zip(accuracies, good, strict=True) if not fine),
        train=round(statistics.fmean(kept), 6) if kept else None,
        hidden=hidden,
        chance=chance,
        hits=hits,
    )


def recipe_digest(recipe: Recipe) -> str:
    """Return the digest of a recipe: another recipe makes every calibration stale."""
    return hashlib.sha256(json.dumps(asdict(recipe), sort_keys=True).encode()).hexdigest()


def require_fresh(thresholds: Thresholds, *, data: str, view: View, recipe: Recipe | None, torch: str) -> None:
    """Raise NotUsable when the calibration was made from other data, in another view, by another recipe or torch (major.minor)."""
    made = thresholds.environment.get("torch", "")
    if thresholds.data != data:
        raise NotUsable(Text(ru="калибровка сделана на другом наборе данных", en="the calibration was made on another data set"))
    if thresholds.view is not view:
        raise NotUsable(
            Text(ru=f"калибровка сделана для вида данных {thresholds.view}", en=f"the calibration was made for the data view {thresholds.view}")
        )
    if recipe is None or thresholds.recipe != recipe_digest(recipe):
        raise NotUsable(Text(ru="эталонный рецепт с тех пор изменился", en="the reference recipe has changed since"))
    if _release(made) != _release(torch):
        raise NotUsable(
            Text(ru=f"калибровка сделана с torch {_release(made)}, а работа — с {_release(torch)}",
                 en=f"the calibration was made with torch {_release(made)}, the work ran with {_release(torch)}")
        )  # fmt: skip


def _release(version: str) -> str:
    return ".".join(version.partition("+")[0].split(".")[:2]) or "?"


def _converged(found: Calibrated) -> None:
    total = found.n + len(found.set_aside)
    allowed = 1 if total >= _ENOUGH_TO_SET_ONE_ASIDE else 0
    if not found.n or len(found.set_aside) > allowed:
        aside = len(found.set_aside)
        raise NotUsable(
            Text(ru=f"эталон на этих классах не сошёлся ({aside} из {total} обучений)",
                 en=f"the reference did not converge on these classes ({aside} of {total} trainings)")
        )  # fmt: skip


def _tells_from_chance(reference: Reference, policy: Policy) -> None:
    line = lines(reference, policy, 1).line
    if math.isinf(line):
        raise NotUsable(Text(ru="разброс между обучениями неизвестен: обучение только одно", en="nothing is known of the spread: there is only one training"))
    if line <= reference.chance + math.sqrt(reference.chance * (1 - reference.chance) / max(1, reference.hidden)):
        raise NotUsable(
            Text(ru="на этих классах сам эталон неотличим от угадывания", en="on these classes the reference itself cannot be told from guessing")
        )
