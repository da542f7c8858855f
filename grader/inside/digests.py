"""Contents by their digests: rows of data, and the weights of a model at one moment. Nothing is drawn at random, nothing is changed."""

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

_OF_EACH, _OF_SAMPLE = 1024, 1 << 14
_LARGEST_ROW = 1 << 20


def rows_digested(tensor: torch.Tensor, most: int) -> list[str]:
    """Return the digests of the first rows of `tensor`, 12 hex digits each; rows of equal numbers agree whatever their dtype."""
    if tensor.ndim == 0 or not len(tensor) or tensor[0].numel() * 4 > _LARGEST_ROW:
        return []
    rows = numbers_of(tensor[:most])
    return [_digest(row) for row in rows.reshape(len(rows), -1)]


def sketch(tensor: torch.Tensor) -> str:
    """Return what tells one tensor's content from another's: its shape, and a few rows spread over it."""
    if tensor.ndim == 0:
        return _digest(numbers_of(tensor.reshape(1)))
    places = sorted({0, len(tensor) // 3, len(tensor) // 2, len(tensor) - 1} & set(range(len(tensor))))
    return "-".join([str(tuple(tensor.shape)), *(_digest(numbers_of(tensor[place].reshape(-1)[:_OF_EACH])) for place in places)])


def weights_digest(tensors: Iterable[torch.Tensor]) -> str:
    """Return one digest of the first numbers of every tensor: a training step changes it."""
    total = hashlib.blake2b(digest_size=8)
    for tensor in tensors:
        total.update(numbers_of(tensor.detach().reshape(-1)[:_OF_EACH]).tobytes())
    return total.hexdigest()


def sample_of(tensor: torch.Tensor) -> bytes:
    """Return numbers spread over a tensor, all of a small one: equal bytes for equal numbers, NaN among them."""
    flat = tensor.detach().reshape(-1)
    step = len(flat) // _OF_SAMPLE | 1  # odd, so that it meets every column of a matrix of the usual widths
    return numbers_of(flat[::step]).tobytes()


def numbers_of(tensor: torch.Tensor) -> NDArray[Any]:
    """Return a contiguous float32 copy or view of `tensor` (complex numbers as pairs)."""
    plain = tensor.detach()
    if plain.dtype == torch.float32 and plain.device.type == "cpu" and plain.layout == torch.strided:
        return np.ascontiguousarray(plain.numpy())
    if plain.is_complex():
        plain = torch.view_as_real(plain)
    return np.ascontiguousarray(plain.to(device="cpu", dtype=torch.float32).numpy())


def _digest(row: NDArray[Any]) -> str:
    return hashlib.blake2b(row.tobytes(), digest_size=6).hexdigest()
