"""The lab's final table as the trainings fill it, with the student's own numbers beside it."""

from collections.abc import Mapping
from dataclasses import dataclass

from grader.model import Json
from grader.report.plain import list_in, number_in

_MOST_ROWS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow:
    """One training. Accuracies in 0..1 or None; `cell` counts from 1; `differs` names the claims that are too far from what was seen."""

    cell: int
    model: str
    parameters: int
    optimizer: str
    lr: float | None
    lr_end: float | None
    batch: int | None
    epochs: int | None
    train: float | None
    test: float | None
    written: str
    claimed_train: float | None
    claimed_test: float | None
    differs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalTable:
    """The table: a row per training, and what the student wrote of trainings that are not here. `spread` is that over seeds, 0..1."""

    rows: tuple[TableRow, ...]
    left: tuple[str, ...]
    spread: float

    @property
    def claimed(self) -> bool:
        """Whether the student has a table."""
        return bool(self.left) or any(row.written for row in self.rows)


def final_table(figures: Mapping[str, Json] | None) -> FinalTable | None:
    """Return the table of a finding's figures; None when they are no such table."""
    if figures is None or figures.get("kind") != "table":
        return None
    rows = [row for row in list_in(figures.get("rows")) if isinstance(row, dict)]
    return FinalTable(
        rows=tuple(_row(row) for row in rows[:_MOST_ROWS]),
        left=tuple(str(text) for text in list_in(figures.get("left"))[:_MOST_ROWS]),
        spread=number_in(figures.get("spread")) or 0.0,
    )


def _row(row: Mapping[str, Json]) -> TableRow:
    batch, epochs = number_in(row.get("batch")), number_in(row.get("epochs"))
    return TableRow(
        cell=int(number_in(row.get("cell")) or 0),
        model=str(row.get("model") or ""),
        parameters=int(number_in(row.get("parameters")) or 0),
        optimizer=str(row.get("optimizer") or ""),
        lr=number_in(row.get("lr")),
        lr_end=number_in(row.get("lr_end")),
        batch=int(batch) if batch is not None else None,
        epochs=int(epochs) if epochs is not None else None,
        train=number_in(row.get("train")),
        test=number_in(row.get("test")),
        written=str(row.get("written") or ""),
        claimed_train=number_in(row.get("claimed_train")),
        claimed_test=number_in(row.get("claimed_test")),
        differs=tuple(str(which) for which in list_in(row.get("differs"))),
    )

