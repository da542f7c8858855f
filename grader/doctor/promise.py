"""What doctor says of one promise."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from grader.model import Json


class State(StrEnum):
    """Whether a promise was kept when it was tried."""

    HELD = "held"
    NOT_HELD = "not held"
    UNTRIED = "cannot be tried"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What one trial saw."""

    state: State
    seen: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """One promise, what came of it, and what to do about it. `needed`: a course cannot be graded without it."""

    id: str
    group: str
    title: str
    state: State
    seen: str
    remedy: str
    needed: bool
    seconds: float

    def to_json(self) -> dict[str, Json]:
        """Return plain JSON."""
        return {
            "id": self.id,
            "group": self.group,
            "title": self.title,
            "state": str(self.state),
            "seen": self.seen,
            "remedy": self.remedy,
            "needed": self.needed,
            "seconds": round(self.seconds, 2),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How one promise is tried: bounded in time, and never raising but for a fault of ours."""

    id: str
    group: str
    title: str
    needed: bool
    attempt: Callable[[], Found]


def held(seen: str = "") -> Found:
    """The promise was kept."""
    return Found(state=State.HELD, seen=seen)


def not_held(seen: str) -> Found:
    """The promise was broken, and this was seen."""
    return Found(state=State.NOT_HELD, seen=seen)


def untried(why: str) -> Found:
    """There was no way to try it."""
    return Found(state=State.UNTRIED, seen=why)
