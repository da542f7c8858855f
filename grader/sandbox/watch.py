"""How much a run keeps on disk, in a folder of this machine that only it writes to; and how that folder is removed."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

_ENTRY = 4096  # what an entry takes at least; it bounds their number as well
_BLOCK = 512
_SHARE = 20  # no more than one part in so many of the time is spent on looking
_DEEPEST = 3500  # a longer path cannot be followed to its end, and nobody needs one
BEYOND = 1 << 62


class FolderSize:
    """Looks at folders now and then; the last size stands until the next look."""

    def __init__(self, *folders: Path) -> None:
        self._folders, self._size, self._again = folders, 0, 0.0

    def bytes(self) -> int:
        """Return the bytes below the folders, an empty file counting 4 KiB; BEYOND any limit for paths too long to look into."""
        began = time.monotonic()
        if began >= self._again:
            self._size = sum(_sizes(self._folders))
            now = time.monotonic()
            self._again = now + _SHARE * (now - began)
        return self._size


def _sizes(folders: tuple[Path, ...]) -> Iterator[int]:
    waiting = [str(folder) for folder in folders]
    while waiting:
        folder = waiting.pop()
        if len(folder) > _DEEPEST:
            yield BEYOND
            return
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    facts = entry.stat(follow_symlinks=False)
                    yield max(_ENTRY, facts.st_blocks * _BLOCK)
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except OSError:  # gone since, or closed by its owner: a folder of a run that is no longer ours to read
            continue


def remove_folder(folder: Path) -> None:
    """Remove `folder` with all in it, however deep it is; what cannot be removed stays."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except RecursionError:  # deeper than Python follows; the program does not recurse
        remover = shutil.which("rm")
        if remover:
            subprocess.run([remover, "-rf", "--", str(folder)], capture_output=True, check=False, env={})
