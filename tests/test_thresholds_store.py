"""thresholds.json: there and back, and every way in which it can be wrong."""

import json
from pathlib import Path
from typing import Any

import pytest

from grader.errors import ConfigurationError
from grader.model import View
from grader.thresholds import Thresholds, digest_of, merge, read_thresholds, sort_out, thresholds_json, write_thresholds

MADE = Thresholds(
    assignment="tiny", engine="fast", recipe="ab" * 32, view=View.SEALED, data_name="cifar100", data="cd" * 32,
    environment={"torch": "2.15.0", "device": "cpu"},
    variants={
        "0,55,58": sort_out((58, 0, 55), [0.75, 0.77, 1 / 3], [0.99, 0.98, 0.33], hidden=300, hits="ff00"),
        "1,2,3": sort_out((1, 2, 3), [0.6], [0.97], hidden=20),
        "4,5,6": sort_out((4, 5, 6), [], [], hidden=300),
    },
)  # fmt: skip


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    write_thresholds(tmp_path / "thresholds" / "tiny.json", MADE)
    back = read_thresholds(tmp_path / "thresholds" / "tiny.json")
    assert back == MADE
    assert digest_of(back) == digest_of(MADE)


def test_the_file_shows_mean_and_deviation_to_its_readers() -> None:
    row = json.loads(thresholds_json(MADE))["variants"]["0,55,58"]
    assert (row["mean"], row["n"], row["train"]) == (0.76, 2, 0.985)
    assert row["sd"] == pytest.approx(0.0141, abs=1e-4)
    assert json.loads(thresholds_json(MADE))["variants"]["1,2,3"]["sd"] is None


def test_calibrations_of_one_making_are_joined_and_others_are_not() -> None:
    new = Thresholds(**{**fields(), "variants": {"7,8,9": sort_out((7, 8, 9), [0.7], [0.9], hidden=300)}})
    assert set(merge(MADE, new).variants) == {*MADE.variants, "7,8,9"}
    assert merge(None, new) == new
    other = Thresholds(**{**fields(), "data": "ef" * 32})
    assert merge(other, new) == new


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda data: data.update(schema="zachet-thresholds-9"), "schema"),
        (lambda data: data.update(view="other"), "view"),
        (lambda data: data["variants"]["1,2,3"].update(mean=0.9), "variants, 1,2,3"),
        (lambda data: data["variants"]["1,2,3"].update(accuracies=[1.2]), "variants, 1,2,3, accuracies, 0"),
        (lambda data: data["variants"]["1,2,3"].update(hidden=0), "hidden"),
        (lambda data: data["variants"].update({"3,2,1": data["variants"]["1,2,3"]}), "variants, 3,2,1"),
        (lambda data: data["variants"].update({"1,1,2": data["variants"]["1,2,3"]}), "variants, 1,1,2"),
        (lambda data: data["variants"].update({"a,b": data["variants"]["1,2,3"]}), "variants, a,b"),
        (lambda data: data.update(extra=1), "extra"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_with_the_place(tmp_path: Path, change: Any, place: str) -> None:
    data = json.loads(thresholds_json(MADE))
    change(data)
    file = tmp_path / "thresholds.json"
    file.write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="zachet calibrate") as caught:
        read_thresholds(file)
    assert place in caught.value.where


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b'{"schema": NaN}'])
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "thresholds.json"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError):
        read_thresholds(file)


def test_a_file_that_is_not_there_or_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_thresholds(tmp_path / "none.json")
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="cannot be written"):
        write_thresholds(tmp_path / "file" / "thresholds.json", MADE)


def fields() -> dict[str, Any]:
    return {name: getattr(MADE, name) for name in Thresholds.__dataclass_fields__}
