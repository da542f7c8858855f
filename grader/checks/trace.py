"""The training trace as checks read it: what the run says about its own trainings, bounded and typed. docs/trace.md explains every field.

All of it is *reported*: the process that ran student code wrote it. It explains, warns and fills tables; it never decides accuracy points.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import safetensors.numpy

from grader.checks.plain import read_once
from grader.evidence import Evidence, MissingRecord
from grader.model import Array

# What the runner keeps at most; the rest of a longer list is forged.
MOST_RUNS, MOST_PASSES, MOST_SOURCES, MOST_LOADERS = 64, 64, 64, 128

Scalar = bool | int | float | str
Curve = tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A submodule; `name` as in named_modules ("" is the model itself). Shapes are those seen in one pass, batch included, or None."""

    name: str
    class_name: str
    parameters: int = 0
    trainable: int = 0
    input: tuple[int, ...] | None = None
    output: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What was trained. Counts are numbers, not tensors; `optimised` counts what an optimiser held (0 by hand)."""

    class_name: str = ""
    name: str = ""
    parameters: int = 0
    trainable: int = 0
    optimised: int = 0
    layers: tuple[Layer, ...] = ()
    unoptimised: tuple[str, ...] = ()
    frozen: tuple[str, ...] = ()
    frozen_changed: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    mode_sensitive: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterGroup:
    """One parameter group: how many numbers it holds and its hyper-parameters when the run began (lists as text)."""

    parameters: int = 0
    settings: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimizer:
    """The optimiser; `lr` is the first group's rate, one point per change: (steps done before, rate)."""

    class_name: str
    groups: tuple[ParameterGroup, ...] = ()
    lr: Curve = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduler:
    """A scheduler of the rate; `steps` counts its steps but the one of its making; `before_step`: it stepped before the optimiser ever did."""

    class_name: str
    steps: int = 0
    before_step: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """A tensor as seen in a sample of calls: shape of the first, least and greatest value of all."""

    shape: tuple[int, ...] = ()
    dtype: str = ""
    least: float | None = None
    greatest: float | None = None


