"""A folder that was handed in, seen without following links, opening devices or reading past a bound."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Protocol

from grader.intake import texts
from grader.intake.bounds import Bounds, size
from grader.intake.names import ignored, suffix, usable
from grader.intake.says import Refused, Trouble, say

_CHUNK = 1 << 20
_REPARSE_POINT = 0x400
_OPEN = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_NOCTTY", 0)
)


class Item(Protocol):
    """One regular file that was handed in, not read yet. `size` is what the file system or the archive declares."""

    @property
    def name(self) -> str:
        """The last part of its path."""

    @property
    def size(self) -> int:
        """Bytes, as declared."""

    def open(self) -> BinaryIO:
        """Open for reading; raises Refused."""

    def read(self, limit: int) -> bytes:
        """Return the whole content, or raise Refused when it is more than `limit` bytes or cannot be read."""

    def head(self, count: int) -> bytes:
        """Return at most the first `count` bytes; raises Refused."""

    def renamed(self, name: str) -> "Item":
        """Return the same file under another name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What is directly in one folder, noise left out, in order of name."""

    folders: tuple["Folder", ...]
    files: tuple[Item, ...]
    troubles: tuple[Trouble, ...]


class Folder(Protocol):
    """A folder on disk, a folder in an archive, or a handful of files that belong together."""

    @property
    def name(self) -> str:
        """The last part of its path."""

    def listing(self) -> Listing:
        """Look one level in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handful:
    """Files that belong together without a folder of their own."""

    name: str
    files: tuple[Item, ...]

    def listing(self) -> Listing:
        """Return the files."""
        return Listing(folders=(), files=self.files, troubles=())


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskFile:
    """A regular file on disk, pinned to the device and inode that were seen first."""

    path: Path
    name: str
    size: int
    key: tuple[int, int]

    def open(self) -> BinaryIO:
        """Open the file that was seen; raises Refused when it is another one now, or cannot be read."""
        try:
            handle = os.open(self.path, _OPEN)
        except OSError as error:
            raise Refused(say(texts.UNREADABLE, names=self.name, actual=error.strerror or "")) from None
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or (status.st_dev, status.st_ino) != self.key:
            os.close(handle)
            raise Refused(say(texts.UNREADABLE, names=self.name))
        return os.fdopen(handle, "rb")

    def read(self, limit: int) -> bytes:
        """Return the whole content of at most `limit` bytes; raises Refused."""
        return read_whole(self, limit)

    def head(self, count: int) -> bytes:
        """Return at most the first `count` bytes; raises Refused."""
        with self.open() as stream:
            return read_some(stream, count, self.name)

    def renamed(self, name: str) -> "DiskFile":
        """Return the same file under another name."""
        return replace(self, name=name)


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskFolder:
    """A folder on disk. `apart` is the work area, which is never a part of what was handed in."""

    path: Path
    name: str
    bounds: Bounds
    apart: tuple[int, int]

    def listing(self) -> Listing:
        """Look one level in; links, devices and the like become troubles and are never opened."""
        folders: list[Folder] = []
        files: list[Item] = []
        troubles: list[Trouble] = []
        for name, status in self._entries(troubles):
            path, key = self.path / name, (status.st_dev, status.st_ino)
            if is_link(status):
                troubles.append(Trouble(words=texts.LINK, name=name))
            elif not usable(name):
                troubles.append(Trouble(words=texts.BAD_NAME, name=name))
            elif stat.S_ISDIR(status.st_mode):
                if key != self.apart:
                    folders.append(DiskFolder(path=path, name=name, bounds=self.bounds, apart=self.apart))
            elif stat.S_ISREG(status.st_mode):
                files.append(DiskFile(path=path, name=name, size=status.st_size, key=key))
            else:
                troubles.append(Trouble(words=texts.SPECIAL_FILE, name=name))
        return Listing(folders=tuple(folders), files=tuple(files), troubles=tuple(troubles))

    def _entries(self, troubles: list[Trouble]) -> Iterator[tuple[str, os.stat_result]]:
        names: list[str] = []
        try:
            with os.scandir(self.path) as entries:
                for entry in entries:
                    if len(names) >= self.bounds.cohort_entries:
                        troubles.append(Trouble(words=texts.MANY_FILES, name=self.name))
                        break
                    if not ignored(entry.name):
                        names.append(entry.name)
        except OSError:
            troubles.append(Trouble(words=texts.UNREADABLE, name=self.name))
        for name in sorted(names):
            try:
                yield name, os.lstat(self.path / name)
            except OSError:
                troubles.append(Trouble(words=texts.UNREADABLE, name=name))


def is_link(status: os.stat_result) -> bool:
    """Whether this is a symbolic link, or a junction or another reparse point of Windows."""
    return stat.S_ISLNK(status.st_mode) or bool(getattr(status, "st_file_attributes", 0) & _REPARSE_POINT)


def read_whole(item: Item, limit: int) -> bytes:
    """Return the content of `item`, stopping at the bound whatever size was declared; raises Refused."""
    if item.size <= limit:
        with item.open() as stream:
            content = read_some(stream, limit + 1, item.name)
        if len(content) <= limit:
            return content
    raise Refused(say(texts.TOO_BIG, name=item.name, limit=size(limit), actual=size(max(item.size, limit + 1))))


def read_some(stream: BinaryIO, count: int, name: str) -> bytes:
    """Return at most `count` bytes of `stream`; raises Refused when the file system cannot give them."""
    chunks: list[bytes] = []
    try:
        while count > 0 and (chunk := stream.read(min(_CHUNK, count))):
            chunks.append(chunk)
            count -= len(chunk)
    except OSError as error:
        raise Refused(say(texts.UNREADABLE, names=name, actual=error.strerror or "")) from None
    return b"".join(chunks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """All files below a folder with their paths, and what stood in the way."""

    items: tuple[tuple[tuple[str, ...], Item], ...]
    troubles: tuple[Trouble, ...]


def contents(folder: Folder, bounds: Bounds) -> Contents:
    """Walk a folder level by level, within the bounds on entries and depth."""
    items: list[tuple[tuple[str, ...], Item]] = []
    troubles: list[Trouble] = []
    level: list[tuple[tuple[str, ...], Folder]] = [((), folder)]
    seen = 0
    while level:
        deeper: list[tuple[tuple[str, ...], Folder]] = []
        for parts, current in level:
            listing = current.listing()
            seen += len(listing.files) + len(listing.folders) + len(listing.troubles)
            troubles.extend(listing.troubles)
            if seen > bounds.entries:
                # The notebook may well lie among the thousands of pictures that are too many.
                notebooks = [item for item in listing.files if suffix(item.name) == ".ipynb"][: bounds.candidates]
                items.extend(((*parts, item.name), item) for item in notebooks)
                troubles.append(Trouble(words=texts.MANY_FILES, name=folder.name))
                return Contents(items=tuple(items), troubles=tuple(troubles))
            items.extend(((*parts, item.name), item) for item in listing.files)
            deeper.extend(((*parts, inner.name), inner) for inner in listing.folders)
        if deeper and len(deeper[0][0]) > bounds.depth:
            troubles.extend(Trouble(words=texts.DEEP_FOLDERS, name=parts[-1]) for parts, _ in deeper)
            break
        level = deeper
    return Contents(items=tuple(items), troubles=tuple(troubles))
