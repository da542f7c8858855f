"""The wire, seen from the trusted end: what is taken, and that everything else is refused in one way."""

import contextlib
import io
import json
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.inside.wire import plain
from grader.model import Vouched
from grader.sandbox.frames import (
    MOST_HEADER,
    MOST_VALUES,
    Frame,
    MalformedFrame,
    parse_array,
    parse_json,
    read_frame,
    write_arrays,
    write_frame,
)
from grader.sandbox.outputs import clean_outputs, executed_notebook
from grader.sandbox.transcript import Transcript

NOTEBOOK: dict[str, Any] = {"cells": [{"cell_type": "markdown"}, {"cell_type": "code"}, {"cell_type": "code"}]}


def allow(_count: int) -> None:
    """No limit."""


def frame(kind: str, payload: bytes = b"", /, **header: object) -> Frame:
    return Frame(header={"type": kind, **header}, payload=payload)


def started() -> Transcript:
    transcript = Transcript(NOTEBOOK)
    transcript.take(frame("started", environment={"python": "3.11"}))
    return transcript


def test_a_frame_written_is_the_frame_read() -> None:
    stream = io.BytesIO()
    write_frame(stream, {"type": "job", "seed": 3}, [b"ab", b"c"])
    write_arrays(stream, {"x": np.arange(6, dtype=">i4").reshape(2, 3).T, "one": np.float64(2.5) * np.ones(())})
    stream.seek(0)
    first, second = read_frame(stream, allow), read_frame(stream, allow)
    assert first is not None
    assert second is not None
    assert (first.kind, first.payload) == ("job", b"abc")
    x, one = second.header["arrays"]
    assert (x["dtype"], x["shape"], one["shape"]) == ("<i4", [3, 2], [])
    assert np.frombuffer(second.payload[: x["bytes"]], "<i4").tolist() == [0, 3, 1, 4, 2, 5]
    assert read_frame(stream, allow) is None


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_at_all_bring_the_reader_down(data: bytes) -> None:
    stream = io.BytesIO(data)
    with contextlib.suppress(MalformedFrame):
        while read_frame(stream, allow) is not None:
            pass


@settings(deadline=None)
@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
)
def test_no_header_at_all_brings_the_transcript_down(value: object) -> None:
    for kind in ("started", "cell", "record"):
        header = {"type": kind, "index": value, "status": value, "environment": value, "name": value, "dtype": value, "shape": value}
        for more in ({"kind": "array"}, {"kind": value, "index": 1, "status": "ok", "cpu_s": value}):
            transcript = Transcript(NOTEBOOK)
            try:
                if kind != "started":
                    transcript.take(frame("started", environment={}))
                transcript.take(Frame(header={**header, **more}, payload=json.dumps(value).encode()))
            except MalformedFrame:
                continue


def test_a_refusal_comes_before_the_bytes_are_taken() -> None:
    head = json.dumps({"type": "record", "bytes": 100}).encode()
    stream = io.BytesIO(struct.pack(">I", len(head)) + head + bytes(100))
    asked: list[int] = []

    def refuse(count: int) -> None:
        asked.append(count)
        if count == 100:
            raise PermissionError

    with pytest.raises(PermissionError):
        read_frame(stream, refuse)
    assert asked == [4, len(head), 100]
    assert stream.tell() == 4 + len(head)


@pytest.mark.parametrize("length", [0, 1, MOST_HEADER + 1])
def test_a_header_has_a_length_within_bounds(length: int) -> None:
    with pytest.raises(MalformedFrame, match=f"a header of {length} bytes"):
        read_frame(io.BytesIO(struct.pack(">I", length) + bytes(70000)), allow)


@pytest.mark.parametrize("data", [b"NaN", b"[Infinity]", b"{", b"\xff", b"[" * 60000, b"1" * 5000, b"'x'"])
def test_json_is_strict(data: bytes) -> None:
    with pytest.raises(MalformedFrame, match="JSON that cannot be read"):
        parse_json(data)


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**4300 - 1])
def test_whole_numbers_beyond_a_word_are_refused_and_the_runner_sends_none(number: int) -> None:
    with pytest.raises(MalformedFrame):
        parse_json(f"[{number}]".encode())
    assert isinstance(plain([number])[0], str)
    assert len(plain([number])[0]) <= 100


