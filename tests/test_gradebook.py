"""The gradebook: a table that Excel opens, that scripts read, and that calculates nothing."""

import csv
import os
from pathlib import Path

import pytest

from grader.gradebook import write_gradebook
from grader.model import Score, Verdict
from tests.report_samples import criteria, criterion, finding, sample_score


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_score_becomes_a_line_with_all_its_facts(tmp_path: Path) -> None:
    write_gradebook(tmp_path / "gradebook.csv", [sample_score()])
    assert read(tmp_path / "gradebook.csv") == [{
        "student": "s02", "name": "Петрова Анна Сергеевна", "group": "ИУ5-24М", "classes": "39 58 23", "earned": "60.9", "points": "100",
        "percent": "60.9", "verdict": "held", "exit_reason": "raised", "criterion:regression": "12.5", "criterion:xor": "20",
        "criterion:cifar": "28.4", "criterion:study": "0", "criterion:defence": "0", "evidence": "sha256-" + "2b" * 32,
    }]  # fmt: skip


def test_excel_finds_the_mark_that_makes_it_read_cyrillic(tmp_path: Path) -> None:
    write_gradebook(tmp_path / "gradebook.csv", [sample_score()])
    raw = (tmp_path / "gradebook.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbfstudent,name,group,classes,earned,points,percent,verdict,exit_reason,")
    assert raw.count(b"\r\n") == raw.count(b"\n") == 2


@pytest.mark.parametrize("cell", ["=1+1", "+7 900", "-2", "@SUM(A1)", "  =1", "'=1", "＝1", '=HYPERLINK("http://e.example")'])
def test_a_cell_that_a_spreadsheet_would_calculate_is_disarmed(tmp_path: Path, cell: str) -> None:
    write_gradebook(tmp_path / "gradebook.csv", [sample_score(name=cell, student=cell, variant={"group": cell})])
    line = read(tmp_path / "gradebook.csv")[0]
    assert {line["name"], line["student"], line["group"]} == {f"'{cell}"}


@pytest.mark.parametrize("cell", ["\t=1+1", "\r=1+1", "\n=1+1", "a\x00b", "a\n=1"])
def test_control_characters_do_not_reach_the_table(tmp_path: Path, cell: str) -> None:
    write_gradebook(tmp_path / "gradebook.csv", [sample_score(name=cell)])
    line = read(tmp_path / "gradebook.csv")[0]
    assert line["name"].isprintable()
    assert not line["name"].startswith("=")


def test_ordinary_names_stay_as_they_are(tmp_path: Path) -> None:
    for name in ("Иванов-Петров И. И.", "O'Neil, \"Mac\"", "Ким; Чен"):
        write_gradebook(tmp_path / "gradebook.csv", [sample_score(name=name)])
        assert read(tmp_path / "gradebook.csv")[0]["name"] == name


def test_scores_of_different_rubrics_share_a_table_with_gaps(tmp_path: Path) -> None:
    other = sample_score(student="s03", criteria=(criterion("name", "Имя", "Name", 10, 7, finding("x", "x", "x")), criteria()[1]))
    write_gradebook(tmp_path / "gradebook.csv", [sample_score(), other])
    first, second = read(tmp_path / "gradebook.csv")
    assert (first["criterion:name"], second["criterion:name"], second["name"]) == ("", "7", "Петрова Анна Сергеевна")
    assert (second["criterion:regression"], second["criterion:xor"]) == ("", "20")


def test_a_score_without_points_or_variant_is_no_reason_to_stop(tmp_path: Path) -> None:
    bare = sample_score(points=0.0, earned=0.0, criteria=(), variant={}, execution={}, verdict=Verdict.FAILED)
    write_gradebook(tmp_path / "gradebook.csv", [bare])
    line = read(tmp_path / "gradebook.csv")[0]
    assert (line["percent"], line["classes"], line["group"], line["exit_reason"]) == ("0", "", "", "")


def test_no_scores_make_a_table_with_a_header_only(tmp_path: Path) -> None:
    write_gradebook(tmp_path / "gradebook.csv", [])
    assert read(tmp_path / "gradebook.csv") == []
    assert (tmp_path / "gradebook.csv").read_text(encoding="utf-8-sig").startswith("student,")


def test_the_same_scores_give_the_same_bytes(tmp_path: Path) -> None:
    scores: list[Score] = [sample_score(), sample_score(student="s03")]
    write_gradebook(tmp_path / "a.csv", scores)
    write_gradebook(tmp_path / "b.csv", scores)
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_a_gradebook_that_cannot_be_written_leaves_the_old_one_whole(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        blocked = tmp_path / "gradebook.csv"
        blocked.mkdir()
        (blocked / "old").write_text("kept", encoding="utf-8")
        with pytest.raises(OSError, match=r"gradebook\.csv"):
            write_gradebook(blocked, [sample_score()])
        assert [path.name for path in tmp_path.iterdir()] == ["gradebook.csv"]
        return
    write_gradebook(tmp_path / "gradebook.csv", [sample_score()])
    before = (tmp_path / "gradebook.csv").read_bytes()
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OSError, match="denied"):
            write_gradebook(tmp_path / "gradebook.csv", [])
    finally:
        tmp_path.chmod(0o700)
    assert (tmp_path / "gradebook.csv").read_bytes() == before
