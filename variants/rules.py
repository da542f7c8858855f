"""Read a rule from its TOML file (variants/rules/*.toml or one's own) and say exactly what is wrong with it when something is."""

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from variants.errors import VariantsError
from variants.group import GroupIs
from variants.rule import CHOOSABLE, Relation, Rule, Term, Wanted, fold_stream

__all__ = ["BUNDLED", "Rule", "load_rule", "rule_names"]

BUNDLED = Path(__file__).parent / "rules"
_KEYS = {
    "formula": ("name", "title", "kind", "group_is", "streams", "class"),
    "keyed": ("name", "title", "kind", "count", "difficulty", "band", "around", "superclasses"),
}
_COUNT_MAX = 10
_ADD_MAX = 10_000
_DIFFICULTIES: tuple[Literal["any", "balanced"], ...] = ("any", "balanced")
_RELATIONS: tuple[Relation, ...] = get_args(Relation)
_Choice = TypeVar("_Choice", bound=str)


def rule_names() -> tuple[str, ...]:
    """Return the names of the bundled rules, sorted."""
    return tuple(sorted(file.stem for file in BUNDLED.glob("*.toml")))


def load_rule(name_or_path: str | Path) -> Rule:
    """Read a bundled rule by name, or any rule by the path of its .toml file. Raises VariantsError naming file and key."""
    text = str(name_or_path)
    if not text.endswith(".toml"):
        _known(text, rule_names(), where="rule", remedy="Give a bundled rule or the path of a .toml file.")
        text = str(BUNDLED / f"{text}.toml")
    try:
        content = tomllib.loads(Path(text).read_text(encoding="utf-8"))
    except OSError as error:
        raise VariantsError(f"the rule cannot be read ({error.strerror or error}).", where=text, remedy="Check the path.") from error
    except ValueError as error:
        raise VariantsError(f"the rule is not valid TOML ({error}).", where=text, remedy="Correct that line.") from error
    return _rule(content, text)


def _rule(content: Mapping[str, Any], where: str) -> Rule:
    kind = _string(content, "kind", where)
    _known(kind, _KEYS, where=f"{where}, key kind", remedy="A rule is a formula or keyed.")
    for key in content:
        _known(key, _KEYS[kind], where=where, remedy=f"A {kind} rule has the keys {', '.join(_KEYS[kind])}.")
    name, title = _string(content, "name", where), _string(content, "title", where)
    if kind == "keyed":
        wanted = _wanted(content, where)
        low, high = (CHOOSABLE[0], CHOOSABLE[-1]) if wanted else (1, _COUNT_MAX)
        return Rule(name=name, title=title, kind="keyed", draws=_integer(content, "count", where, low=low, high=high), wanted=wanted)
    meaning = _string(content, "group_is", where)
    _known(meaning, list(GroupIs), where=f"{where}, key group_is", remedy="The number of a group is printed or ordinal.")
    spellings = _spellings(content.get("streams", {}), f"{where}, [streams]")
    streams = tuple(dict.fromkeys(spellings.values())) or ("",)
    tables = content.get("class")
    if not isinstance(tables, list) or not 1 <= len(tables) <= _COUNT_MAX:
        raise VariantsError("the rule names no classes, or too many.", where=where, remedy=f"Write 1 to {_COUNT_MAX} tables [[class]].")
    by_class = [_terms(table, streams, f"{where}, class {index}") for index, table in enumerate(tables, start=1)]
    return Rule(
        name=name,
        title=title,
        kind="formula",
        group_is=GroupIs(meaning),
        formulas={stream: tuple(terms[stream] for terms in by_class) for stream in streams},
        spellings=spellings,
    )


def _wanted(content: Mapping[str, Any], where: str) -> Wanted | None:
    """Return what a keyed rule asks of the sets it gives, None when it asks nothing."""
    difficulty = _choice(content, "difficulty", where, _DIFFICULTIES, "Sets are balanced, or of any difficulty.")
    superclasses = _choice(content, "superclasses", where, _RELATIONS, "Superclasses are different, the same, or any.")
    if difficulty == "any":
        for key in ("band", "around"):
            if key in content:
                raise VariantsError(f"the key {key} goes with balanced draws.", where=where, remedy='Add difficulty = "balanced".')
        return None if superclasses == "any" else Wanted(superclasses=superclasses)
    around = _share(content, "around", where) if "around" in content else None
    return Wanted(band=_share(content, "band", where), around=around, superclasses=superclasses)


