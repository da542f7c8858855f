"""Random numbers that belong to a model and a place, not to the order of computing.

A counter is mixed (Steele's SplitMix64) into a number, all models at once and with the same result on every device. So a model's
start and its shuffles depend on its classes and its seed alone, however many others are trained beside it.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

import torch

# The constants of SplitMix64 as signed 64-bit integers: torch has no unsigned ones, and products wrap alike.
_GOLDEN: Final = 0x9E3779B97F4A7C15 - (1 << 64)
_MIX_1: Final = 0xBF58476D1CE4E5B9 - (1 << 64)
_MIX_2: Final = 0x94D049BB133111EB - (1 << 64)
_STREAMS: Final = 1 << 40  # places in one stream; no recipe draws as many


def base_of(classes: Sequence[int], seed: int) -> int:
    """Return where the numbers of one model begin, a signed 64-bit integer."""
    text = f"{','.join(map(str, sorted(classes)))}\0{seed}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big", signed=True)


def uniform(bases: torch.Tensor, stream: int, count: int) -> torch.Tensor:
    """Return (models, count) float32 numbers in [-1, 1) of one stream; `bases` (models,) int64."""
    return (_mixed(bases, stream, count) >> 40).to(torch.float32) / (1 << 23)


def orders(bases: torch.Tensor, stream: int, count: int) -> torch.Tensor:
    """Return (models, count) int64: a shuffle of 0..count-1 for every model."""
    return _mixed(bases, stream, count).argsort(dim=1)


def _mixed(bases: torch.Tensor, stream: int, count: int) -> torch.Tensor:
    places = torch.arange(count, device=bases.device) + stream * _STREAMS
    value = bases[:, None] + (places[None, :] + 1) * _GOLDEN
    value = (value ^ _shifted(value, 30)) * _MIX_1
    value = (value ^ _shifted(value, 27)) * _MIX_2
    return value ^ _shifted(value, 31)


def _shifted(value: torch.Tensor, bits: int) -> torch.Tensor:
    """Shift right without the sign."""
    return (value >> bits) & ((1 << (64 - bits)) - 1)
