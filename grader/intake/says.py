"""How the intake speaks: a sentence with blanks becomes a finding, and many small troubles become one finding per kind."""

from collections.abc import Iterable
from dataclasses import dataclass

from grader.intake.names import printable
from grader.model import Finding, Outcome, Text

_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What a finding of one kind says; the sentences hold `{blanks}` that `say` fills."""

    outcome: Outcome
    title: Text
    rationale: Text
    hint: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something wrong with one file or entry, `name` as it was found; its words have the blank `{names}` only."""

    words: Words
    name: str


class Refused(Exception):  # noqa: N818 - a reason to stop reading one file, not an error of ours
    """One thing that was handed in is not used; `finding` says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.rationale.en)
        self.finding = finding


def say(words: Words, *, expected: str = "", actual: str = "", **blanks: str | int | Text) -> Finding:
    """Return the finding that `words` make with their blanks filled. Text taken from outside is made printable first."""

    def fill(template: Text) -> Text:
        russian = {key: value.ru if isinstance(value, Text) else value for key, value in safe.items()}
        english = {key: value.en if isinstance(value, Text) else value for key, value in safe.items()}
        return Text(ru=template.ru.format(**russian), en=template.en.format(**english))

    safe = {key: printable(value) if isinstance(value, str) else value for key, value in blanks.items()}
    return Finding(
        check="intake",
        title=words.title,
        outcome=words.outcome,
        share=1.0 if words.outcome is Outcome.PASSED else 0.0,
        rationale=fill(words.rationale),
        hint=fill(words.hint),
        expected=expected,
        actual=printable(actual),
    )


def listed(names: Iterable[str]) -> Text:
    """Return the first few names with a comma between them, and how many more there are."""
    everything = [printable(name) for name in names]
    shown = ", ".join(everything[:_SHOWN])
    more = len(everything) - _SHOWN
    return Text(ru=f"{shown} и ещё {more}", en=f"{shown} and {more} more") if more > 0 else Text(ru=shown, en=shown)


def summed(troubles: Iterable[Trouble]) -> tuple[Finding, ...]:
    """Return one finding per kind of trouble, in the order in which the kinds first came."""
    kinds: dict[int, list[Trouble]] = {}
    for trouble in troubles:
        kinds.setdefault(id(trouble.words), []).append(trouble)
    return tuple(say(same[0].words, names=listed(trouble.name for trouble in same)) for same in kinds.values())
