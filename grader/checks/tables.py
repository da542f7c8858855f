"""Read the tables of results that students write: one row per training, in whatever hand it is written.

`FC(8), FC(3) | lr = 5e-3, bs=128, эпох 450 | test ≈ 70%, train ~ 98,5 %` and a table with a column for each number give the same row.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

# Students' text may be long runs of anything, so what repeats without bound is taken once (`++`, `*+`) or starts at a rare word, and white space is one space.
_NUMBER = r"(?:\d++(?:[.,]\d++)?|\.\d++)(?:\s?(?:[·*×x]\s?10\s?\^?\s?|e)[-−–]?\s?\d++)?"
_FIRST_NUMBER = rf"(?<!\d)({_NUMBER})"
_SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
_GAP = r"\s?(?:\([^()]*+\))?\s?[:=≈~∼<>≤≥→—–-]*\s?(?:около|примерно|about|approx\.?)?\s?[≈~∼]?\s?"
_REST, _BEGINS, _ENDS = r"[^\W\d_]*+", r"(?<![^\W\d_])", r"(?![^\W\d_])"
_KEYS = {
    "lr": rf"(?:\blr\b|learning[\s_-]?rate|(?:{_BEGINS}(?:скорост{_REST}|шаг(?:а|у|ом|е)?{_ENDS})(?:\sобучения)?)|(?:темп|коэффициент)\s(?:скорости\s)?обучения|\beta\b|η)",
    "batch": rf"(?:batch(?:[\s_-]?size)?|\bbs\b|{_BEGINS}(?:размер{_REST}\s)?(?:мини-?)?(?:батч|пакет){_REST})",
    "epochs": rf"(?:epochs?(?:\sof\straining)?|\bep\b|{_BEGINS}эпох{_REST}(?:\sобучения)?)",
    "train": rf"{_BEGINS}(?:train(?:ing)?{_ENDS}|обуч(?:ающ|ени){_REST}|трен{_REST})",
    "test": rf"{_BEGINS}(?:(?:test(?:ing)?|val(?:id(?:ation)?)?){_ENDS}|(?:тест|провер|валид){_REST})",
}
_EPOCHS_AFTER = rf"(?:epochs?{_ENDS}|эпох{_REST})"
_LOSS, _TIME = r"(?:loss|потер|ошибк|error)", r"(?:врем|time|сек|длит|duration)"
_ACCURATE = re.compile(r"acc|точност|верн|правильн", re.IGNORECASE)
_ACCURACY = rf"(?:[\s_-]{{0,3}}(?:acc(?:uracy)?|точност{_REST}|set|выборк{_REST}|данны{_REST}|quality|score))*+"
_LAYER = re.compile(r"\b(?:FC|Linear|Dense|Full|fully\sconnected|ПС|полносвязный)\s?\(\s?(?:\d++\s?,\s?(?:out_features\s?=\s?)?)?(\d++)[^()]*+\)", re.IGNORECASE)
_CHAIN = re.compile(r"(?<![\d.,])(\d{1,5}(?:\s?(?:[-–—→×x]|->)\s?\d{1,5})+)(?![\d.,])")
_SWAPPED = 0.05
_LONGEST, _MOST_READ, _MOST_ROWS = 2000, 32_000, 200

# Numbers that are no accuracy though a word for the training data stands beside them: of epochs, of seconds, of a loss, a rate.
_NO_ACCURACY = re.compile(
    rf"(?:{_KEYS['lr']}|{_KEYS['batch']}|{_KEYS['epochs']}|{_BEGINS}(?:{_LOSS}|{_TIME}){_REST})"
    rf"(?:\s?(?:on|at|in|of|for|на|в|при|для)?\s?(?:{_KEYS['train']}|{_KEYS['test']}){_ACCURACY})?{_GAP}{_NUMBER}"
    rf"|(?<!\d){_NUMBER}\s?(?:{_EPOCHS_AFTER}|(?:сек|sec|мин|min|итерац|iter|steps?{_ENDS}|шаг(?:а|ов){_ENDS}){_REST}|[сs](?=\s?(?:[.,;)]|$)))",
    re.IGNORECASE,
)
_SPREAD = re.compile(rf"\s?(?:±|\+/?-)\s?{_NUMBER}", re.IGNORECASE)
_BESIDE = {
    key: (
        re.compile(rf"{_KEYS[key]}{_ACCURACY}{_GAP}({_NUMBER})\s?(%?)", re.IGNORECASE),
        re.compile(rf"{_FIRST_NUMBER}\s?(%)\s?(?:\(|на|on|in)?\s?{_KEYS[key]}", re.IGNORECASE),
    )
    for key in ("train", "test")
}
_TITLES = {key: re.compile(word, re.IGNORECASE) for key, word in _KEYS.items()}
_NO_TITLE = re.compile(rf"{_LOSS}|{_TIME}|{_KEYS['lr']}|{_KEYS['batch']}|{_KEYS['epochs']}", re.IGNORECASE)
_OF_TIME, _OF_LOSS = re.compile(_TIME, re.IGNORECASE), re.compile(_LOSS, re.IGNORECASE)
_STATED = {key: re.compile(rf"{_KEYS[key]}{_GAP}({_NUMBER})", re.IGNORECASE) for key in ("lr", "batch", "epochs")}
_COUNTED = re.compile(rf"{_FIRST_NUMBER}\s?{_EPOCHS_AFTER}", re.IGNORECASE)
_IN_CELL = re.compile(rf"\W*?({_NUMBER})", re.IGNORECASE)
_WITH_MARK = re.compile(rf"({_NUMBER})\s?(%?)", re.IGNORECASE)


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
    """A table of a text: its head (empty when it has none) and the cells of its rows, as written but for white space, which is single."""

    head: tuple[str, ...]
    body: tuple[tuple[str, ...], ...]


def read_tables(text: str) -> tuple[Table, ...]:
    """Return the pipe tables of a Markdown text, rows without outer pipes included, tables inside a code fence too; 32,000 characters at most."""
    tables: list[Table] = []
    rows: list[tuple[str, ...]] = []
    left = _MOST_READ
    for line in [*text.splitlines(), ""]:
        if "|" in line and len(line) <= min(_LONGEST, left):
            rows.append(tuple(" ".join(cell.split()) for cell in re.split(r"(?<!\\)\|", line.translate(_SUPERSCRIPTS).strip().strip("|"))))
            left -= len(line)
        elif rows:
            tables.append(_table(rows))
            rows = []
    return tuple(tables)


def read_results(text: str) -> tuple[Row, ...]:
    """Return the rows that state an accuracy, of the first 200 rows of tables in `text`; a row with an ellipsis left to fill in is none."""
    written = ((table.head, cells) for table in read_tables(text) for cells in table.body)
    rows = (_row(head, cells) for head, cells in islice(written, _MOST_ROWS) if not any(cell in {"...", "…"} for cell in cells))
    return tuple(row for row in rows if row.train is not None or row.test is not None)


def _table(rows: Sequence[tuple[str, ...]]) -> Table:
    rule = next((place for place, cells in enumerate(rows) if _is_rule(cells)), None)
    body = tuple(cells for cells in rows if not _is_rule(cells))
    return Table(head=rows[rule - 1] if rule else (), body=body[1:] if rule else body)


def _is_rule(cells: Sequence[str]) -> bool:
    return any(cells) and all(not cell or re.fullmatch(r":?-{1,}:?", cell) for cell in cells)


def _row(head: Sequence[str], cells: Sequence[str]) -> Row:
    """Read a row: what stands beside a word first, then what stands under a word of the head."""
    whole = " | ".join(cells)
    titles = head if len(head) == len(cells) else [""] * len(cells)
    columns = list(zip(titles, cells, strict=True))
    accuracies: dict[str, float] = {}
    for key, share in (*_beside_words(columns), *_under_titles(columns)):
        accuracies.setdefault(key, share)
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
    match = _STATED[key].search(whole)
    if match is None and key == "epochs":
        match = _COUNTED.search(whole)
    if match is not None:
        return number(match[1])
    for title, cell in columns:
        found = _IN_CELL.match(cell)
        if found and _TITLES[key].search(title) and not _OF_TIME.search(title):
            return number(found[1])
    return None


def _beside_words(columns: Sequence[tuple[str, str]]) -> Iterator[tuple[str, float]]:
    """Yield the accuracies beside a word for the data, as `train = 98 %` or `98 % on train`.

    A bare number above 1 is per cent where that is said: in the title, beside the number or, where the cell marks no number, in the cell.
    """
    for title, cell in columns:
        if _OF_LOSS.search(cell) and not (_ACCURATE.search(cell) or "%" in cell):
            continue
        left = _without_others(cell)
        in_title, in_cell = _says_accuracy(title), "%" not in cell and _says_accuracy(cell)
        for key, patterns in _BESIDE.items():
            match = next((found for pattern in patterns if (found := pattern.search(left))), None)
            if match is not None:
                several_digits = match[1][1:2].isdigit()  # one digit may be the number of the training: `training 3, accuracy 80`
                named = in_title or _says_accuracy(match[0]) or (in_cell and several_digits)
                share = _share(match[1], percent=bool(match[2]), named=named)
                if share is not None:
                    yield key, share


def _under_titles(columns: Sequence[tuple[str, str]]) -> Iterator[tuple[str, float]]:
    """Yield the accuracies in columns whose title names the data; `train / test` names that of two numbers."""
    for title, cell in columns:
        if _NO_TITLE.search(title):
            continue
        named = sorted((match.start(), key) for key in ("train", "test") if (match := _TITLES[key].search(title)))
        percent = "%" in cell or "%" in title
        for (_, key), (text, _) in zip(named, _WITH_MARK.findall(_without_others(cell)), strict=False):
            share = _share(text, percent=percent, named=_says_accuracy(title))
            if share is not None:
                yield key, share


def _without_others(cell: str) -> str:
    return _NO_ACCURACY.sub(";", _SPREAD.sub("", cell))


def _says_accuracy(words: str) -> bool:
    return "%" in words or bool(_ACCURATE.search(words))


def _share(text: str, *, percent: bool, named: bool) -> float | None:
    """Return an accuracy as a share, or None for what is none; above 1 it is per cent, and a whole number must be `named` an accuracy."""
    value = number(text)
    if value is None or not (percent or named or (value <= 1 and not text.isdigit())):
        return None
    share = value / 100 if percent or value > 1 else value
    return share if 0 <= share <= 1 else None


def _layers(whole: str) -> tuple[int, ...]:
    named = tuple(int(width) for width in _LAYER.findall(whole))
    if named:
        return named
    chain = _CHAIN.search(whole)
    widths = tuple(int(width) for width in re.findall(r"\d+", chain[1])) if chain else ()
    return widths[1:]  # the first of a chain is the number of inputs


def number(text: str) -> float | None:
    """Return a number written with a point or a comma, `5e-3` or `5·10⁻³`; None for one that is too large. Raises ValueError for what is none."""
    plain = text.translate(_SUPERSCRIPTS).replace("−", "-").replace("–", "-").replace(",", ".")
    plain = re.sub(r"[·*×x]10\^?", "e", re.sub(r"\s+", "", plain))
    value = float(plain)
    return value if math.isfinite(value) else None
