"""What is known of one assignment folder, and of its checks once they are loaded."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from grader.model import Criterion, Given, Language, Limits, Policy, Recipe, Text, View
from grader.thresholds import Thresholds


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """One assignment folder, read and validated.

    `digest` (hex) covers what turns evidence into a score: assignment.toml, checks.py and lab.py, whatever their line ends.
    `reference_accuracy` and `chance` are shares in 0..1; `pass_share` is the share of `points` that passes.
    `policy` says how accuracies become points, `recipe` is the reference training, `thresholds` the course's calibration, if any;
    `calibrated` in folder.py adds it and makes `digest` cover it.
    `aliases` maps a name the checks and the probe look for to other names that mean the same.
    """

    slug: str
    path: Path
    edition: str
    title: Text
    languages: tuple[Language, ...]
    points: float
    rule: str
    data: Literal["cifar100", ""]
    view: View
    limits: Limits
    reference_accuracy: float | None
    chance: float | None
    pass_share: float
    criteria: tuple[Criterion, ...]
    aliases: Mapping[str, tuple[str, ...]]
    digest: str
    policy: Policy = field(default_factory=Policy)
    recipe: Recipe | None = None
    thresholds: Thresholds | None = None

    @property
    def lab_file(self) -> Path:
        """The text of the lab: the single source of every notebook."""
        return self.path / "lab.py"

    @property
    def probe_file(self) -> Path:
        """The code that runs beside the student's; never imported on this side."""
        return self.path / "probe.py"

    @property
    def checks_file(self) -> Path:
        """The trusted code that makes the inputs and judges the evidence."""
        return self.path / "checks.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """The check functions of an assignment by id, in the order of checks.py, and its `prepare`."""

    functions: Mapping[str, Callable[..., Any]]
    prepare: Callable[..., Given]
