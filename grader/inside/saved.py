"""Reads a file of weights, whatever was saved under that name, and says in one word what is wrong with it where it cannot be used.

This is the only place where a stranger's pickle is opened, and it shares a process with the stranger's notebook anyway.
"""

import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from .onnx import OnnxMissing, OnnxModel

_MOST_UNPACKED = 1 << 30
_HEAD = 512
_DEEPEST = 4
_LONGEST_DETAIL = 400
# Where a checkpoint keeps the state of the model, by the names in use; and what in it is no model.
_STATES = ("state_dict", "model_state_dict", "model", "model_state", "net", "network", "weights", "params", "module", "ema")
_NO_MODELS = ("optimizer", "optim", "scheduler", "scaler", "callbacks", "loops", "rng", "hparams", "hyper_parameters")
# How torch names what a pickle holds beside weights: modules that it never loads anything from, and all else that is no weights.
_BLOCKED = re.compile(r"unsupported GLOBAL (?P<name>\S+) whose module")
_MORE = re.compile(r"(?:GLOBAL (?=\S+ was not)|but got (?:<class ')?)(?P<name>[\w.]+)")

Tensors = dict[str, torch.Tensor]


class CannotRead(Exception):  # noqa: N818 - a fact about the file, told in the report
    """The file cannot be used. `problem` is a word that the report has a sentence for; `code` as in Weights."""

    def __init__(self, problem: str, detail: object = "", code: str = "") -> None:
        super().__init__(problem)
        self.problem, self.code = problem, code
        self.detail = str(detail)[:_LONGEST_DETAIL]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """What a file holds: the states that may be meant, each with the key it lay under, or a whole module with its code.

    `kind` is "state_dict", "safetensors", "module" or "onnx". `code` names what had to be unpickled that is more than weights.
    """

    kind: str
    states: tuple[tuple[str, Tensors], ...] = ()
    module: nn.Module | None = None
    code: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


def read_weights(path: Path | None) -> Weights:
    """Return what the file at `path` holds, on the CPU; raises CannotRead, also when there is no file."""
    if path is None:
        raise CannotRead("none")
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            head = stream.read(_HEAD)
    except OSError as error:
        raise CannotRead("damaged", error.strerror) from error
    _refuse_other_things(head, size)
    name = path.name.lower().rstrip(". ")
    if name.endswith(".safetensors") or (head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= size):
        return _read_safetensors(path)
    if name.endswith(".onnx"):
        return _read_onnx(path)
    return _read_torch(path)


def _refuse_other_things(head: bytes, size: int) -> None:
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not size:
        raise CannotRead("empty")
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        raise CannotRead("html")
    if text.startswith(b"version https://git-lfs"):
        raise CannotRead("pointer")
    for magic, kind in ((b"\x89HDF", "HDF5 (Keras)"), (b"Rar!", "RAR"), (b"7z\xbc\xaf", "7z"), (b"\x1f\x8b", "gzip"), (b"{", "JSON"), (b"\x89PNG", "PNG")):
        if head.startswith(magic) or (magic == b"{" and text.startswith(magic)):
            raise CannotRead("foreign", kind)


def _read_safetensors(path: Path) -> Weights:
    from safetensors.torch import load_file

    try:
        tensors = load_file(path, device="cpu")
    except Exception as error:
        raise CannotRead(_problem(error), f"{type(error).__name__}: {error}") from error
    return Weights(kind="safetensors", states=(("", tensors),))


def _read_onnx(path: Path) -> Weights:
    try:
        return Weights(kind="onnx", module=OnnxModel(path))
    except OnnxMissing as error:
        raise CannotRead("onnx_missing") from error
    except Exception as error:
        raise CannotRead("damaged", f"{type(error).__name__}: {error}") from error


def _read_torch(path: Path) -> Weights:
    _refuse_bombs(path)
    code = ""
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as first:
        blocked = _BLOCKED.search(str(first))
        if blocked:
            raise CannotRead("hostile", blocked["name"]) from first
        code = _culprit(first)
        if not code:
            raise CannotRead(_problem(first), _said(first)) from first
        saved = _unpickle(path, code)
    if isinstance(saved, nn.Module):
        return Weights(kind="module", module=saved, code=code or type(saved).__name__)
    inner = _module_within(saved)
    if inner is not None:
        return Weights(kind="module", module=inner[1], code=code, facts={"key": inner[0]})
    states = tuple(sorted(_states(saved), key=lambda state: _preference(state[0], state[1])))
    if not states:
        raise CannotRead("no_tensors", type(saved).__name__, code)
    return Weights(kind="state_dict", states=states, code=code)


def _refuse_bombs(path: Path) -> None:
    """Judge a zip by what it declares before anything of it is unpacked."""
    with path.open("rb") as stream:
        begins = stream.read(2) == b"PK"
    if not zipfile.is_zipfile(path):
        if begins:
            raise CannotRead("damaged", "its end is missing")
        return
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except Exception as error:
        raise CannotRead("damaged", error) from error
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > _MOST_UNPACKED:
        raise CannotRead("bomb", f"{unpacked >> 20} MiB")
    names = {entry.filename.rpartition("/")[2] for entry in entries}
    if "constants.pkl" in names:
        raise CannotRead("script")
    if "data.pkl" not in names:
        raise CannotRead("foreign", "zip")


def _culprit(error: Exception) -> str:
    """Return what stood in a pickle beside weights, as torch names it, or nothing when the file is simply damaged."""
    named = _MORE.search(str(error))
    return named["name"][:100] if named else ""


def _said(error: Exception) -> str:
    """Return what torch says of an error, between its advice on files from strangers and where to read on."""
    told = str(error).rpartition("WeightsUnpickler error: ")[2].strip()
    return f"{type(error).__name__}: {told.partition(chr(10))[0]}"


def _unpickle(path: Path, code: str) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=False)
    except (AttributeError, ModuleNotFoundError) as error:
        raise CannotRead("class_missing", error, code) from error
    except Exception as error:
        raise CannotRead(_problem(error), f"{type(error).__name__}: {error}", code) from error
    except SystemExit as error:
        raise CannotRead("damaged", "SystemExit", code) from error


def _problem(error: Exception) -> str:
    return "bomb" if isinstance(error, MemoryError) or "allocate" in str(error) else "damaged"


def _module_within(saved: Any) -> tuple[str, nn.Module] | None:
    if not isinstance(saved, Mapping):
        return None
    found = [(str(key), value) for key, value in saved.items() if isinstance(value, nn.Module)]
    return min(found, key=lambda pair: _place(pair[0])) if found else None


def _states(saved: Any, key: str = "", depth: int = 0) -> Iterator[tuple[str, Tensors]]:
    """Yield every mapping of names to tensors within `saved`, with the path of keys to it."""
    if not isinstance(saved, Mapping) or depth > _DEEPEST:
        return
    tensors = {str(name): value for name, value in saved.items() if isinstance(value, torch.Tensor)}
    if tensors:
        yield key, tensors
    for name, value in saved.items():
        if isinstance(value, Mapping) and not str(name).lower().startswith(_NO_MODELS):
            yield from _states(value, f"{key}.{name}" if key else str(name), depth + 1)


def _place(key: str) -> int:
    last = key.rpartition(".")[2].lower()
    return _STATES.index(last) if last in _STATES else len(_STATES)


def _preference(key: str, tensors: Tensors) -> tuple[int, int]:
    return _place(key), -sum(tensor.numel() for tensor in tensors.values())
