"""Freeze what a run gave back, address it by its content, store it once, and read it again.

One folder per evidence, `sha256-<digest>/`, read-only: `manifest.json` (names the digest of every other file), `records.json`,
`arrays/*.npy`, `submission.ipynb`, `executed.ipynb`. The digest is that of the manifest's bytes, so it covers everything.
"""

import hashlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from grader.errors import EvidenceError
from grader.evidence_files import NAME, canonical_json, files_of, write_files
from grader.model import Array, CellRun, Execution, ExitReason, Isolation, Json, Limits, Mode, Run, Submission, Vouched

SCHEMA = "zachet-evidence-1"


class MissingRecord(Exception):  # noqa: N818 - a fact about the run, turned into a failed finding; nothing of ours is wrong
    """The run never wrote this record."""

    def __init__(self, name: str, execution: Execution, reason: str = "") -> None:
        super().__init__(name)
        self.name = name
        self.execution = execution
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCell:
    """One code cell as it was handed in, and how its run ended; `index` counts all cells of the notebook from 0.

    `stored` is the text that the cell had printed when it was handed in, if any, and `id` the notebook's name for the cell: both said by
    the student, observed by nobody.
    """

    index: int
    source: str
    status: str
    error: str
    stored: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that is known of one run: frozen, bounded, plain data.

    `notebook` is the executed notebook as JSON text; `cells` are the code cells and `texts` the markdown cells as handed in. `further`
    are the other runs of the same submission that the same score rests on; they have no further ones of their own.
    """

    digest: str
    folder: Path
    manifest: Mapping[str, Any]
    execution: Execution
    notebook: str
    cells: tuple[SourceCell, ...]
    texts: tuple[str, ...]
    _values: Mapping[str, Mapping[str, Json | Array]] = field(repr=False, compare=False)
    _vouched: Mapping[str, Vouched] = field(repr=False)
    further: tuple["Evidence", ...] = ()

    @property
    def variant(self) -> Mapping[str, Json]:
        """The variant that was dealt to the student."""
        variant: Mapping[str, Json] = self.manifest["variant"]
        return variant

    @property
    def mode(self) -> Mode:
        """How the measured weights came about; evidence that does not say so is older than the choice."""
        return Mode(self.manifest.get("mode", Mode.RETRAIN))

    @property
    def replicate(self) -> int:
        """The number (0..) of this run among those of the submission with other seeds."""
        return int(self.manifest.get("replicate", 0))

    @property
    def replicates(self) -> tuple["Evidence", ...]:
        """This run and the further ones of the same mode, in order of replicate."""
        same = [run for run in self.further if run.mode is self.mode]
        return tuple(sorted((self, *same), key=lambda run: run.replicate))

    def record(self, name: str) -> Json | Array:
        """Return what the run recorded under `name`; raises MissingRecord."""
        try:
            return self._values["records"][name]
        except KeyError:
            error = self._values["records"].get(f"{name}_error")
            raise MissingRecord(name, self.execution, error if isinstance(error, str) else "") from None

    def array(self, name: str) -> Array:
        """Return the array that was *measured* under `name`; raises MissingRecord, also for one that the process only reported."""
        value = self.record(name)
        if not isinstance(value, np.ndarray) or self._vouched[name] is not Vouched.MEASURED:
            raise MissingRecord(name, self.execution, f"{name} was not measured as an array")
        return value

    def has(self, name: str) -> bool:
        """Tell whether the run recorded `name`."""
        return name in self._values["records"]

    def sent(self, name: str) -> Array:
        """Return the hidden input `name` as it was sent; raises MissingRecord when the run ended before."""
        return self._given("sent", name)

    def kept(self, name: str) -> Array:
        """Return the array `name` that never left the trusted side; raises MissingRecord when the run ended before."""
        return self._given("kept", name)

    def note(self, name: str) -> Json:
        """Return the plain value `name` that the trusted side kept, or None."""
        value = self._values["kept"].get(name)
        return None if isinstance(value, np.ndarray) else value

    def _given(self, kind: str, name: str) -> Array:
        value = self._values[kind].get(name)
        if not isinstance(value, np.ndarray):
            raise MissingRecord(name, self.execution)
        return value


def freeze(run: Run, submission: Submission, *, facts: Mapping[str, Json], source: str, store: Path) -> Evidence:
    """Write the evidence of `run` into `store` and return it as read back.

    `facts` are plain statements of the trusted side (assignment, edition, student, name, variant, view, data digest, mode, replicate,
    problems of the intake). `source` is the notebook that was run, as JSON text. Raises EvidenceError when the store cannot take it; then nothing
    of it is left behind under a name that could be taken for whole.
    """
    files = files_of(run, source)
    manifest = {
        "schema": SCHEMA,
        "submission": submission.digest,
        "source": submission.source,
        **facts,
        "execution": _execution_facts(run.execution),
        "vouched": {record.name: str(record.vouched) for record in run.records if NAME.fullmatch(record.name)},
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())},
    }
    manifest_bytes = canonical_json(manifest)
    digest = hashlib.sha256(manifest_bytes).hexdigest()
    folder = store / f"sha256-{digest}"
    if not folder.is_dir():
        write_files(folder, {**files, "manifest.json": manifest_bytes})
    return load(folder)


def load(folder: Path) -> Evidence:
    """Read the evidence in `folder`; raises EvidenceError when any byte of it is not what its address says."""
    try:
        manifest_bytes = (folder / "manifest.json").read_bytes()
        if f"sha256-{hashlib.sha256(manifest_bytes).hexdigest()}" != folder.name:
            raise _damaged(folder, "manifest.json")
        manifest = json.loads(manifest_bytes)
        files = {name: _read_checked(folder, name, digest) for name, digest in manifest["files"].items()}
    except (OSError, ValueError, KeyError) as error:
        raise EvidenceError(
            f"The evidence cannot be read ({error}).", where=str(folder), remedy="Grade the submission again to make it anew."
        ) from error
    values = json.loads(files["records.json"])
    for name, content in files.items():
        if name.startswith("arrays/"):
            _, kind, stem = name.split("/")
            values[kind][stem.removesuffix(".npy")] = np.load(io.BytesIO(content), allow_pickle=False)
    execution = _execution(manifest["execution"])
    handed_in = json.loads(files["submission.ipynb"]).get("cells", [])
    return Evidence(
        digest=folder.name,
        folder=folder,
        manifest=manifest,
        execution=execution,
        notebook=files["executed.ipynb"].decode("utf-8"),
        cells=tuple(_source_cells(handed_in, execution)),
        texts=tuple(_source(cell) for cell in handed_in if cell.get("cell_type") == "markdown"),
        _values=values,
        _vouched={name: Vouched(value) for name, value in manifest["vouched"].items()},
    )


def load_runs(store: Path, digest: str, further: Sequence[str]) -> Evidence:
    """Read the evidence `digest` of `store` together with the `further` runs that its score rests on; raises EvidenceError."""
    return replace(load(store / digest), further=tuple(load(store / other) for other in further))


def _read_checked(folder: Path, name: str, digest: str) -> bytes:
    content = (folder / name).read_bytes()
    if hashlib.sha256(content).hexdigest() != digest:
        raise _damaged(folder, name)
    return content


def _damaged(folder: Path, name: str) -> EvidenceError:
    return EvidenceError(
        "The file is not the one that was frozen.", where=str(folder / name), remedy="Grade the submission again to make the evidence anew."
    )


def _execution_facts(execution: Execution) -> dict[str, Json]:
    facts: dict[str, Json] = asdict(execution)
    return facts


def _execution(facts: Mapping[str, Any]) -> Execution:
    return Execution(
        **{
            **facts,
            "exit_reason": ExitReason(facts["exit_reason"]),
            "isolation": Isolation(facts["isolation"]),
            "limits": Limits(**facts["limits"]),
            "cells": tuple(CellRun(**cell) for cell in facts["cells"]),
        }
    )


def _source_cells(cells: Sequence[Mapping[str, Any]], execution: Execution) -> Iterator[SourceCell]:
    runs = {cell.index: cell for cell in execution.cells}
    for index, cell in enumerate(cells):
        if cell.get("cell_type") == "code":
            run = runs.get(index)
            ended, error = (run.status, run.error) if run else ("not_run", "")
            yield SourceCell(index=index, source=_source(cell), status=ended, error=error, stored=printed_text(cell), id=str(cell.get("id", "")))


def printed_text(cell: Mapping[str, Any]) -> str:
    """Return what a code cell printed, results included, as one text."""
    outputs = [output for output in cell.get("outputs", []) if isinstance(output, dict)]
    texts = [output.get("text") or output.get("data", {}).get("text/plain") or "" for output in outputs if output.get("name") != "stderr"]
    return "\n".join(("".join(text) if isinstance(text, list) else str(text)).rstrip("\n") for text in texts if text)


def _source(cell: Mapping[str, Any]) -> str:
    source = cell.get("source", "")
    return "".join(source) if isinstance(source, list) else str(source)
