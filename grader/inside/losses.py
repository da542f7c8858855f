"""What loss functions take: where the outputs come from, how the targets are written, and how many rows were right."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .curves import number, setting

FUNCTIONS = (
    *("cross_entropy", "nll_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits", "mse_loss", "l1_loss", "smooth_l1_loss"),
    *("huber_loss", "kl_div", "poisson_nll_loss", "gaussian_nll_loss", "hinge_embedding_loss", "soft_margin_loss", "multi_margin_loss"),
    *("multilabel_soft_margin_loss", "multilabel_margin_loss", "margin_ranking_loss", "cosine_embedding_loss", "triplet_margin_loss", "ctc_loss"),
)
INSIDE = "binary_cross_entropy_with_logits"
_SETTINGS = ("reduction", "label_smoothing", "ignore_index", "weight", "pos_weight", "beta", "delta", "log_target")
_CAME = {"Softmax": "softmax", "LogSoftmax": "log_softmax", "Sigmoid": "sigmoid", "LogSigmoid": "logsigmoid", "Relu": "relu", "Tanh": "tanh"}
_VIEWS = {"View", "UnsafeView", "Reshape", "ReshapeAlias", "Squeeze", "Unsqueeze", "T", "Transpose", "Permute", "Flatten", "ToCopy", "Alias", "Clone", "Slice", "Select"}
_DEEPEST, _MOST_ROWS = 6, 1024


@dataclass(slots=True, kw_only=True)
class Range:
    """Shape and dtype of the first tensor that was seen, least and greatest value of all."""

    shape: list[int] = field(default_factory=list)
    dtype: str = ""
    least: float | None = None
    greatest: float | None = None

    def take(self, tensor: torch.Tensor, values: NDArray[Any]) -> None:
        """Add one tensor, of which `values` are the first rows."""
        if not self.dtype:
            self.shape, self.dtype = list(tensor.shape), str(tensor.dtype).removeprefix("torch.")
        if values.size:
            low, high = float(values.min()), float(values.max())
            self.least = low if self.least is None else min(self.least, low)
            self.greatest = high if self.greatest is None else max(self.greatest, high)

    def told(self) -> dict[str, Any] | None:
        """Return plain data, or None when nothing was seen."""
        if not self.dtype:
            return None
        return {
            "shape": self.shape, "dtype": self.dtype,
            "least": None if self.least is None else number(self.least), "greatest": None if self.greatest is None else number(self.greatest),
        }  # fmt: skip


@dataclass(slots=True, kw_only=True)
class LossUse:
    """The loss of one run. `look` is for a sample of calls: it reads values."""

    function: str = ""
    class_name: str = ""
    backward_of: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    output: Range = field(default_factory=Range)
    target: Range = field(default_factory=Range)
    came_from: str = "none"
    encoding: str = "none"
    probabilities: bool | None = None
    calls: int = 0

    @property
    def wants_look(self) -> bool:
        """Whether the call that comes is one of the sample: the first eight, then every power of two."""
        return self.calls < 8 or self.calls & (self.calls - 1) == 0

    def look(self, call: "LossCall") -> None:
        """Take a call's tensors into account."""
        first = self.probabilities is None
        if first:
            self.function, self.class_name, self.settings = call.function, call.class_name, dict(call.settings)
            self.came_from = origin_of(call.output)
        values = _values(call.output)
        self.output.take(call.output, values)
        self.probabilities = _are_probabilities(values) and self.probabilities is not False
        if isinstance(call.target, torch.Tensor):
            written = _values(call.target)
            self.target.take(call.target, written)
            if first:
                self.encoding = encoding_of(call.target, written)

    def told(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "function": self.function, "class_name": self.class_name, "backward_of": self.backward_of, "settings": self.settings,
            "output": self.output.told(), "target": self.target.told(), "rows_are_probabilities": bool(self.probabilities),
            "came_from": self.came_from, "encoding": self.encoding,
        }  # fmt: skip


@dataclass(slots=True, kw_only=True)
class LossCall:
    """One call of a loss function of torch."""

    function: str
    class_name: str
    settings: Mapping[str, Any]
    output: torch.Tensor
    target: Any


def call_of(function: str, arguments: tuple[Any, ...], options: Mapping[str, Any], *, known: bool) -> LossCall | None:
    """Return what a loss function was called with, or None when that cannot be told; of one that is `known` its tensors only."""
    if known and len(arguments) > 1 and isinstance(arguments[0], torch.Tensor):
        return LossCall(function=function, class_name="", settings={}, output=arguments[0], target=arguments[1])
    given = dict(zip(("input", "target"), arguments[:2], strict=False)) | dict(options)
    output = given.get("input")
    if not isinstance(output, torch.Tensor):
        return None
    passed = {name: options[name] for name in _SETTINGS if options.get(name) is not None}
    settings = {name: True if isinstance(value, torch.Tensor) else setting(value) for name, value in passed.items()}
    return LossCall(function=function, class_name=_calling_class(), settings=settings, output=output, target=given.get("target"))


