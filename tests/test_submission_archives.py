"""Hostile and merely odd archives: what they declare, what they hold, and what their names mean."""

import io
import os
import stat
import struct
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grader.intake.bounds import Bounds
from grader.model import Submission
from tests.handed_in import ROSTER, code_of, failures, issued, names_in, only, said, take, text_of, write, zipped

WORK = text_of("x = 1")


def packed(entries: Mapping[str, str | bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return stream.getvalue()


def kept(submission: Submission) -> list[str]:
    if submission.files is None:
        return []
    return sorted(path.relative_to(submission.files).as_posix() for path in Path(submission.files).rglob("*") if path.is_file())


def test_a_zip_of_students_folders_is_taken_in_as_a_folder_is(tmp_path: Path) -> None:
    bulk = zipped(
        tmp_path / "ИУ5-61Б-ЛР1-4242.zip",
        {
            "Иванов Иван_11_assignsubmission_file_/лаба.ipynb": WORK,
            "Иванов Иван_11_assignsubmission_file_/data.csv": "1",
            "Фёдорова Мария_12_assignsubmission_file_/work.zip": packed({"ЛР1/lab.ipynb": text_of("x = 2"), "ЛР1/util.py": "y = 1"}),
            "Петров Пётр_13_assignsubmission_file_/empty.ipynb": "",
            "__MACOSX/._x": "",
        },
    )
    intake = take(tmp_path, bulk)
    first, second, third = intake.submissions
    assert (code_of(first), kept(first)) == (["x = 1"], ["data.csv"])
    assert (code_of(second), kept(second)) == (["x = 2"], ["util.py"])
    assert failures(third) == ["The file “empty.ipynb” is empty."]
    assert not intake.strays


def test_one_students_zip_may_be_named_by_them_or_hold_an_issued_notebook(tmp_path: Path) -> None:
    named = zipped(tmp_path / "Иванов Иван.zip", {"lab.ipynb": WORK})
    marked = zipped(tmp_path / "lab.zip", {"deep/er/lab.ipynb": text_of("x = 2", zachet=issued("s02"))})
    assert [code_of(submission) for submission in take(tmp_path, named, marked).submissions] == [["x = 1"], ["x = 2"]]


def test_an_archive_within_an_archive_is_opened_and_the_next_one_is_not(tmp_path: Path) -> None:
    inner = packed({"lab.ipynb": WORK})
    zipped(tmp_path / "in" / "s01.zip", {"work.zip": inner})
    zipped(tmp_path / "in" / "s02.zip", {"work.zip": packed({"again.zip": inner})})
    first, second = take(tmp_path).submissions
    assert code_of(first) == ["x = 1"]
    assert failures(second)[-1] == "An archive within an archive within an archive is not opened: again.zip."


def test_an_archive_beside_a_notebook_is_a_file_like_any_other(tmp_path: Path) -> None:
    write(tmp_path / "in" / "s01" / "lab.ipynb", WORK)
    zipped(tmp_path / "in" / "s01" / "pictures.zip", {"other.ipynb": text_of("x = 2")})
    submission = only(take(tmp_path))
    assert (code_of(submission), kept(submission)) == (["x = 1"], ["pictures.zip"])


@pytest.mark.parametrize(
    "name",
    ["../evil.txt", "a/../../evil.txt", "/etc/evil.txt", "C:\\evil.txt", "C:evil.txt", "\\\\server\\evil.txt", "..\\..\\evil.txt", "a\\..\\..\\evil.txt"],
)
def test_a_name_that_climbs_out_is_left_out_and_said(tmp_path: Path, name: str) -> None:
    zipped(tmp_path / "in" / "s01.zip", {"lab.ipynb": WORK, name: "evil"})
    submission = only(take(tmp_path))
    assert (code_of(submission), kept(submission)) == (["x = 1"], [])
    assert failures(submission) == [f"Names in the archive lead out of it; these files were left out: {name}."]
    assert not list(tmp_path.rglob("evil.txt"))
    assert names_in(tmp_path) == ["in", "work"]


def test_a_climbing_name_in_a_bulk_archive_is_said_to_its_student_only(tmp_path: Path) -> None:
    bulk = zipped(tmp_path / "bulk.zip", {"s01/lab.ipynb": WORK, "s02/lab.ipynb": WORK, "s01/../../evil": "x"})
    first, second = take(tmp_path, bulk).submissions
    assert failures(first) == ["Names in the archive lead out of it; these files were left out: s01/../../evil."]
    assert not failures(second)


def test_names_with_backslashes_are_paths(tmp_path: Path) -> None:
    bulk = tmp_path / "bulk.zip"
    with zipfile.ZipFile(bulk, "w") as archive:
        for name in ("s01\\lab.ipynb", "s01\\data\\a.csv"):
            entry = zipfile.ZipInfo("x")
            entry.filename = name
            archive.writestr(entry, WORK)
    submission = only(take(tmp_path, bulk))
    assert (code_of(submission), kept(submission)) == (["x = 1"], ["data/a.csv"])


def test_a_name_with_a_zero_byte_is_left_out(tmp_path: Path) -> None:
    data = packed({"lab.ipynb": WORK, "aXevil": "x"}).replace(b"aXevil", b"a\0evil")
    write(tmp_path / "in" / "s01.zip", data)
    submission = only(take(tmp_path))
    assert code_of(submission) == ["x = 1"]
    assert failures(submission) == ["Names in the archive lead out of it; these files were left out: a\ufffdevil."]


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
def test_links_and_devices_in_an_archive_are_left_out(tmp_path: Path, kind: int) -> None:
    path = zipped(tmp_path / "in" / "s01.zip", {"lab.ipynb": WORK})
    with zipfile.ZipFile(path, "a") as archive:
        entry = zipfile.ZipInfo("strange")
        entry.create_system, entry.external_attr = 3, (kind | 0o777) << 16
        archive.writestr(entry, "/etc/passwd")
    submission = only(take(tmp_path))
    assert (code_of(submission), kept(submission)) == (["x = 1"], [])
    assert len(failures(submission)) == 1
    assert failures(submission)[0].endswith(": strange.")


def with_flag(data: bytes, flag: int) -> bytes:
    """Set a general purpose flag on every entry, in the local headers and in the directory."""
    changed = bytearray(data)
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(signature)
        while at >= 0:
            changed[at + offset] |= flag
            at = data.find(signature, at + 1)
    return bytes(changed)


def test_an_encrypted_archive_says_so(tmp_path: Path) -> None:
    write(tmp_path / "in" / "s01.zip", with_flag(packed({"lab.ipynb": WORK}), 1))
    assert failures(only(take(tmp_path))) == ["These files in the archive are protected by a password: lab.ipynb."]


@pytest.mark.parametrize("cut", [10, 60, 200])
def test_a_cut_archive_is_damaged(tmp_path: Path, cut: int) -> None:
    write(tmp_path / "in" / "s01.zip", packed({"lab.ipynb": WORK})[:cut])
    assert failures(only(take(tmp_path))) == ["The archive “s01.zip” is damaged and does not open."]


def test_a_damaged_entry_is_named_and_the_rest_is_used(tmp_path: Path) -> None:
    data = packed({"lab.ipynb": WORK, "a.csv": "1234567890" * 50})
    at = data.find(b"a.csv") + 5
    write(tmp_path / "in" / "s01.zip", data[:at] + b"\xff\xff\xff" + data[at + 3 :])
    submission = only(take(tmp_path))
    assert code_of(submission) == ["x = 1"]
    assert failures(submission) == ["This could not be read: a.csv."]


def test_a_damaged_notebook_entry_says_so(tmp_path: Path) -> None:
    data = packed({"lab.ipynb": WORK})
    at = data.find(b"lab.ipynb") + 9
    write(tmp_path / "in" / "s01.zip", data[:at] + b"\xff\xff\xff" + data[at + 3 :])
    assert failures(only(take(tmp_path))) == ["These files in the archive are damaged or packed in an unknown way: lab.ipynb."]


def test_other_archives_and_other_compressions_are_not_opened(tmp_path: Path) -> None:
    write(tmp_path / "in" / "s01.zip", b"Rar!\x1a\x07\x01\x00 rar under the name of zip")
    write(tmp_path / "in" / "s02" / "lab.rar", b"Rar!\x1a\x07")
    (tmp_path / "in" / "s03").mkdir()
    with zipfile.ZipFile(tmp_path / "in" / "s03" / "lab.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("lab.ipynb", WORK)
    first, second, third = take(tmp_path).submissions
    assert failures(first) == ["Archives of this kind are not opened: s01.zip."]
    assert failures(second) == ["There is no notebook in what was handed in; there is only: lab.rar.", "Archives of this kind are not opened: lab.rar."]
    assert failures(third) == ["These files in the archive are damaged or packed in an unknown way: lab.ipynb."]


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    zipped(tmp_path / "in" / "s01.zip", {"lab.ipynb": b"{" + b" " * (40 << 20)})
    zipped(tmp_path / "in" / "s02.zip", {"lab.ipynb": WORK, "zeros.bin": bytes(40 << 20)})
    started = time.process_time()
    first, second = take(tmp_path).submissions
    assert time.process_time() - started < 2
    assert first.notebook is None
    assert failures(first) == ["Unpacked, this would take disproportionately much space, so it was not unpacked: lab.ipynb."]
    assert code_of(second) == ["x = 1"]
    assert kept(second) == []


def test_a_bomb_of_many_small_entries_is_judged_as_a_whole(tmp_path: Path) -> None:
    bounds = Bounds(candidates_bytes=1 << 20, ratio=50)
    zipped(tmp_path / "in" / "s01.zip", {f"{number}.txt": bytes(1 << 19) for number in range(4)})
    assert failures(only(take(tmp_path, bounds=bounds))) == ["Unpacked, this would take disproportionately much space, so it was not unpacked: s01.zip."]


def test_an_entry_that_holds_more_than_it_declares_is_read_to_the_bound(tmp_path: Path) -> None:
    data = bytearray(packed({"lab.ipynb": b"{" + b" " * (1 << 20)}))
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = data.find(signature)
        data[at + offset : at + offset + 4] = struct.pack("<I", 100)
    write(tmp_path / "in" / "s01.zip", bytes(data))
    assert failures(only(take(tmp_path))) == ["These files in the archive are damaged or packed in an unknown way: lab.ipynb."]


def test_an_entry_that_declares_more_than_the_bound_is_not_read(tmp_path: Path) -> None:
    zipped(tmp_path / "in" / "s01.zip", {"lab.ipynb": os.urandom(2000)})
    assert failures(only(take(tmp_path, bounds=Bounds(notebook_bytes=1000)))) == ["The file “lab.ipynb” is larger than 1000 B and was not read."]


def million(count: int) -> bytes:
    """Return an archive whose directory lists one entry `count` times."""
    local = struct.pack("<4sHHHHHIIIHH", b"PK\x03\x04", 20, 0, 0, 0, 0, 0, 0, 0, 1, 0) + b"a"
    entry = struct.pack("<4sHHHHHHIIIHHHHHII", b"PK\x01\x02", 20, 20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, count & 0xFFFF, count & 0xFFFF, len(entry) * count, len(local), 0)
    return local + entry * count + end


@pytest.mark.parametrize("count", [30_000, 1_000_000])
def test_an_archive_of_very_many_entries_is_not_opened(tmp_path: Path, count: int) -> None:
    write(tmp_path / "in" / "s01.zip", million(count))
    started = time.process_time()
    assert failures(only(take(tmp_path))) == ["The archive “s01.zip” holds too many files and was not opened."]
    assert time.process_time() - started < 5


def test_an_archive_that_is_too_big_is_not_opened(tmp_path: Path) -> None:
    path = zipped(tmp_path / "in" / "s01.zip", {"lab.ipynb": WORK})
    with path.open("ab") as stream:
        stream.truncate(3 << 30)
    assert failures(only(take(tmp_path))) == ["The archive “s01.zip” is larger than 256 MiB and was not opened."]


def test_a_nested_archive_is_copied_to_the_bound_only(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("lab.ipynb", WORK + " " * 50_000)
    zipped(tmp_path / "in" / "s01.zip", {"work.zip": inner.getvalue()})
    assert failures(only(take(tmp_path, bounds=Bounds(archive_bytes=10 << 10)))) == ["The archive “work.zip” is larger than 10 KiB and was not opened."]
    assert code_of(only(take(tmp_path))) == ["x = 1"]


def test_a_damaged_nested_archive_says_so(tmp_path: Path) -> None:
    zipped(tmp_path / "in" / "s01.zip", {"work.zip": os.urandom(5000), "notes.txt": ""})
    assert failures(only(take(tmp_path))) == ["The archive “work.zip” is damaged and does not open."]


def test_an_archive_that_names_nobody_and_does_not_open_is_a_stray(tmp_path: Path) -> None:
    write(tmp_path / "in" / "s01" / "lab.ipynb", WORK)
    write(tmp_path / "in" / "work.zip", b"PK\x03\x04")
    intake = take(tmp_path)
    assert only(intake).student == "s01"
    assert said(intake.strays) == ["The archive “work.zip” is damaged and does not open."]


def test_the_same_name_twice_keeps_the_first_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "in" / "s01.zip"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("lab.ipynb", WORK)
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("lab.ipynb", text_of("x = 2"))
        archive.writestr("data", "file")
        archive.writestr("data/a.csv", "1")
    submission = only(take(tmp_path))
    assert (code_of(submission), kept(submission)) == (["x = 1"], ["data"])
    assert failures(submission) == ["The name occurs twice; the first file was taken, the others were left out: lab.ipynb, a.csv."]


NAMES = st.text(alphabet=st.sampled_from(list("ab./\\:C \0\nяs01")), min_size=1, max_size=12)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.dictionaries(NAMES, st.binary(max_size=40) | st.just(WORK.encode()), max_size=6), st.integers(0, 2**31), st.binary(max_size=6))
def test_any_archive_gives_findings_and_touches_nothing_outside(
    tmp_path_factory: pytest.TempPathFactory, entries: dict[str, bytes], position: int, junk: bytes
) -> None:
    tmp_path = tmp_path_factory.mktemp("any")
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in entries.items():
            entry = zipfile.ZipInfo("x")
            entry.filename = name
            archive.writestr(entry, content)
    data = stream.getvalue()
    at = position % max(len(data), 1)
    write(tmp_path / "in" / "s01.zip", data[:at] + junk + data[at + len(junk) :])
    intake = take(tmp_path, roster=ROSTER)
    assert names_in(tmp_path) == ["in", "work"]
    assert names_in(tmp_path / "in") == ["s01.zip"]
    assert names_in(tmp_path / "work") == ["s01"]
    for problem in only(intake).problems:
        assert problem.outcome != "errored", problem.actual
