"""The work of one student: which of its files is the notebook, which go beside it, and the copy of both in the work area."""

import errno
import hashlib
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from grader.intake import notebook_texts, texts
from grader.intake.archive import opened
from grader.intake.bounds import Bounds, size
from grader.intake.files import Contents, Folder, Item, contents
from grader.intake.names import kept_name, kept_path, stem, suffix
from grader.intake.notebook import Notebook, is_percent, read_notebook, read_script
from grader.intake.roster import folded
from grader.intake.says import Refused, Trouble, listed, say, summed
from grader.intake.weights import BAD_TARGETS, KeptWeights, is_weights, keep_weights
from grader.model import Finding

_HEAD = 4096
_NO_NOTEBOOK_INSIDE = {
    ".zip", ".rar", ".7z", ".gz", ".tar", ".pdf", ".docx", ".doc", ".xlsx", ".png", ".jpg", ".jpeg", ".gif", ".pth", ".pt", ".pkl", ".npy", ".npz",
    ".onnx", ".csv", ".html", ".md", ".py", ".bin", ".safetensors", ".ckpt",
}  # fmt: skip
_ARCHIVES_OPENED = 4
OTHER_ARCHIVES = {".rar", ".7z", ".gz", ".tar", ".tgz", ".bz2", ".xz"}