def value_of(result: Any) -> Any:
    """Return a scalar's value, as a tensor where reading it would wait for a device; None for what is no scalar."""
    if not isinstance(result, torch.Tensor) or result.numel() != 1:
        return None
    return result.detach() if result.is_cuda else result.item()


def _calling_class() -> str:
    """Return the class of the loss module of torch on whose behalf the function is called, or nothing."""
    frame = sys._getframe(2)  # noqa: SLF001 - the only way to a caller's variables
    for _ in range(4):
        if frame.f_globals.get("__name__") == "torch.nn.modules.loss":
            return type(frame.f_locals.get("self")).__name__
        if frame.f_back is None:
            return ""
        frame = frame.f_back
    return ""


def origin_of(output: torch.Tensor) -> str:
    """Return the activation that made `output`, looking through changes of shape."""
    node: Any = output.grad_fn
    for _ in range(_DEEPEST):
        if node is None:
            return "none"
        name = operation(node)
        if name in _CAME:
            return _CAME[name]
        if name not in _VIEWS or not node.next_functions:
            return "none"
        node = node.next_functions[0][0]
    return "none"


def operation(node: Any) -> str:
    """Return the name of an operation of the graph without torch's ending."""
    return str(node.name()).partition("Backward")[0].removeprefix("struct ").strip() if node is not None else ""


def encoding_of(target: torch.Tensor, values: NDArray[Any]) -> str:
    """Tell how targets are written; see docs/trace.md."""
    if not target.is_floating_point():
        return "binary" if target.dtype == torch.bool else "indices"
    rows = values.reshape(len(values), -1) if values.ndim > 1 else values[:, None]
    whole = bool(np.isin(rows, (0, 1)).all())
    if rows.shape[1] > 1 and rows.size:
        sums = rows.sum(axis=1)
        if whole and bool((sums == 1).all()):
            return "one_hot"
        if not whole and bool((rows >= 0).all()) and bool(np.abs(sums - 1).max() < 1e-4):
            return "probabilities"
    return "binary" if whole and rows.size else "floats"


def hits(output: torch.Tensor, target: torch.Tensor, *, sigmoid_inside: bool = True) -> Any | None:
    """Return how many rows of `output` name the class of `target` (a tensor when not on the CPU), or None when these are no classes."""
    output, target = output.detach(), target.detach()
    if not output.is_floating_point() or output.ndim == 0 or target.ndim == 0 or len(output) != len(target) or not len(output):
        return None
    if output.ndim == 2 and output.shape[1] == 1:
        output = output.squeeze(1)
    if target.ndim == 2 and target.shape[1] == 1:
        target = target.squeeze(1)
    if output.ndim == 1:
        if target.ndim != 1 or not bool(((target == 0) | (target == 1)).all()):
            return None
        return _counted(output > (0.0 if sigmoid_inside else 0.5), target > 0)
    if output.ndim == 2 and target.shape == output.shape and (not target.is_floating_point() or _rows_of_one(target)):
        return _counted(_largest(output), _largest(target))
    if output.ndim != 2 or target.ndim != 1 or target.is_floating_point():
        return None
    return _counted(_largest(output), target)


def _largest(rows: torch.Tensor) -> Any:
    # NumPy takes half the time for the few numbers of a batch.
    return rows.numpy().argmax(1) if rows.device.type == "cpu" and rows.dtype != torch.bfloat16 else rows.argmax(1)


def _counted(first: Any, second: Any) -> Any:
    if isinstance(first, torch.Tensor) and first.device.type != "cpu":
        return (first == second).sum()
    first, second = (part.numpy() if isinstance(part, torch.Tensor) else part for part in (first, second))
    return int((first == second).sum())


def _rows_of_one(target: torch.Tensor) -> bool:
    """Whether the first row is one-hot: enough to tell classes from numbers to be met, row by row."""
    row = target[0].tolist()
    return row.count(1.0) == 1 and row.count(0.0) == len(row) - 1


def _are_probabilities(values: NDArray[Any]) -> bool:
    if values.ndim == 0 or not values.size or not np.isfinite(values).all() or values.min() < 0 or values.max() > 1:
        return False
    rows = values.reshape(len(values), -1) if values.ndim > 1 else values[:, None]
    if rows.shape[1] > 1:
        return bool(np.abs(rows.sum(axis=1) - 1).max() < 1e-3)
    return not bool(np.isin(rows, (0, 1)).all())


def _values(tensor: torch.Tensor) -> NDArray[Any]:
    plain = tensor.detach()[:_MOST_ROWS] if tensor.ndim else tensor.detach()
    return plain.to(device="cpu", dtype=torch.float64 if plain.dtype == torch.float64 else torch.float32).numpy()
