"""What one cell showed, in nbformat 4 form: streams in the order they were written, capped, with a note where something was cut."""

import base64
import io
import json
import threading
from collections.abc import Mapping
from typing import Any

MOST_TEXT = 1 << 20
MOST_MEDIA = 8 << 20
MOST_OUTPUTS = 1000
_COMPACT_AT = 512

Output = dict[str, Any]


class CellOutputs:
    """Collects the outputs of one cell. Any thread may write; `media_left` bounds the pictures of the whole notebook."""

    def __init__(self, media_left: int = MOST_MEDIA) -> None:
        self._lock = threading.RLock()
        self._outputs: list[Output] = []
        self._displayed: dict[str, list[Output]] = {}
        self._media_left = min(MOST_MEDIA, media_left)
        self._text = self._media = 0
        self._clear_first = False
        self._cut: set[str] = set()

    @property
    def media(self) -> int:
        """Bytes of pictures and other rich data held now."""
        return self._media

    def write(self, name: str, text: str) -> None:
        """Add text of the stream `name` ("stdout" or "stderr") after everything shown so far."""
        with self._lock:
            self._clear_if_asked()
            stream = self._stream(name)
            if stream is None or not text:
                return
            parts = stream["text"]
            if self._text + len(text) > MOST_TEXT:
                self._compact(parts)
                text = text[: max(0, MOST_TEXT - self._text)]
                self._cut.add(f"text beyond {MOST_TEXT >> 20} MiB")
            parts.append(text)
            self._text += len(text)
            if len(parts) > _COMPACT_AT:
                self._compact(parts)

    def show(self, kind: str, data: Mapping[str, Any], metadata: Mapping[str, Any] | None, **extra: Any) -> None:
        """Add a rich output: `kind` is "display_data" or "execute_result", `extra` its own keys and an optional `display_id`."""
        display_id = extra.pop("display_id", None)
        with self._lock:
            self._clear_if_asked()
            output = {"output_type": kind, "data": self._bounded(data), "metadata": _json_or(metadata or {}, {}), **extra}
            if self._append(output) and display_id is not None:
                self._displayed.setdefault(str(display_id), []).append(output)

    def update(self, display_id: object, data: Mapping[str, Any], metadata: Mapping[str, Any] | None) -> None:
        """Replace what is shown under `display_id`; what an earlier cell showed has left already, so then it is shown anew."""
        with self._lock:
            shown = self._displayed.get(str(display_id), [])
            for output in shown:
                self._release(output["data"])
                output.update(data=self._bounded(data), metadata=_json_or(metadata or {}, {}))
            if not shown:
                self.show("display_data", data, metadata, display_id=display_id)

    def fail(self, name: str, message: str, lines: list[str]) -> None:
        """Add an error with its traceback."""
        with self._lock:
            kept = "\n".join(lines)[:MOST_TEXT].split("\n")
            self._outputs.append({"output_type": "error", "ename": name[:200], "evalue": message[:4000], "traceback": kept})

    def clear(self, *, wait: bool) -> None:
        """Forget what was shown, now or when the next output comes."""
        with self._lock:
            self._clear_first = wait
            if not wait:
                self._forget()

    def finish(self) -> list[Output]:
        """Return the outputs, streams settled, with a last note when something was cut."""
        with self._lock:
            for output in self._outputs:
                if output["output_type"] == "stream":
                    output["text"] = settle("".join(output["text"]))
            if self._cut:
                note = f"[not kept: {', '.join(sorted(self._cut))}]\n"
                self._outputs.append({"output_type": "stream", "name": "stderr", "text": note})
            return [output for output in self._outputs if output.get("text", "-")]

    def _stream(self, name: str) -> Output | None:
        last = self._outputs[-1] if self._outputs else None
        if last is not None and last["output_type"] == "stream" and last["name"] == name:
            return last
        stream: Output = {"output_type": "stream", "name": name, "text": []}
        return stream if self._append(stream) else None

    def _append(self, output: Output) -> bool:
        if len(self._outputs) >= MOST_OUTPUTS:
            self._cut.add(f"outputs beyond {MOST_OUTPUTS}")
            return False
        self._outputs.append(output)
        return True

    def _compact(self, parts: list[str]) -> None:
        joined = "".join(parts)
        settled = settle(joined)
        self._text -= len(joined) - len(settled)
        parts[:] = [settled]

    def _bounded(self, data: Mapping[str, Any]) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        for mime, value in data.items():
            ready = _mime_value(mime, value)
            size = _size(ready)
            if not mime.startswith("text/"):
                if self._media + size > self._media_left:
                    self._cut.add(f"pictures beyond {self._media_left / (1 << 20):.3g} MiB")
                    continue
                self._media += size
            elif self._text + size > MOST_TEXT:
                self._cut.add(f"text beyond {MOST_TEXT >> 20} MiB")
                continue
            else:
                self._text += size
            kept[str(mime)] = ready
        return kept

    def _release(self, data: Mapping[str, Any]) -> None:
        for mime, value in data.items():
            if mime.startswith("text/"):
                self._text -= _size(value)
            else:
                self._media -= _size(value)

    def _clear_if_asked(self) -> None:
        if self._clear_first:
            self._forget()

    def _forget(self) -> None:
        self._outputs.clear()
        self._displayed.clear()
        self._cut.clear()
        self._clear_first = False
        self._text = self._media = 0


class Stream(io.TextIOBase):
    """`sys.stdout` or `sys.stderr` of student code: writes into whatever cell runs now."""

    encoding = "utf-8"
    errors = "replace"

    def __init__(self, screen: "Screen", name: str, number: int) -> None:
        super().__init__()
        self._screen, self.name, self._number = screen, name, number

    def write(self, text: str) -> int:
        """Show `text` and return its length."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self._screen.cell.write(self.name, text)
        return len(text)

    def writable(self) -> bool:
        """A stream for writing only."""
        return True

    def isatty(self) -> bool:
        """Never a terminal."""
        return False

    def fileno(self) -> int:
        """Return the descriptor that programs started by student code write to."""
        return self._number


class Screen:
    """Where outputs go: the outputs of the cell that runs now."""

    def __init__(self) -> None:
        self.cell = CellOutputs()


def settle(text: str) -> str:
    """Return what a terminal would show at the end: text before a carriage return is overwritten by what follows it."""
    if "\r" not in text:
        return text
    return "\n".join(map(_last_state, text.replace("\r\n", "\n").split("\n")))


def _last_state(line: str) -> str:
    # By hand, as an expression that looks ahead takes the square of the time on a line of nothing but carriage returns.
    written = line.rstrip("\r")
    return written.rpartition("\r")[2] + line[len(written) :]


def _mime_value(mime: str, value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, str):
        return value
    if mime.endswith("json"):
        return _json_or(value, str(value))
    return str(value)


def _json_or(value: Any, other: Any) -> Any:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return other
    return value


def _size(value: Any) -> int:
    return len(value) if isinstance(value, str) else len(json.dumps(value))
