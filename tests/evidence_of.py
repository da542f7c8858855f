"""Make frozen evidence of a run that never happened, for tests of what reads evidence."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from grader.evidence import Evidence, freeze
from grader.model import Array, CellRun, Execution, ExitReason, Given, Isolation, Json, Limits, Record, Run, Submission, Vouched

VARIANT: dict[str, Json] = {
    "rule": "iu5-2026", "classes": [0, 55, 58], "class_names_en": ["apple", "otter", "pickup_truck"],
    "class_names_ru": ["яблоко", "выдра", "пикап"], "group": "ИУ5-61Б", "number": 5, "stream": "IU5", "resolution": "",
}  # fmt: skip


def execution_of(cells: Sequence[CellRun] = (), exit_reason: ExitReason = ExitReason.COMPLETED, message: str = "") -> Execution:
    return Execution(
        exit_reason=exit_reason, message=message, isolation=Isolation.FULL, seed=7, cpu_s=1.5, wall_s=2.0, peak_mb=300.0,
        limits=Limits(), cells=tuple(cells), environment={"torch": "2.0"},
    )  # fmt: skip


def evidence_of(
    store: Path,
    *,
    records: Mapping[str, Json | Array] | None = None,
    given: Given | None = None,
    sources: Sequence[str | tuple[str, str]] = (),
    texts: Sequence[str] = (),
    execution: Execution | None = None,
    problems: Sequence[Json] = (),
    vouched: Vouched = Vouched.MEASURED,
    facts: Mapping[str, Json] | None = None,
) -> Evidence:
    """Freeze evidence with these records; a source may come with the error that its cell raised.

    `facts` join the manifest's.
    """
    pairs = [(source, "") if isinstance(source, str) else source for source in sources]
    runs = tuple(CellRun(index=index, status="error" if error else "ok", error=error) for index, (_, error) in enumerate(pairs))
    cells: list[dict[str, object]] = [{"cell_type": "code", "source": source} for source, _ in pairs]
    cells += [{"cell_type": "markdown", "source": text} for text in texts]
    notebook = json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells})
    run = Run(
        execution=execution or execution_of(runs),
        records=tuple(Record(name=name, vouched=vouched, value=value) for name, value in (records or {}).items()),
        given=given or Given(),
        notebook=notebook,
    )
    submission = Submission(student="s01", assignment="tiny", source="s01.ipynb", digest="sha256-00")
    known: dict[str, Json] = {
        "tool": "0", "assignment": "tiny", "edition": "1", "student": "s01", "name": "Иванов Иван", "variant": VARIANT, "view": "sealed",
        "data": None, "problems": list(problems), **(facts or {}),
    }  # fmt: skip
    return freeze(run, submission, facts=known, source=notebook, store=store)
