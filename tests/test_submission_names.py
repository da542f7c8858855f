"""Names of files and entries: the letters that were meant, and where they must not lead."""

import os
import struct
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.files import folder_name
from grader.intake.names import entry_name, for_windows, ignored, printable, split_entry, suffix, usable
from tests.handed_in import only, take, text_of, zipped


def stored(raw: bytes, *, flags: int = 0, extra: bytes = b"") -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(raw.decode("utf-8" if flags & 0x800 else "cp437"))
    entry.flag_bits, entry.extra = flags, extra
    return entry


@pytest.mark.parametrize("name", ["Иванов Иван", "ЛР1 Петров Пётр.ipynb", "отчёт/Лабораторная работа №1.ipynb", "Щукина Юлия Эдуардовна", "ИУ5-24М"])
@pytest.mark.parametrize("page", ["cp866", "cp1251", "utf-8"])
def test_cyrillic_names_are_read_whatever_page_they_were_packed_in(name: str, page: str) -> None:
    assert entry_name(stored(name.encode(page, "replace"))) == name.encode(page, "replace").decode(page)


@pytest.mark.parametrize("page", ["cp866", "cp1251"])
def test_a_windows_archive_with_a_cyrillic_name_finds_its_student(tmp_path: Path, page: str) -> None:
    name = "Иванов Иван".encode(page)
    path = zipped(tmp_path / "bulk.zip", {f"{'A' * len(name)}/lab.ipynb": text_of("x = 1")})
    path.write_bytes(path.read_bytes().replace(b"A" * len(name), name))
    submission = only(take(tmp_path, path))
    assert (submission.student, submission.source) == ("s01", "bulk.zip/Иванов Иван")


def test_other_names_are_read_as_their_entry_says() -> None:
    assert entry_name(stored("José Müller.ipynb".encode("cp437"))) == "José Müller.ipynb"
    assert entry_name(stored("Ёж".encode(), flags=0x800)) == "Ёж"
    raw = b"???"
    field = struct.pack("<HHBI", 0x7075, 5 + len("Ёж".encode()), 1, zlib.crc32(b"\x80\x81")) + "Ёж".encode()
    assert entry_name(stored(b"\x80\x81", extra=b"\x01\x00\x01\x00x" + field)) == "Ёж"
    assert entry_name(stored(raw, extra=field)) == "???"


@settings(max_examples=500, deadline=None)
@given(st.text(alphabet=st.sampled_from(list("ab./\\:C~ \0\n\x1b\u202eяЯ%*")), max_size=20) | st.text(max_size=20))
def test_no_name_of_an_entry_leads_out_of_the_folder(name: str) -> None:
    parts = split_entry(name)
    if parts and all(usable(part) for part in parts):
        place = os.path.normpath(os.path.join("/work/files", *parts))  # noqa: PTH118 - the question is what the system makes of it
        assert place.startswith("/work/files/")
        assert "\0" not in place


@pytest.mark.parametrize(
    ("name", "plain"),
    [("a.txt:stream", "a.txt_stream"), ("C:x", "C_x"), ("nul.txt", "_nul.txt"), ("COM1", "_COM1"), ("end. .", "end"), ("...", "_"), ("я.csv", "я.csv")],
)
def test_names_become_plain_files_on_windows(name: str, plain: str) -> None:
    assert for_windows(name) == plain


def test_small_questions_about_names() -> None:
    assert ignored(".DS_STORE")
    assert suffix("Лаба.IPYNB.") == ".ipynb"
    assert suffix("LR1") == ""
    assert not usable("..")
    assert not usable("я" * 101)
    assert printable("a\u202eb\x1b[31m\ud800") == "a\ufffdb\ufffd[31m\ufffd"
    assert len(printable("x" * 500)) == 120
    assert folder_name("s01") == "s01"
    assert folder_name("Иванов Иван") == "Иванов Иван"
    assert folder_name("a/b") != folder_name("a-b")
