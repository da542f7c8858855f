"""One student's report."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from grader.model import CriterionScore, Json, Language, Outcome, Score
from grader.report.notebook import show_notebook
from grader.report.page import page_templates, share
from grader.report.plain import list_in, number_in


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedCell:
    """A cell that ended with an error; `number` counts all cells from 1."""

    number: int
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OneRun:
    """One of the runs that a score rests on; `number` counts from 1."""

    number: int
    mode: str
    exit_reason: str
    seed: str
    device: str
    cpu_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """What the page says of the run. Seconds and megabytes; a limit of 0 is not known.

    `tool` is the version that ran it, `runs` are all runs of the work (none where the score does not say). `causes` are the cells that failed for a reason of their own, `followers` those that only missed a name after one had failed.
    """

    exit_reason: str
    message: str
    seed: str
    device: str
    tool: str
    runs: tuple[OneRun, ...]
    cpu_s: float
    wall_s: float
    peak_mb: float
    cpu_limit_s: float
    wall_limit_s: float
    memory_limit_mb: float
    ok: int
    not_run: int
    total: int
    causes: tuple[FailedCell, ...]
    followers: tuple[FailedCell, ...]


def render_report(score: Score, executed_notebook: str, language: Language) -> str:
    """Return the report as one HTML page that needs nothing else. The same score and notebook give the same page.

    `executed_notebook` is nbformat 4 JSON; text that is no notebook gives a report that says so.
    """
    cells = list(_cells(score.execution))
    statuses = {int(_number(cell.get("index"))): _text(cell.get("status")) for cell in cells}
    return (
        page_templates(language)
        .get_template("report.html.j2")
        .render(
            score=score,
            variant=_variant(score.variant, language),
            run=_run_facts(score.execution, cells),
            notebook=show_notebook(executed_notebook, statuses),
            state=criterion_state,
            share=share,
        )
    )


def criterion_state(criterion: CriterionScore) -> str:
    """Return how a criterion stands as one word: that of an outcome, or `partial`."""
    outcomes = {finding.outcome for finding in criterion.findings}
    for waiting in (Outcome.ERRORED, Outcome.PENDING):
        if waiting in outcomes:
            return str(waiting)
    if criterion.earned >= criterion.points:
        return str(Outcome.PASSED)
    if criterion.earned > 0:
        return "partial"
    return str(Outcome.SKIPPED if outcomes == {Outcome.SKIPPED} else Outcome.FAILED)


def _variant(variant: Mapping[str, Json], language: Language) -> dict[str, object]:
    """Return what was dealt: (class index, class name) pairs, the group and the number in it, each empty when not known."""
    indices = list_in(variant.get("classes"))
    names = list_in(variant.get(f"class_names_{language}"))
    named = names if len(names) == len(indices) else [""] * len(indices)
    return {
        "classes": [(_text(index), _text(name).replace("_", " ")) for index, name in zip(indices, named, strict=True)],
        **{key: _text(variant.get(key)) for key in ("group", "number", "stream", "resolution")},
    }


def _run_facts(execution: Mapping[str, Json], cells: list[Mapping[str, Json]]) -> RunFacts:
    found = execution.get("limits")
    limits: Mapping[str, Json] = found if isinstance(found, dict) else {}
    failed = {
        follows: tuple(
            FailedCell(number=int(_number(cell.get("index"))) + 1, error=_text(cell.get("error")))
            for cell in cells
            if cell.get("status") == "error" and bool(cell.get("follows")) is follows
        )
        for follows in (False, True)
    }
    return RunFacts(
        exit_reason=_text(execution.get("exit_reason")),
        message=_text(execution.get("message")),
        seed=_text(execution.get("seed")),
        device=_text(execution.get("device")),
        tool=_text(execution.get("tool")),
        runs=tuple(_runs(execution)),
        cpu_s=_number(execution.get("cpu_s")),
        wall_s=_number(execution.get("wall_s")),
        peak_mb=_number(execution.get("peak_mb")),
        cpu_limit_s=_number(limits.get("cpu_s")),
        wall_limit_s=_number(limits.get("wall_s")),
        memory_limit_mb=_number(limits.get("memory_mb")),
        ok=sum(cell.get("status") == "ok" for cell in cells),
        not_run=sum(cell.get("status") == "not_run" for cell in cells),
        total=len(cells),
        causes=failed[False],
        followers=failed[True],
    )


def _runs(execution: Mapping[str, Json]) -> Iterator[OneRun]:
    for row in list_in(execution.get("runs")):
        if isinstance(row, dict):
            yield OneRun(
                number=int(_number(row.get("replicate"))) + 1,
                mode=_text(row.get("mode")),
                exit_reason=_text(row.get("exit_reason")),
                seed=_text(row.get("seed")),
                device=_text(row.get("device")),
                cpu_s=_number(row.get("cpu_s")),
            )


def _cells(execution: Mapping[str, Json]) -> Iterator[Mapping[str, Json]]:
    for cell in list_in(execution.get("cells")):
        if isinstance(cell, dict):
            yield cell


def _number(value: Json) -> float:
    return number_in(value) or 0.0


def _text(value: Json) -> str:
    return "" if value is None or isinstance(value, list | dict) else str(value)
