"""The threads at the child's pipes, so that whoever waits for it can always be interrupted and never waits for ever."""

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator

from grader.sandbox.child import Child
from grader.sandbox.frames import Frame, MalformedFrame, read_frame
from grader.sandbox.guard import Guard, OutputRefused

_KEPT_OF_STDERR = 64 << 10
_FRAMES_AHEAD = 4
_PIECE = 64 << 10
_TURN_S = 0.1
# A killed child's pipes close at once, unless a process that escaped the `none` tier still holds them.
_AFTER_KILL_S = 5.0


class Talk:
    """Frames from the child and to it. Both sides of it run in threads that end with the child."""

    def __init__(self, child: Child, guard: Guard) -> None:
        self._child, self._guard = child, guard
        self._frames: queue.Queue[Frame | MalformedFrame | None] = queue.Queue(_FRAMES_AHEAD)
        self._tail: deque[bytes] = deque()
        self._closed = threading.Event()
        self._readers = [threading.Thread(target=work, daemon=True) for work in (self._read_frames, self._drain)]
        for reader in self._readers:
            reader.start()

    def frames(self) -> Iterator[Frame]:
        """Yield what the child says until it falls silent; raises MalformedFrame."""
        waited = 0.0
        while waited < _AFTER_KILL_S:
            try:
                item = self._frames.get(timeout=_TURN_S)
            except queue.Empty:
                waited += _TURN_S if self._ended() else 0.0
                continue
            if isinstance(item, MalformedFrame):
                raise item
            if item is None:
                return
            yield item

    def send(self, write: Callable[[], None]) -> bool:
        """Let `write` write to the child; return whether it took everything before it ended."""
        failed: list[OSError] = []

        def work() -> None:
            try:
                write()
            except OSError as error:  # nobody reads any more; why, the end of the run will say
                failed.append(error)

        sender = threading.Thread(target=work, daemon=True)
        sender.start()
        waited = 0.0
        while sender.is_alive() and waited < _AFTER_KILL_S:
            sender.join(_TURN_S)
            waited += _TURN_S if self._ended() else 0.0
        return not failed and not sender.is_alive()

    def last_words(self) -> str:
        """Return the end of what came on stderr, once the child is dead."""
        self._readers[1].join(_AFTER_KILL_S)
        text = b"".join(list(self._tail))[-_KEPT_OF_STDERR:].decode("utf-8", "replace")
        return "".join(character for character in text if character.isprintable() or character == "\n").strip()

    def close(self) -> None:
        """Let the reader go whose frames nobody wants any more; to be called when the child is dead."""
        self._closed.set()
        for reader in self._readers:
            reader.join(_AFTER_KILL_S)

    def _ended(self) -> bool:
        return self._guard.reason is not None or self._guard.interrupted

    def _read_frames(self) -> None:
        item: Frame | MalformedFrame | None = None
        try:
            while (item := read_frame(self._child.stdout, self._guard.allow)) is not None:
                self._put(item)
        except MalformedFrame as malformed:
            item = malformed
        except (OutputRefused, OSError, ValueError):  # the latter two: the pipe was closed under us
            item = None
        self._put(item)

    def _put(self, item: Frame | MalformedFrame | None) -> None:
        while not self._closed.is_set():
            try:
                self._frames.put(item, timeout=_TURN_S)
            except queue.Full:
                continue
            return

    def _drain(self) -> None:
        kept = 0
        try:
            while piece := self._child.stderr.read1(_PIECE):  # type: ignore[attr-defined]
                self._guard.allow(len(piece))
                self._tail.append(piece)
                kept += len(piece)
                while kept - len(self._tail[0]) > _KEPT_OF_STDERR:
                    kept -= len(self._tail.popleft())
        except (OutputRefused, OSError, ValueError):
            return
