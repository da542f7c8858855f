"""Notebooks that bring weights, in every form: what of them is run, which module is found, how images are shown, and both modes together."""

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from grader.cohort import Results, grade_cohort, rescore
from grader.model import Isolation, Mode, Outcome, Score, Verdict
from grader.pipeline import Setting
from grader.scores import from_json
from grader.setting import MODES
from tests.loading.handing_in import (
    CELLS,
    DATA,
    MODEL,
    NET,
    TRAINING,
    VARIANT,
    hand_in,
    left_cells,
    submission_of,
)
from tests.sandbox_jobs import need, notebook_of

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300)]

LEARNT = 0.6
LABS = Path(__file__).parent / "loading"
FIT = "def fit(model):\n" + "\n".join(f"    {line}" for line in TRAINING.splitlines())
MANY = 'best = 3 if __name__ == "__main__" else 4\nif __name__ == "__main__":\n    model = Net()\n    fit(model)\n    print("after", best)'
CLASS = "class Trainer:\n    def __init__(self):\n        self.net = Net()\n    def run(self):\n        fit(self.net)\n        return 0.5\nscore = Trainer().run()"
HIDDEN = "def study(width):\n    network = Net(hidden=width)\n    fit(network)\nresults = [study(width) for width in (8, 12, 16)]"
EVALUATE = "with torch.no_grad():\n    print((model(train_X).argmax(1) == train_y).float().mean())"
PLANES = """
import torch
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(3072, 16), nn.ReLU(), nn.Linear(16, 3))

    def forward(self, x):
        return self.layers(x.permute(0, 2, 3, 1) - 0.5)
"""
DOT_PY = NET.replace("class Net", "import torch\nfrom torch import nn\n\n\nclass Net")


def case(*cells: str, left: Sequence[int] = (), where: str = "") -> object:
    return pytest.param(cells, (list(left), where))


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        case(*CELLS, left=[3], where="model"),
        case(DATA, NET, FIT, MODEL, "%%time\nhistory = fit(model)\nprint('after')", "%time fit(model)", "%%capture out\nfit(model)", left=[4, 5, 6], where="model"),
        case(DATA, NET, FIT, MODEL, "history = fit(model)", "history[0]", left=[4], where="model"),
        case(DATA, NET, FIT, MANY, left=[3], where="model"),
        case(DATA, NET, FIT, CLASS, "print(score)", left=[3], where=""),
        case(DATA, NET, FIT, HIDDEN, left=[3], where="Net(hidden=width) (width = 16)"),
        case(DATA, NET, MODEL, TRAINING, EVALUATE, "model = 'done'", left=[3], where=""),
        case(DATA, NET, "other = Net(hidden=5)", "net = Net()", MODEL.replace("model", "unused"), EVALUATE.replace("model", "net"), where="net"),
        case(DATA, NET, "model = torch.compile(Net())", TRAINING, left=[3], where="model"),
        case(DATA, "from net import Net", MODEL, TRAINING, left=[3], where="model"),
        case(DATA, "import net as parts", where="Net()"),
        case(DATA, NET, MODEL, "model.load_state_dict(torch.load('model.pth', weights_only=True))", EVALUATE, where="model"),
    ],
    ids=["plain", "magics", "function", "main", "class", "local", "string", "several", "compiled", "py", "only_the_class", "only_loading"],
)
def test_the_definitions_are_enough(
    setting: Setting, weights: Path, tmp_path: Path, cells: Sequence[str], expected: tuple[list[int], str]
) -> None:
    left, where = expected
    graded = hand_in(setting, tmp_path, {"model.pth": weights / "good.pth", "net.py": DOT_PY}, cells=cells)
    facts = graded.evidence.record("loaded")
    assert isinstance(facts, dict)
    assert (facts["problem"], facts["where"]) == ("", where), facts
    assert left_cells(graded) == left
    assert graded.accuracy > LEARNT, graded.said("weights_loaded")
    assert [cell.status for cell in graded.evidence.cells] == ["ok"] * len(cells), graded.evidence.execution.cells
    assert graded.note("weights_compared").outcome is Outcome.SKIPPED
    assert "not from sealed data" in graded.said("weights_compared")


def test_hand_written_training_runs_to_its_end(setting: Setting, weights: Path, tmp_path: Path) -> None:
    by_hand = "w = torch.zeros(2, requires_grad=True)\nfor _ in range(50):\n    ((w - 1) ** 2).sum().backward()\n    with torch.no_grad():\n        w -= 0.2 * w.grad\n    w.grad.zero_()\nassert (w - 1).abs().max() < 1e-3"
    graded = hand_in(setting, tmp_path, {"model.pth": weights / "good.pth"}, cells=(*CELLS, by_hand))
    assert [cell.error for cell in graded.evidence.cells] == [""] * 5
    assert left_cells(graded) == [3]


