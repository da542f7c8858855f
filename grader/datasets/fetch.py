"""Fetches the published archive: goes on where it stopped, checks the sum, unpacks three named files and nothing else."""

import hashlib
import shutil
import tarfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Final
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from grader.datasets.cache import cache_dir, exclusive, new_folder
from grader.datasets.cifar100 import FILES, FOLDER
from grader.datasets.roots import DataRoot, open_root, read_contents
from grader.errors import DataError

Progress = Callable[[int, int], None]
_PIECE: Final = 1 << 18
_SILENCE_S: Final = 30.0
_MOST_BYTES: Final = 400_000_000
_BY_HAND: Final = "Check the connection and run the command again (what has arrived is kept), or name unpacked files with --data-root DIR."


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """A published archive: where it is and the MD5 sum that its publisher gives."""

    url: str
    md5: str


CIFAR100: Final = Archive(url="https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz", md5="eb9058c3a382ffc7106e4002c42a8d85")


def fetched_folder(cache: Path | None = None) -> Path:
    """Return where the fetched set is kept."""
    return (cache or cache_dir()) / "cifar100"


def fetch(archive: Archive = CIFAR100, *, cache: Path | None = None, progress: Progress = lambda _have, _total: None) -> DataRoot:
    """Return the fetched data set, downloading it when it is not there or damaged.

    `progress` is called with the bytes at hand and in all (0 when the server does not say). Raises DataError when the
    server cannot be reached, sends something else, or the cache cannot be written.
    """
    folder = fetched_folder(cache)
    with suppress(DataError):  # not fetched yet, or damaged: fetched anew below
        return open_root(folder)
    with exclusive(folder):
        with suppress(DataError):  # another process fetched it while this one waited
            return open_root(folder)
        part = folder.with_name(f"{FOLDER}-{archive.md5[:8]}.tar.gz.part")
        _download(archive.url, part, progress)
        _check_sum(archive, part)
        with new_folder(folder) as building:
            _unpack(part, building / FOLDER, archive.url)
            read_contents(building / FOLDER)
        part.unlink()
    return open_root(folder)


def _download(url: str, part: Path, progress: Progress) -> None:
    """Fill `part` until the server has no more; a connection that breaks is taken up again as long as that brings bytes."""
    before = -1
    while not _receive(url, part, progress):
        have = part.stat().st_size if part.exists() else 0
        if have <= before:
            raise _unreachable(url, f"the connection broke after {have:,} bytes")
        before = have


def _receive(url: str, part: Path, progress: Progress) -> bool:
    """Append what one request brings; say whether the archive is complete. OSError is only ever the local disk's."""
    have = part.stat().st_size if part.exists() else 0
    response = _open(url, have)
    if response is None:
        return True
    with response:
        if response.status == 206 and not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            part.unlink()
            return False
        have = have if response.status == 206 else 0
        length = response.headers.get("Content-Length", "")
        total = have + int(length) if length.isdecimal() else 0
        with part.open("ab" if have else "wb") as stream:
            while piece := _read(response):
                stream.write(piece)
                have += len(piece)
                progress(have, total)
                if have > _MOST_BYTES:
                    raise _wrong(url, part, "is larger than the published archive")
    return have >= total


def _open(url: str, have: int) -> HTTPResponse | None:
    """Ask for what comes after the first `have` bytes; None when the server says that nothing does."""
    if not url.startswith(("http://", "https://")):
        raise DataError(f"{url!r} is not the address of a web server.", remedy="Give an address that begins with https:// or http://.")
    request = Request(url, headers={"Range": f"bytes={have}-"} if have else {})  # noqa: S310 - the scheme was checked above
    try:
        response: HTTPResponse = urlopen(request, timeout=_SILENCE_S)  # noqa: S310 - the same
    except HTTPError as error:
        error.close()
        if error.code == 416 and have:
            return None
        raise _unreachable(url, f"the server answered {error.code} {error.reason}") from error
    except (OSError, HTTPException) as error:
        raise _unreachable(url, str(getattr(error, "reason", error)) or type(error).__name__) from error
    return response


def _read(response: HTTPResponse) -> bytes:
    try:
        return response.read(_PIECE)
    except (OSError, HTTPException):
        return b""  # a broken connection: what is missing is asked for again


def _check_sum(archive: Archive, part: Path) -> None:
    with part.open("rb") as stream:
        found = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if found != archive.md5:
        raise _wrong(archive.url, part, f"has the MD5 sum {found} and the published one has {archive.md5}")


def _unpack(part: Path, folder: Path, url: str) -> None:
    """Write the three files of the layout under our own names; nothing else in the archive is looked at."""
    folder.mkdir()
    wanted = {f"{FOLDER}/{name}": name for name in FILES}
    try:
        with tarfile.open(part, "r:gz") as tar:
            for member in tar:
                source = tar.extractfile(member) if member.name in wanted and member.isreg() and member.size < _MOST_BYTES else None
                if source is not None:
                    with source, (folder / wanted[member.name]).open("wb") as target:
                        shutil.copyfileobj(source, target)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise _wrong(url, part, f"cannot be unpacked ({error})") from error


def _unreachable(url: str, reason: str) -> DataError:
    return DataError(f"CIFAR-100 cannot be fetched: {reason}.", where=url, remedy=_BY_HAND)


def _wrong(url: str, part: Path, clause: str) -> DataError:
    part.unlink(missing_ok=True)
    return DataError(
        f"What was sent {clause}; it was thrown away.",
        where=url,
        remedy="Run the command again; if this repeats, a proxy or a mirror sends another file: name unpacked files with --data-root DIR.",
    )
