"""The frozen values that flow through the pipeline. No I/O, no torch, no behaviour beyond reading themselves."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Language = Literal["ru", "en"]
Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
Array = NDArray[np.generic]


class Outcome(StrEnum):
    """What a check concluded. `errored` is our fault, `skipped` waits for another check, `pending` for a person."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    ERRORED = "errored"
    PENDING = "pending"


class ExitReason(StrEnum):
    """How a run of student code ended. All but `sandbox_fault` are the student's; that one is ours."""

    COMPLETED = "completed"
    RAISED = "raised"
    EXITED = "exited"
    KILLED_BY_SIGNAL = "killed_by_signal"
    TIMED_OUT = "timed_out"
    OUT_OF_MEMORY = "out_of_memory"
    OUTPUT_LIMIT = "output_limit"
    SANDBOX_FAULT = "sandbox_fault"


class Vouched(StrEnum):
    """Who stands behind a record: seen from outside the student's process, or said by it."""

    MEASURED = "measured"
    REPORTED = "reported"


class Verdict(StrEnum):
    """What a score says as a whole; `held` waits for a person."""

    PASSED = "passed"
    FAILED = "failed"
    HELD = "held"


class Isolation(StrEnum):
    """The tiers of isolation; every report names the one it ran under."""

    FULL = "full"
    REDUCED = "reduced"
    CONTAINER = "container"
    NONE = "none"


class View(StrEnum):
    """Which images the student's code sees: `sealed` keeps the official test split away from it."""

    SEALED = "sealed"
    OFFICIAL = "official"


class Mode(StrEnum):
    """How the weights that are measured came about: the notebook trained them, or they were handed in and only loaded."""

    RETRAIN = "retrain"
    LOAD = "load"


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """One sentence in both languages of the reports."""

    ru: str
    en: str

    def of(self, language: Language) -> str:
        """Return the sentence in `language`."""
        return self.ru if language == "ru" else self.en


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one run may use. CPU seconds are the budget; wall seconds only the outer guard."""

    cpu_s: int = 600
    wall_s: int = 1800
    cell_cpu_s: int = 300
    memory_mb: int = 4096
    processes: int = 256
    disk_mb: int = 512
    output_mb: int = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How a measured accuracy becomes points. All but `replicates` are shares in 0..1.

    `reference` and `chance` serve where nothing is calibrated; None means not declared. `false_fail`: how often an honest repetition
    of the reference may fail, all replicates of one work together. `margin` and `false_pass`: how often work that is worse than the
    reference by `margin` may pass before its last replicate. `replicates`: how often one work is run at most. `line_share`: the part
    of the points that the pass line earns; from there it grows to all at the reference's mean.
    """

    reference: float | None = None
    chance: float | None = None
    false_fail: float = 0.01
    margin: float = 0.05
    false_pass: float = 0.05
    replicates: int = 1
    line_share: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """The reference training of an assignment: a ReLU network of `hidden` widths on normalised pixels, plain SGD, cross-entropy.

    Pixels are brought to mean 0 and deviation 1 per colour channel of the training part; weights start as PyTorch's Linear does.
    """

    hidden: tuple[int, ...]
    lr: float
    batch: int
    epochs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckUse:
    """One check as a criterion uses it; `weight` is its share of the criterion's points."""

    name: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """One row of the rubric. A manual criterion has no checks and waits for a person."""

    id: str
    title: Text
    points: float
    checks: tuple[CheckUse, ...] = ()
    public: bool = True

    @property
    def manual(self) -> bool:
        """Whether a person has to judge it."""
        return not self.checks


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check concluded. `share` in 0..1 is the part of the check's points that was earned.

    `figures` are numbers that a report may draw, or None. `again`: one more run of the work could settle what is in doubt.
    """

    check: str
    title: Text
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
class Submission:
    """What one student handed in, copied into the work area, bounded and hashed.

    `notebook` is a valid nbformat 4 file in the work area, or None when nothing there can be run; `files` is a folder of
    the small files that came beside it, or None. `weights` is the name, relative to the notebook, of the file of weights that
    counts, or empty; `with_weights` is `files` with all weights in it, or None. `problems` are findings of the intake (two
    notebooks, a link, ...).
    """

    student: str
    assignment: str
    source: str
    digest: str
    notebook: str | None = None
    files: str | None = None
    with_weights: str | None = None
    weights: str = ""
    problems: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CellRun:
    """How one code cell ended. `index` counts all cells of the notebook from 0; `error` is `Name: message` or empty."""

    index: int
    status: Literal["ok", "error", "not_run"]
    error: str = ""
    cpu_s: float = 0.0
    wall_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One run of a notebook: how it ended, what it used (CPU of the whole process tree, peak resident MB), where.

    `note` tells of a run before this one that did not count: a warm start that failed and was repeated cold.
    """

    exit_reason: ExitReason
    message: str = ""
    isolation: Isolation
    start: Literal["cold", "warm"] = "cold"
    seed: int
    device: str = "cpu"
    cpu_s: float
    wall_s: float
    peak_mb: float
    limits: Limits
    cells: tuple[CellRun, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One recorded value: plain JSON or an array, never an object."""

    name: str
    vouched: Vouched
    value: Json | Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What the trusted side makes for one run: `sent` goes in after the last cell, `kept` (labels, answers) never does."""

    sent: Mapping[str, Array] = field(default_factory=dict)
    kept: Mapping[str, Json | Array] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Everything one execution gave back: its end, its records, what was given, and the executed notebook (JSON text)."""

    execution: Execution
    records: tuple[Record, ...]
    given: Given
    notebook: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CriterionScore:
    """Points of one criterion; `earned` is rounded to two decimals."""

    id: str
    title: Text
    points: float
    earned: float
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """The score of one submission: a pure function of evidence and rubric. `data` names the images and their digest, if any.

    `further` are the digests of the other runs that it rests on, in their order.
    """

    assignment: str
    title: Text
    student: str
    name: str
    variant: Mapping[str, Json]
    submission: str
    evidence: str
    rubric: str
    isolation: Isolation
    view: View
    data: Mapping[str, str] | None
    earned: float
    points: float
    verdict: Verdict
    criteria: tuple[CriterionScore, ...]
    notes: tuple[Finding, ...]
    execution: Mapping[str, Json]
    environment: Mapping[str, str]
    further: tuple[str, ...] = ()
