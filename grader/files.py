"""Files that are written whole or not at all, and names that every file system takes."""

import hashlib
import os
import re
import shutil
import tempfile
import unicodedata
from pathlib import Path

_FOLDER = re.compile(r"[\w][\w.@+ -]{0,58}[\w]|\w")
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # names that Windows keeps for itself


def write_atomically(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Write `text` as UTF-8 to `path` through a temporary file beside it; raises OSError and then leaves `path` as it was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace", newline="") as stream:
            stream.write(text)
        temporary.chmod(mode)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def link_or_copy(source: Path | str, target: Path | str) -> None:
    """Make `target`, a new path, the same file as `source`, or a copy of it where no link can be made; raises OSError when neither can.

    A link in place of `source` is followed. A linked file keeps its mode, and changing that changes the source; a copy has that of any new file.
    """
    try:
        os.link(Path(source).resolve(), target)
    except OSError:  # another file system, one without hard links, or somebody else's file
        shutil.copyfile(source, target)


def folder_name(student: str) -> str:
    """Return the name of a student's folder or file: the id where every file system takes it, else a safe form that stays unique."""
    if _FOLDER.fullmatch(student) and not _DEVICES.fullmatch(student) and unicodedata.is_normalized("NFC", student):
        return student
    safe = re.sub(r"\W+", "_", unicodedata.normalize("NFC", student)).strip("_")[:40].rstrip("_")
    return f"{safe or 'student'}-{hashlib.sha256(student.encode('utf-8', 'surrogatepass')).hexdigest()[:10]}"
