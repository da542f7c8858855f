"""Seconds per submission: loading the weights that were handed in against training again, Lab 1's solution, warm, one after another.

    python benchmarks/load_mode.py [--data-root DIR] [--runs N]

The weights are those that the first training run made (in half precision, printed by its last cell), so `both` has to agree.
"""

import argparse
import base64
import json
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import nbformat
from lab1 import setting, solution, student

from grader.checks.handed_in import compare
from grader.evidence import Evidence
from grader.model import Mode, Submission, View
from grader.pipeline import Setting, run_and_freeze
from grader.sandbox import WarmStart

_PRINT = """
import base64, io
saved = io.BytesIO()
torch.save({name: value.half() for name, value in model.state_dict().items()}, saved)
print("weights:" + base64.b64encode(saved.getvalue()).decode())
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-root", type=Path, default=None)
    parser.add_argument("--runs", type=int, default=5, help="Load runs; the training is run twice.")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as work, WarmStart() as warm:
        shared = replace(setting(arguments.data_root, View.SEALED, Path(work) / "evidence"), warm=warm)
        submission = _printing(solution(student("s01"), Path(work)))
        first, again = (_timed(submission, shared, Mode.RETRAIN) for _ in range(2))
        handed_in = _with_weights(submission, first[0], Path(work) / "with_weights")
        loads = [_timed(handed_in, shared, Mode.LOAD) for _ in range(arguments.runs + 1)][1:]
    print(f"data: {shared.data.name if shared.data else '-'}; torch {first[0].execution.environment['torch']}")
    print(f"retrain: {again[1]:6.1f} s, {again[0].execution.cpu_s:6.1f} CPU s ({again[0].execution.start})")
    seconds = [took for _, took in loads]
    used = statistics.median(run.execution.cpu_s for run, _ in loads)
    print(f"load:    {statistics.median(seconds):6.2f} s (median of {len(loads)}: {min(seconds):.2f}-{max(seconds):.2f}), {used:.2f} CPU s")
    print(f"load is {again[1] / statistics.median(seconds):.1f} times faster")
    note = compare(first[0], loads[-1][0], shared.assignment)
    print(f"accuracy retrained / handed in: {note.actual}; {note.outcome}: {note.rationale.en}")


def _printing(submission: Submission) -> Submission:
    path = Path(str(submission.notebook))
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(_PRINT))
    nbformat.write(notebook, path)
    return submission


def _timed(submission: Submission, shared: Setting, mode: Mode) -> tuple[Evidence, float]:
    started = time.monotonic()
    evidence = run_and_freeze(submission, student("s01"), shared, 0, mode)
    return evidence, time.monotonic() - started


def _with_weights(submission: Submission, trained: Evidence, folder: Path) -> Submission:
    outputs = json.loads(trained.notebook)["cells"][-1]["outputs"]
    text = "".join("".join(output.get("text", "")) for output in outputs)
    folder.mkdir()
    (folder / "model.pth").write_bytes(base64.b64decode(text.partition("weights:")[2]))
    return replace(submission, with_weights=str(folder), weights="model.pth")


if __name__ == "__main__":
    main()
