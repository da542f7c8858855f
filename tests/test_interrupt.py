"""Ctrl-C in the middle of a batch: what is finished is kept, nothing is left running, and --resume goes on."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

from grader.cli import main
from tests.test_road import ZACHET

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300)]


def processes_with(marker: str) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if marker in words:
                found.append(words)
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="the full tier needs Linux")
def test_an_interrupted_batch_keeps_what_is_done_and_goes_on_later(tmp_path: Path) -> None:
    course = tmp_path / "course"
    rows = "".join(f"s{number};Имя {number};ИУ5-61Б;{number};ИУ5\n" for number in (1, 2))
    with pytest.raises(SystemExit):
        main(["init", str(course)])
    (course / "roster.csv").write_text("id;ФИО;группа;вариант;поток\n" + rows, encoding="utf-8")
    with pytest.raises(SystemExit):
        main(["variants", "assign", str(course / "roster.csv"), "--rule", "iu5-2026", "--assignment", "iu5_lab1", "-o", str(course / "variants.csv")])
    for name, source in (("s1", "x = 1"), ("s2", "import time\ntime.sleep(40)")):
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
        (course / "submissions" / "iu5_lab1" / name).mkdir(parents=True)
        nbformat.write(notebook, course / "submissions" / "iu5_lab1" / name / "lab.ipynb")
    command = [*ZACHET, "grade", "--course", str(course), "--jobs", "1"]
    scores = course / "results" / "scores" / "iu5_lab1"
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        deadline = time.monotonic() + 120
        while not (scores / "s1.json").exists() and time.monotonic() < deadline:
            time.sleep(0.2)
        time.sleep(2)
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=60)
    if "bubblewrap" in said:
        pytest.skip("bubblewrap is not installed")
    assert running.returncode == 130, said
    assert "--resume" in said
    assert [file.name for file in scores.glob("*.json")] == ["s1.json"]
    assert len(list((course / "results" / "evidence").iterdir())) == 1
    assert not processes_with(str(course))
    before = (scores / "s1.json").read_bytes()
    (course / "submissions" / "iu5_lab1" / "s2" / "lab.ipynb").write_bytes((course / "submissions" / "iu5_lab1" / "s1" / "lab.ipynb").read_bytes())
    again = subprocess.run([*command, "--resume"], capture_output=True, text=True, check=False)
    assert again.returncode == 1, again.stderr
    assert sorted(file.name for file in scores.glob("*.json")) == ["s1.json", "s2.json"]
    assert (scores / "s1.json").read_bytes() == before
