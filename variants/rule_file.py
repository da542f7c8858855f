"""Read a rule from its TOML file and say exactly what is wrong with it when something is."""

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from variants.errors import VariantsError
from variants.group import GroupIs
from variants.rules import Position, Rule, Term

BUNDLED = Path(__file__).parent / "rules"
_KEYS = {
    "formula": ("name", "title", "kind", "group_is", "streams", "class"),
    "keyed": ("name", "title", "kind", "count"),
}
_COUNT_MAX = 10
_ADD_MAX = 10_000


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
        return Rule(name=name, title=title, kind="keyed", draws=_integer(content, "count", where, low=1, high=_COUNT_MAX))
    meaning = _string(content, "group_is", where)
    _known(meaning, list(GroupIs), where=f"{where}, key group_is", remedy="The number of a group is printed or ordinal.")
    streams = _streams(content.get("streams", {}), f"{where}, [streams]")
    tables = content.get("class")
    if not isinstance(tables, list) or not 1 <= len(tables) <= _COUNT_MAX:
        raise VariantsError("the rule names no classes, or too many.", where=where, remedy=f"Write 1 to {_COUNT_MAX} tables [[class]].")
    positions = tuple(_position(table, streams, f"{where}, class {index}") for index, table in enumerate(tables, start=1))
    return Rule(name=name, title=title, kind="formula", group_is=GroupIs(meaning), positions=positions, streams=streams)


def _streams(table: Any, where: str) -> dict[str, tuple[str, ...]]:
    if not isinstance(table, dict) or not all(
        isinstance(spellings, list) and all(isinstance(spelling, str) for spelling in spellings) for spellings in table.values()
    ):
        raise VariantsError("a stream is not a list of spellings.", where=where, remedy='Write streams as: iu5 = ["ИУ5", "IU5"].')
    return {stream: tuple(spellings) for stream, spellings in table.items()}


def _position(table: Any, streams: Mapping[str, tuple[str, ...]], where: str) -> Position:
    if not isinstance(table, dict) or "stream" not in table:
        return Position(everyone=_term(table, where))
    by_stream = table["stream"]
    if len(table) > 1 or not isinstance(by_stream, dict):
        raise VariantsError("a class has either one formula or one per stream.", where=where, remedy="Keep only the table [class.stream].")
    if by_stream.keys() != streams.keys():
        raise VariantsError(
            f"the formulas are for {', '.join(by_stream) or 'no stream'}, but [streams] names {', '.join(streams) or 'none'}.",
            where=where,
            remedy="Give every stream its formula and its spellings.",
        )
    return Position(by_stream={stream: _term(term, f"{where}, stream {stream}") for stream, term in by_stream.items()})


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


def _known(word: str, known: Iterable[str], *, where: str, remedy: str) -> None:
    choices = tuple(known)
    if word in choices:
        return
    near = difflib.get_close_matches(word, choices, n=1)
    hint = f'Did you mean "{near[0]}"? ' if near else f"Known: {', '.join(choices)}. "
    raise VariantsError(f'"{word}" is not known here.', where=where, remedy=hint + remedy)
