"""What a notebook's cells show and how they end, run in a real child."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.inside_parent import Cell, Told, run_cells

CELLS = {
    "streams": "import sys\nprint('one')\nprint('two', file=sys.stderr)\nprint('three')\n1 + 1",
    "figure": "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nprint('drawn')",
    "notebook backend": "%matplotlib notebook\nplt.plot([3, 4])\nplt.show()\nprint('after the figure')",
    "division": "print('before')\n1 / 0",
    "goes on": "40 + 2",
    "syntax": "def (",
    "exit": "print('last words')\nexit()\nprint('never')",
    "sys.exit": "import sys\nsys.exit(3)",
    "interrupt": "raise KeyboardInterrupt",
    "broken message": "class Odd(Exception):\n    def __str__(self):\n        raise RuntimeError\nraise Odd",
    "nested": "def outer():\n    def inner():\n        raise ValueError('deep')\n    inner()\nouter()",
    "time": "%time x = 1\n%timeit -n1 -r1 x + 1",
    "capture": "%%capture caught\nprint('hidden')",
    "captured": "caught.stdout",
    "shell": "!echo out; echo err >&2; exit 3",
    "shell status": "_exit_code",
    "shell output": "word = 'there'\nlines = !echo hello $word\nlines",
    "bash": "%%bash\necho from bash\nexit 0",
    "bash fails": "%%bash\nexit 4",
    "background": "!sleep 600 &",
    "unknown magic": "%nosuchmagic",
    "async": "import asyncio\nawait asyncio.sleep(0)\nprint('awaited')",
    "display": "from IPython.display import HTML, clear_output, display\nhandle = display(HTML('<b>1</b>'), display_id=True)\nhandle.update(HTML('<b>2</b>'))",
    "clear": "print('old')\nclear_output(wait=True)\nprint('new')",
    "later update": "handle.update(HTML('<b>3</b>'))",
    "long text": "print('x' * 3_000_000)",
    "big pictures": "import os\nfor _ in range(4):\n    display({'image/png': 'A' * 3_000_000}, raw=True)",
    "many outputs": "for i in range(3000):\n    display(i)",
    "progress": "for i in range(5000):\n    print(f'\\r{i}', end='')\nprint('\\nend')",
    "odd data": "display({'application/json': {'a': float('nan')}, 'text/plain': 'odd'}, raw=True)",
    "swallows": "import time\nstart = time.process_time()\nwhile True:\n    try:\n        while True:\n            pass\n    except Exception:\n        pass",
    "fork": "import os\nif os.fork() == 0:\n    pass\nelse:\n    print('parent')",
    "thread": "import threading\nstop = threading.Event()\nthread = threading.Thread(target=lambda: (stop.wait(), print('from the thread')))\nthread.start()",
    "thread speaks": "stop.set()\nthread.join()",
    "logging": "import logging\nlogging.warning('careful')",
    "logging again": "logging.warning('still')",
    "input": "answer = input('name? ')\nimport getpass\n(answer, getpass.getpass())",
    "last": "print('done')",
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    return run_cells(tmp_path_factory.mktemp("shell"), *CELLS.values(), cell_cpu_s=1, cell_wall_s=60)


@pytest.fixture(scope="module")
def cells(told: Told) -> Mapping[str, Cell]:
    return {name: told.cells[index] for index, name in enumerate(CELLS)}


def test_every_cell_is_reported_and_the_run_ends_well(told: Told) -> None:
    assert sorted(told.cells) == list(range(len(CELLS)))
    assert told.code == 0


def test_streams_keep_their_order_and_the_last_value_follows(cells: Mapping[str, Cell]) -> None:
    outputs = cells["streams"].outputs
    assert [(output.get("name"), output.get("text")) for output in outputs[:3]] == [
        ("stdout", "one\n"),
        ("stderr", "two\n"),
        ("stdout", "three\n"),
    ]
    assert outputs[3]["data"] == {"text/plain": "2"}
    assert outputs[3]["execution_count"] == 1


def test_figures_come_as_png_whatever_backend_is_asked_for(cells: Mapping[str, Cell]) -> None:
    assert cells["figure"].pictures()[0].startswith("iVBOR")
    assert cells["notebook backend"].kinds() == ["display_data", "stream"]
    assert cells["notebook backend"].pictures()


def test_a_failed_cell_does_not_stop_the_rest(cells: Mapping[str, Cell]) -> None:
    assert (cells["division"].status, cells["division"].error) == ("error", "ZeroDivisionError: division by zero")
    assert cells["division"].text() == "before\n"
    assert cells["goes on"].outputs[0]["data"]["text/plain"] == "42"


def test_tracebacks_show_the_students_frames_only(cells: Mapping[str, Cell]) -> None:
    for name in ("nested", "swallows"):
        (error,) = [output for output in cells[name].outputs if output["output_type"] == "error"]
        text = "\n".join(error["traceback"])
        assert "Cell In[" in text
        assert "inside" not in text
        assert "\x1b" not in text


def test_a_syntax_error_names_its_line(cells: Mapping[str, Cell]) -> None:
    assert cells["syntax"].error == "SyntaxError: invalid syntax (line 1)"


@pytest.mark.parametrize(("name", "error"), [("exit", "SystemExit: "), ("sys.exit", "SystemExit: 3"), ("interrupt", "KeyboardInterrupt: ")])
def test_leaving_ends_only_the_cell(cells: Mapping[str, Cell], name: str, error: str) -> None:
    assert (cells[name].status, cells[name].error) == ("error", error)
    assert "never" not in cells[name].text()


def test_an_error_whose_message_fails_is_still_named(cells: Mapping[str, Cell]) -> None:
    assert cells["broken message"].error == "Odd: (its message cannot be shown)"


def test_magics_work_as_in_a_kernel(cells: Mapping[str, Cell]) -> None:
    assert "Wall time" in cells["time"].text()
    assert "per loop" in cells["time"].text()
    assert cells["capture"].outputs == []
    assert cells["captured"].outputs[0]["data"]["text/plain"] == "'hidden\\n'"
    assert cells["async"].text() == "awaited\n"
    assert cells["unknown magic"].error.startswith("UsageError: Line magic function `%nosuchmagic`")


def test_programs_run_with_their_output_and_status(cells: Mapping[str, Cell]) -> None:
    assert cells["shell"].text() == "out\nerr\n"
    assert cells["shell status"].outputs[0]["data"]["text/plain"] == "3"
    assert cells["shell output"].outputs[0]["data"]["text/plain"] == "['hello there']"
    assert cells["bash"].text() == "from bash\n"
    assert cells["bash fails"].error.startswith("CalledProcessError")


def test_a_program_in_the_background_does_not_hold_the_cell(cells: Mapping[str, Cell]) -> None:
    assert cells["background"].status == "ok"


def test_displays_are_updated_and_cleared(cells: Mapping[str, Cell]) -> None:
    assert [output["data"]["text/html"] for output in cells["display"].outputs] == ["<b>2</b>"]
    assert [output.get("text") for output in cells["clear"].outputs] == ["new\n"]
    assert cells["later update"].outputs[0]["data"]["text/html"] == "<b>3</b>"


def test_outputs_are_bounded_and_say_so(cells: Mapping[str, Cell]) -> None:
    assert len(cells["long text"].text()) == 1 << 20
    assert cells["long text"].text("stderr") == "[not kept: text beyond 1 MiB]\n"
    assert len(cells["big pictures"].pictures()) == 2
    assert "pictures beyond 8 MiB" in cells["big pictures"].text("stderr")
    assert len(cells["many outputs"].outputs) == 1001


def test_overwritten_progress_lines_are_folded(cells: Mapping[str, Cell]) -> None:
    assert cells["progress"].text() == "\r4999\nend\n" or cells["progress"].text() == "4999\nend\n"


def test_data_that_json_has_no_word_for_becomes_text(cells: Mapping[str, Cell]) -> None:
    assert cells["odd data"].outputs[0]["data"] == {"application/json": "{'a': nan}", "text/plain": "odd"}


def test_the_cpu_limit_ends_a_cell_that_swallows_exceptions(cells: Mapping[str, Cell]) -> None:
    assert cells["swallows"].error == "CellTimeLimit: the cell used up its 1 CPU seconds"
    assert cells["swallows"].cpu_s < 10


def test_the_wall_limit_ends_a_sleeping_cell_and_a_sleeping_program(tmp_path: Path) -> None:
    told = run_cells(tmp_path, "import time\ntime.sleep(60)", "!sleep 60", "print('next')", cell_wall_s=1)
    assert told.cells[0].error == "CellTimeLimit: the cell ran longer than its 1 seconds"
    assert told.cells[1].status == "error" or "[stopped" in told.cells[1].text()
    assert told.cells[2].text() == "next\n"


def test_a_forked_child_says_nothing_to_the_parent(told: Told, cells: Mapping[str, Cell]) -> None:
    assert cells["fork"].text() == "parent\n"
    assert told.code == 0


def test_threads_and_loggers_write_to_the_cell_that_runs(cells: Mapping[str, Cell]) -> None:
    assert cells["thread speaks"].text() == "from the thread\n"
    assert "careful" in cells["logging"].text("stderr")
    assert "still" in cells["logging again"].text("stderr")


def test_questions_get_an_empty_answer_and_a_note(cells: Mapping[str, Cell]) -> None:
    assert cells["input"].outputs[-1]["data"]["text/plain"] == "('', '')"
    assert "nobody answers" in cells["input"].text("stderr")


def test_nothing_is_left_behind_but_the_working_folder(told: Told, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert told.code == 0
    folder = next(tmp_path_factory.getbasetemp().glob("shell*"))
    assert {path.name for path in folder.iterdir()} == {"cwd", "stderr", "quiet_probe.py"}


def test_random_numbers_repeat_with_the_seed_and_change_with_another(tmp_path: Path) -> None:
    cell = "import random, numpy as np, torch\nprint(random.random(), np.random.rand(), torch.rand(1).item(), torch.get_num_threads())"
    texts = []
    for place, seed in (("a", 5), ("b", 5), ("c", 6)):
        (tmp_path / place).mkdir()
        texts.append(run_cells(tmp_path / place, cell, seed=seed).cells[0].text())
    assert texts[0] == texts[1] != texts[2]
    assert texts[0].split()[-1] == "1"
