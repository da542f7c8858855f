"""A zip that was handed in, seen as a folder: nothing is unpacked to disk, entries are judged by what they declare and by what they hold."""

import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, BinaryIO, Self, cast

from grader.intake import texts
from grader.intake.bounds import Bounds, size
from grader.intake.files import Folder, Item, Listing, read_whole
from grader.intake.names import entry_name, ignored, split_entry, usable
from grader.intake.says import Refused, Trouble, Words, say

_CHUNK = 1 << 20
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_ENCRYPTED_FLAG = 0x1
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OverflowError, OSError)
_OTHER_ARCHIVES = (b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b", b"BZh", b"\xfd7zXZ")


class _Guarded:
    """A file that refuses to be read in one gulp: the list of entries is as long as the archive says it is."""

    def __init__(self, stream: BinaryIO, limit: int) -> None:
        self._stream = stream
        self._limit = limit
        self._end = stream.seek(0, 2)

    def read(self, count: int = -1) -> bytes:
        """Read, unless it is more than the list of entries may be."""
        wanted = self._end - self._stream.tell() if count is None or count < 0 else count
        if wanted > self._limit:
            raise zipfile.BadZipFile("too much at once")
        return self._stream.read(count)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move as any file does."""
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        """Return the position."""
        return self._stream.tell()

    def seekable(self) -> bool:
        """Archives are read from both ends."""
        return True

    def close(self) -> None:
        """The owner of the stream closes it."""


class _Entry:
    """A stream over one entry; whatever is wrong with it is Refused."""

    def __init__(self, stream: IO[bytes], name: str) -> None:
        self._stream = stream
        self._name = name

    def read(self, count: int) -> bytes:
        """Read at most `count` bytes."""
        try:
            return self._stream.read(count)
        except _DAMAGED as error:
            raise _damaged(self._name, error) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class ZipItem:
    """One entry of an open archive."""

    archive: zipfile.ZipFile
    entry: zipfile.ZipInfo
    name: str
    size: int

    def open(self) -> BinaryIO:
        """Open the entry; raises Refused when its header is damaged."""
        try:
            return cast("BinaryIO", _Entry(self.archive.open(self.entry), self.name))
        except _DAMAGED as error:
            raise _damaged(self.name, error) from None

    def read(self, limit: int) -> bytes:
        """Return the whole content of at most `limit` bytes; raises Refused."""
        return read_whole(self, limit)

    def head(self, count: int) -> bytes:
        """Return at most the first `count` bytes; raises Refused."""
        with self.open() as stream:
            return stream.read(count)

    def renamed(self, name: str) -> "ZipItem":
        """Return the same entry under another name."""
        return replace(self, name=name)


def _damaged(name: str, error: Exception) -> Refused:
    return Refused(say(texts.DAMAGED_ENTRY, names=name, actual=str(error)))


@dataclass(slots=True)
class _Node:
    folders: dict[str, "_Node"] = field(default_factory=dict)
    files: dict[str, zipfile.ZipInfo] = field(default_factory=dict)
    troubles: list[Trouble] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class ZipFolder:
    """A folder in an open archive, or the archive itself."""

    archive: zipfile.ZipFile
    name: str
    node: _Node

    def listing(self) -> Listing:
        """Look one level in."""
        folders: list[Folder] = [ZipFolder(archive=self.archive, name=name, node=node) for name, node in sorted(self.node.folders.items())]
        files: list[Item] = [
            ZipItem(archive=self.archive, entry=entry, name=name, size=entry.file_size) for name, entry in sorted(self.node.files.items())
        ]
        return Listing(folders=tuple(folders), files=tuple(files), troubles=tuple(self.node.troubles))


@contextmanager
def opened(item: Item, *, bounds: Bounds, scratch: Path, cohort: bool = False) -> Iterator[ZipFolder]:
    """Open `item` as an archive; raises Refused. `cohort` is one that holds the work of many.

    An archive within an archive is first written to a nameless file in `scratch`, up to the bound.
    """
    limit = bounds.cohort_archive_bytes if cohort else bounds.archive_bytes
    if item.size > limit:
        raise Refused(say(texts.BIG_ARCHIVE, name=item.name, limit=size(limit), actual=size(item.size)))
    with item.open() as stream, tempfile.TemporaryFile(dir=scratch) as copy:
        source = stream if not isinstance(item, ZipItem) else _copied(stream, copy, limit, item.name)
        with _parsed(source, item.name, bounds) as archive:
            yield ZipFolder(archive=archive, name=item.name, node=_tree(archive, item.name, bounds, cohort=cohort))


def _copied(stream: BinaryIO, copy: IO[bytes], limit: int, name: str) -> BinaryIO:
    while copy.tell() <= limit and (data := stream.read(_CHUNK)):
        copy.write(data)
    if copy.tell() > limit:
        raise Refused(say(texts.BIG_ARCHIVE, name=name, limit=size(limit)))
    copy.seek(0)
    return cast("BinaryIO", copy)


def _parsed(stream: BinaryIO, name: str, bounds: Bounds) -> zipfile.ZipFile:
    beginning = stream.read(8)
    if beginning.startswith(_OTHER_ARCHIVES):
        raise Refused(say(texts.OTHER_ARCHIVE, names=name))
    if not beginning:
        raise Refused(say(texts.EMPTY_FILE, name=name))
    guarded = _Guarded(stream, bounds.directory_bytes)
    try:
        return zipfile.ZipFile(cast("IO[bytes]", guarded))
    except _DAMAGED as error:
        if str(error) == "too much at once":
            raise Refused(say(texts.MANY_ENTRIES, name=name)) from None
        raise Refused(say(texts.DAMAGED_ARCHIVE, name=name, actual=str(error))) from None


def _tree(archive: zipfile.ZipFile, name: str, bounds: Bounds, *, cohort: bool) -> _Node:
    """Return the entries as a tree; what may not be read becomes a trouble of the folder in which it lies."""
    entries = archive.infolist()
    if len(entries) > (bounds.cohort_entries if cohort else bounds.entries):
        raise Refused(say(texts.MANY_ENTRIES, name=name, actual=str(len(entries))))
    root = _Node()
    declared = packed = 0
    for entry in entries:
        trouble = _place(root, entry, bounds)
        if trouble is None:
            declared, packed = declared + entry.file_size, packed + entry.compress_size
    if not cohort and declared > bounds.candidates_bytes and declared > bounds.ratio * max(packed, 1):
        raise Refused(say(texts.BOMB, names=name, actual=size(declared)))
    return root


def _place(root: _Node, entry: zipfile.ZipInfo, bounds: Bounds) -> Words | None:
    """Put one entry where its name says, or a trouble into the deepest folder that its name rightly leads to."""
    name = entry_name(entry)
    parts = split_entry(name)
    is_folder = name.endswith(("/", "\\"))
    if parts is None:
        words: Words | None = texts.CLIMBS
        node = _existing(root, name)
    elif not parts or any(ignored(part) for part in parts):
        return None
    else:
        words = _name_refusal(parts, bounds) or _refusal(entry, bounds)
        inner = () if words in {texts.BAD_NAME, texts.DEEP_FOLDERS} else parts if is_folder and words is None else parts[:-1]
        node, free = _descend(root, inner)
        if not free or (not is_folder and parts[-1] in (node.files.keys() | node.folders.keys())):
            words = words or texts.SAME_NAME
    if words is not None:
        node.troubles.append(Trouble(words=words, name=parts[-1] if parts else name))
    elif not is_folder and parts:
        node.files[parts[-1]] = entry
    return words


def _existing(root: _Node, name: str) -> _Node:
    node = root
    for part in name.replace("\\", "/").split("/"):
        if part not in node.folders:
            break
        node = node.folders[part]
    return node


def _descend(root: _Node, parts: tuple[str, ...]) -> tuple[_Node, bool]:
    """Return the folder at `parts`, made where it is not there yet, and whether no file stands in the way."""
    node = root
    for part in parts:
        if part in node.files:
            return node, False
        node = node.folders.setdefault(part, _Node())
    return node, True


def _name_refusal(parts: tuple[str, ...], bounds: Bounds) -> Words | None:
    if len(parts) > bounds.depth:
        return texts.DEEP_FOLDERS
    return None if all(usable(part) for part in parts) else texts.BAD_NAME


def _refusal(entry: zipfile.ZipInfo, bounds: Bounds) -> Words | None:
    """Return why an entry may not be read, by what it declares of itself."""
    mode = stat.S_IFMT(entry.external_attr >> 16)
    if mode == stat.S_IFLNK:
        return texts.LINK
    if mode not in {0, stat.S_IFREG, stat.S_IFDIR}:
        return texts.SPECIAL_FILE
    if entry.flag_bits & _ENCRYPTED_FLAG:
        return texts.ENCRYPTED
    if entry.compress_type not in _METHODS:
        return texts.DAMAGED_ENTRY
    oversized = entry.file_size > bounds.ratio_floor and entry.file_size > bounds.ratio * max(entry.compress_size, 1)
    return texts.BOMB if oversized else None
