"""Hands in a notebook with weights, and grades it as `zachet grade --mode` does: intake, sandbox, evidence, score."""

import json
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from grader.assignment import load_assignment, load_checks
from grader.datasets import prepare_view, public_images, public_labels, synthetic_root
from grader.evidence import Evidence
from grader.model import Finding, Isolation, Language, Score, Submission, View
from grader.pipeline import Setting, grade
from grader.sandbox import WarmStart
from grader.setting import MODES
from grader.submission import take_in
from tests.sandbox_jobs import notebook_of
from variants.manifest import Variant
from variants.roster import Student

CLASSES = (0, 55, 58)
STUDENT = Student(id="s01", name="", group="", number=None, stream="")
VARIANT = Variant(student=STUDENT, assignment="assignment", rule="", classes=CLASSES)
MAKER = Path(__file__).parent / "makes_weights.py"

DATA = """
import pickle, numpy as np, torch
from torch import nn
CLASSES = [0, 55, 58]
with open("cifar-100-python/train", "rb") as stream:
    content = pickle.load(stream, encoding="latin1")
chosen = np.isin(content["fine_labels"], CLASSES)
train_X = torch.tensor(content["data"][chosen].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).copy())
train_y = torch.tensor(np.unique(np.array(content["fine_labels"])[chosen], return_inverse=True)[1])
"""
NET = """
class Net(nn.Module):
    def __init__(self, hidden=16):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(3072, hidden), nn.ReLU(), nn.Linear(hidden, 3))

    def forward(self, x):
        return self.layers(x.float() / 255 - 0.5)
"""
MODEL = "model = Net()"
TRAINING = """
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
for step in range(120):
    rows = torch.arange(step * 64, step * 64 + 64) % len(train_y)
    loss = nn.functional.cross_entropy(model(train_X[rows]), train_y[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""
CELLS = (DATA, NET, MODEL, TRAINING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Graded:
    """What came of one hand-in."""

    evidence: Evidence
    score: Score

    def note(self, check: str) -> Finding:
        return next(note for note in self.score.notes if note.check == check)

    def said(self, check: str, language: Language = "en") -> str:
        """Return what the report says of the weights, and what was seen."""
        note = self.note(check)
        return f"{note.rationale.of(language)} | {note.actual}"

    @property
    def accuracy(self) -> float:
        """The accuracy that was measured; 0 where there was none."""
        finding = self.score.criteria[1].findings[0]
        return float(finding.actual) if self.evidence.has("logits") else 0.0


def make_weights(folder: Path) -> Path:
    """Let a process of its own write the files of weights; return their folder."""
    data = synthetic_root()
    np.savez(folder / "images.npz", images=public_images(data, View.SEALED, CLASSES), labels=public_labels(data, View.SEALED, CLASSES))
    out = folder / "weights"
    out.mkdir()
    subprocess.run([sys.executable, str(MAKER), str(folder / "images.npz"), str(out)], check=True, timeout=120)
    return out


def make_setting(folder: Path, warm: WarmStart) -> Setting:
    data = synthetic_root()
    assignment = load_assignment("assignment", [Path(__file__).parent])
    return Setting(
        assignment=assignment, checks=load_checks(assignment), isolation=Isolation.FULL, limits=assignment.limits, secret=b"test",
        store=folder / "evidence", data=data, prepared=prepare_view(data, View.SEALED), view=View.SEALED, stop=threading.Event(), warm=warm,
    )  # fmt: skip


def submission_of(folder: Path, files: Mapping[str, Path | str | None], cells: Sequence[str] = CELLS) -> Submission:
    """Take in a hand-in of `cells` and `files` (a path is copied, text is written, None is a sparse file of 3 GB)."""
    place = folder / "in" / "s01"
    place.mkdir(parents=True)
    (place / "lab.ipynb").write_text(notebook_of(*cells), encoding="utf-8")
    for name, content in files.items():
        if content is None:
            with (place / name).open("wb") as stream:
                stream.truncate(3 << 30)
        else:
            (place / name).write_bytes(content.read_bytes() if isinstance(content, Path) else content.encode())
    return take_in([place], assignment="assignment", roster=[STUDENT], work=folder / "work").submissions[0]


def hand_in(
    setting: Setting, folder: Path, files: Mapping[str, Path | str | None], *, cells: Sequence[str] = CELLS, mode: str = "load"
) -> Graded:
    """Grade a hand-in in one of the modes."""
    evidence, score = grade(submission_of(folder, files, cells), VARIANT, replace(setting, modes=MODES[mode]))
    return Graded(evidence=evidence, score=score)


def left_cells(graded: Graded) -> list[int]:
    """Return the cells in which the run says that training was left out."""
    facts = graded.evidence.record("loaded")
    assert isinstance(facts, dict)
    left = json.loads(json.dumps(facts["left"]))
    return [item["cell"] for item in left if item["why"] == "trains"]
