"""`zachet data`: what it prints and how it ends."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from grader.cli.data import data
from grader.datasets import open_root
from grader.errors import DataError
from tests.datasets_samples import write_sample


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ZACHET_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("ZACHET_DATA", raising=False)
    return tmp_path / "cache"


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(data, arguments)


def test_list_names_the_places_in_their_order(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_sample(tmp_path / "mine")
    monkeypatch.setenv("ZACHET_DATA", str(tmp_path / "mine"))
    result = _run("list")
    lines = [line.split("  ") for line in result.output.splitlines()]
    assert [[part.strip() for part in line if part.strip()] for line in lines] == [
        ["data set", "from", "state", "where"],
        ["cifar100", "ZACHET_DATA", f"ready, digest {open_root(folder).digest[:12]}", str(folder)],
        ["cifar100", "fetched", "absent: run `zachet data fetch cifar100`", str(cache / "cifar100")],
        ["cifar100-synthetic", "synthetic", "absent: made on first use", str(cache / "cifar100-synthetic-1")],
    ]


def test_list_says_what_is_wrong_with_a_damaged_set(cache: Path) -> None:
    (write_sample(cache / "cifar100") / "meta").write_bytes(b"")
    assert "damaged: " in _run("list").output
    found = json.loads(_run("list", "--json").output)
    assert [(row["origin"], row["state"]) for row in found] == [("fetched", "damaged"), ("synthetic", "absent")]
    assert found[0]["problem"] == f"{cache / 'cifar100' / 'cifar-100-python' / 'meta'}: The file is empty."


def test_verify_says_what_the_files_hold(tmp_path: Path) -> None:
    folder = write_sample(tmp_path)
    result = _run("verify", str(tmp_path))
    assert result.exit_code == 0
    assert [line.split() for line in result.output.splitlines()] == [
        [str(folder)],
        ["file", "images", "classes", "published", "file"],
        ["train", "30", "3", "no", "ok"],
        ["test", "12", "3", "no", "ok"],
        ["meta", "yes", "ok"],
        ["digest", open_root(folder).digest],
    ]


def test_verify_names_every_bad_file_and_ends_with_1(tmp_path: Path) -> None:
    folder = write_sample(tmp_path)
    (folder / "train").write_bytes((folder / "train").read_bytes()[:700])
    (folder / "test").unlink()
    result = _run("verify", str(folder), "--json")
    assert result.exit_code == 1
    found = json.loads(result.output)
    assert {each["name"]: each["problem"] for each in found["files"]} == {
        "train": "The file is cut off: it ends after 700 bytes, in the middle of a part.",
        "test": "The file test of CIFAR-100 is missing.",
        "meta": "",
    }
    assert found["digest"] == ""
    table = _run("verify", str(folder))
    assert table.exit_code == 1
    assert "The file test of CIFAR-100 is missing." in table.output


def test_verify_says_when_good_files_do_not_belong_together(tmp_path: Path) -> None:
    folder = write_sample(tmp_path, (0, 5))
    write_sample(tmp_path / "other", (0,))
    (tmp_path / "other" / "cifar-100-python" / "test").replace(folder / "test")
    result = _run("verify", str(folder))
    assert result.exit_code == 1
    assert f"{folder / 'test'}: The file holds no image of class 5 (bed)." in result.output


def test_verify_without_a_folder_looks_at_the_set_that_would_be_used(cache: Path) -> None:
    folder = write_sample(cache / "cifar100")
    assert str(folder) in _run("verify").output


def test_verify_of_a_folder_without_files_is_an_error(tmp_path: Path) -> None:
    result = _run("verify", str(tmp_path))
    assert isinstance(result.exception, DataError)
    assert result.exception.exit_code == 2


def test_fetch_says_where_the_data_set_is(cache: Path) -> None:
    folder = write_sample(cache / "cifar100")
    result = _run("fetch", "cifar100", "--quiet")
    assert (result.exit_code, result.output) == (0, f"cifar100 is in {folder}\n")


def test_fetch_without_a_connection_names_the_way_around() -> None:
    result = _run("fetch", "cifar100", "--url", "http://127.0.0.1:9/archive.tar.gz")
    assert isinstance(result.exception, DataError)
    assert result.exception.where == "http://127.0.0.1:9/archive.tar.gz"
    assert "--data-root DIR" in result.exception.remedy


def test_fetch_knows_one_data_set() -> None:
    result = _run("fetch", "imagenet")
    assert result.exit_code == 2
    assert "'imagenet' is not 'cifar100'" in result.output