def test_what_an_error_owes_to_the_missing_training_is_said(setting: Setting, weights: Path, tmp_path: Path) -> None:
    graded = hand_in(setting, tmp_path, {"model.pth": weights / "good.pth"}, cells=(*CELLS, "runs = []", "min(runs)"))
    note = graded.note("cells_ran")
    assert note.outcome is Outcome.FAILED
    assert note.hint is not None
    assert note.hint.en.startswith("Nothing was trained here")


def test_where_nobody_feeds_the_model_the_presentation_is_tried_on_public_images(setting: Setting, weights: Path, tmp_path: Path) -> None:
    graded = hand_in(setting, tmp_path, {"model.pth": weights / "good.pth"}, cells=(PLANES, MODEL))
    assert "NCHW, 0..1" in graded.said("weights_loaded")
    assert "The labels of the hidden images had no part in it." in graded.said("weights_loaded")
    assert graded.accuracy > LEARNT


def test_a_made_up_example_does_not_hide_how_the_model_is_fed(setting: Setting, weights: Path, tmp_path: Path) -> None:
    made_up = "model(torch.randn(1, 32, 32, 3))"
    graded = hand_in(setting, tmp_path, {"model.pth": weights / "good.pth"}, cells=(DATA, NET, MODEL, made_up, EVALUATE, made_up))
    assert isinstance(graded.evidence.note("presentation"), dict)
    assert graded.accuracy > LEARNT


def test_only_made_up_examples_lead_to_the_trial(setting: Setting, weights: Path, tmp_path: Path) -> None:
    graded = hand_in(setting, tmp_path, {"model.pth": weights / "good.pth"}, cells=(DATA, NET, MODEL, "model(torch.randn(64, 32, 32, 3))"))
    assert "NHWC, 0..255" in graded.said("weights_loaded")
    assert graded.accuracy > LEARNT


def test_an_onnx_model_is_run_where_its_library_is_installed(setting: Setting, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    (tmp_path / "model.onnx").write_bytes(flat_onnx())
    graded = hand_in(setting, tmp_path, {"model.onnx": tmp_path / "model.onnx"}, cells=(DATA, NET))
    assert "“model.onnx” was loaded" in graded.said("weights_loaded")
    assert graded.evidence.array("logits").shape == (300, 3)


def flat_onnx() -> bytes:
    """Return the smallest graph that takes images (n, 3072) and gives three numbers: y = x W, W all one row."""

    def part(number: int, content: bytes | int) -> bytes:
        if isinstance(content, int):
            return varint(number << 3) + varint(content)
        return varint(number << 3 | 2) + varint(len(content)) + content

    def varint(value: int) -> bytes:
        low, rest = value & 0x7F, value >> 7
        return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])

    def shaped(name: bytes, *sides: bytes) -> bytes:
        dims = b"".join(part(1, side) for side in sides)
        return part(1, name) + part(2, part(1, part(1, 1) + part(2, dims)))

    node = part(1, b"x") + part(1, b"w") + part(2, b"y") + part(4, b"MatMul")
    weight = part(1, 3072) + part(1, 3) + part(2, 1) + part(8, b"w") + part(9, bytes(3072 * 3 * 4))
    graph = part(1, node) + part(2, b"g") + part(5, weight)
    graph += part(11, shaped(b"x", part(2, b"n"), part(1, 3072))) + part(12, shaped(b"y", part(2, b"n"), part(1, 3)))
    return part(1, 8) + part(7, graph) + part(8, part(1, b"") + part(2, 13))