Came = Literal["softmax", "log_softmax", "sigmoid", "logsigmoid", "relu", "tanh", "none"]
Encoding = Literal["indices", "one_hot", "binary", "probabilities", "floats", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """The loss of the training steps; see docs/trace.md for `function`, `came_from` and `encoding`."""

    function: str = ""
    class_name: str = ""
    backward_of: str = ""
    settings: Mapping[str, Scalar] = field(default_factory=dict)
    output: Tensor | None = None
    target: Tensor | None = None
    rows_are_probabilities: bool = False
    came_from: Came = "none"
    encoding: Encoding = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clipping:
    """Gradient clipping; of `calls`, `in_force` found more than `limit`, `late` came when the step was done already."""

    kind: Literal["norm", "value"]
    limit: float
    calls: int = 0
    in_force: int = 0
    late: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """Weights that load_state_dict put back after the last step; `epoch` (0-based) is the one at whose end they were these, None if none was."""

    cell: int
    epoch: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Passes:
    """All forward passes of one kind. `loss` and `accuracy` have one point per epoch: (epoch, value)."""

    role: Literal["training", "evaluation"]
    when: Literal["before", "during", "after"] = "during"
    train_mode: bool = False
    grad: bool = False
    source: int | None = None
    loader: int | None = None
    count: int = 0
    batches: int = 0
    rows: int = 0
    first_cell: int = -1
    last_cell: int = -1
    first_epoch: int = 0
    last_epoch: int = 0
    loss: Curve = ()
    accuracy: Curve = ()
    statistics_moved: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRun:
    """One training: one model and one optimiser, or weights that were moved by hand."""

    id: int
    kind: Literal["module", "by_hand"]
    first_cell: int = -1
    last_cell: int = -1
    seconds: float = 0.0
    steps: int = 0
    backwards: int = 0
    continues: int | None = None
    model: Model = Model()
    optimizer: Optimizer | None = None
    schedulers: tuple[Scheduler, ...] = ()
    loss: Loss | None = None
    batch_sizes: tuple[tuple[int, int], ...] = ()
    epochs: int = 0
    epochs_cut: Literal["loader", "rows", "full_batch", "evaluation", "none"] = "none"
    steps_per_epoch: Curve = ()
    losses: Curve = ()
    gradient_norms: Curve = ()
    accumulated_steps: int = 0
    clipping: tuple[Clipping, ...] = ()
    restored: Restored | None = None
    passes: tuple[Passes, ...] = field(default=(), metadata={"most": MOST_PASSES})
    changed: bool | None = None
    train_mode_restored: bool | None = None
    weights: str = ""

    @property
    def training(self) -> tuple[Passes, ...]:
        """The passes that a backward followed."""
        return tuple(passes for passes in self.passes if passes.role == "training")

    @property
    def evaluation(self) -> tuple[Passes, ...]:
        """The passes that no backward followed."""
        return tuple(passes for passes in self.passes if passes.role == "evaluation")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Data that was read: a data set, a tensor passed whole, or batches cut by hand. `digests` are 12 hex digits a row, a sample."""

    id: int
    kind: Literal["dataset", "tensor", "batches"]
    class_name: str = ""
    name: str = ""
    length: int | None = None
    row: tuple[int, ...] = ()
    dtype: str = ""
    hashed: int = 0
    digests: tuple[str, ...] = ()
    labels: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Loader:
    """A DataLoader. `varies`: an index gave other rows when read again; `same_order`: its first two whole passes had one order."""

    id: int
    source: int
    class_name: str = ""
    name: str = ""
    batch_size: int | None = None
    batches: int | None = None
    shuffle: bool = False
    sampler: str = ""
    drop_last: bool = False
    num_workers: int = 0
    passes: int = 0
    varies: bool | None = None
    same_order: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Distinct rows that two sources share, among the distinct rows hashed of each."""

    first: int
    second: int
    rows: int
    of_first: int = 0
    of_second: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """The whole record. `left_out` counts runs that were too many to keep."""

    runs: tuple[TrainingRun, ...] = field(default=(), metadata={"most": MOST_RUNS})
    sources: tuple[Source, ...] = field(default=(), metadata={"most": MOST_SOURCES})
    loaders: tuple[Loader, ...] = field(default=(), metadata={"most": MOST_LOADERS})
    overlaps: tuple[Overlap, ...] = ()
    left_out: int = 0
    _shared: Mapping[frozenset[int | None], Overlap] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_shared", {frozenset((shared.first, shared.second)): shared for shared in reversed(self.overlaps)})

    def source(self, number: int | None) -> Source | None:
        """Return the source with this id, or None."""
        return next((source for source in self.sources if source.id == number), None)

    def loader(self, number: int | None) -> Loader | None:
        """Return the loader with this id, or None."""
        return next((loader for loader in self.loaders if loader.id == number), None)

    def overlap(self, first: int | None, second: int | None) -> Overlap | None:
        """Return what two sources share, in either order, or None where nothing is shared."""
        return self._shared.get(frozenset((first, second)))


def trace_of(evidence: Evidence) -> Trace:
    """Return the trace of a run; raises MissingRecord when the run ended before it was written or wrote something else."""
    made = read_once(Trace, evidence.record("trace"))
    if made is None:
        raise MissingRecord("trace", evidence.execution, "it is no object")
    return made


def training_runs(evidence: Evidence) -> tuple[TrainingRun, ...]:
    """Return the training runs in the order in which they began; raises MissingRecord as `trace_of` does."""
    return trace_of(evidence).runs


def weights_of(evidence: Evidence, run: TrainingRun) -> Mapping[str, Array]:
    """Return the final weights of `run` by name; raises MissingRecord when they were not kept or cannot be read."""
    name = run.weights
    value = evidence.record(name)
    if not isinstance(value, np.ndarray) or value.dtype != np.uint8:
        raise MissingRecord(name, evidence.execution, "no bytes")
    try:
        return safetensors.numpy.load(value.tobytes())
    except Exception as error:
        raise MissingRecord(name, evidence.execution, f"not safetensors: {type(error).__name__}") from error
