"""Files of weights that came with a notebook: copied in pieces and never opened here, and the one of several that counts.

They are kept apart from the other files beside the notebook: a run that trains again must not find what was trained at home.
"""

import errno
import hashlib
import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.files import link_or_copy
from grader.intake import texts
from grader.intake.bounds import Bounds, size
from grader.intake.files import Item, read_some
from grader.intake.names import kept_name, kept_path, suffix
from grader.intake.says import Refused, Trouble, listed, say, summed
from grader.model import Finding

SUFFIXES = (".pth", ".pt", ".ckpt", ".safetensors", ".onnx")
_LAST = ".onnx"
_CHUNK = 1 << 20
BAD_TARGETS = {errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ}

Found = tuple[tuple[str, ...], Item]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptWeights:
    """The weights of one hand-in: `chosen` is the file that counts, by its path in the copy, or empty; `kept` are (name, digest)."""

    chosen: str
    kept: tuple[tuple[str, str], ...]
    problems: tuple[Finding, ...]


def is_weights(item: Item) -> bool:
    """Whether the name of a file says that it holds weights."""
    return suffix(item.name) in SUFFIXES


def keep_weights(beside: Sequence[Found], notebook: str, files: Path, target: Path, bounds: Bounds) -> KeptWeights:
    """Copy the weights among `beside` into `target`, a new folder that gets the files of `files` as well.

    They are taken in the order of `beside`, as far as `bounds` go. `notebook` is the notebook's JSON text, whose code may say which file is meant. Does
    nothing where there are no weights. Raises OSError when the work area cannot be written.
    """
    found = [one for one in beside if is_weights(one[1])]
    if not found:
        return KeptWeights(chosen="", kept=(), problems=())
    target.mkdir()
    if files.is_dir():
        shutil.copytree(files, target, copy_function=link_or_copy, dirs_exist_ok=True)
    kept: list[tuple[str, str]] = []
    refused: list[Finding] = []
    troubles: list[Trouble] = []
    budget = bounds.all_weights_bytes
    for relative, item in found[: bounds.side_files]:
        limit = min(bounds.weights_bytes, budget)
        try:
            digest, count = _copy(item, kept_path(target, relative), limit)
        except Refused:
            troubles.append(Trouble(words=texts.UNREADABLE, name="/".join(relative)))
        except OverflowError:
            limits = {"limit": size(bounds.weights_bytes), "total": size(bounds.all_weights_bytes)}
            refused.append(say(texts.BIG_WEIGHTS, name="/".join(relative), seen=size(max(item.size, limit + 1)), **limits))
        except OSError as error:
            if error.errno not in BAD_TARGETS:
                raise
            troubles.append(Trouble(words=texts.SAME_NAME if error.errno == errno.EEXIST else texts.BAD_NAME, name="/".join(relative)))
        else:
            budget -= count
            kept.append((kept_name(relative), digest))
    if left := found[bounds.side_files :]:
        names = listed("/".join(relative) for relative, _ in left)
        refused.append(say(texts.SIDE_FILES_LEFT_OUT, names=names, count=bounds.side_files, limit=size(bounds.all_weights_bytes)))
    chosen, note = _chosen(kept, _code_of(notebook))
    stored = kept_path(target, tuple(chosen.split("/"))).relative_to(target).as_posix() if chosen else ""
    return KeptWeights(chosen=stored, kept=tuple(kept), problems=(*note, *refused, *summed(troubles)))


def _copy(item: Item, path: Path, limit: int) -> tuple[str, int]:
    """Copy a file piece by piece; return digest and bytes. Raises OverflowError beyond `limit`, whatever size was declared."""
    if item.size > limit:
        raise OverflowError
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    left = limit
    try:
        with path.open("xb") as copy, item.open() as stream:  # in this order: a file that another one made is not ours to remove
            while left >= 0 and (piece := read_some(stream, _CHUNK, item.name)):
                left -= len(piece)
                digest.update(piece)
                copy.write(piece)
    except Refused:
        path.unlink(missing_ok=True)
        raise
    if left < 0:
        path.unlink()
        raise OverflowError
    return digest.hexdigest(), limit - left


def _chosen(kept: Sequence[tuple[str, str]], code: str) -> tuple[str, tuple[Finding, ...]]:
    """Return the file that counts: one for PyTorch before ONNX, then the one that the code names last, then the first by depth and name."""
    torch = [one for one in kept if not one[0].casefold().endswith(_LAST)] or list(kept)
    if not torch:
        return "", ()
    names = sorted((name for name, _ in torch), key=lambda name: (name.count("/"), name))
    named = _named_last(names, code)
    chosen = named or names[0]
    digest = dict(kept)[chosen]
    others = [name for name, other in kept if other != digest]
    if not others:
        return chosen, ()
    return chosen, (say(texts.WEIGHTS_NAMED if named else texts.WEIGHTS_CHOSEN, name=chosen, names=listed(others)),)


def _named_last(names: Sequence[str], code: str) -> str:
    """Return the one of `names` that the code names last, by its path or by its last part, or an empty string.

    A name within a longer one does not count: `best_model.pth` names no `model.pth`.
    """
    meant = {name.rpartition("/")[2]: name for name in reversed(names)} | {name: name for name in names}
    there = sorted((text for text in meant if text in code), key=len, reverse=True)  # of two that begin at one place, the longer
    found = re.findall(rf"(?<![\w.-])(?:{'|'.join(map(re.escape, there))})(?!\.?[\w-])", code) if there else []
    return meant[found[-1]] if found else ""


def _code_of(notebook: str) -> str:
    cells = json.loads(notebook)["cells"]
    return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