class TestBoth:
    def test_weights_that_the_code_makes_agree(self, setting: Setting, weights: Path, tmp_path: Path) -> None:
        graded = hand_in(setting, tmp_path, {"model.pth": weights / "good.pth"}, mode="both")
        assert (graded.evidence.mode, [run.mode for run in graded.evidence.further]) == (Mode.RETRAIN, [Mode.LOAD])
        assert graded.score.further == (graded.evidence.further[0].digest,)
        note = graded.note("weights_compared")
        assert note.outcome is Outcome.PASSED, note
        assert "sealed data" in note.rationale.en

    def test_untrained_weights_are_a_question_for_the_defence_and_cost_nothing(self, setting: Setting, weights: Path, tmp_path: Path) -> None:
        graded = hand_in(setting, tmp_path, {"model.pth": weights / "untrained.pth"}, mode="both")
        note = graded.note("weights_compared")
        assert note.outcome is Outcome.PENDING
        assert "look initial" in note.rationale.en
        assert "worse" in note.rationale.en
        assert graded.score.verdict is Verdict.PASSED
        assert graded.score.earned == graded.score.points

    def test_weights_of_another_model_are_a_question_too(self, setting: Setting, weights: Path, tmp_path: Path) -> None:
        graded = hand_in(setting, tmp_path, {"model.pth": weights / "wider.pth"}, mode="both")
        assert "the shape [16, 3072] in the notebook and [24, 3072] in the file" in graded.said("weights_compared")
        assert graded.note("weights_compared").outcome is Outcome.PENDING

    def test_the_run_that_trains_does_not_see_the_weights(self, setting: Setting, weights: Path, tmp_path: Path) -> None:
        looking = "import pathlib\nfound = [str(p) for p in (*pathlib.Path('.').rglob('*.pth'), *pathlib.Path('/in').rglob('*'))]\nprint('seen', found)"
        graded = hand_in(setting, tmp_path, {"model.pth": weights / "good.pth", "notes.txt": "n"}, cells=(*CELLS, looking), mode="both")
        assert "model.pth" not in graded.evidence.notebook.partition("seen")[2]
        assert "notes.txt" in graded.evidence.notebook.partition("seen")[2]
        assert "model.pth" in graded.evidence.further[0].notebook.partition("seen")[2]

    def test_without_weights_there_is_nothing_to_compare(self, setting: Setting, tmp_path: Path) -> None:
        graded = hand_in(setting, tmp_path, {}, mode="both")
        assert graded.said("weights_loaded").startswith("There is no file of weights beside the notebook.")
        assert graded.score.earned == graded.score.points


def test_training_alone_says_that_the_weights_were_not_looked_at(setting: Setting, weights: Path, tmp_path: Path) -> None:
    graded = hand_in(setting, tmp_path, {"model.pth": weights / "wider.pth"}, mode="retrain")
    assert graded.note("weights_loaded").outcome is Outcome.SKIPPED
    assert graded.said("weights_loaded").startswith("“model.pth” was not loaded")
    assert graded.score.earned == graded.score.points


def test_a_batch_is_resumed_with_the_runs_that_its_mode_lacks_and_scored_again_to_the_same_bytes(
    setting: Setting, weights: Path, tmp_path: Path
) -> None:
    submission = submission_of(tmp_path, {"model.pth": weights / "good.pth"})
    results = Results(root=tmp_path / "results", assignment="assignment")

    def grade(mode: str, *, resume: bool) -> bool:
        asked = replace(setting, modes=MODES[mode], store=results.store, stop=threading.Event())
        (done,) = grade_cohort([(submission, VARIANT)], asked, results, jobs=1, language="en", resume=resume)
        assert done.error is None
        return done.reused

    def kept() -> Score:
        return from_json(json.loads((results.scores / "s01.json").read_text(encoding="utf-8")))

    assert not grade("load", resume=False)
    assert not grade("retrain", resume=True)
    trained = kept()
    assert not grade("both", resume=True)
    assert (kept().evidence, len(kept().further)) == (trained.evidence, 1)
    assert grade("both", resume=True)
    before = (results.scores / "s01.json").read_bytes()
    assert b"weights_compared" in before
    assert [done.error for done in rescore(setting.assignment, setting.checks, results, language="en")] == [None]
    assert (results.scores / "s01.json").read_bytes() == before


def test_a_student_checks_weights_that_lie_beside_the_notebook(weights: Path, tmp_path: Path) -> None:
    need(Isolation.FULL)
    (tmp_path / "lab.ipynb").write_text(notebook_of(DATA, "from net import Net", MODEL, TRAINING), encoding="utf-8")
    (tmp_path / "net.py").write_text(DOT_PY, encoding="utf-8")
    shutil.copy(weights / "good.pth", tmp_path / "model.pth")
    command = [sys.executable, "-I", "-c", "from grader.cli import main; main()", "check", str(tmp_path / "lab.ipynb")]
    command += ["--assignments", str(LABS), "--assignment", "assignment", "--classes", "0,55,58", "--language", "en", "--mode"]
    done = subprocess.run([*command, "load"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "“model.pth” was loaded into the model Net" in done.stdout
    other = subprocess.run([*command, "load", "--weights", str(weights / "page.pth")], capture_output=True, text=True, check=False)
    assert other.returncode == 1, other.stderr
    assert "“page.pth” holds a web page, not weights" in other.stdout
    none = subprocess.run([*command, "both", "--weights", str(tmp_path / "gone.pth")], capture_output=True, text=True, check=False)
    assert none.returncode == 2
    assert "There is no such file of weights." in none.stderr
