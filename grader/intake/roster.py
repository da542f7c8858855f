"""Whose name a folder, a file or a notebook bears."""

import re
import unicodedata
from collections.abc import Sequence

from grader.intake.names import stem
from variants.roster import Student

_WORDS = re.compile(r"[^\W\d_]+")
_SHORTEST_ID_WITHIN = 3
_SHORTEST_NUMBER_WITHIN = 5


def folded(text: str) -> str:
    """Return `text` as names are compared: one form of Unicode, no case, no Ё, single spaces."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().replace("ё", "е").split())


class People:
    """The roster, looked up by what people write on their work."""

    def __init__(self, roster: Sequence[Student]) -> None:
        self.roster = tuple(roster)
        self._ids: dict[str, list[Student]] = {}
        self._names: dict[str, list[Student]] = {}
        for student in roster:
            self._ids.setdefault(folded(student.id), []).append(student)
            self._names.setdefault(folded(student.name), []).append(student)
        self._within = [(key, re.compile(rf"(?<![^\W_]){re.escape(key)}(?![^\W_])"), same) for key, same in self._ids.items() if _telling(key)]
        self._full = [(tuple(_WORDS.findall(folded(student.name))), student) for student in roster]

    def by_id(self, text: str) -> Student | None:
        """Return the one student with this very id."""
        same = self._ids.get(folded(text), [])
        return same[0] if len(same) == 1 else None

    def by_name(self, label: str) -> tuple[Student, ...]:
        """Return the students whom the name of a folder or a file may mean: one when it is clear, none when it names nobody.

        An exact id comes first, then an exact full name, then an id or a full name within a longer name, as Moodle writes them.
        """
        key = folded(stem(label))
        exact = self._ids.get(key) or (self._names.get(key) if key else None)
        if exact:
            return tuple(exact)
        found = {student.id: student for text, pattern, same in self._within if text in key and pattern.search(key) for student in same}
        found |= {student.id: student for student in self._by_words(set(_WORDS.findall(key)))}
        return tuple(found.values())

    def _by_words(self, words: set[str]) -> list[Student]:
        """Return who has the most words of the name in the label: all of them, or surname and first name without the patronymic."""
        best: list[Student] = []
        most = 2
        for name, student in self._full:
            whole = len(name) if len(name) > 1 and words.issuperset(name) else 0
            score = whole or (2 if len(name) > 2 and words.issuperset(name[:2]) else 0)
            if score > most:
                best, most = [], score
            if score == most:
                best.append(student)
        return best


def _telling(key: str) -> bool:
    """Whether an id is long enough to mean somebody inside a longer name; numbers of labs and groups are not."""
    return len(key) >= (_SHORTEST_NUMBER_WITHIN if key.isdigit() else _SHORTEST_ID_WITHIN)
