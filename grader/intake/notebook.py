"""The bytes of a notebook in, a clean notebook out: only cells with their text and what they had printed, only our own metadata."""

import json
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, count
from typing import Any, NoReturn, TypeGuard

from grader.intake import notebook_texts as texts
from grader.intake.bounds import Bounds, size
from grader.intake.decoding import decoded, parsed
from grader.intake.printed import printed
from grader.intake.says import Refused, say
from grader.intake.texts import TOO_BIG
from grader.model import Finding, Json, Text

_CELL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CELL_MARK = re.compile(r"^[ \t]*#[ \t]*(?:%%+(?:[ \t].*)?|In\[[0-9 ]*\]:?[ \t]*)$", re.MULTILINE)
_HEADER = re.compile(r"\A#[ \t]*---[ \t]*\n(?:#.*\n){0,200}?#[ \t]*---[ \t]*\n")
_IDENTITY_DEPTH = 10
_PICTURES = {"image/png", "image/jpeg", "image/gif", "image/webp"}
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Notebook:
    """A clean nbformat 4.5 notebook as JSON text, what its `zachet` metadata declares, and notes for the report."""

    name: str
    text: str
    assignment: str
    student: str
    notes: tuple[Finding, ...]


def read_notebook(data: bytes, name: str, bounds: Bounds) -> Notebook:
    """Return the notebook that `data` holds; raises Refused with a finding that says what is wrong with it."""
    text, notes = decoded(data, name)
    found, repairs = parsed(text, name, bounds)
    if not is_notebook(found):
        raise Refused(say(texts.NOT_A_NOTEBOOK, name=name))
    version = found.get("nbformat")
    if not isinstance(version, int) or isinstance(version, bool):
        version = 4 if "cells" in found else 3
        repairs.append(texts.NO_VERSION)
    if version > 4:
        raise Refused(say(texts.NEW_FORMAT, name=name, version=str(version)))
    cells = found.get("cells")
    if version < 4 or not isinstance(cells, list):
        cells = _upgraded(found, name, version := min(version, 3))
        notes.append(say(texts.OLD_FORMAT_CONVERTED, name=name, version=str(version)))
    return _clean(cells, identity_of(found, bounds), name=name, bounds=bounds, notes=notes, repairs=repairs)


def read_script(data: bytes, name: str, bounds: Bounds) -> Notebook:
    """Return the notebook that a percent script is; raises Refused.

    The header and the options after `# %%` are dropped before jupytext sees them: they are YAML and Python literals that a
    stranger wrote, and a run needs none of them.
    """
    if len(data) > bounds.script_bytes:
        raise Refused(say(TOO_BIG, name=name, limit=size(bounds.script_bytes)))
    text, notes = decoded(data, name)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not is_percent(text):
        raise Refused(say(texts.PLAIN_SCRIPT, names=name))
    text = _CELL_MARK.sub(_bare_mark, _HEADER.sub("", text, count=1).lstrip("\n"))
    # jupytext looks for the end of every fence through the whole rest of the file.
    fences = (text.count("```") + text.count("~~~")) * text.count("\n")
    if len(_CELL_MARK.findall(text)) > bounds.script_cells or fences > bounds.script_fences:
        raise Refused(say(texts.TOO_COMPLEX, name=name, what=texts.MANY_CELLS))
    import jupytext

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cells = jupytext.reads(text, fmt="py:percent").cells
    except Exception as error:  # noqa: BLE001 - a stranger's file met a library's parser; which of its errors came does not matter
        raise Refused(say(texts.SCRIPT_BROKEN, name=name, actual=type(error).__name__)) from None
    notes.append(say(texts.SCRIPT_CONVERTED, name=name))
    return _clean([{**cell, "id": None} for cell in cells], {}, name=name, bounds=bounds, notes=notes, repairs=[])


def is_notebook(found: Any) -> TypeGuard[dict[str, Any]]:
    """Whether a JSON value is a notebook: it has cells, be they as they may."""
    return isinstance(found, dict) and isinstance(found.get("cells", found.get("worksheets")), list)


def is_percent(text: str) -> bool:
    """Whether a script is divided into cells."""
    return bool(_CELL_MARK.search(text))


def _bare_mark(mark: re.Match[str]) -> str:
    kind = re.search(r"\[(markdown|md|raw)\]", mark.group())
    return f"# %% [{kind.group(1)}]" if kind else "# %%"


def _upgraded(found: dict[str, Any], name: str, version: int) -> list[Any]:
    """Return the cells of a notebook of format 1 to 3 in format 4; outputs and metadata stay behind before the conversion."""
    import nbformat

    try:
        sheets = found["worksheets"] if version > 1 else [found]
        bare = [{"cells": [_bare_old_cell(cell) for cell in sheet["cells"]], "metadata": {}} for sheet in sheets]
        old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": bare}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return list(nbformat.convert(nbformat.from_dict(old), 4)["cells"])
    except Exception as error:  # noqa: BLE001 - the converter trusts its input and stumbles over wrong types in every way there is
        raise Refused(say(texts.OLD_FORMAT_BROKEN, name=name, version=str(version), actual=type(error).__name__)) from None


