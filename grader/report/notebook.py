"""The executed notebook as the report shows it: bounded, escaped, and with no output that could act."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby, islice
from typing import Any, Literal, cast

from markupsafe import Markup
from pygments import highlight  # type: ignore[import-untyped]
from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]
from pygments.lexer import Lexer  # type: ignore[import-untyped]
from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]

from grader.report.markdown import render_markdown
from grader.report.pictures import KINDS, Kind, Picture, read_picture
from grader.report.visible import Passage, overwritten, passage, plain, terminal, visible

_MOST_CELLS, _MOST_OUTPUTS = 1000, 60
_SOURCE, _SOURCE_LINES, _OUTPUT, _OUTPUT_LINES = 20_000, 600, 16_000, 400
_COLOURED, _COLOURED_LINE, _ALL_COLOURED = 8_000, 500, 200_000
_ALL_TEXT, _ALL_PICTURES = 2_000_000, 24 * 1024 * 1024
_INLINE_PICTURE = re.compile(r"data:(image/(?:png|jpeg));base64,([A-Za-z0-9+/=]+)")
_TEXT_KINDS = ("text/plain", "text/markdown", "text/latex", "text/html", "image/svg+xml", "application/javascript", "application/json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One output. `label` is `stdout`, `stderr`, `error`, `picture`, `no_picture` or the MIME type of what is shown as text."""

    label: str
    text: Passage | None = None
    picture: Picture | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownCell:
    """One cell; `number` counts all cells from 1, as findings do. `status` is ok, error, not_run or empty."""

    number: int
    kind: Literal["code", "markdown", "raw"]
    body: Passage
    status: str
    outputs: tuple[Shown, ...] = ()
    outputs_left_out: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownNotebook:
    """All cells that fit; `cells_left_out` counts those that did not. `readable` is False when there was no notebook in the text."""

    cells: tuple[ShownCell, ...]
    cells_left_out: int = 0
    readable: bool = True


class _Allowance:
    """What the page has room for yet, in characters of text, of coloured code and of encoded pictures."""

    def __init__(self) -> None:
        self.text, self.coloured, self.pictures = _ALL_TEXT, _ALL_COLOURED, _ALL_PICTURES

    def passage(self, text: str, markup: Callable[[str], Markup], characters: int, lines: int) -> Passage:
        found = passage(text, markup, characters=max(0, min(characters, self.text)), lines=lines)
        self.text -= min(len(text) - found.left_out, self.text)
        return found

    def picture(self, encoded: str, kind: Kind) -> Picture | None:
        if len(encoded) > self.pictures:
            return None
        self.pictures -= len(encoded)  # what is no picture had to be decoded as well
        return read_picture(encoded, kind)

    def colours(self, source: str) -> Callable[[str], Markup]:
        """Return how code is shown: a lexer takes the square of the length for some texts, so that only usual code gets colours."""
        usual = len(source) <= min(_COLOURED, self.coloured) and max(map(len, source.splitlines()), default=0) <= _COLOURED_LINE
        self.coloured -= len(source) if usual else 0
        return _highlighted if usual else plain


def show_notebook(executed: str, statuses: Mapping[int, str]) -> ShownNotebook:
    """Return the cells of an executed notebook (nbformat 4 JSON); `statuses` says how the code cell at an index ended."""
    try:
        cells = json.loads(executed)["cells"]
    except (ValueError, RecursionError, KeyError, TypeError):
        return ShownNotebook(cells=(), readable=False)
    if not isinstance(cells, list):
        return ShownNotebook(cells=(), readable=False)
    allowance = _Allowance()
    shown = tuple(
        _show_cell(cell if isinstance(cell, dict) else {}, index, statuses.get(index, ""), allowance)
        for index, cell in enumerate(islice(cells, _MOST_CELLS))
    )
    return ShownNotebook(cells=shown, cells_left_out=len(cells) - len(shown))


