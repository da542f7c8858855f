"""The parts of the child that need no child: outputs, epochs, rewriting, the clock without timers, plain data."""

import ast
import math
import os
import signal
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from grader.inside import rewriting
from grader.inside.epochs import Epochs, small_copy
from grader.inside.limits import CellClock, CellTimeLimit
from grader.inside.outputs import MOST_TEXT, CellOutputs, settle
from grader.inside.rewriting import CUT, CellRewriter
from grader.inside.session import rebound
from grader.inside.wire import Wire, WireClosed, plain


@pytest.mark.parametrize(
    ("written", "shown"),
    [("a\rb\rc", "c"), ("10%\r100%\ndone", "100%\ndone"), ("line\r\nnext\r\n", "line\nnext\n"), ("kept\r", "kept\r"), ("\r 5%|", " 5%|")],
)
def test_carriage_returns_settle_to_what_a_terminal_shows(written: str, shown: str) -> None:
    assert settle(written) == shown


def test_a_long_progress_bar_does_not_use_up_the_text() -> None:
    outputs = CellOutputs()
    for step in range(20_000):
        outputs.write("stderr", f"\r{step:>100}")
    outputs.write("stdout", "result\n")
    assert [output["text"].strip() for output in outputs.finish()] == ["19999", "result"]


def test_updates_of_one_display_count_once() -> None:
    outputs = CellOutputs()
    outputs.show("display_data", {"text/html": "x" * 1000}, None, display_id="a")
    for _ in range(3 * MOST_TEXT // 1000):
        outputs.update("a", {"text/html": "y" * 1000}, None)
    (shown,) = outputs.finish()
    assert shown["data"]["text/html"] == "y" * 1000


def test_an_epoch_lasts_while_the_watched_names_keep_their_bindings() -> None:
    namespace: dict[str, object] = {}
    epochs = Epochs(namespace, ("weights",))
    first, second = np.zeros(3), np.zeros(3)
    changes: list[dict[str, object]] = [{}, {"weights": first}, {"other": 1}, {"weights": second, "other": 2}]
    for cell, change in enumerate(changes):
        epochs.cell_started(cell)
        namespace.update(change)
        epochs.note()
    assert [(epoch.first_cell, epoch.last_cell) for epoch in epochs.epochs] == [(0, 0), (1, 2), (3, 3)]
    assert epochs.epochs[1].names == {"weights": first, "other": 1}
    assert epochs.epochs[1].names["weights"] is first


def test_large_data_and_private_names_are_left_out_of_epochs() -> None:
    large = np.zeros(5 << 20, dtype=np.uint8)
    names = {"_i": 1, "x": 2, "large": large, "held": {"data": large}, "small": [np.zeros(3)], "f": len}
    assert set(small_copy(names)) == {"x", "small", "f"}


def cuts(source: str) -> int:
    tree = CellRewriter(("w", "forward")).visit(ast.parse(source))
    return sum(isinstance(node, ast.Name) and node.id == CUT for node in ast.walk(tree))


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("w = 1", 0),
        ("w = 1\nforward = 2", 0),
        ("w = 1\nw = 2", 1),
        ("w = 1\nfor i in range(3):\n    w = w + i", 1),
        ("w = 1\ndef forward(x): pass\nclass forward: pass", 1),
        ("w = 1\ndef f():\n    w = 2", 0),
        ("w = 1\n[w for w in range(3)]", 0),
    ],
)
def test_a_cell_is_cut_before_a_watched_name_is_bound_again(source: str, count: int) -> None:
    assert cuts(source) == count


def test_the_code_keeps_its_lines_when_imports_are_guarded() -> None:
    tree = CellRewriter(()).visit(ast.parse("import a, b.c as d\nfrom e import *\nx = 1"))
    assert [node.lineno for node in tree.body] == [1, 1, 2, 3]
    compile(tree, "cell", "exec")


def test_a_future_import_stays_the_first_statement() -> None:
    compile(CellRewriter(()).visit(ast.parse("from __future__ import annotations\nimport math")), "cell", "exec")


def test_the_names_of_a_missing_import_stand_for_the_module(capsys: pytest.CaptureFixture[str]) -> None:
    missing: list[str] = []
    rewriting.install(missing.append, lambda: None)
    namespace: dict[str, object] = {}
    exec(compile(CellRewriter(()).visit(ast.parse("import nosuch.part as np2, math as m")), "cell", "exec"), namespace)  # noqa: S102
    assert missing == ["nosuch"]
    assert namespace["m"] is math
    assert repr(namespace["np2"]) == "<module 'nosuch' is not installed here>"
    assert "np2 cannot be used" in capsys.readouterr().err


def test_a_function_sees_replaced_names_and_so_do_those_it_calls() -> None:
    world: dict[str, object] = {"w": 1}
    exec("def inner(x):\n    return w * x\ndef outer(x, *, k=2):\n    return inner(x) + k", world)  # noqa: S102
    outer = world["outer"]
    assert callable(outer)
    assert rebound(outer, world, {"w": 10})(3) == 32
    assert outer(3) == 5
    assert rebound(math.sqrt, world, {})(4) == 2


def spin() -> None:
    while True:
        pass


@pytest.fixture
def _handlers() -> Iterator[None]:
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_handlers")
@pytest.mark.parametrize(("cpu_s", "wall_s", "words"), [(0.2, 60.0, "0.2 CPU seconds"), (60.0, 0.2, "0.2 seconds")])
def test_limits_hold_where_the_system_has_no_timers(cpu_s: float, wall_s: float, words: str) -> None:
    clock = CellClock(cpu_s, wall_s, timers=False)
    clock.arm()
    with pytest.raises(CellTimeLimit, match=words):
        spin()
    clock.disarm()


@pytest.mark.parametrize(
    ("value", "json"),
    [(np.float32(0.5), 0.5), (float("nan"), "nan"), ((1, np.int64(2)), [1, 2]), ({1: {True}}, {"1": "{True}"}), (None, None)],
)
def test_plain_data_is_what_json_knows(value: object, json: object) -> None:
    assert plain(value) == json


@pytest.mark.parametrize(
    ("array", "dtype"),
    [
        (np.zeros((2, 3), np.float16), b"<f4"),
        (np.zeros((), np.float64), b"<f8"),
        (np.zeros(3, bool), b'"?"'),
        (np.zeros(3, np.uint16), b"<i4"),
        (np.arange(6, dtype=">i8").reshape(2, 3).T, b"<i8"),
    ],
)
def test_arrays_leave_in_a_dtype_of_the_protocol(tmp_path: Path, array: np.ndarray[tuple[int, ...], np.dtype[np.generic]], dtype: bytes) -> None:
    sent = tmp_path / "sent"
    descriptor = os.open(sent, os.O_CREAT | os.O_WRONLY)
    Wire(descriptor, descriptor).send_array("a", array)
    os.close(descriptor)
    content = sent.read_bytes()
    (length,) = struct.unpack(">I", content[:4])
    assert dtype in content[4 : 4 + length]
    assert str(list(array.shape)).encode() in content[4 : 4 + length]


def test_objects_are_no_array_to_send_and_a_closed_wire_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    descriptor = os.open(tmp_path / "empty", os.O_RDONLY)
    wire = Wire(descriptor, -1)
    with pytest.raises(ValueError, match="object"):
        wire.send_array("a", np.array([{}]))
    with pytest.raises(WireClosed):
        wire.receive()
    with pytest.raises(WireClosed):
        wire.send({"type": "done"})
    os.close(descriptor)
