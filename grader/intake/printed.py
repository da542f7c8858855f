"""What a code cell had printed when it was handed in: plain text, bounded, to be compared with what the code prints when it runs."""

from collections.abc import Iterator
from typing import Any

from grader.model import Json

MOST_IN_CELL, MOST_OUTPUTS = 20_000, 1_000


def printed(outputs: Any) -> list[Json]:
    """Return the stored text of a cell's outputs as one stream, or nothing; its end is kept, where the last epoch stands.

    Pictures, HTML and widgets are left behind, and so is what is no output at all.
    """
    pieces = list(_pieces(outputs)) if isinstance(outputs, list) else []
    text = "".join(pieces)[-MOST_IN_CELL:]
    return [{"output_type": "stream", "name": "stdout", "text": text}] if text.strip() else []


def _pieces(outputs: list[Any]) -> Iterator[str]:
    for output in outputs[-MOST_OUTPUTS:]:
        if not isinstance(output, dict):
            continue
        data = output.get("data")
        if output.get("output_type") == "stream" and output.get("name") != "stderr":
            yield _joined(output.get("text"))
        elif isinstance(data, dict):
            text = _joined(data.get("text/plain"))
            yield f"{text}\n" if text else ""


def _joined(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        value = "".join(value)
    return value if isinstance(value, str) else ""
