"""Final weights as safetensors bytes, all of them together within a bound."""

from collections.abc import Mapping

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray


class Weights:
    """The weights of the runs; where there are too many, the earlier ones go."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._held: dict[int, bytes] = {}

    def keep(self, run: int, state: Mapping[str, torch.Tensor]) -> None:
        """Keep the weights of a run, in place of those that it had."""
        self._held.pop(run, None)
        if not state or sum(tensor.nbytes for tensor in state.values()) > self._most:
            return
        # Apart from each other: safetensors refuses tensors that share memory. NumPy, which reads them, knows no bfloat16.
        plain = {name: _plain(tensor) for name, tensor in state.items()}
        self._held[run] = safetensors.torch.save(plain)
        for other in list(self._held):
            if sum(map(len, self._held.values())) <= self._most:
                break
            del self._held[other]

    def drop(self, run: int) -> None:
        """Let the weights of a run go that is told no more."""
        self._held.pop(run, None)

    def has(self, run: int) -> bool:
        """Tell whether the weights of a run are held."""
        return run in self._held

    def records(self) -> dict[str, NDArray[np.uint8]]:
        """Return the records to be sent."""
        return {record_name(run): np.frombuffer(content, np.uint8) for run, content in self._held.items()}


def record_name(run: int) -> str:
    """Return the name of the record with a run's weights."""
    return f"weights_{run}"


def _plain(tensor: torch.Tensor) -> torch.Tensor:
    own = tensor.detach().to(device="cpu", dtype=torch.float32 if tensor.dtype == torch.bfloat16 else tensor.dtype)
    return own.clone(memory_format=torch.contiguous_format)
