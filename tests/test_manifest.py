"""Assigning and the manifest: nobody's classes depend on the others, what is invalid is refused, what is written is read back."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from variants.errors import VariantsError
from variants.group import GroupIs
from variants.manifest import Variant, assign, is_manifest, read_manifest, variant_record, write_manifest
from variants.roster import Student, read_roster
from variants.rules import load_rule

SECRET = b"course secret of 2026"
RULES = ("iu5-2022", "iu5-2023", "iu5-2024", "iu5-2025", "iu5-2026", "random-3")
GOOD = Student(id="s1", name="Иванова Анна", group="ИУ5-24М", number=2, stream="ИУ5", email="anna@example.org", row=2)
TWICE = Student(id="s2", name="Петров Пётр", group="ИУ5-24М", number=24, stream="ГУИМЦ", row=3)
HIGH = Student(id="s3", name="Ли Вэй", group="ИУ5-24М", number=50, stream="иностранцы", row=4)

students = st.lists(
    st.builds(
        Student,
        id=st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8),
        name=st.just("Ли Вэй"),
        group=st.sampled_from(["ИУ5-21М", "ИУ5-25М", "ИУ5-61Б", "64", "3"]),
        number=st.integers(1, 99),
        stream=st.sampled_from(["ИУ5", "ГУИМЦ", "иностранцы"]),
    ),
    unique_by=lambda student: student.id.casefold(),
    max_size=20,
)
# What a file keeps of a text: composed (NFC), no byte order mark or zero-width space, no lone surrogates, no NUL.
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0\u200b\ufeff", categories=["L", "N", "P", "S", "Z", "Cc"]), max_size=12)


def by(rule: str, people: list[Student]) -> tuple[Variant, ...]:
    return assign(people, load_rule(rule), assignment="lab", secret=SECRET, resolve="next-free")


@pytest.mark.parametrize("rule", RULES)
@given(people=students, late=students)
def test_adding_students_changes_nobody_elses_classes(rule: str, people: list[Student], late: list[Student]) -> None:
    known = {student.id.casefold() for student in people}
    everyone = [student for student in late if student.id.casefold() not in known] + people[::-1]

    before = {variant.student.id: variant.classes for variant in by(rule, people)}
    after = {variant.student.id: variant.classes for variant in by(rule, everyone)}

    assert {student: after[student] for student in before} == before


@pytest.mark.parametrize("rule", RULES)
@given(people=students)
def test_everyone_gets_different_classes_within_range(rule: str, people: list[Student]) -> None:
    for variant in by(rule, people):
        assert len(set(variant.classes)) == 3
        assert all(0 <= index < 100 for index in variant.classes)


@given(people=students)
def test_next_free_moves_only_what_is_wrong(people: list[Student]) -> None:
    rule = load_rule("iu5-2024")

    for variant in by("iu5-2024", people):
        said = rule.classes_for(variant.student)
        kept = [index for index in dict.fromkeys(said) if index < 100]
        assert all(index in variant.classes for index in kept)
        assert (variant.resolution == "") == (variant.classes == said)


def test_every_student_without_valid_classes_is_named() -> None:
    nameless = Student(id="s4", name="Ван Ли", group="ИУ5-24М", number=3, stream="Марс", row=5)

    with pytest.raises(VariantsError) as caught:
        assign([GOOD, TWICE, HIGH, nameless], load_rule("iu5-2024"))

    assert str(caught.value) == (
        "rule iu5-2024: 3 of 4 students cannot be given valid classes:\n"
        "  s2 Петров Пётр (line 3): 39, 80, 80: class 80 is there twice\n"
        "  s3 Ли Вэй (line 4): 39, 106, 90: class 106 is outside 0..99\n"
        '  s4 Ван Ли (line 5): the stream "Марс" is unknown\n'
        "Change the roster or the rule, or pass --resolve next-free to move such a class to the next free one. "
        "This rule has the streams iu5, guimc, foreign: write one of them in a column «поток», or pass --stream for everyone without one."
    )


def test_next_free_is_recorded_with_what_was_moved() -> None:
    _, twice, high = assign([GOOD, TWICE, HIGH], load_rule("iu5-2024"), resolve="next-free")

    assert (twice.classes, twice.resolution) == ((39, 80, 81), "next-free: class_3 80 -> 81")
    assert (high.classes, high.resolution) == ((39, 6, 90), "next-free: class_2 106 -> 6")


def test_next_free_does_not_take_a_class_that_a_later_position_has() -> None:
    student = Student(id="s", name="Ли", group="9", number=99)

    (variant,) = assign([student], load_rule("iu5-2022"), resolve="next-free")

    assert load_rule("iu5-2022").classes_for(student) == (9, 99, 129)
    assert variant.classes == (9, 99, 29)
    crowded = Student(id="s", name="Ли", group="109", number=9)
    assert assign([crowded], load_rule("iu5-2022"), resolve="next-free")[0].classes == (10, 9, 39)


def test_another_meaning_of_group_and_a_stream_for_everyone_are_recorded() -> None:
    student = Student(id="s", name="Ли", group="ИУ5-24М", number=7)

    (variant,) = assign([student], load_rule("iu5-2024"), group_is=GroupIs.ORDINAL, stream="ИУ5")

    assert (variant.classes, variant.student.stream, variant.resolution) == ((19, 63, 28), "ИУ5", "group is ordinal")
    assert assign([GOOD], load_rule("iu5-2024"), group_is=GroupIs.PRINTED)[0].resolution == ""


def test_a_keyed_rule_without_its_secret_is_refused_once() -> None:
    with pytest.raises(VariantsError, match="rule random-3: this rule draws classes with the course secret, and none was given"):
        assign([GOOD, TWICE], load_rule("random-3"), assignment="lab")


@given(
    st.lists(
        st.builds(
            Variant,
            student=st.builds(
                Student,
                id=st.from_regex(r"[\w@+=-]{1,8}", fullmatch=True).filter(lambda text: text.lower() not in {"con", "prn", "aux", "nul"}),
                name=texts,
                group=texts,
                number=st.none() | st.integers(1, 999_999),
                stream=texts,
                email=texts,
            ),
            assignment=texts,
            rule=texts,
            classes=st.lists(st.integers(0, 99), min_size=1, max_size=10, unique=True).map(tuple),
            resolution=texts,
        ),
        min_size=1,
        max_size=5,
        unique_by=lambda variant: variant.student.id.casefold(),
    )
)
def test_what_is_written_is_read_back(tmp_path_factory: pytest.TempPathFactory, variants: list[Variant]) -> None:
    import unicodedata

    path = tmp_path_factory.mktemp("manifest") / "variants.csv"

    write_manifest(path, variants)

    def plain(variant: Variant) -> list[object]:
        one = variant.student
        values = [
            one.id,
            one.name,
            one.group,
            one.number,
            one.stream,
            one.email,
            variant.assignment,
            variant.rule,
            variant.classes,
            variant.resolution,
        ]
        return [unicodedata.normalize("NFC", value) if isinstance(value, str) else value for value in values]

    assert list(map(plain, read_manifest(path))) == list(map(plain, variants))


@pytest.mark.parametrize("name", ["=1+1", "+7 900", "-5", "@SUM(A1)", "\tтаб", "'=1", "''=1", "'quoted'"])
def test_a_cell_that_a_spreadsheet_would_run_is_protected_and_restored(tmp_path: Path, name: str) -> None:
    path = tmp_path / "variants.csv"
    student = Student(id="s1", name=name, group="25", number=1)

    write_manifest(path, [Variant(student=student, assignment="lab", rule="r", classes=(1, 2, 3))])

    assert read_manifest(path)[0].student.name == name
    assert f",{name}," not in path.read_text(encoding="utf-8") or name == "'quoted'"


def test_the_manifest_is_a_table_for_people(tmp_path: Path) -> None:
    path = tmp_path / "variants.csv"

    write_manifest(path, assign([GOOD, TWICE], load_rule("iu5-2024"), assignment="iu5_lab1", resolve="next-free"))

    assert path.read_bytes().decode() == (
        "\ufeffid,name,group,number,stream,email,assignment,rule,class_1,class_2,class_3,classes_en,resolution\r\n"
        's1,Иванова Анна,ИУ5-24М,2,ИУ5,anna@example.org,iu5_lab1,iu5-2024,39,58,23,"keyboard, pickup_truck, cloud",\r\n'
        's2,Петров Пётр,ИУ5-24М,24,ГУИМЦ,,iu5_lab1,iu5-2024,39,80,81,"keyboard, squirrel, streetcar",next-free: class_3 80 -> 81\r\n'
    )
    assert [file.name for file in tmp_path.iterdir()] == ["variants.csv"]


def test_a_manifest_that_a_spreadsheet_saved_again_is_read_and_is_a_roster_too(tmp_path: Path) -> None:
    path, saved = tmp_path / "variants.csv", tmp_path / "saved.csv"
    given = assign([GOOD, TWICE], load_rule("iu5-2024"), resolve="next-free")
    write_manifest(path, given)
    text = (
        path.read_text(encoding="utf-8-sig")
        .replace('"keyboard, pickup_truck, cloud"', "keyboard")
        .replace('"keyboard, squirrel, streetcar"', "k")
    )

    saved.write_bytes(text.replace(",", ";").replace("\n", "\r\n").encode("cp1251"))

    assert read_manifest(saved) == given
    assert read_roster(saved) == (GOOD, TWICE)
    assert is_manifest(saved)


def test_classes_count_in_the_order_of_their_numbers_wherever_the_columns_are(tmp_path: Path) -> None:
    path = tmp_path / "variants.csv"
    columns = [f"class_{index}" for index in range(10, 0, -1)]
    path.write_text(",".join(["id,name,rule", *columns]) + "\ns1,Ли,r," + ",".join(map(str, range(10, 0, -1))) + "\n", encoding="utf-8")

    assert read_manifest(path)[0].classes == tuple(range(1, 11))


def test_every_bad_line_of_a_manifest_is_named(tmp_path: Path) -> None:
    path = tmp_path / "variants.csv"
    path.write_text(
        "id,name,number,rule,class_1,class_2\ns1,Ли,1,r,1,2\ns1,Ли,1,r,3,4\ns2,Ли,1,r,5,5\ns3,Ли,1,r,5,100\ns4,Ли,1,r,,\n"
        "s5,Ли,1,r,,6\n../s6,Ли,1,r,1,2\ns7,Ли,x,r,1,2\n",
        encoding="utf-8",
    )

    with pytest.raises(VariantsError) as caught:
        read_manifest(path)

    assert str(caught.value) == (
        f"{path}: the manifest cannot be used:\n"
        '  line 3: "s1" is already on line 2\n'
        "  line 4: class 5 is there twice\n"
        "  line 5: the classes 5, 100 are not all numbers in 0..99\n"
        "  line 6: no classes\n"
        "  line 7: the classes , 6 are not all numbers in 0..99\n"
        '  line 8: the id "../s6" cannot be the name of a folder\n'
        '  line 9: the number "x" is not a whole number\n'
        "Correct these lines, or make the manifest again."
    )


def test_one_student_may_have_a_variant_per_assignment(tmp_path: Path) -> None:
    path = tmp_path / "variants.csv"
    given = tuple(Variant(student=GOOD, assignment=slug, rule="r", classes=(1, 2, 3)) for slug in ("lab1", "lab2"))

    write_manifest(path, given)

    assert [variant.assignment for variant in read_manifest(path)] == ["lab1", "lab2"]


def test_a_roster_is_no_manifest(tmp_path: Path) -> None:
    path = tmp_path / "roster.csv"
    path.write_text("id;ФИО\n1;Ли Вэй\n", encoding="utf-8")

    assert not is_manifest(path)
    with pytest.raises(VariantsError, match="not a manifest of variants: it has no column name, rule, class_1"):
        read_manifest(path)


def test_a_manifest_that_cannot_be_written_leaves_what_was_there(tmp_path: Path) -> None:
    variants = assign([GOOD], load_rule("iu5-2024"))
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "file").write_text("kept", encoding="utf-8")

    for path in (tmp_path / "none" / "variants.csv", tmp_path / "file" / "variants.csv", folder):
        with pytest.raises(VariantsError, match="the file cannot be written"):
            write_manifest(path, variants)

    assert sorted(file.name for file in tmp_path.rglob("*")) == ["file", "folder"]


def test_the_record_of_a_variant_is_plain_json() -> None:
    (variant,) = assign([GOOD], load_rule("iu5-2024"))

    assert variant_record(variant) == {
        "rule": "iu5-2024",
        "classes": [39, 58, 23],
        "class_names_en": ["keyboard", "pickup_truck", "cloud"],
        "class_names_ru": ["клавиатура", "пикап", "облако"],
        "group": "ИУ5-24М",
        "number": 2,
        "stream": "ИУ5",
        "resolution": "",
    }
