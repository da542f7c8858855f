"""A model saved as ONNX, run by onnxruntime where that is installed, with the face of a module."""

import importlib
from pathlib import Path
from typing import Any

import torch
from torch import nn


class OnnxMissing(Exception):  # noqa: N818 - a fact about this machine, told in the report
    """The library that runs ONNX models is not installed."""


class OnnxModel(nn.Module):
    """The graph in the file at `path`: one thread, its first input and its first output. It has no parameters that torch could see."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        try:
            runtime: Any = importlib.import_module("onnxruntime")
        except ImportError as error:
            raise OnnxMissing from error
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        self._session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        first = self._session.get_inputs()[0]
        self._name, self._shape = first.name, list(first.shape)
        self._wide = "double" in first.type

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        """Return the first output for `batch`, in pieces where the graph was exported for a fixed number of examples."""
        fixed = self._shape[0] if self._shape and isinstance(self._shape[0], int) else 0
        numbers = batch.double() if self._wide else batch.float()
        pieces: Any = torch.split(numbers, fixed) if fixed else (numbers,)
        return torch.cat([torch.from_numpy(self._session.run(None, {self._name: piece.numpy()})[0]) for piece in pieces])