def _spellings(table: Any, where: str) -> dict[str, str]:
    """Return which stream each folded spelling stands for; the name of a stream is one of its spellings."""
    spellings: dict[str, str] = {}
    for stream, written in table.items() if isinstance(table, dict) else [("", None)]:
        if not isinstance(written, list) or not all(isinstance(spelling, str) and fold_stream(spelling) for spelling in written):
            raise VariantsError("a stream is not a list of spellings.", where=where, remedy='Write streams as: iu5 = ["ИУ5", "IU5"].')
        for spelling in (stream, *written):
            other = spellings.setdefault(fold_stream(spelling), stream)
            if other != stream:
                raise VariantsError(
                    f'"{spelling}" stands for {other} and for {stream}.', where=where, remedy="A spelling belongs to one stream."
                )
    return spellings


def _terms(table: Any, streams: tuple[str, ...], where: str) -> dict[str, Term]:
    """Return the term of one class for every stream."""
    if not isinstance(table, dict) or "stream" not in table:
        return dict.fromkeys(streams, _term(table, where))
    by_stream = table["stream"]
    if len(table) > 1 or not isinstance(by_stream, dict):
        raise VariantsError("a class has either one formula or one per stream.", where=where, remedy="Keep only the table [class.stream].")
    if set(by_stream) != set(streams):
        raise VariantsError(
            f"the formulas are for {', '.join(by_stream) or 'no stream'}, "
            f"but [streams] names {', '.join(filter(None, streams)) or 'none'}.",
            where=where,
            remedy="Give every stream its formula and its spellings.",
        )
    return {stream: _term(by_stream[stream], f"{where}, stream {stream}") for stream in streams}


def _term(table: Any, where: str) -> Term:
    remedy = 'Write { from = "group", add = 15 }, { from = "number", add = 56 } or { value = 80 }.'
    if not isinstance(table, dict):
        raise VariantsError("the formula is not a table.", where=where, remedy=remedy)
    for key in table:
        _known(key, ("from", "add", "value"), where=where, remedy=remedy)
    if ("from" in table) == ("value" in table) or ("value" in table and "add" in table):
        raise VariantsError("a formula has `from` (with `add` or without), or `value` alone.", where=where, remedy=remedy)
    if "value" in table:
        return Term(add=_integer(table, "value", where, low=0, high=_ADD_MAX))
    source = _string(table, "from", where)
    _known(source, ("group", "number"), where=f"{where}, key from", remedy=remedy)
    read: Literal["group", "number"] = "group" if source == "group" else "number"
    return Term(source=read, add=_integer(table, "add", where, low=-_ADD_MAX, high=_ADD_MAX) if "add" in table else 0)


def _string(table: Mapping[str, Any], key: str, where: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value.strip():
        raise VariantsError(f"the key {key} is missing or is not a text.", where=where, remedy=f'Write {key} = "…".')
    return value


def _integer(table: Mapping[str, Any], key: str, where: str, *, low: int, high: int) -> int:
    value = table.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise VariantsError(
            f"the key {key} is not a whole number from {low} to {high}.", where=where, remedy=f"Write {key} = {max(low, 3)}, say."
        )
    return value


def _share(table: Mapping[str, Any], key: str, where: str) -> float:
    value = table.get(key)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < 1:
        example = {"band": 0.05, "around": 0.75}[key]
        raise VariantsError(f"the key {key} is not a number between 0 and 1.", where=where, remedy=f"Write {key} = {example}, say.")
    return float(value)


def _choice(table: Mapping[str, Any], key: str, where: str, choices: tuple[_Choice, ...], remedy: str) -> _Choice:
    """Return the choice that is written, or the first one when the key is left out."""
    if key not in table:
        return choices[0]
    written = _string(table, key, where)
    _known(written, choices, where=f"{where}, key {key}", remedy=remedy)
    return choices[choices.index(written)]


def _known(word: str, known: Iterable[str], *, where: str, remedy: str) -> None:
    choices = tuple(known)
    if word in choices:
        return
    near = difflib.get_close_matches(word, choices, n=1)
    hint = f'Did you mean "{near[0]}"? ' if near else f"Known: {', '.join(choices)}. "
    raise VariantsError(f'"{word}" is not known here.', where=where, remedy=hint + remedy)
