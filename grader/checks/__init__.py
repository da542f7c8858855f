"""What a check is: a pure function of evidence that concludes something, said in both languages.

    @check(ru="XOR решён", en="The network solves XOR", after=("part2_forward",))
    def xor_solved(evidence: Evidence) -> Conclusion:
        ...
        return passed(Text(ru="...", en="..."))

The function's name is the check's id. The modules beside this one hold what several assignments need.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from grader.model import Array, Json, Outcome, Record, Text, View, Vouched

if TYPE_CHECKING:
    from grader.datasets import HiddenSet

__all__ = ["CheckFunction", "CheckInfo", "Conclusion", "Preparation", "check", "failed", "partial", "passed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckInfo:
    """What `@check` writes on a function: its id, its title, the checks it waits for, and whether it judges the training itself."""

    name: str
    title: Text
    after: tuple[str, ...] = ()
    wants_assignment: bool = False
    of_training: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """What a check function returns; scoring adds the check's name and title and makes it a Finding.

    `again` asks for one more run of the work with another seed: this one leaves the conclusion in doubt.
    """

    outcome: Outcome
    share: float
    rationale: Text
    hint: Text | None = None
    expected: str = ""
    actual: str = ""
    vouched: Vouched = Vouched.MEASURED
    figures: Mapping[str, Json] | None = None
    again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """What `prepare(preparation)` of an assignment's checks.py may look at to make the hidden inputs.

    `records` are the records of the run so far (all of them reported). `hidden` and `public` are None when the assignment uses
    no images. `public` are the uint8 NHWC images of the variant's classes that the student's code can see, `public_labels` (n,) their
    positions in the sorted classes, `test` those of them that it finds in the file `test`, with their labels. `rng` is the only source
    of chance: it is seeded from assignment, student and replicate, never from anything the student's process knows.
    """

    variant: Mapping[str, Json]
    view: View
    records: Mapping[str, Record]
    rng: np.random.Generator
    hidden: "HiddenSet | None" = None
    public: NDArray[np.uint8] | None = None
    test: "HiddenSet | None" = None
    public_labels: NDArray[np.int64] | None = None

    def array(self, name: str) -> Array | None:
        """Return the array recorded under `name`, or None when the run recorded none."""
        record = self.records.get(name)
        return record.value if record is not None and isinstance(record.value, np.ndarray) else None


CheckFunction = Callable[..., Conclusion]


def check(*, ru: str, en: str, after: Sequence[str] = (), of_training: bool = False) -> Callable[[CheckFunction], CheckFunction]:
    """Mark a function as a check with a title in both languages; it is skipped unless every check in `after` passed in part.

    A check `of_training` waits for a person where weights were only loaded, since then nothing was trained that it could judge.
    The function takes the evidence, or the evidence and the assignment when its judgement depends on a number of the rubric.
    """

    def mark(function: CheckFunction) -> CheckFunction:
        arguments = len(inspect.signature(function).parameters)
        info = CheckInfo(name=function.__name__, title=Text(ru=ru, en=en), after=tuple(after), wants_assignment=arguments > 1, of_training=of_training)
        function.__zachet_check__ = info  # type: ignore[attr-defined]
        return function

    return mark


def passed(rationale: Text, *, expected: str = "", actual: str = "", hint: Text | None = None, vouched: Vouched = Vouched.MEASURED) -> Conclusion:
    """Conclude that the work does what was asked."""
    return Conclusion(
        outcome=Outcome.PASSED, share=1.0, rationale=rationale, expected=expected, actual=actual, hint=hint, vouched=vouched
    )


def failed(rationale: Text, *, hint: Text, expected: str = "", actual: str = "", vouched: Vouched = Vouched.MEASURED) -> Conclusion:
    """Conclude that the work does not do what was asked; a hint is obligatory."""
    return Conclusion(
        outcome=Outcome.FAILED, share=0.0, rationale=rationale, hint=hint, expected=expected, actual=actual, vouched=vouched
    )


def partial(
    share: float, rationale: Text, *, hint: Text, expected: str = "", actual: str = "", vouched: Vouched = Vouched.MEASURED
) -> Conclusion:
    """Conclude that a part `share` of the points is earned. It counts as passed only at 1; not a number counts as nothing."""
    bounded = min(1.0, max(0.0, share)) if share == share else 0.0  # noqa: PLR0124 - the test for NaN
    outcome = Outcome.PASSED if bounded >= 1.0 else Outcome.FAILED
    return Conclusion(
        outcome=outcome, share=bounded, rationale=rationale, hint=hint, expected=expected, actual=actual, vouched=vouched
    )
