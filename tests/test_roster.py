"""Rosters as people export them, and what is said about those that cannot be used."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from variants.errors import VariantsError
from variants.roster import HEADERS, Student, read_roster
from variants.table import fold

ANNA = Student(id="20У101", name="Иванова Анна Сергеевна", group="ИУ5-24М", number=2, stream="ИУ5", email="anna@example.org", row=2)
PETR = Student(id="20У102", name="Петров Пётр Ильич", group="ИУ5-25М", number=24, stream="ГУИМЦ", row=3)
PLAIN = """Зачётка;ФИО;Группа;Вариант;Поток;Почта
20У101;Иванова Анна Сергеевна;ИУ5-24М;2;ИУ5;anna@example.org
20У102;Петров Пётр Ильич;ИУ5-25М;24;ГУИМЦ;
"""


def roster(folder: Path, content: str | bytes) -> Path:
    path = folder / "roster.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refusal(folder: Path, content: str | bytes) -> str:
    path = roster(folder, content)
    with pytest.raises(VariantsError) as caught:
        read_roster(path)
    return str(caught.value).replace(str(path), "roster.csv")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1251", "utf-16"])
@pytest.mark.parametrize("separator", [";", ",", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_encoding_separator_and_line_end_gives_the_same_students(tmp_path: Path, encoding: str, separator: str, end: str) -> None:
    text = PLAIN.replace(";", separator).replace("\n", end)

    assert read_roster(roster(tmp_path, text.encode(encoding))) == (ANNA, PETR)


def test_english_headers_in_another_order_give_the_same_students(tmp_path: Path) -> None:
    text = (
        "Group,Email address,Variant,Stream,Full name,Student ID\n"
        "ИУ5-24М,anna@example.org,2,ИУ5,Иванова Анна Сергеевна,20У101\n"
        "ИУ5-25М,,24,ГУИМЦ,Петров Пётр Ильич,20У102\n"
    )

    assert read_roster(roster(tmp_path, text)) == (ANNA, PETR)


def test_a_name_in_three_columns_is_put_together(tmp_path: Path) -> None:
    text = "Логин;Фамилия;Имя;Отчество\nli;Ли;Вэй;\nivanova;Иванова;Анна;Сергеевна\n"

    assert [student.name for student in read_roster(roster(tmp_path, text))] == ["Ли Вэй", "Иванова Анна Сергеевна"]


def test_the_participants_of_a_moodle_course_are_read(tmp_path: Path) -> None:
    text = (
        '\ufeffИмя,Фамилия,"Индивидуальный номер","Адрес электронной почты",Группы\n'
        '"Анна Сергеевна",Иванова,20У101,anna@example.org,ИУ5-24М\n'
    )

    (student,) = read_roster(roster(tmp_path, text))

    assert student == Student(id="20У101", name="Иванова Анна Сергеевна", group="ИУ5-24М", email="anna@example.org", row=2)


def test_quoted_cells_may_hold_separators_quotes_and_line_breaks(tmp_path: Path) -> None:
    text = 'id,name,group\n1,"Иванов, ""Ваня""\nИванович",ИУ5-24М\n2,Ли,ИУ5-25М\n'

    first, second = read_roster(roster(tmp_path, text))

    assert first.name == 'Иванов, "Ваня" Иванович'
    assert (first.row, second.row) == (2, 4)


def test_a_title_and_empty_lines_above_the_header_and_between_rows_are_skipped(tmp_path: Path) -> None:
    text = "Список студентов;;\n;;\nЗачётка;ФИО;Группа\n\n;;\n1;Ли Вэй;25\n ; ; \n"

    (student,) = read_roster(roster(tmp_path, text))

    assert (student.id, student.group, student.row) == ("1", "25", 6)


def test_the_separator_hint_of_a_spreadsheet_is_followed(tmp_path: Path) -> None:
    (student,) = read_roster(roster(tmp_path, "sep=|\nid|ФИО\n1|Ли Вэй\n"))

    assert (student.name, student.row) == ("Ли Вэй", 3)


@pytest.mark.parametrize(("written", "number"), [("7", 7), ("7.0", 7), ("7,0", 7), (" 7 ", 7), ("№ 7", 7), ("07", 7), ("", None)])
def test_a_number_is_read_as_spreadsheets_write_it(tmp_path: Path, written: str, number: int | None) -> None:
    (student,) = read_roster(roster(tmp_path, f"id;ФИО;вариант\n1;Ли Вэй;{written}\n"))

    assert student.number == number


def test_a_column_that_only_counts_lines_is_not_taken_for_the_number(tmp_path: Path) -> None:
    (student,) = read_roster(roster(tmp_path, "№ п/п;id;ФИО\n7;1;Ли Вэй\n"))

    assert student.number is None


def test_the_best_of_several_columns_for_one_field_wins(tmp_path: Path) -> None:
    (student,) = read_roster(roster(tmp_path, "Номер по списку;Вариант;Логин;id;ФИО\n3;8;li;1;Ли Вэй\n"))

    assert (student.id, student.number) == ("1", 8)


def test_no_break_spaces_and_zero_width_marks_do_not_count(tmp_path: Path) -> None:
    (student,) = read_roster(roster(tmp_path, "\u200bid ;\u00a0ФИО\n\u200b1\u00a0;Ли\u00a0 Вэй \n"))

    assert (student.id, student.name) == ("1", "Ли Вэй")


@given(st.sampled_from([header for headers in HEADERS.values() for header in headers]), st.sampled_from([str.upper, str.title, str.lower]))
def test_headers_are_known_in_any_case(header: str, change: object) -> None:
    assert callable(change)

    assert fold(change(header)) == fold(header)


def test_no_header_belongs_to_two_fields() -> None:
    headers = [fold(header) for names in HEADERS.values() for header in {fold(name) for name in names}]

    assert len(headers) == len(set(headers))


def test_every_line_that_cannot_be_used_is_named_at_once(tmp_path: Path) -> None:
    text = (
        "id;ФИО;группа;вариант\ns1;Ли Вэй;25;1\nS1;Ван Ли;25;2\n;Без Номера;25;3\ns4;;25;4\ns5;Пять;25;ноль\n"
        "../s6;Шесть;25;6\n1,8E+09;Семь;25;7\ncon;Восемь;25;8\ns9;Девять;25;9;лишнее\ns10;Десять;25;0\n"
    )

    assert refusal(tmp_path, text) == (
        "roster.csv: 9 lines cannot be used:\n"
        '  line 3: the id "S1" is already on line 2; each student needs one row\n'
        "  line 4: no id\n"
        '  line 5: the student "s4" has no name\n'
        '  line 6: the number "ноль" of Пять is not a whole number from 1 on\n'
        '  line 7: the id "../s6" cannot be the name of a folder\n'
        '  line 8: the id "1,8E+09" was shortened by a spreadsheet; make its column text and save again\n'
        '  line 9: the id "con" cannot be the name of a folder\n'
        "  line 10: 5 cells, but the header has 4; a cell with the separator in it needs quotation marks\n"
        '  line 11: the number "0" of Десять is not a whole number from 1 on\n'
        "Correct the file and read it again."
    )


def test_a_long_list_of_bad_lines_is_cut(tmp_path: Path) -> None:
    message = refusal(tmp_path, "id;ФИО\n" + ";Ли Вэй\n" * 30)

    assert "30 lines cannot be used" in message
    assert message.count("no id") == 20
    assert "and 10 more" in message


@pytest.mark.parametrize("identity", ["a/b", "a\\b", "..", ".hidden", "a.", "a:b", "a\tb\x01", "NUL", "com1.txt", "x" * 101])
def test_an_id_that_cannot_name_a_folder_is_refused(tmp_path: Path, identity: str) -> None:
    assert "line 2: the id" in refusal(tmp_path, f"id;ФИО\n{identity};Ли Вэй\n")


@pytest.mark.parametrize("identity", ["ivanov@example.org", "20У101", "i.ivanov", "конь", "com10", "1-2_3", "Лю Вэй"])
def test_an_id_that_can_name_a_folder_is_kept(tmp_path: Path, identity: str) -> None:
    assert read_roster(roster(tmp_path, f"id;ФИО\n{identity};Ли Вэй\n"))[0].id == identity


def test_missing_columns_are_named_with_the_headers_that_are_there(tmp_path: Path) -> None:
    assert refusal(tmp_path, "№;Группа;Оценка\n1;25;5\n") == (
        "roster.csv: no column was recognised for the student's id (such as «id», «логин» or «зачётка») and for the name («ФИО», or "
        '«Фамилия» and «Имя»). The first line that looks like a header has "№", "Группа", "Оценка"; '
        "name the columns so and keep one line per student."
    )


def test_a_column_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, "id;ФИО;Группа;группа\n1;Ли;1;2\n") == (
        'roster.csv: the column "группа" is there twice. Keep the one that counts and rename or delete the other.'
    )


def test_a_roster_without_students_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, "id;ФИО\n") == "roster.csv: there is a header but no student. Add one line per student."


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "the file is empty."),
        (b"PK\x03\x04rest", "this is a spreadsheet or an archive, not CSV."),
        (b"\x89PNG\r\n\x1a\n\0\0\0", "this is not a text file."),
        (b"id;\x98\n", "this is not a text file."),
        ('id;ФИО\n1;Ли\n2;"Ван\n'.encode(), "the table cannot be read from line 3 on (unexpected end of data)."),
        ("id;ФИО\n1;Ли\n2;Ван".encode()[:-1], "line 3 is damaged: it is not UTF-8 as the rest is."),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_the_reason(tmp_path: Path, content: bytes, what: str) -> None:
    assert refusal(tmp_path, content).startswith(f"roster.csv: {what} ")


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(VariantsError, match="No such file"):
        read_roster(tmp_path / "none.csv")
    with pytest.raises(VariantsError, match="Is a directory"):
        read_roster(tmp_path)