Parts = tuple[str, ...]
Found = tuple[Parts, Item]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What was made of one hand-in: its copy in `stage`, or only findings. `weights` is the name of the file of weights that counts."""

    source: str
    stage: Path
    digest: str
    notebook: Notebook | None
    files: bool
    problems: tuple[Finding, ...]
    declared: str
    empty: bool
    weights: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    path: Parts
    content: bytes
    notebook: Notebook | None
    refused: Finding | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Choice:
    notebook: Notebook | None
    path: Parts
    content: bytes
    problems: tuple[Finding, ...]


def prepare(folder: Folder, *, source: str, student: str, assignment: str, stage: Path, archives: int, bounds: Bounds) -> Work:
    """Read one hand-in and copy what is used of it into `stage`, a new folder of its own.

    `student` is the id that the name of the hand-in gave, or empty. `archives` is how many archives deep may still be gone. Never
    raises for what was handed in; raises OSError when the work area cannot be written.
    """
    stage.mkdir()
    with ExitStack() as stack:
        found = contents(folder, bounds)
        candidates, problems = _candidates(found.items, bounds)
        for _ in range(archives if not candidates else 0):
            if any(suffix(item.name) == ".zip" for _, item in found.items):
                found, refused = _unpacked(found, stage, bounds, stack)
                candidates, more = _candidates(found.items, bounds)
                problems = [*problems, *refused, *more]
        if not candidates:
            found = replace(found, troubles=(*found.troubles, *_closed(found)))
        choice = _choose(candidates, found.items, source=source, student=student, assignment=assignment, explained=bool(problems or (found.troubles and not found.items)))
        beside = _beside(found.items, choice.path)
        kept, left = _keep(beside, stage / "files", bounds)
        weights = _weights(beside, choice, stage, bounds)
    if choice.notebook is not None:
        (stage / "notebook.ipynb").write_text(choice.notebook.text, encoding="utf-8", newline="\n")
    looked_at = [choice.content] if choice.notebook is not None else [candidate.content for candidate in candidates]
    return Work(
        source=source,
        stage=stage,
        digest=_digest(looked_at, [*kept, *weights.kept]),
        notebook=choice.notebook,
        files=bool(kept),
        problems=(*choice.problems, *problems, *summed(found.troubles), *left, *weights.problems),
        declared=choice.notebook.student if choice.notebook else next((one.notebook.student for one in candidates if one.notebook), ""),
        empty=not candidates and not problems and not found.troubles,
        weights=weights.chosen,
    )


def notebook_files(items: tuple[Found, ...]) -> list[Found]:
    """Return the files that are notebooks by name or, where none is, by their first bytes; then the scripts with cells."""
    named = [found for found in items if suffix(found[1].name) == ".ipynb"]
    return _shallow_first(
        named or [found for found in items if suffix(found[1].name) not in _NO_NOTEBOOK_INSIDE and _begins_like_a_notebook(found[1])]
    )


def _shallow_first(found: list[Found]) -> list[Found]:
    return sorted(found, key=lambda one: (len(one[0]), one[0]))


def _begins_like_a_notebook(item: Item) -> bool:
    try:
        head = item.head(_HEAD).replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    except Refused:
        return False
    return head.startswith(b"{") and any(key in head for key in (b'"cells"', b'"nbformat"', b'"worksheets"', b'"metadata"'))


def _candidates(items: tuple[Found, ...], bounds: Bounds) -> tuple[list[_Candidate], list[Finding]]:
    """Read every file that may be the notebook, within the bounds."""
    found = notebook_files(items)
    scripts = [] if found else _shallow_first([one for one in items if suffix(one[1].name) == ".py"])
    problems: list[Finding] = []
    budget = bounds.candidates_bytes
    candidates: list[_Candidate] = []
    for path, item in (found or scripts)[: bounds.candidates]:
        if budget <= 0:
            break
        candidate = _read(path, item, min(budget, bounds.notebook_bytes), bounds)
        budget -= len(candidate.content)
        candidates.append(candidate)
    if len(found) > len(candidates):
        problems.append(say(texts.MANY_NOTEBOOKS, count=len(found)))
    if scripts:
        with_cells = [one for one in candidates if one.notebook or is_percent(one.content.decode("utf-8", "replace"))]
        if not with_cells:
            problems.append(say(notebook_texts.PLAIN_SCRIPT, names=listed("/".join(one.path) for one in candidates)))
        candidates = with_cells
    return candidates, problems


def _read(path: Parts, item: Item, limit: int, bounds: Bounds) -> _Candidate:
    content = b""
    try:
        content = item.read(limit)
        read = read_script if suffix(item.name) == ".py" else read_notebook
        return _Candidate(path=path, content=content, notebook=read(content, "/".join(path), bounds), refused=None)
    except Refused as refused:
        return _Candidate(path=path, content=content, notebook=None, refused=refused.finding)


def _unpacked(found: Contents, scratch: Path, bounds: Bounds, stack: ExitStack) -> tuple[Contents, list[Finding]]:
    """Look into the archives of a hand-in that has no notebook outside of them."""
    packed = [(path, item) for path, item in found.items if suffix(item.name) == ".zip"]
    items = [one for one in found.items if suffix(one[1].name) != ".zip"]
    troubles = list(found.troubles)
    problems: list[Finding] = []
    for path, item in packed[:_ARCHIVES_OPENED]:
        try:
            inner = contents(stack.enter_context(opened(item, bounds=bounds, scratch=scratch)), bounds)
        except Refused as refused:
            problems.append(refused.finding)
            continue
        base = path[:-1] if len(packed) == 1 else (*path[:-1], stem(path[-1]))
        items.extend(((*base, *below), one) for below, one in inner.items)
        troubles.extend(inner.troubles)
    return Contents(items=tuple(items), troubles=tuple(troubles)), problems


def _closed(found: Contents) -> list[Trouble]:
    """Return the archives that stay closed although the notebook may be in them."""
    names = [item.name for _, item in found.items]
    nested = [Trouble(words=texts.NESTED, name=name) for name in names if suffix(name) == ".zip"]
    return nested + [Trouble(words=texts.OTHER_ARCHIVE, name=name) for name in names if suffix(name) in OTHER_ARCHIVES]


def _choose(
    candidates: list[_Candidate], items: tuple[Found, ...], *, source: str, student: str, assignment: str, explained: bool
) -> _Choice:
    """Return the one notebook to grade, or the findings that say why there is none."""

    def none(*problems: Finding) -> _Choice:
        return _Choice(notebook=None, path=(), content=b"", problems=problems)

    good = [(candidate, candidate.notebook) for candidate in candidates if candidate.notebook]
    if not candidates:
        if explained:
            return none()
        names = listed("/".join(path) for path, _ in items)
        return none(say(texts.NO_NOTEBOOK, names=names) if items else say(texts.NOTHING, name=source))
    if not good:
        return none(*(candidate.refused for candidate in candidates if candidate.refused))
    ours = [one for one in good if folded(one[1].assignment) in {"", folded(assignment)}]
    if not ours:
        names = listed(one.name for _, one in good)
        return none(say(texts.OTHER_ASSIGNMENT, names=names, other=good[0][1].assignment, assignment=assignment))
    best = [one for one in ours if one[1].assignment] or ours
    best = [one for one in best if student and folded(one[1].student) == folded(student)] or best
    if len({one.text for _, one in best}) > 1:
        return none(say(texts.TWO_NOTEBOOKS, names=listed(one.name for _, one in best)))
    candidate, notebook = best[0]
    others = ["/".join(one.path) for one in candidates if one is not candidate and (one.notebook is None or one.notebook.text != notebook.text)]
    note = (say(texts.NOTEBOOK_CHOSEN, name=notebook.name, names=listed(others)),) if others else ()
    return _Choice(notebook=notebook, path=candidate.path, content=candidate.content, problems=(*note, *notebook.notes))


def _beside(items: tuple[Found, ...], chosen: Parts) -> list[Found]:
    """Return the files that came beside the notebook, as they lie relative to it; none where there is no notebook."""
    base = chosen[:-1]
    beside = [(path[len(base) :] if path[: len(base)] == base else path, item) for path, item in items if path != chosen]
    return _shallow_first(beside) if chosen else []  # what lies nearest is needed most, should the bounds leave something out


def _weights(beside: list[Found], choice: _Choice, stage: Path, bounds: Bounds) -> KeptWeights:
    return keep_weights(beside, choice.notebook.text if choice.notebook else "", stage / "files", stage / "with_weights", bounds)


def _keep(beside: list[Found], target: Path, bounds: Bounds) -> tuple[list[tuple[str, str]], list[Finding]]:
    """Copy the files beside the notebook but for weights; return their names and digests, and what was left out."""
    kept: list[tuple[str, str]] = []
    left: list[str] = []
    troubles: list[Trouble] = []
    budget = bounds.side_bytes
    for relative, item in beside:
        if is_weights(item):
            continue
        if item.size > budget or len(kept) >= bounds.side_files:
            left.append("/".join(relative))
            continue
        try:
            content = item.read(budget)
            name = _write(target, relative, content)
        except Refused:
            troubles.append(Trouble(words=texts.UNREADABLE, name="/".join(relative)))
        except OSError as error:
            if error.errno not in BAD_TARGETS:
                raise
            troubles.append(Trouble(words=texts.SAME_NAME if error.errno == errno.EEXIST else texts.BAD_NAME, name="/".join(relative)))
        else:
            budget -= len(content)
            kept.append((name, hashlib.sha256(content).hexdigest()))
    excess = say(texts.SIDE_FILES_LEFT_OUT, names=listed(left), count=bounds.side_files, limit=size(bounds.side_bytes))
    return kept, [*([excess] if left else []), *summed(troubles)]


def _write(target: Path, relative: Parts, content: bytes) -> str:
    path = kept_path(target, relative)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as stream:
        stream.write(content)
    return kept_name(relative)


def _digest(notebooks: list[bytes], kept: list[tuple[str, str]]) -> str:
    """Return the digest of the original bytes: of the notebook whatever its file is called, of the other files with their names."""
    digest = hashlib.sha256()
    for content in notebooks:
        digest.update(b"notebook\0" + hashlib.sha256(content).digest())
    for name, content_digest in sorted(kept):
        digest.update(name.encode("utf-8", "surrogateescape") + b"\0" + content_digest.encode() + b"\0")
    return digest.hexdigest()
