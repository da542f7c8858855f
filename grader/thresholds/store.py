"""thresholds.json: written whole, read with every number held against what it must be."""

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from grader.errors import ConfigurationError
from grader.files import write_atomically
from grader.model import View
from grader.thresholds.table import Calibrated, Thresholds, key_of

SCHEMA = "zachet-thresholds-1"
_REMEDY = "Put it aside and make it again with `zachet calibrate`; it is never edited by hand."
_Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
_Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Variant(_Model):
    mean: _Share | None
    sd: _Share | None
    n: Annotated[int, Field(ge=0)]
    train: _Share | None
    hidden: Annotated[int, Field(ge=1)]
    chance: Annotated[float, Field(gt=0, lt=1)]
    accuracies: list[_Share]
    set_aside: list[_Share] = []
    hits: Annotated[str, Field(pattern=r"^([0-9a-f]{2})*$")] = ""


class _Data(_Model):
    name: str
    digest: str


class _File(_Model):
    schema_: Annotated[Literal["zachet-thresholds-1"], Field(alias="schema")]
    assignment: str
    engine: Literal["fast", "true"]
    recipe: _Digest
    view: View
    data: _Data
    environment: dict[str, str]
    variants: dict[str, _Variant]


def write_thresholds(path: Path, thresholds: Thresholds) -> None:
    """Write the file whole or not at all; raises ConfigurationError when it cannot be written."""
    try:
        write_atomically(path, thresholds_json(thresholds))
    except OSError as error:
        raise ConfigurationError(
            f"The thresholds cannot be written ({error.strerror or error}).", where=str(path), remedy="Name another file with -o."
        ) from error


def thresholds_json(thresholds: Thresholds) -> str:
    """Return the text of the file; the same calibration always gives the same bytes. Means and SDs are there for readers."""
    head = {
        "schema": SCHEMA,
        "assignment": thresholds.assignment,
        "engine": thresholds.engine,
        "recipe": thresholds.recipe,
        "view": str(thresholds.view),
        "data": {"name": thresholds.data_name, "digest": thresholds.data},
        "environment": dict(sorted(thresholds.environment.items())),
    }
    # One line per variant: a difference between two calibrations can be read.
    rows = [f"  {json.dumps(key)}: {json.dumps(_row(variant))}" for key, variant in sorted(thresholds.variants.items(), key=_by_classes)]
    body = json.dumps(head, indent=1, ensure_ascii=False).removesuffix("\n}")
    return body + ',\n "variants": {\n' + ",\n".join(rows) + "\n }\n}\n"


def digest_of(thresholds: Thresholds) -> str:
    """Return the digest of everything that a score may depend on."""
    return hashlib.sha256(thresholds_json(thresholds).encode()).hexdigest()


def read_thresholds(path: Path) -> Thresholds:
    """Read a file that `write_thresholds` wrote; raises ConfigurationError naming the file and the place in it."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The thresholds cannot be read ({error}).", where=str(path), remedy=_REMEDY) from error
    try:
        file = _File.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ", ".join(map(str, first["loc"])) or "the whole file"
        raise ConfigurationError(f"The thresholds do not fit: {first['msg']}.", where=f"{path}: {place}", remedy=_REMEDY) from error
    return Thresholds(
        assignment=file.assignment,
        engine=file.engine,
        recipe=file.recipe,
        view=file.view,
        data_name=file.data.name,
        data=file.data.digest,
        environment=file.environment,
        variants={key: _calibrated(key, row, path) for key, row in file.variants.items()},
    )


def merge(old: Thresholds | None, new: Thresholds) -> Thresholds:
    """Return the new calibration with the variants that only the old one has, when both were made in the same way."""
    if old is None or not same_making(old, new):
        return new
    return Thresholds(**{**_fields(new), "variants": {**old.variants, **new.variants}})  # type: ignore[arg-type]


def same_making(one: Thresholds, other: Thresholds) -> bool:
    """Whether two calibrations differ in nothing but their variants."""
    return {**_fields(one), "variants": None} == {**_fields(other), "variants": None}


def _fields(thresholds: Thresholds) -> dict[str, object]:
    return {name: getattr(thresholds, name) for name in Thresholds.__dataclass_fields__}


def _by_classes(item: tuple[str, Calibrated]) -> tuple[int, ...]:
    return item[1].classes


def _row(variant: Calibrated) -> Mapping[str, object]:
    row: dict[str, object] = {
        "mean": round(variant.mean, 6) if variant.n else None,
        "sd": round(variant.spread.sd, 6) if variant.n > 1 else None,
        "n": variant.n,
        "train": variant.train,
        "hidden": variant.hidden,
        "chance": variant.chance,
        "accuracies": list(variant.accuracies),
    }
    if variant.set_aside:
        row["set_aside"] = list(variant.set_aside)
    if variant.hits:
        row["hits"] = variant.hits
    return row


def _calibrated(key: str, row: _Variant, path: Path) -> Calibrated:
    """Hold a row against itself: the key is a set of classes, mean and count are those of the accuracies."""
    try:
        classes = tuple(int(part) for part in key.split(","))
        right_key = key_of(classes) == key
    except ValueError:
        right_key, classes = False, ()
    found = Calibrated(
        classes=classes,
        accuracies=tuple(row.accuracies),
        set_aside=tuple(row.set_aside),
        train=row.train,
        hidden=row.hidden,
        chance=row.chance,
        hits=row.hits,
    )
    same_mean = row.mean is None if not found.n else row.mean is not None and math.isclose(row.mean, found.mean, abs_tol=1e-5)
    if not right_key or row.n != found.n or not same_mean:
        what = "The key is not a sorted list of different classes." if not right_key else "Mean or count are not those of the accuracies."
        raise ConfigurationError(what, where=f"{path}: variants, {key}", remedy=_REMEDY)
    return found
