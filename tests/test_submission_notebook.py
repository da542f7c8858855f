"""What is inside a notebook: every way to be damaged, odd or hostile gets its own sentence."""

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grader.intake.bounds import Bounds
from grader.intake.notebook import read_notebook, read_script
from grader.intake.says import Refused
from grader.model import Outcome
from tests.handed_in import cells_of, code_of, failures, issued, notebook, only, refusal, said, take, take_one, text_of, write

CELL: dict[str, Any] = {"cell_type": "code", "source": "x = 1", "metadata": {}, "outputs": [], "execution_count": None}


def with_cells(*cells: Any, **changes: Any) -> str:
    return json.dumps({"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5, **changes})


def outcome_of(data: bytes, name: str) -> None:
    """Fail unless `data` gives a valid notebook or a finding in both languages."""
    read = read_script if name.endswith(".py") else read_notebook
    try:
        text = read(data, name, Bounds()).text
    except Refused as refused:
        finding = refused.finding
    else:
        nbformat.validate(json.loads(text.encode()))
        return
    assert finding.rationale.ru
    assert finding.rationale.en


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The file “lab.ipynb” is empty."),
        (b" \r\n\t", "The file “lab.ipynb” is empty."),
        (b"\xef\xbb\xbf", "The file “lab.ipynb” is empty."),
        (b"\0" * 1000, "The file “lab.ipynb” is not a notebook: inside is nothing but zero bytes."),
        (b"<!DOCTYPE html><html>", "The file “lab.ipynb” is not a notebook: inside is an HTML page."),
        (b"%PDF-1.7", "The file “lab.ipynb” is not a notebook: inside is a PDF document."),
        (b"PK\x03\x04....", "The file “lab.ipynb” is not a notebook: inside is an archive or an Office document."),
        (b"\x89PNG\r\n", "The file “lab.ipynb” is not a notebook: inside is a picture."),
        (b"import torch\n", "The file “lab.ipynb” is not a notebook: inside is plain text."),
        (b'{"cells": [], "nbformat": 4,\n "metadata": {"a" 1}}', "The file “lab.ipynb” is damaged: line 2, column 19."),
        (b'{"cells": [\n  {"source": "x = ', "The file “lab.ipynb” breaks off at line 2, column 14: its end is missing."),
        (b'{"cells": [{"cell_type": "code"},', "The file “lab.ipynb” breaks off at line 1, column 34: its end is missing."),
        (b'{"cells": []} trailing', "The file “lab.ipynb” is damaged: line 1, column 15."),
        (b"[1, 2]", "The file “lab.ipynb” holds JSON, but not a notebook: it has no cells."),
        (b'{"a": 1}', "The file “lab.ipynb” holds JSON, but not a notebook: it has no cells."),
        (b'{"cells": {}, "nbformat": 4}', "The file “lab.ipynb” holds JSON, but not a notebook: it has no cells."),
        (b'{"cells": ["\xcf\xf0\xe8"]}', "The file “lab.ipynb” is not UTF-8 (byte 12)."),
        (b'{"cells": [], "nbformat": 4}', "There is no code cell in “lab.ipynb”; there is nothing to run."),
        (b'{"cells": [], "nbformat": 5}', "The notebook “lab.ipynb” is in format 5; formats up to 4 are known."),
        (b"[" * 100_000, "The data in “lab.ipynb” is nested too deeply; this is no ordinary notebook."),
        (b'{"cells":' * 100_000, "The data in “lab.ipynb” is nested too deeply; this is no ordinary notebook."),
    ],
)
def test_a_file_that_is_no_notebook_says_why(tmp_path: Path, content: bytes, sentence: str) -> None:
    submission = take_one(tmp_path, content)
    assert submission.notebook is None
    assert failures(submission) == [sentence]
    assert all(problem.check == "intake" and problem.hint for problem in submission.problems)


@pytest.mark.parametrize(
    ("cell", "what"),
    [
        (17, "it is not a cell"),
        (None, "it is not a cell"),
        ({"cell_type": "heading", "source": "x"}, "its cell type is unknown"),
        ({"source": "x"}, "its cell type is unknown"),
        ({"cell_type": ["code"], "source": "x"}, "its cell type is unknown"),
        ({"cell_type": "code", "source": 5}, "its source is not text"),
        ({"cell_type": "code", "source": ["a", 5]}, "its source is not text"),
        ({"cell_type": "code", "source": {"a": "b"}}, "its source is not text"),
        ({"cell_type": "code", "source": "x" * (1 << 20) + "x"}, "its code is too long"),
    ],
)
def test_a_cell_of_a_wrong_type_is_named_by_its_number(cell: Any, what: str) -> None:
    assert refusal(with_cells(CELL, cell)) == f"In “lab.ipynb” cell 2 is written wrongly: {what}."


