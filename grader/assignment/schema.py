"""The shape of assignment.toml, and the words for a file that does not have it."""

import difflib
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PositiveFloat, PositiveInt, ValidationError
from pydantic_core import ErrorDetails

from grader.errors import AssignmentError
from grader.model import Language, Limits, Policy

FILE = "assignment.toml"
_GUIDE = "docs/writing-an-assignment.md describes every key."
_DEFAULT = Limits()
_POLICY = Policy()
_Points = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
_Rate = Annotated[float, Field(gt=0, lt=0.5, allow_inf_nan=False)]
_Word = Annotated[str, Field(min_length=1)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class TextTable(_Table):
    """A title in the languages of the assignment."""

    ru: _Word | None = None
    en: _Word | None = None


class LimitsTable(_Table):
    """What one run may use; seconds and megabytes."""

    cpu_s: PositiveInt = _DEFAULT.cpu_s
    wall_s: PositiveInt = _DEFAULT.wall_s
    cell_cpu_s: PositiveInt = _DEFAULT.cell_cpu_s
    memory_mb: PositiveInt = _DEFAULT.memory_mb
    processes: PositiveInt = _DEFAULT.processes
    disk_mb: PositiveInt = _DEFAULT.disk_mb
    output_mb: PositiveInt = _DEFAULT.output_mb


class AccuracyTable(_Table):
    """From accuracy to points: where nothing is calibrated the accuracies that earn everything and nothing, else the error rates."""

    reference: _Share | None = None
    chance: _Share | None = None
    false_fail: _Rate = _POLICY.false_fail
    margin: _Rate = _POLICY.margin
    false_pass: _Rate = _POLICY.false_pass
    replicates: Annotated[int, Field(ge=1, le=20)] = _POLICY.replicates
    line_share: _Share = _POLICY.line_share


class RecipeTable(_Table):
    """The reference training, for calibration."""

    hidden: Annotated[list[Annotated[int, Field(ge=1, le=4096)]], Field(min_length=1, max_length=8)]
    lr: Annotated[PositiveFloat, Field(allow_inf_nan=False)]
    batch: PositiveInt
    epochs: PositiveInt


class CheckTable(_Table):
    """One check of a criterion; written as a string when the weight is 1."""

    name: _Word
    weight: Annotated[PositiveFloat, Field(allow_inf_nan=False)] = 1.0


def _as_table(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


class CriterionTable(_Table):
    """One row of the rubric."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    title: TextTable
    points: _Points
    public: bool = True
    checks: list[Annotated[CheckTable, BeforeValidator(_as_table)]] = []


class AssignmentTable(_Table):
    """The whole of assignment.toml."""

    slug: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
    edition: _Word
    points: Annotated[PositiveFloat, Field(allow_inf_nan=False)]
    languages: Annotated[list[Language], Field(min_length=1)]
    title: TextTable
    rule: str = ""
    data: Literal["cifar100", ""] = ""
    view: Literal["sealed", "official"] = "sealed"
    pass_share: _Share = 0.6
    limits: LimitsTable = LimitsTable()
    accuracy: AccuracyTable = AccuracyTable()
    recipe: RecipeTable | None = None
    aliases: dict[str, list[_Word]] = {}
    criterion: Annotated[list[CriterionTable], Field(min_length=1)]


_TABLES: dict[tuple[str, ...], type[_Table]] = {
    (): AssignmentTable,
    ("title",): TextTable,
    ("limits",): LimitsTable,
    ("accuracy",): AccuracyTable,
    ("recipe",): RecipeTable,
    ("criterion", "*"): CriterionTable,
    ("criterion", "*", "title"): TextTable,
    ("criterion", "*", "checks", "*"): CheckTable,
}


def read_table(path: Path) -> AssignmentTable:
    """Return the validated content of the assignment.toml at `path`; raises AssignmentError naming file and field."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise AssignmentError("there is no assignment.toml here.", where=str(path), remedy="Write one, or name another folder.") from None
    except OSError as error:
        raise AssignmentError(f"the file cannot be read: {error.strerror}.", where=str(path), remedy="Make it readable.") from None
    except UnicodeDecodeError:
        raise AssignmentError("the file is not UTF-8.", where=str(path), remedy="Save it as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise AssignmentError(f"this is not TOML: {error}.", where=str(path), remedy="Correct that line.") from None
    try:
        return AssignmentTable.model_validate(data)
    except ValidationError as error:
        raise _worded(path, data, error) from None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a sentence that names the nearest known word, or else the first twelve of them."""
    names = sorted(known)
    near = difflib.get_close_matches(word, names, n=1)
    if near:
        return f'Did you mean "{near[0]}"?'
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    return f"Known here: {', '.join(names[:12])}{more}." if names else "Nothing is known here."


def _worded(path: Path, data: dict[str, Any], error: ValidationError) -> AssignmentError:
    """Say the first problem in three parts, and how many others there are."""
    problems = error.errors(include_url=False)
    # A misspelt key is reported twice, as unknown and as missing; the unknown one says more.
    first = min(problems, key=lambda problem: problem["type"] != "extra_forbidden")
    what, remedy = _sentence(first)
    if len(problems) > 1:
        what += f" ({len(problems) - 1} more in this file.)"
    return AssignmentError(what, where=f"{path}: {_field(first['loc'], data)}", remedy=remedy)


def _sentence(problem: ErrorDetails) -> tuple[str, str]:
    *table, key = problem["loc"]
    if problem["type"] == "extra_forbidden":
        model = _TABLES.get(tuple("*" if isinstance(part, int) else part for part in table))
        return f'the key "{key}" is not known here.', did_you_mean(str(key), model.model_fields if model else ())
    if problem["type"] == "missing":
        return f'the key "{key}" is missing.', f"Add it. {_GUIDE}"
    expectation = problem["msg"].removeprefix("Input should ")
    return f"{_shown(problem['input'])} does not fit; it should {expectation}.", f"Correct the value. {_GUIDE}"


def _shown(value: object) -> str:
    text = f'"{value}"' if isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _field(location: tuple[int | str, ...], data: dict[str, Any]) -> str:
    """Name the field the way a person would find it: a criterion by its id, other rows by their number from 1."""
    parts: list[str] = []
    for position, part in enumerate(location):
        if not isinstance(part, int):
            parts.append(part)
        elif location[:position] == ("criterion",):
            row = data["criterion"][part]
            name = row.get("id") if isinstance(row, dict) else None
            parts[-1] += f' "{name}"' if isinstance(name, str) else f" {part + 1}"
        else:
            parts[-1] += f" {part + 1}"
    return ", ".join(parts)