def test_the_values_of_a_run_are_counted_before_they_are_made_and_text_does_not_count() -> None:
    transcript = started()
    transcript.take(frame("cell", json.dumps([{"output_type": "stream", "name": "stdout", "text": '[{,\\"' * MOST_VALUES}]).encode(), index=1, status="ok"))
    transcript.take(frame("record", b"[" + b"0," * (MOST_VALUES // 2) + b"0]", name="first", kind="json"))
    with pytest.raises(MalformedFrame, match="more than 1048576 values"):
        transcript.take(frame("record", b"[" + b"[{}]," * (MOST_VALUES // 5) + b"0]", name="second", kind="json"))


def test_half_characters_are_replaced_so_that_every_file_can_hold_them() -> None:
    value = parse_json(b'{"\\ud83d": ["\\ud83d\\ude00", "x\\ude00y"]}')
    assert value == {"\N{REPLACEMENT CHARACTER}": ["\N{GRINNING FACE}", "x\N{REPLACEMENT CHARACTER}y"]}


@pytest.mark.parametrize("dtype", ["<f4", "<f8", "<i8", "<i4", "|u1", "?"])
def test_an_array_comes_back_as_it_was(dtype: str) -> None:
    array = np.arange(6).reshape(2, 3).astype(dtype)
    back = parse_array({"dtype": dtype, "shape": [2, 3]}, array.tobytes())
    assert back.dtype == array.dtype
    assert back.tolist() == array.tolist()


@pytest.mark.parametrize(
    ("header", "payload"),
    [
        ({"dtype": "O", "shape": [1]}, bytes(8)),
        ({"dtype": "<U4", "shape": [1]}, bytes(16)),
        ({"dtype": "<f4,O", "shape": [1]}, bytes(12)),
        ({"dtype": ["<f4"], "shape": [1]}, bytes(4)),
        ({"dtype": "<f4"}, bytes(4)),
        ({"dtype": "<f4", "shape": [-1]}, bytes(4)),
        ({"dtype": "<f4", "shape": [True]}, bytes(4)),
        ({"dtype": "<f4", "shape": [1.0]}, bytes(4)),
        ({"dtype": "<f4", "shape": [2]}, bytes(4)),
        ({"dtype": "<f4", "shape": [2**62, 4]}, b""),
        ({"dtype": "<f4", "shape": [0, 2**70]}, b""),
        ({"dtype": "<f4", "shape": [1] * 9}, bytes(4)),
    ],
)
def test_an_array_that_does_not_add_up_is_refused(header: dict[str, object], payload: bytes) -> None:
    with pytest.raises(MalformedFrame, match="an array"):
        parse_array(header, payload)


def test_an_empty_array_keeps_its_shape() -> None:
    assert parse_array({"dtype": "<f4", "shape": [0, 3]}, b"").shape == (0, 3)


def test_a_record_is_reported_before_the_hidden_inputs_and_measured_after_them() -> None:
    transcript = started()
    transcript.take(frame("record", b"1", name="before", kind="json"))
    transcript.take(frame("ready"))
    transcript.give()
    transcript.take(frame("record", bytes(8), name="after", kind="array", dtype="<f8", shape=[1]))
    transcript.take(frame("done"))
    assert [(record.name, record.vouched) for record in transcript.records] == [("before", Vouched.REPORTED), ("after", Vouched.MEASURED)]
    assert transcript.done


@pytest.mark.parametrize("kind", ["record", "cell", "ready", "done", "started", "given"])
def test_between_ready_and_the_hidden_inputs_nothing_may_be_said(kind: str) -> None:
    transcript = started()
    transcript.take(frame("ready"))
    with pytest.raises(MalformedFrame, match=f"“{kind}” where it does not belong"):
        transcript.take(frame(kind, b"1", name="r", kind="json"))


def test_a_forged_record_cannot_be_replaced_and_does_not_become_measured() -> None:
    transcript = started()
    transcript.take(frame("record", b"[1]", name="logits", kind="json"))
    transcript.take(frame("ready"))
    transcript.give()
    with pytest.raises(MalformedFrame, match="a second record “logits”"):
        transcript.take(frame("record", b"[2]", name="logits", kind="json"))
    assert [(record.value, record.vouched) for record in transcript.records] == [([1], Vouched.REPORTED)]


@pytest.mark.parametrize("index", [0, 1, 3, -1, True, "2", None, 1.0])
def test_only_a_code_cell_after_the_last_one_can_end(index: object) -> None:
    transcript = started()
    transcript.take(frame("cell", b"[]", index=1, status="ok"))
    with pytest.raises(MalformedFrame, match="which was not running"):
        transcript.take(frame("cell", b"[]", index=index, status="ok"))


@pytest.mark.parametrize("seconds", [-1, True, "1", 1e300, None])
def test_a_cell_takes_a_number_of_seconds(seconds: object) -> None:
    with pytest.raises(MalformedFrame, match="a time that is no number of seconds"):
        started().take(frame("cell", b"[]", index=1, status="ok", cpu_s=seconds))


def test_outputs_keep_the_fields_of_the_format_and_lose_the_rest() -> None:
    odd = [
        {"output_type": "stream", "name": "other", "text": ["a", "b"], "extra": 1},
        {"output_type": "stream", "text": 5},
        {"output_type": "display_data", "data": {"text/plain": "x", "image/png": 7, "application/json": [1]}, "metadata": None},
        {"output_type": "execute_result", "data": 3, "execution_count": "many"},
        {"output_type": "error", "ename": "E", "evalue": 5, "traceback": ["line", 6]},
        {"output_type": "script"},
    ]
    assert clean_outputs(odd) == [
        {"output_type": "stream", "name": "stdout", "text": "ab"},
        {"output_type": "display_data", "data": {"text/plain": "x", "application/json": [1]}, "metadata": {}},
        {"output_type": "execute_result", "data": {}, "metadata": {}, "execution_count": None},
        {"output_type": "error", "ename": "E", "evalue": "5", "traceback": ["line"]},
    ]


def test_the_executed_notebook_holds_the_outputs_of_this_run_and_no_stored_ones() -> None:
    stored = {"cell_type": "code", "source": "1", "outputs": [{"output_type": "stream", "text": "forged"}], "execution_count": 9}
    text = executed_notebook({"cells": [stored, {**stored}]}, {1: [{"output_type": "execute_result", "data": {}, "execution_count": None}]})
    first, second = json.loads(text)["cells"]
    assert (first["outputs"], first["execution_count"]) == ([], None)
    assert (second["outputs"][0]["execution_count"], second["execution_count"]) == (1, 1)