def _bare_old_cell(cell: dict[str, Any]) -> dict[str, Any]:
    text = cell.get("input", cell.get("code", "")) if cell["cell_type"] == "code" else cell.get("source", cell.get("text", ""))
    joined = "".join(text) if isinstance(text, list) else str(text)
    if cell["cell_type"] == "code":
        return {"cell_type": "code", "input": joined, "language": "python", "outputs": [], "collapsed": False, "metadata": {}}
    kind = "markdown" if cell["cell_type"] == "text" else cell["cell_type"]
    level = {"level": min(max(int(cell.get("level", 1)), 1), 6)} if kind == "heading" else {}
    return {"cell_type": kind, "source": joined, "metadata": {}, **level}


def _clean(
    cells: list[Any], identity: dict[str, Json], *, name: str, bounds: Bounds, notes: list[Finding], repairs: list[Text]
) -> Notebook:
    """Build the notebook anew from the parts that a run needs."""
    if len(cells) > bounds.cells:
        raise Refused(say(texts.TOO_COMPLEX, name=name, what=texts.MANY_CELLS))
    clean = [_clean_cell(cell, number, name, bounds) for number, cell in enumerate(cells, 1)]
    if not any(cell["cell_type"] == "code" for cell in clean):
        raise Refused(say(texts.NO_CODE, name=name))
    if _number(clean, cells):
        repairs.append(texts.CELL_IDS)
    metadata: dict[str, Json] = {"zachet": identity} if identity else {}
    text = json.dumps({"cells": clean, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}, ensure_ascii=False, indent=1, sort_keys=True)
    whole = _SURROGATE.sub("\ufffd", text)
    if whole != text:
        repairs.append(texts.HALF_CHARACTERS)
    if len(whole.encode()) > bounds.text_bytes:
        raise Refused(say(texts.TOO_COMPLEX, name=name, what=texts.MUCH_TEXT))
    notes.extend(say(texts.REPAIRED, name=name, what=repair) for repair in repairs)
    student, assignment = (value if isinstance(value := identity.get(key), str) else "" for key in ("student", "assignment"))
    return Notebook(name=name, text=whole + "\n", assignment=assignment, student=student, notes=tuple(notes))


def _clean_cell(cell: Any, number: int, name: str, bounds: Bounds) -> dict[str, Any]:
    def wrong(what: Text) -> NoReturn:
        raise Refused(say(texts.WRONG_CELL, name=name, cell=number, what=what))

    if not isinstance(cell, dict):
        wrong(texts.NOT_AN_OBJECT)
    kind, source = cell.get("cell_type"), cell.get("source", "")
    if kind not in ("code", "markdown", "raw"):
        wrong(texts.UNKNOWN_TYPE)
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        wrong(texts.SOURCE_NOT_TEXT)
    if kind == "code":
        if len(source) > bounds.code_bytes:
            wrong(texts.LONG_CODE)
        outputs = printed(cell.get("outputs"))
        return {"cell_type": kind, "execution_count": None, "metadata": _tags(cell), "outputs": outputs, "source": source}
    clean = {"cell_type": kind, "metadata": _tags(cell), "source": source}
    pictures = dict(_pictures(cell.get("attachments")))
    return {**clean, "attachments": pictures} if pictures else clean


def _tags(cell: dict[str, Any]) -> dict[str, Json]:
    metadata = cell.get("metadata")
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    plain = [tag for tag in tags if isinstance(tag, str) and 0 < len(tag) <= 100 and "," not in tag][:20] if isinstance(tags, list) else []
    return {"tags": list(dict.fromkeys(plain))} if plain else {}


def _pictures(attachments: Any) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the pasted pictures of a text cell, which the report shows; anything else that can be attached is dropped."""
    for name, bundle in attachments.items() if isinstance(attachments, dict) else ():
        kept = {kind: data for kind, data in bundle.items() if kind in _PICTURES and isinstance(data, str)} if isinstance(bundle, dict) else {}
        if kept:
            yield name, kept


def _number(clean: list[dict[str, Any]], cells: list[Any]) -> bool:
    """Give every cell an id of its own, and return whether one that was there had to go."""
    wanted = [cell.get("id") for cell in cells]
    taken: set[str] = set()
    replaced = False
    reserved = {value for value in wanted if isinstance(value, str)}
    for position, (cell, identifier) in enumerate(zip(clean, wanted, strict=True)):
        if isinstance(identifier, str) and _CELL_ID.fullmatch(identifier) and identifier not in taken:
            cell["id"] = identifier
        else:
            replaced = replaced or identifier is not None
            names = chain((f"cell-{position}",), (f"cell-{position}-{extra}" for extra in count(1)))
            cell["id"] = next(name for name in names if name not in reserved)
        taken.add(cell["id"])
    return replaced


def identity_of(found: dict[str, Any], bounds: Bounds) -> dict[str, Json]:
    """Return our own metadata of a notebook, or nothing when it is not what a package has."""
    metadata = found.get("metadata")
    value = metadata.get("zachet") if isinstance(metadata, dict) else None
    if not isinstance(value, dict):
        return {}
    try:
        text = json.dumps(value, allow_nan=False, indent=1)
    except (ValueError, RecursionError):
        return {}
    deep = f"\n{' ' * _IDENTITY_DEPTH}" in text  # one space for each level
    return dict(value) if len(text) <= bounds.identity_bytes and not deep else {}