def _show_cell(cell: Mapping[str, Any], index: int, status: str, allowance: _Allowance) -> ShownCell:
    kind, source = cell.get("cell_type"), _joined(cell.get("source"))
    if kind == "markdown":
        return ShownCell(number=index + 1, kind="markdown", body=_markdown(source, cell.get("attachments"), allowance), status="")
    if kind != "code":
        return ShownCell(number=index + 1, kind="raw", body=allowance.passage(source, plain, _SOURCE, _SOURCE_LINES), status="")
    found = cell.get("outputs")
    outputs = [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []
    merged = list(_merged_streams(outputs))
    body = allowance.passage(source, allowance.colours(source), _SOURCE, _SOURCE_LINES)
    fitting = merged[:_MOST_OUTPUTS] if allowance.text else []
    return ShownCell(
        number=index + 1,
        kind="code",
        body=body,
        status=status,
        outputs=tuple(shown for output in fitting for shown in _show_output(output, allowance)),
        outputs_left_out=len(merged) - len(fitting),
    )


def _merged_streams(outputs: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield the outputs with neighbouring pieces of one stream made one."""
    for name, group in groupby(outputs, lambda output: str(output.get("name")) if output.get("output_type") == "stream" else ""):
        if name:
            yield {"output_type": "stream", "name": name, "text": "".join(_joined(output.get("text")) for output in group)}
        else:
            yield from group


def _show_output(output: Mapping[str, Any], allowance: _Allowance) -> Iterator[Shown]:
    kind = output.get("output_type")
    if kind == "stream":
        label = "stderr" if output.get("name") == "stderr" else "stdout"
        yield Shown(label=label, text=_terminal(_joined(output.get("text")), allowance))
    elif kind == "error":
        trace = output.get("traceback")
        lines = [line for line in trace if isinstance(line, str)] if isinstance(trace, list) else []
        text = "\n".join(lines) or f"{output.get('ename', '')}: {output.get('evalue', '')}"
        yield Shown(label="error", text=_terminal(text, allowance))
    elif kind in {"display_data", "execute_result"}:
        data = output.get("data")
        yield from _show_bundle(data if isinstance(data, dict) else {}, allowance)


def _show_bundle(data: Mapping[str, Any], allowance: _Allowance) -> Iterator[Shown]:
    """Yield the picture of a displayed value, else its text; a picture that was refused is said and its text shown."""
    kind = next((kind for kind in KINDS if kind in data), None)
    picture = allowance.picture(_joined(data[kind]), kind) if kind else None
    if picture:
        yield Shown(label="picture", picture=picture)
        return
    if kind:
        yield Shown(label="no_picture")
    text_kind = next((kind for kind in _TEXT_KINDS if kind in data), None)
    if text_kind:
        value = data[text_kind]
        text = _joined(value) if isinstance(value, str | list) else json.dumps(value, ensure_ascii=False)
        yield Shown(label=text_kind, text=_terminal(text, allowance))


def _terminal(text: str, allowance: _Allowance) -> Passage:
    return allowance.passage(overwritten(text), terminal, _OUTPUT, _OUTPUT_LINES)


def _markdown(source: str, attachments: object, allowance: _Allowance) -> Passage:
    pictures: dict[str, Picture] = {}

    def attach(match: re.Match[str]) -> str:
        name = f"inline-{len(pictures)}"
        picture = allowance.picture(match[2], cast("Kind", match[1]))
        if picture:
            pictures[name] = picture
        return f"attachment:{name}" if picture else match[0][:40] + "…"

    source = _INLINE_PICTURE.sub(attach, source)
    for name, bundle in attachments.items() if isinstance(attachments, dict) else ():
        kind = next((kind for kind in KINDS if isinstance(bundle, dict) and kind in bundle), None)
        picture = allowance.picture(_joined(bundle[kind]), kind) if kind else None
        if picture:
            pictures[str(name)] = picture
    if len(source) > min(_SOURCE, allowance.text):
        return allowance.passage(source, plain, _SOURCE, _SOURCE_LINES)
    allowance.text -= len(source)
    try:
        return Passage(head=render_markdown(source, pictures))
    except RecursionError:
        return Passage(head=plain(source))


def _highlighted(source: str) -> Markup:
    return Markup(highlight(visible(source), _lexer(), HtmlFormatter(nowrap=True)))  # noqa: S704 - the formatter escapes its text


@lru_cache
def _lexer() -> Lexer:
    """Return the lexer of notebook Python, which knows `%magic` and `!command` (IPython brings it)."""
    return get_lexer_by_name("ipython3", stripnl=False)


def _joined(value: object) -> str:
    """Return text that the format lets be one string or a list of lines; empty for anything else."""
    if isinstance(value, list):
        return "".join(line for line in value if isinstance(line, str))
    return value if isinstance(value, str) else ""
