"""Read the tables of results that students write: one row per training, in whatever hand it is written.

`FC(8), FC(3) | lr = 5e-3, bs=128, эпох 450 | test ≈ 70%, train ~ 98,5 %` and a table with a column for each number give the same row.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_NUMBER = r"(?:\d+(?:[.,]\d+)?|\.\d+)(?:\s*(?:[·*×x]\s*10\s*\^?\s*|[eE])[-−–]?\s*\d+)?"
_SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
_GAP = r"(?:\s*(?:\([^)]*\))?\s*[:=≈~∼<>≤≥→—–-]*\s*(?:около|примерно|about|approx\.?)?\s*[≈~∼]?\s*)"
_KEYS = {
    "lr": r"(?:\blr\b|learning[\s_-]*rate|скорость(?:\s+обучения)?|(?<!\w)шаг\w*(?:\s+обучения)?|\beta\b|η)",
    "batch": r"(?:batch(?:[\s_-]*size)?|\bbs\b|размер\w*\s+(?:батч|пакет|мини)\w*|батч\w*|пакет\w*)",
    "epochs": r"(?:(?:num|n|max)?[\s_]*epochs?|\bep\b|эпох\w*)",
    "train": r"(?:\btrain(?:ing)?\b|(?<!скорость )(?<!шаг )обуч(?:ающ|ени)\w*|трен\w*)",
    "test": r"(?:\btest(?:ing)?\b|\bval(?:id(?:ation)?)?\b|тест\w*|провер\w*|валид\w*)",
}
_WORD_AFTER = {"epochs": r"(?:epochs?\b|эпох\w*)"}
_LOSS = re.compile(r"loss|потер|ошибк|error", re.IGNORECASE)
_RIGHT = re.compile(r"acc|точност|верн|%", re.IGNORECASE)
_ACCURACY = r"(?:[\s_-]*(?:acc(?:uracy)?|точност\w*|set|выборк\w*|данны\w*|quality|score))*"
_LAYER = re.compile(r"\b(?:FC|Linear|Dense|Full|fully\s+connected|ПС|полносвязный)\s*\(\s*(?:\d+\s*,\s*(?:out_features\s*=\s*)?)?(\d+)[^)]*\)", re.IGNORECASE)
_CHAIN = re.compile(r"(?<![\d.,])(\d{1,5}(?:\s*(?:[-–—→×x]|->)\s*\d{1,5})+)(?![\d.,])")
_SWAPPED = 0.05
_LONGEST, _MOST_ROWS = 2000, 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One training as the student wrote it down. What the row does not say is None, or () for `layers`.

    `layers` are the widths of fully connected layers, the output layer last; `train` and `test` are shares of right answers in 0..1.
    """

    written: str
    layers: tuple[int, ...] = ()
    lr: float | None = None
    batch: int | None = None
    epochs: int | None = None
    train: float | None = None
    test: float | None = None

    @property
    def looks_swapped(self) -> bool:
        """Whether the test accuracy is above the training accuracy by more than chance explains."""
        return self.train is not None and self.test is not None and self.train < self.test - _SWAPPED


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of a text: its head (empty when it has none) and the cells of its rows, as written."""

    head: tuple[str, ...]
    body: tuple[tuple[str, ...], ...]


def read_tables(text: str) -> tuple[Table, ...]:
    """Return the pipe tables of a Markdown text, rows without outer pipes included; tables inside a code fence too."""
    tables: list[Table] = []
    rows: list[tuple[str, ...]] = []
    for line in [*text.translate(_SUPERSCRIPTS).splitlines(), ""]:
        if "|" in line and len(line) <= _LONGEST:
            rows.append(tuple(cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))))
        elif rows:
            tables.append(_table(rows))
            rows = []
    return tuple(tables)


def read_results(text: str) -> tuple[Row, ...]:
    """Return the rows of all tables in `text` that state an accuracy; a row with an ellipsis left to fill in is none."""
    return tuple(row for table in read_tables(text) for row in results_of(table))[:_MOST_ROWS]


def results_of(table: Table) -> tuple[Row, ...]:
    """Return the rows of one table that state an accuracy."""
    found = [_row(table.head, cells) for cells in table.body if not any(cell in {"...", "…"} for cell in cells)]
    return tuple(row for row in found if row.train is not None or row.test is not None)


def _table(rows: Sequence[tuple[str, ...]]) -> Table:
    rule = next((place for place, cells in enumerate(rows) if _is_rule(cells)), None)
    body = tuple(cells for cells in rows if not _is_rule(cells))
    return Table(head=rows[rule - 1] if rule else (), body=body[1:] if rule else body)


def _is_rule(cells: Sequence[str]) -> bool:
    return any(cells) and all(not cell or re.fullmatch(r":?-{1,}:?", cell) for cell in cells)


def _row(head: Sequence[str], cells: Sequence[str]) -> Row:
    """Read a row: what stands beside a word first, then what stands under a word of the head."""
    whole = " | ".join(cells)
    columns = list(zip(head, cells, strict=False)) if len(head) == len(cells) else []
    accuracies = _accuracies(cells, columns)
    batch, epochs = _value("batch", whole, columns), _value("epochs", whole, columns)
    return Row(
        written=whole[:_LONGEST],
        layers=_layers(whole),
        lr=_value("lr", whole, columns),
        batch=round(batch) if batch is not None else None,
        epochs=round(epochs) if epochs is not None else None,
        train=accuracies.get("train"),
        test=accuracies.get("test"),
    )


def _value(key: str, whole: str, columns: Sequence[tuple[str, str]]) -> float | None:
    match = re.search(rf"{_KEYS[key]}{_GAP}({_NUMBER})", whole, re.IGNORECASE)
    if match is None and key in _WORD_AFTER:
        match = re.search(rf"({_NUMBER})\s*{_WORD_AFTER[key]}", whole, re.IGNORECASE)
    if match is not None:
        return number(match[1])
    for title, cell in columns:
        found = re.match(rf"\W*({_NUMBER})", cell)
        if found and re.search(_KEYS[key], title, re.IGNORECASE):
            return number(found[1])
    return None


def _accuracies(cells: Sequence[str], columns: Sequence[tuple[str, str]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for cell in cells:
        if _LOSS.search(cell) and not _RIGHT.search(cell):
            continue
        for key in ("train", "test"):
            match = re.search(rf"{_KEYS[key]}{_ACCURACY}{_GAP}({_NUMBER})\s*(%?)", cell, re.IGNORECASE)
            match = match or re.search(rf"({_NUMBER})\s*(%)\s*(?:\(|на|on|in)?\s*{_KEYS[key]}", cell, re.IGNORECASE)
            share = _share(match[1], match[2]) if match else None
            if share is not None:
                found.setdefault(key, share)
    for title, cell in columns:
        named = sorted((match.start(), key) for key in ("train", "test") if (match := re.search(_KEYS[key], title, re.IGNORECASE)))
        if _LOSS.search(title):
            continue
        numbers = re.findall(rf"({_NUMBER})\s*(%?)", cell)
        percent = "%" in cell or "%" in title
        for (_, key), (text, mark) in zip(named, numbers, strict=False):
            share = _share(text, mark or ("%" if percent else ""))
            if share is not None:
                found.setdefault(key, share)
    return found


def _share(text: str, percent: str) -> float | None:
    """Return an accuracy as a share, or None for what is none; a number above 1 is taken for per cent."""
    value = number(text)
    share = value / 100 if percent or value > 1 else value
    return share if 0 <= share <= 1 else None


def _layers(whole: str) -> tuple[int, ...]:
    named = tuple(int(width) for width in _LAYER.findall(whole))
    if named:
        return named
    chain = _CHAIN.search(whole)
    widths = tuple(int(width) for width in re.findall(r"\d+", chain[1])) if chain else ()
    return widths[1:]  # the first of a chain is the number of inputs


def number(text: str) -> float:
    """Return a number written with a point or a comma, `5e-3` or `5·10⁻³`; raises ValueError."""
    plain = text.translate(_SUPERSCRIPTS).replace("−", "-").replace("–", "-").replace(",", ".")
    plain = re.sub(r"\s*[·*×x]\s*10\s*\^?\s*", "e", plain)
    return float(re.sub(r"\s+", "", plain))

