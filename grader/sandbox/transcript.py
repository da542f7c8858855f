"""What a run said, frame by frame, held to the order of the protocol: started, cells and records, ready, records, done."""

import math
import re
from collections.abc import Mapping
from typing import Any

from grader.model import Array, CellRun, Json, Record, Vouched
from grader.sandbox.frames import MOST_VALUES, Frame, MalformedFrame, is_count, parse_array, parse_json, values_in
from grader.sandbox.outputs import clean_outputs

_NAME = re.compile(r"[A-Za-z0-9_.\-]{1,100}")
_MOST_RECORDS, _MOST_FACTS, _LONGEST_FACT, _LONGEST_ERROR = 1024, 64, 1000, 4000


class Transcript:
    """Collects what one run says. `take` raises MalformedFrame for anything that is not allowed where it stands."""

    def __init__(self, notebook: Mapping[str, Any]) -> None:
        self._code_cells = [place for place, cell in enumerate(notebook["cells"]) if cell.get("cell_type") == "code"]
        self._count = len(notebook["cells"])
        self._cells: dict[int, CellRun] = {}
        self._records: dict[str, Record] = {}
        self._given, self._values = False, 0
        self.outputs: dict[int, list[Json]] = {}
        self.environment: dict[str, str] = {}
        self.started = self.ready = self.done = False

    @property
    def records(self) -> tuple[Record, ...]:
        """The records so far, in the order in which they came."""
        return tuple(self._records.values())

    @property
    def raised(self) -> bool:
        """Whether some cell ended with an error."""
        return any(cell.status == "error" for cell in self._cells.values())

    @property
    def running(self) -> tuple[int, int] | None:
        """The number of the code cell that is running, from 1, and of all cells; None before the first and after the last."""
        last = max(self._cells, default=-1)
        place = next((place for place in self._code_cells if place > last), None) if self.started else None
        return None if place is None else (place + 1, self._count)

    def take(self, frame: Frame) -> None:
        """Add one frame."""
        if self.done:
            raise MalformedFrame("a frame after the last one")
        if frame.kind == "started" and not self.started:
            self.started, self.environment = True, _facts(frame.header.get("environment"))
        elif frame.kind == "cell" and self.started and not self.ready:
            self._take_cell(frame)
        elif frame.kind == "record" and self.started and self.ready == self._given:
            self._take_record(frame)
        elif frame.kind == "ready" and self.started and not self.ready:
            self.ready = True
        elif frame.kind == "done" and self._given:
            self.done = True
        else:
            raise MalformedFrame(f"“{frame.kind[:40]}” where it does not belong")

    def give(self) -> None:
        """Note that the hidden inputs are on their way: what is recorded from here on was measured."""
        self._given = True

    def cells(self, unfinished: str) -> tuple[CellRun, ...]:
        """Return how every code cell ended. `unfinished` is the error of the cell that was running when the run ended early."""
        silent = [place for place in self._code_cells if place not in self._cells]
        found = {place: CellRun(index=place, status="not_run") for place in silent}
        if silent and self.started and not self.ready and unfinished:
            found[silent[0]] = CellRun(index=silent[0], status="error", error=unfinished)
        found.update(self._cells)
        return tuple(found[place] for place in self._code_cells)

    def _take_cell(self, frame: Frame) -> None:
        index, status = frame.header.get("index"), frame.header.get("status")
        if not is_count(index) or index not in self._code_cells or index <= max(self._cells, default=-1):
            raise MalformedFrame(f"the end of cell {str(index)[:40]}, which was not running")
        if status not in {"ok", "error"}:
            raise MalformedFrame("a cell that ended in no known way")
        self.outputs[index] = clean_outputs(self._json(frame.payload))
        self._cells[index] = CellRun(
            index=index,
            status=status,
            error=_text(frame.header.get("error", ""))[:_LONGEST_ERROR],
            cpu_s=_seconds(frame.header.get("cpu_s", 0)),
            wall_s=_seconds(frame.header.get("wall_s", 0)),
        )

    def _take_record(self, frame: Frame) -> None:
        name, kind = frame.header.get("name"), frame.header.get("kind")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise MalformedFrame("a record without a usable name")
        if name in self._records:
            raise MalformedFrame(f"a second record “{name}”")
        if len(self._records) >= _MOST_RECORDS:
            raise MalformedFrame(f"more than {_MOST_RECORDS} records")
        if kind not in {"json", "array"}:
            raise MalformedFrame(f"the record “{name}” is neither JSON nor an array")
        value: Json | Array = self._json(frame.payload) if kind == "json" else parse_array(frame.header, frame.payload)
        self._records[name] = Record(name=name, vouched=Vouched.MEASURED if self._given else Vouched.REPORTED, value=value)

    def _json(self, payload: bytes) -> Any:
        self._values += values_in(payload, MOST_VALUES - self._values)
        return parse_json(payload)


def _facts(value: object) -> dict[str, str]:
    if not isinstance(value, dict) or len(value) > _MOST_FACTS:
        raise MalformedFrame("an environment that cannot be read")
    return {_text(key)[:_LONGEST_FACT]: _text(item)[:_LONGEST_FACT] for key, item in value.items()}


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise MalformedFrame("a number or a list where text belongs")
    return value


def _seconds(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1e9 or math.isnan(value):
        raise MalformedFrame("a time that is no number of seconds")
    return float(value)
