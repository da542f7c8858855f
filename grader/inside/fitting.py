"""Holds saved tensors against a module: which names are meant, what is missing, what is left over, which shapes disagree."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from .trained import tensors_of

# What DataParallel and torch.compile put into the names of what they wrap.
_WRAPPERS = ("module", "_orig_mod")
_LISTED = 20

Tensors = Mapping[str, torch.Tensor]
Shape = list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """How saved tensors go into one module.

    `state` has every parameter and buffer of the module, those of the file where they fit and its own elsewhere. `names` is "same",
    "prefix" or "order" (renamed, so that only order and shapes say what is meant). `shapes` are (name, expected, seen).
    """

    state: dict[str, torch.Tensor]
    names: str
    matched: int
    missing: tuple[str, ...]
    extra: tuple[str, ...]
    shapes: tuple[tuple[str, Shape, Shape], ...]
    unfilled: int
    cast: tuple[str, ...] = ()
    not_finite: tuple[str, ...] = field(default=())

    @property
    def complete(self) -> bool:
        """Whether every parameter of the module came from the file."""
        return not self.unfilled and self.matched > 0

    @property
    def strict(self) -> bool:
        """Whether `load_state_dict` would have taken the file as it is."""
        return self.names == "same" and not (self.missing or self.extra or self.shapes)

    def facts(self) -> dict[str, Any]:
        """Return what the report says of it, as plain data."""
        return {
            "strict": self.strict,
            "names": self.names,
            "matched": self.matched,
            "missing": list(self.missing[:_LISTED]),
            "extra": list(self.extra[:_LISTED]),
            "counts": {"missing": len(self.missing), "extra": len(self.extra), "shapes": len(self.shapes)},
            "shapes": [list(shape) for shape in self.shapes[:_LISTED]],
            "cast": list(self.cast),
            "not_finite": list(self.not_finite[:_LISTED]),
        }


def fit(module: nn.Module, tensors: Tensors) -> Fit:
    """Return the best way to put `tensors` into `module`; names as they are come before names that have to be guessed."""
    wanted = {name: value for name, value in module.state_dict().items() if isinstance(value, torch.Tensor)}
    best: tuple[int, str, dict[str, str]] | None = None
    for how, meaning in _meanings(wanted, tensors):
        matched = sum(name in tensors and tensors[name].shape == wanted[own].shape for own, name in meaning.items())
        if best is None or matched > best[0]:
            best = (matched, how, meaning)
    assert best is not None  # noqa: S101 - the names as they are were tried
    _, how, meaning = best
    renamed = _by_order(wanted, tensors, meaning)
    if renamed:
        how, meaning = "order", {**meaning, **renamed}
    return _filled(module, wanted, tensors, how, meaning)


def _meanings(wanted: Tensors, tensors: Tensors) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield ways to read the file's names: which of them each of the module's names means."""
    yield "same", {own: own for own in wanted if own in tensors}
    for reading in (_bare, *_prefixes(wanted, tensors)):
        saved: dict[str, str] = {}
        for name in tensors:
            saved.setdefault(reading(name), name)
        # The module's own names are read in the same way only where they may be wrapped as well.
        yield "prefix", {own: saved[key] for own in wanted if (key := _bare(own) if reading is _bare else own) in saved}
    for prefix in _endings(tensors, wanted):
        yield "prefix", {own: own.removeprefix(prefix) for own in wanted if own.startswith(prefix) and own.removeprefix(prefix) in tensors}


def _bare(name: str) -> str:
    return ".".join(part for part in name.split(".") if part not in _WRAPPERS)


def _prefixes(wanted: Tensors, tensors: Tensors) -> Iterator[Callable[[str], str]]:
    """Yield readings that take off what stands before the module's own names in the file, with the wrappers' parts or without them."""
    bare = [_bare(name) for name in tensors]
    for prefix in _endings({own: own for own in wanted}, {name: name for name in bare}):
        yield lambda name, prefix=prefix: _bare(name).removeprefix(prefix)  # type: ignore[misc]


def _endings(inner: Mapping[str, Any], outer: Mapping[str, Any]) -> list[str]:
    """Return what stands before names of `inner` in names of `outer`, the most frequent first."""
    found: dict[str, int] = {}
    for long in outer:
        parts = long.split(".")
        for cut in range(1, len(parts)):
            if ".".join(parts[cut:]) in inner:
                prefix = ".".join(parts[:cut]) + "."
                found[prefix] = found.get(prefix, 0) + 1
    return sorted(found, key=lambda prefix: -found[prefix])[:8]


def _by_order(wanted: Tensors, tensors: Tensors, meaning: Mapping[str, str]) -> dict[str, str]:
    """Return the meaning of names that nothing else explains, when order and shapes of what is left agree in full."""
    own_left = [own for own in wanted if own not in meaning]
    used = set(meaning.values())
    left = [name for name in tensors if name not in used]
    if not own_left or len(own_left) != len(left):
        return {}
    agree = all(wanted[own].shape == tensors[name].shape for own, name in zip(own_left, left, strict=True))
    return dict(zip(own_left, left, strict=True)) if agree else {}


def _filled(module: nn.Module, wanted: Tensors, tensors: Tensors, how: str, meaning: Mapping[str, str]) -> Fit:
    state = {name: tensor.detach().clone() for name, tensor in tensors_of(module)}
    parameters = {name for name, _ in module.named_parameters(remove_duplicate=False)}
    shapes: list[tuple[str, Shape, Shape]] = []
    cast: set[str] = set()
    filled: set[str] = set()
    broken: list[str] = []
    for own, name in meaning.items():
        value, target = tensors[name].detach(), wanted[own]
        if value.shape != target.shape:
            shapes.append((own, list(target.shape), list(value.shape)))
            continue
        if value.dtype != target.dtype:
            cast.add(f"{value.dtype} -> {target.dtype}".replace("torch.", ""))
        state[own] = value.to(device=target.device, dtype=target.dtype).clone()
        filled.add(own)
        if not bool(torch.isfinite(state[own]).all()):
            broken.append(own)
    return Fit(
        state=state,
        names=how,
        matched=len(filled),
        missing=tuple(own for own in wanted if own not in meaning),
        extra=tuple(name for name in tensors if name not in set(meaning.values())),
        shapes=tuple(shapes),
        unfilled=len(parameters - filled),
        cast=tuple(sorted(cast)),
        not_finite=tuple(broken),
    )
