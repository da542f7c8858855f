"""Names of files as they come from other people's systems: which are safe, which are noise, what letters were meant."""

import os
import re
import unicodedata
import zlib
from pathlib import Path
from zipfile import ZipInfo

_IGNORED = {
    "__macosx", ".ds_store", "desktop.ini", "thumbs.db", "$recycle.bin", ".git", ".gitignore", ".gitattributes", ".idea", ".vscode",
    ".ipynb_checkpoints", "__pycache__", ".venv", "venv", ".virtual_documents", ".mypy_cache", ".pytest_cache", ".ruff_cache",
    # The data set stands in the sandbox anyway, and is the one thing that students' folders are full of.
    "cifar-100-python", "cifar-100-python.tar.gz",
}  # fmt: skip
_RESERVED = re.compile(r"(?i)^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)")
_FORBIDDEN_ON_WINDOWS = re.compile(r'[<>:"|?*\\]')
_DRIVE = re.compile(r"^[A-Za-z]:")
_MOODLE = re.compile(r"^.+?_\d+_assignsubmission_(?:file|onlinetext)_(?=.)")
_FOLDER = re.compile(r"[\w@+-](?:[\w.@+ -]{0,78}[\w@+-])?")
_LONGEST_SHOWN = 120
_LONGEST_PART = 200
_UTF8_FLAG = 0x800
_UNICODE_PATH = 0x7075


def printable(text: str) -> str:
    """Return `text` fit for a terminal and a page: no control, no direction marks, no half characters, not too long."""
    clean = "".join(character if character.isprintable() else "\ufffd" for character in text[: _LONGEST_SHOWN + 1])
    return clean if len(text) <= _LONGEST_SHOWN else clean[: _LONGEST_SHOWN - 1] + "…"


def ignored(name: str) -> bool:
    """Whether a file or folder of this name is noise of an operating system, an editor or a tool."""
    return name.casefold() in _IGNORED or name.startswith("._")


def suffix(name: str) -> str:
    """Return the suffix in lower case, with the dots, spaces and quotes overlooked that people leave at the end of a name."""
    _, dot, last = name.rstrip(". \"'»”").casefold().rpartition(".")
    return dot + last if dot else ""


def stem(name: str) -> str:
    """Return a file's name without the suffixes that the intake reads; any other name as it is."""
    return name[: -len(suffix(name))] if suffix(name) in {".ipynb", ".zip", ".py"} and name.casefold().endswith(suffix(name)) else name


def without_moodle_prefix(name: str) -> str:
    """Return the name that the student gave to a file of a flat Moodle download."""
    return _MOODLE.sub("", name)


def split_entry(name: str) -> tuple[str, ...] | None:
    """Return the parts of an archive entry's name, or None when it climbs out, names a drive or the root, or holds a NUL."""
    plain = name.replace("\\", "/")
    if "\0" in plain or plain.startswith("/") or _DRIVE.match(plain):
        return None
    parts = tuple(unicodedata.normalize("NFC", part) for part in plain.split("/") if part not in {"", "."})
    return None if ".." in parts else parts


def usable(part: str) -> bool:
    """Whether one part of a path can be a file's name: short enough, no separators, nothing unprintable but letters we cannot read."""
    if not part or part in {".", ".."} or len(part.encode("utf-8", "surrogateescape")) > _LONGEST_PART:
        return False
    return not any(character in "/\\\0" or ord(character) < 32 or ord(character) == 127 for character in part)


def for_windows(part: str) -> str:
    """Return a part of a path that NTFS takes for a plain file name: no drives, streams, devices or trailing dots."""
    plain = _FORBIDDEN_ON_WINDOWS.sub("_", part).rstrip(". ") or "_"
    return f"_{plain}" if _RESERVED.match(plain) else plain


def kept_name(relative: tuple[str, ...]) -> str:
    """Return the name under which a file beside the notebook is known: its parts in composed letters, with slashes between."""
    return "/".join(unicodedata.normalize("NFC", part) for part in relative)


def kept_path(target: Path, relative: tuple[str, ...]) -> Path:
    """Return where a file of that name goes in the folder `target`."""
    parts = kept_name(relative).split("/")
    return target.joinpath(*(map(for_windows, parts) if os.name == "nt" else parts))


def entry_name(entry: ZipInfo) -> str:
    """Return the name of an archive entry with the letters that were meant.

    An entry says whether its name is UTF-8. One that does not may still be (macOS), may carry the name in an extra field
    (Info-ZIP), or is in the code page of the system that packed it: cp866 or cp1251 for Cyrillic, cp437 elsewhere.
    """
    stored = entry.orig_filename
    if entry.flag_bits & _UTF8_FLAG or stored.isascii():
        return stored
    raw = stored.encode("cp437")
    extra = _unicode_path(entry.extra, raw)
    if extra:
        return extra
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        readings = [raw.decode(page, "replace") for page in ("cp866", "cp1251", "cp437")]
        return max(readings, key=_plausible)


def _unicode_path(extra: bytes, raw: bytes) -> str:
    """Return the name kept in the Info-ZIP extra field, if it is there and belongs to this very entry."""
    while len(extra) >= 4:
        tag, length = int.from_bytes(extra[:2], "little"), int.from_bytes(extra[2:4], "little")
        body, extra = extra[4 : 4 + length], extra[4 + length :]
        if tag == _UNICODE_PATH and len(body) > 5 and body[0] == 1 and int.from_bytes(body[1:5], "little") == zlib.crc32(raw):
            return body[5:].decode("utf-8", "replace")
    return ""


def _plausible(text: str) -> int:
    """Score a reading of a name: Russian letters speak for it, frames, symbols, mixed alphabets and odd capitals against."""
    score = 0
    for word in re.findall(r"[^\W\d_]+", text):
        russian = len(re.findall(r"[А-Яа-яЁё]", word))
        score += russian - 2 * (0 < russian < len(word)) - 2 * len(re.findall(r"[а-яё][А-ЯЁ]", word))
    return score - 2 * sum(1 for character in text if ord(character) > 127 and not character.isalpha() and character not in "№«»—–")