@pytest.mark.parametrize("version", ["4", None, 4.0, True, [4]])
def test_a_version_that_is_no_number_is_read_as_format_4_with_a_note(version: Any) -> None:
    found = read_notebook(with_cells(CELL, nbformat=version).encode(), "lab.ipynb", Bounds())
    assert said(found.notes) == ["This was repaired in “lab.ipynb”: the missing format number."]


def test_wrong_types_in_what_a_run_does_not_need_are_no_matter() -> None:
    odd = {"cell_type": "code", "source": ["x", " = 1"], "metadata": [], "outputs": 7, "execution_count": "many", "id": 5}
    (cell,) = cells_of(with_cells(odd, metadata="none", nbformat_minor="five"))
    assert cell == {"cell_type": "code", "execution_count": None, "id": "cell-0", "metadata": {}, "outputs": [], "source": "x = 1"}


def test_repeated_and_invalid_cell_ids_are_replaced_with_a_note(tmp_path: Path) -> None:
    cells = [{**CELL, "id": identifier} for identifier in ("a", "a", "bad id", "cell-1", "x" * 65, "b")]
    submission = take_one(tmp_path, with_cells(*cells, CELL))
    assert said(submission.problems) == ["This was repaired in “lab.ipynb”: repeated or invalid cell ids."]
    assert [cell["id"] for cell in cells_of(with_cells(*cells, CELL))] == ["a", "cell-1-1", "cell-2", "cell-1", "cell-4", "b", "cell-6"]


def test_missing_cell_ids_are_given_without_a_note(tmp_path: Path) -> None:
    assert not take_one(tmp_path, with_cells(CELL, CELL)).problems


def test_nan_and_infinity_are_read_with_a_note(tmp_path: Path) -> None:
    data = notebook("x = 1", zachet={**issued("s01"), "a": float("nan")})
    data["cells"][0]["outputs"] = [{"data": {"v": float("inf")}}]
    submission = take_one(tmp_path, json.dumps(data))
    assert code_of(submission) == ["x = 1"]
    assert said(submission.problems) == ["This was repaired in “lab.ipynb”: the numbers NaN and Infinity, which JSON does not have."]


def test_lone_surrogates_are_replaced_with_a_note(tmp_path: Path) -> None:
    submission = take_one(tmp_path, text_of("x = 'S'").replace("'S'", "'\\ud83d'"))
    assert code_of(submission) == ["x = '\ufffd'"]
    assert said(submission.problems) == ["This was repaired in “lab.ipynb”: lone Unicode surrogates."]


@pytest.mark.parametrize(
    ("codec", "shown"),
    [("utf-8-sig", "UTF-8 with BOM"), ("utf-16", "UTF-16"), ("utf-16-le", "UTF-16"), ("utf-16-be", "UTF-16"), ("utf-32", "UTF-32")],
)
def test_other_unicode_encodings_are_read_with_a_note(tmp_path: Path, codec: str, shown: str) -> None:
    submission = take_one(tmp_path, text_of("x = 'ёж'").encode(codec))
    assert code_of(submission) == ["x = 'ёж'"]
    assert said(submission.problems) == [f"The file “lab.ipynb” was in {shown} and was read all the same."]


def test_integers_of_any_length_do_not_stop_the_reading() -> None:
    text = with_cells({**CELL, "outputs": "N"}, metadata={"zachet": {"n": "N"}}).replace('"N"', "9" * 6000)
    assert cells_of(text)[0]["source"] == "x = 1"


def test_of_the_outputs_only_bounded_text_is_kept() -> None:
    outputs = [
        {"output_type": "stream", "name": "stderr", "text": "a warning\n"},
        {"output_type": "stream", "name": "stdout", "text": ["epoch 1\n", "epoch 2\n"]},
        {"output_type": "display_data", "data": {"image/png": "iVBOR", "text/html": "<script>", "text/plain": "<Figure>"}, "metadata": {"a": 1}},
        {"output_type": "execute_result", "data": {"text/plain": 7}},
        {"output_type": "error", "ename": "E", "evalue": "x", "traceback": ["long"]},
        "odd",
    ]
    assert cells_of(with_cells({**CELL, "outputs": outputs}))[0]["outputs"] == [
        {"output_type": "stream", "name": "stdout", "text": "epoch 1\nepoch 2\n<Figure>\n"}
    ]
    long = cells_of(with_cells({**CELL, "outputs": [{"output_type": "stream", "text": "x" * 50_000 + "the end"}]}))[0]["outputs"][0]["text"]
    assert (len(long), long[-7:]) == (20_000, "the end")


def test_ten_levels_of_nesting_are_ordinary() -> None:
    value: Any = "x"
    for _ in range(10):
        value = [value]
    assert cells_of(with_cells({**CELL, "outputs": value}))[0]["outputs"] == []


