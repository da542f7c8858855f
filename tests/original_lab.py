"""Build the notebook that a student of the original lab would hand in, from the text of the lab, where that text is at hand."""

import re
from collections.abc import Sequence

import nbformat

_FENCE = re.compile(r"^```python\n(?P<code>.*?)^```", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#{1,6} .+$", re.MULTILINE)
_INDENT = re.compile(r"^ {4}", re.MULTILINE)
_CLASSES = "CLASSES = [0, 55, 58]"
_ITERATIONS = "range(50000)"
_ITERS = "iters = 10000"
_EPOCHS = "EPOCHS = 250"


def original_notebook(
    seed_text: str,
    classes: Sequence[int],
    *,
    iterations: int | None = None,
    iters: int | None = None,
    epochs: int | None = None,
) -> nbformat.NotebookNode:
    """Return the original lab as a notebook: a heading and a code cell for each of its code blocks, in order.

    `classes` replaces the variant; order is kept as given. `iterations` (part 1, 50,000 as written), `iters` (part 2, 10,000) and
    `epochs` (part 3, 250) make a run shorter. Raises ValueError when the text has not exactly one place for a replacement.
    """
    replacements = {_CLASSES: f"CLASSES = {list(classes)}"}
    if iterations is not None:
        replacements[_ITERATIONS] = f"range({iterations})"
    if iters is not None:
        replacements[_ITERS] = f"iters = {iters}"
    if epochs is not None:
        replacements[_EPOCHS] = f"EPOCHS = {epochs}"
    text = seed_text.replace("\r\n", "\n")
    for written, wanted in replacements.items():
        if text.count(written) != 1:
            raise ValueError(f"the lab's text holds {written!r} {text.count(written)} times, not once")
        text = text.replace(written, wanted)
    return _notebook(text)


def _notebook(text: str) -> nbformat.NotebookNode:
    cells = []
    at = 0
    for fence in _FENCE.finditer(text):
        headings = _HEADING.findall(text, at, fence.start())
        if headings:
            cells.append(nbformat.v4.new_markdown_cell(headings[-1]))
        cells.append(nbformat.v4.new_code_cell(_INDENT.sub("", fence["code"]).rstrip("\n")))
        at = fence.end()
    for position, cell in enumerate(cells):
        cell["id"] = f"original-{position}"  # the same text always gives the same bytes
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
