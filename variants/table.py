"""Tables as people export them: find out encoding, separator and header line; write CSV that a spreadsheet opens safely."""

import csv
import io
import os
import re
import secrets
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path

from variants.errors import VariantsError

MAX_BYTES = 64 * 1024 * 1024
_SEPARATORS = (";", "\t", ",")
_HEADER_WITHIN = 10  # records; exports often begin with a title and an empty line
_HEADER_WITHIN_CHARACTERS = 100_000
_AROUND = 20_000  # bytes to either side that tell damaged UTF-8 from Windows-1251
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_FORMULA_BEGINS = frozenset("'=+-@\t\r")
_AS_CSV = "Save it as CSV: UTF-8 or Windows-1251, separated by commas, semicolons or tabs."


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A header and the rows below it, which can be gone through once; a row comes with the line it begins on (from 1).

    Rows of empty cells are left out. Going through the rows raises VariantsError where the file is no table.
    """

    header: tuple[str, ...]
    rows: Iterator[tuple[int, list[str]]]


def clean(cell: str) -> str:
    """Return the cell with runs of white space (no-break spaces too) made one space, and none at the ends."""
    return " ".join(cell.split())


@lru_cache(maxsize=4096)
def fold(text: str) -> str:
    """Return the form in which headers and stream names are compared: case, ё, dots, dashes and signs do not count."""
    flat = unicodedata.normalize("NFKC", text).casefold().replace("ё", "е")
    return re.sub(r"[\W_]+", " ", flat).strip()


def read_table(path: Path, recognised: Callable[[Sequence[str]], int]) -> Table:
    """Read a CSV file; `recognised` says how many cells of a record are known as headers.

    The separator and the header line are those that make the most known headers. Cells come back as text, with the
    protection of `write_table` taken off. Raises VariantsError for a file that cannot be read as a table.
    """
    text, offset, separators = _without_hint(_decode(path))
    heads = {separator: _first_records(text[:_HEADER_WITHIN_CHARACTERS], separator) for separator in separators}
    best = max(separators, key=lambda separator: max(map(recognised, heads[separator]), default=0))
    header_at = max(range(len(heads[best])), key=lambda index: recognised(heads[best][index]), default=0)
    if not heads[best]:
        raise VariantsError("the file is empty.", where=str(path), remedy="It needs a header line and one line per student.")
    records = _records(text, best, 1 + offset, path)
    *_, (_, header) = islice(records, header_at + 1)
    return Table(header=tuple(map(clean, header)), rows=records)


def write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write UTF-8 CSV with a byte order mark (so that Excel shows Cyrillic), whole or not at all.

    A cell that a spreadsheet would take for a formula gets an apostrophe in front. Raises VariantsError when the file
    cannot be written; a file that was there before then stays as it was.
    """
    spare = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with spare.open("x", encoding="utf-8", newline="") as stream:
            stream.write("\ufeff")
            writer = csv.writer(stream, lineterminator="\r\n")
            writer.writerow(header)
            writer.writerows([_protected(cell) if cell[:1] in _FORMULA_BEGINS else cell for cell in row] for row in rows)
            stream.flush()
            os.fsync(stream.fileno())
        spare.replace(path)
    except OSError as error:
        raise VariantsError(
            f"the file cannot be written ({error.strerror or error}).",
            where=str(path),
            remedy="Choose a folder that exists, has room and may be written to.",
        ) from error
    finally:
        with suppress(OSError):
            spare.unlink()


def _records(text: str, separator: str, line: int, path: Path) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    before = line - 1
    protected = "'" in text
    try:
        for cells in reader:
            if any(cells):
                yield line, [_restored(cell) if cell[:1] == "'" else cell for cell in cells] if protected else cells
            line = before + reader.line_num + 1
    except csv.Error as error:
        raise VariantsError(
            f"the table cannot be read from line {line} on ({error}).",
            where=str(path),
            remedy="Look for a quotation mark that is not closed.",
        ) from error


def _protected(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _restored(cell: str) -> str:
    return cell[1:] if _FORMULA.match(cell) else cell


def _decode(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise VariantsError(f"the file cannot be read ({error.strerror or error}).", where=str(path), remedy="Check the path.") from error
    if len(raw) > MAX_BYTES:
        raise VariantsError(
            f"the file is larger than {MAX_BYTES // 2**20} MiB.", where=str(path), remedy="Give a CSV file with one line per student."
        )
    if raw.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise VariantsError("this is a spreadsheet or an archive, not CSV.", where=str(path), remedy=_AS_CSV)
    wide = raw.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        text = raw.decode("utf-16") if wide else _narrow(raw, str(path))
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise VariantsError("this is not a text file.", where=str(path), remedy=_AS_CSV)
    return unicodedata.normalize("NFC", text.replace("\ufeff", "").replace("\u200b", ""))


def _narrow(raw: bytes, where: str) -> str:
    """Decode UTF-8, else Windows-1251. A file that is UTF-8 but for a few bytes is refused, not misread."""
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        around = raw[max(0, error.start - _AROUND) : error.start + _AROUND].decode(errors="replace")
    bad = around.count("\ufffd")
    if b"\0" not in raw and sum(not character.isascii() for character in around) > 2 * bad:
        raise VariantsError(
            f"line {line} is damaged: it is not UTF-8 as the rest is.", where=where, remedy="Correct that line, or export the file again."
        )
    return raw.decode("cp1251")


def _without_hint(text: str) -> tuple[str, int, tuple[str, ...]]:
    """Take off the line `sep=;` that Excel writes and reads: (text, lines taken off, separators to try)."""
    hint = re.match(r"sep=(.)\r?\n", text)
    return (text[hint.end() :], 1, (hint.group(1),)) if hint else (text, 0, _SEPARATORS)


def _first_records(text: str, separator: str) -> list[list[str]]:
    records: list[list[str]] = []
    try:
        for cells in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
            if any(cells):
                records.append(cells)
            if len(records) == _HEADER_WITHIN:
                break
    except csv.Error:
        pass  # this separator reads no further; the strict reading names the line
    return records