def test_our_metadata_is_taken_only_when_it_is_small_and_flat() -> None:
    deep: Any = 1
    for _ in range(50):
        deep = {"a": deep}
    for identity in (deep, {"a": "x" * 100_000}, "s01", ["s01"], {"student": 5}):
        found = read_notebook(with_cells(CELL, metadata={"zachet": identity}).encode(), "lab.ipynb", Bounds())
        assert found.student == ""
    assert '"deep"' not in found.text


def test_pasted_pictures_stay_and_other_attachments_go() -> None:
    attachments = {"a.png": {"image/png": "aGk="}, "b.svg": {"image/svg+xml": "<svg/>"}, "c": 5, "d": {"image/png": 5}}
    text, _ = cells_of(with_cells({"cell_type": "markdown", "source": "![](attachment:a.png)", "attachments": attachments}, CELL))
    assert text["attachments"] == {"a.png": {"image/png": "aGk="}}


def test_tags_stay_when_they_are_tags() -> None:
    (cell,) = cells_of(with_cells({**CELL, "metadata": {"tags": ["keep", "keep", 5, "", "a,b"], "collapsed": True}}))
    assert cell["metadata"] == {"tags": ["keep"]}


OLD = {
    "nbformat": 3,
    "nbformat_minor": 0,
    "metadata": {"name": "old"},
    "worksheets": [
        {
            "cells": [
                {"cell_type": "heading", "level": 2, "source": "Title"},
                {"cell_type": "code", "input": ["a = 1\n", "b = 2"], "language": "python", "outputs": [{"output_type": "pyout"}], "prompt_number": 3},
            ]
        },
        {"cells": [{"cell_type": "code", "input": "c = 3"}]},
    ],
}


def test_format_3_is_converted_with_a_note(tmp_path: Path) -> None:
    submission = take_one(tmp_path, json.dumps(OLD))
    assert code_of(submission) == ["a = 1\nb = 2", "c = 3"]
    assert said(submission.problems) == ["The notebook “lab.ipynb” was converted from the old format 3 to format 4."]
    assert submission.problems[0].outcome is Outcome.PASSED
    assert cells_of(json.dumps(OLD))[0]["source"] == "## Title"


@pytest.mark.parametrize(
    "sheets", [[], [5], [{}], [{"cells": [5]}], [{"cells": [{"cell_type": ["code"]}]}], [{"cells": [{"cell_type": "heading", "level": "x"}]}]]
)
def test_a_format_3_that_cannot_be_converted_is_refused(sheets: Any) -> None:
    assert refusal(json.dumps({**OLD, "worksheets": sheets})) in {
        "The notebook “lab.ipynb” is in the old format 3 and could not be converted to format 4.",
        "There is no code cell in “lab.ipynb”; there is nothing to run.",
    }


@pytest.mark.parametrize(
    ("bounds", "what"),
    [
        (Bounds(cells=1), "cells"),
        (Bounds(text_bytes=100), "text in the cells"),
        (Bounds(containers=3), "nested lists and tables"),
        (Bounds(values=3), "nested lists and tables"),
    ],
)
def test_a_notebook_beyond_a_bound_says_which(bounds: Bounds, what: str) -> None:
    assert refusal(text_of("x = 1", "y = 2"), bounds=bounds) == f"There is too much in the file “lab.ipynb”: {what}."


def test_a_notebook_beyond_its_size_is_not_read(tmp_path: Path) -> None:
    write(tmp_path / "in" / "s01" / "lab.ipynb", text_of("x = 1" * 100))
    assert failures(only(take(tmp_path, bounds=Bounds(notebook_bytes=100)))) == ["The file “lab.ipynb” is larger than 100 B and was not read."]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=300) | st.binary(max_size=60).map(lambda tail: text_of("x = 1").encode()[:-40] + tail))
def test_any_bytes_give_a_notebook_or_a_reason(data: bytes) -> None:
    outcome_of(data, "lab.ipynb")
    outcome_of(data, "lab.py")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from(["cells", "cell_type", "source", "metadata", "nbformat", "worksheets", "id", "attachments", "zachet", "tags"]), inner, max_size=6),
    max_leaves=20,
)
CELLS = st.lists(
    st.fixed_dictionaries(
        {"cell_type": st.sampled_from(["code", "markdown", "raw", "heading"])},
        optional={"source": JSON | st.text(), "id": JSON, "metadata": JSON, "attachments": JSON, "input": JSON, "level": JSON},
    ),
    max_size=4,
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(JSON | st.fixed_dictionaries({"cells": CELLS | JSON, "nbformat": JSON | st.just(4), "metadata": JSON}) | CELLS.map(lambda cells: {"nbformat": 3, "worksheets": [{"cells": cells}]}))
def test_any_json_gives_a_valid_notebook_or_a_reason(value: Any) -> None:
    outcome_of(json.dumps(value).encode(), "lab.ipynb")
