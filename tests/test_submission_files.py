"""Hostile folders: links, devices, names and sizes; and that nothing outside the work area is touched."""

import os
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from grader.intake.bounds import Bounds
from grader.intake.files import DiskFile
from grader.intake.says import Refused
from grader.intake.weights import KeptWeights, keep_weights
from grader.model import Outcome
from tests.handed_in import code_of, failures, names_in, only, said, take, take_one, text_of, write


@pytest.fixture
def canary(tmp_path: Path) -> Iterator[Path]:
    """Yield a folder outside of everything that must be the same after the test."""
    folder = tmp_path / "canary"
    write(folder / "secret.txt", "secret")
    before = (names_in(folder), (folder / "secret.txt").read_bytes(), names_in(tmp_path))
    yield folder
    allowed = {*before[2], "in", "work"}
    assert (names_in(folder), (folder / "secret.txt").read_bytes()) == before[:2]
    assert set(names_in(tmp_path)) <= allowed


def test_links_are_named_and_never_followed(tmp_path: Path, canary: Path) -> None:
    folder = write(tmp_path / "in" / "s01" / "lab.ipynb", text_of("x = 1")).parent
    (folder / "data.csv").symlink_to(canary / "secret.txt")
    (folder / "everything").symlink_to(canary, target_is_directory=True)
    (folder / "nowhere").symlink_to(tmp_path / "no such file")
    (folder / "round").symlink_to(folder, target_is_directory=True)
    submission = only(take(tmp_path))
    assert code_of(submission) == ["x = 1"]
    assert submission.files is None
    assert failures(submission) == ["Links to other files are not followed and were left out: data.csv, everything, nowhere, round."]


def test_a_notebook_that_is_a_link_is_not_read(tmp_path: Path, canary: Path) -> None:
    write(canary / "secret.txt", "secret")
    (tmp_path / "in" / "s01").mkdir(parents=True)
    (tmp_path / "in" / "s01" / "lab.ipynb").symlink_to(canary / "secret.txt")
    submission = only(take(tmp_path))
    assert submission.notebook is None
    assert failures(submission) == ["Links to other files are not followed and were left out: lab.ipynb."]


def test_a_students_folder_that_is_a_link_is_a_stray(tmp_path: Path, canary: Path) -> None:
    write(tmp_path / "in" / "s02" / "lab.ipynb", text_of("x = 1"))
    (tmp_path / "in" / "s01").symlink_to(canary, target_is_directory=True)
    intake = take(tmp_path)
    assert only(intake).student == "s02"
    assert [stray.rationale.en for stray in intake.strays] == ["Links to other files are not followed and were left out: s01."]


def test_pipes_and_sockets_do_not_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(tmp_path / "in" / "s01" / "lab.ipynb", text_of("x = 1")).parent
    os.mkfifo(folder / "pipe.ipynb")
    monkeypatch.chdir(folder)  # the path of a socket is short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("sock")
        submission = only(take(tmp_path))
    assert code_of(submission) == ["x = 1"]
    assert failures(submission) == ["These are not regular files (devices, pipes, sockets) and were not opened: pipe.ipynb, sock."]


def test_a_file_that_became_a_pipe_or_another_file_is_not_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a", "one")
    status = path.stat()
    seen = DiskFile(path=path, name="a", size=3, key=(status.st_dev, status.st_ino))
    assert seen.read(10) == b"one"
    keep = path.rename(tmp_path / "b")
    for swap in (lambda: os.mkfifo(path), lambda: path.symlink_to(keep), lambda: write(path, "two")):
        swap()
        with pytest.raises(Refused):
            seen.read(10)
        path.unlink()


def test_a_file_that_grows_is_read_to_the_bound_only(tmp_path: Path) -> None:
    path = write(tmp_path / "a", "x" * 1000)
    status = path.stat()
    with pytest.raises(Refused, match="larger than 100 B"):
        DiskFile(path=path, name="a", size=10, key=(status.st_dev, status.st_ino)).read(100)


def test_a_file_of_two_gigabytes_is_never_read(tmp_path: Path) -> None:
    folder = write(tmp_path / "in" / "s01" / "lab.ipynb", text_of("x = 1")).parent
    for name in ("weights.pth", "copy.ipynb"):
        with (folder / name).open("wb") as stream:
            stream.truncate(2 << 30)
    started = time.process_time()
    submission = only(take(tmp_path))
    assert time.process_time() - started < 2
    assert code_of(submission) == ["x = 1"]
    assert failures(submission) == [
        "There are too many or too big files beside the notebook; not taken: copy.ipynb.",
        "The file of weights “weights.pth” is too big (2 GiB) and was not taken: the limit is 256 MiB for a file, 512 MiB for all.",
    ]
    assert (submission.weights, submission.with_weights) == ("", None)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    write(tmp_path / "in" / "s01" / "lab.ipynb", text_of("x = 1")).chmod(0)
    assert failures(only(take(tmp_path))) == ["This could not be read: lab.ipynb."]


def test_noise_of_systems_and_tools_is_passed_over(tmp_path: Path) -> None:
    folder = write(tmp_path / "in" / "s01" / "lab.ipynb", text_of("x = 1")).parent
    write(folder / ".ipynb_checkpoints" / "lab-checkpoint.ipynb", text_of("x = 0"))
    write(folder / "__MACOSX" / "._lab.ipynb", "x")
    for name in (".DS_Store", "desktop.ini", "Thumbs.db", "._lab.ipynb", "cifar-100-python/train", ".git/config"):
        write(folder / name, "x")
    submission = only(take(tmp_path))
    assert code_of(submission) == ["x = 1"]
    assert submission.files is None
    assert not submission.problems


def test_side_files_lie_as_they_lay_beside_the_notebook(tmp_path: Path) -> None:
    folder = tmp_path / "in" / "s01"
    write(folder / "LR1" / "lab.ipynb", text_of("x = 1"))
    write(folder / "LR1" / "pics" / "a.png", "a")
    write(folder / "report.docx", "d")
    submission = only(take(tmp_path))
    assert submission.files
    kept = sorted(path.relative_to(submission.files).as_posix() for path in Path(submission.files).rglob("*") if path.is_file())
    assert kept == ["pics/a.png", "report.docx"]


def test_side_files_are_kept_up_to_the_bounds(tmp_path: Path) -> None:
    folder = write(tmp_path / "in" / "s01" / "lab.ipynb", text_of("x = 1")).parent
    for name, length in (("a", 10), ("b", 100), ("c", 10), ("d", 10)):
        write(folder / name, "x" * length)
    submission = only(take(tmp_path, bounds=Bounds(side_files=2, side_bytes=50)))
    assert submission.files
    assert names_in(submission.files) == ["a", "c"]
    (problem,) = submission.problems
    assert problem.rationale.en == "There are too many or too big files beside the notebook; not taken: b, d."
    assert problem.hint
    assert problem.hint.en == "Keep at most 2 files of 50 B in all."


def test_a_folder_of_too_many_files_still_gives_its_notebook(tmp_path: Path) -> None:
    folder = write(tmp_path / "in" / "s01" / "lab.ipynb", text_of("x = 1")).parent
    for number in range(30):
        write(folder / f"a{number:02}.txt", "")
    write(tmp_path / "in" / "s02" / "lab.ipynb", text_of("x = 2"))
    first, second = take(tmp_path, bounds=Bounds(entries=20)).submissions
    assert (code_of(first), code_of(second)) == (["x = 1"], ["x = 2"])
    assert failures(first) == ["There are too many files; only some were looked at: s01."]


def test_deep_folders_end_at_the_bound(tmp_path: Path) -> None:
    deep = tmp_path / "in" / "s01" / "/".join(["d"] * 60)
    write(deep / "lab.ipynb", text_of("x = 2"))
    write(tmp_path / "in" / "s01" / "lab.ipynb", text_of("x = 1"))
    submission = only(take(tmp_path))
    assert code_of(submission) == ["x = 1"]
    assert failures(submission) == ["The folders are nested too deeply; nothing below was looked at: d."]


def test_hostile_names_on_disk_are_shown_printably(tmp_path: Path) -> None:
    folder = write(tmp_path / "in" / "s01" / "lab.ipynb", text_of("x = 1")).parent
    write(folder / "a\nb", "x")
    write(folder / "back\\slash", "x")
    write(Path(os.fsdecode(os.fsencode(folder) + b"/\xcf\xf0.csv")), "kept")
    submission = only(take(tmp_path))
    assert submission.files
    assert [os.fsencode(name) for name in names_in(submission.files)] == [b"\xcf\xf0.csv"]
    assert failures(submission) == ["A file cannot be kept under such a name and was left out: a\ufffdb, back\\slash."]
    assert len(submission.digest) == 64


def test_names_with_blanks_of_sentences_are_only_names(tmp_path: Path) -> None:
    assert failures(take_one(tmp_path, "", "{name.__class__}.ipynb")) == ["The file “{name.__class__}.ipynb” is empty."]


def test_our_own_fault_holds_the_work_and_the_batch_goes_on(tmp_path: Path) -> None:
    write(tmp_path / "in" / "s01" / "lab.ipynb", text_of("x = 1"))
    write(tmp_path / "in" / "s02" / "lab.ipynb", text_of("x = 1"))
    broken = Bounds(cells="many")  # type: ignore[arg-type]
    first, second = take(tmp_path, bounds=broken).submissions
    for submission in (first, second):
        assert submission.notebook is None
        assert [problem.outcome for problem in submission.problems] == [Outcome.ERRORED]


def test_weights_are_kept_apart_from_the_other_files_and_belong_to_the_digest(tmp_path: Path) -> None:
    folder = write(tmp_path / "in" / "s01" / "lab.ipynb", text_of("x = 1")).parent
    write(folder / "net.py", "y = 2")
    write(folder / "runs" / "model.pth", b"weights")
    submission = only(take(tmp_path))
    assert names_in(submission.files) == ["net.py"]
    assert names_in(submission.with_weights) == ["net.py", "runs"]
    assert (submission.weights, submission.problems) == ("runs/model.pth", ())
    write(folder / "runs" / "model.pth", b"others")
    assert only(take(tmp_path)).digest != submission.digest


@pytest.mark.parametrize(
    ("code", "names", "chosen"),
    [
        ("load('a.pth'); load('b.pth')", ["a.pth", "b.pth", "c.pth"], "b.pth"),
        ("load('b.pth'); load('a.pth')", ["a.pth", "b.pth"], "a.pth"),
        ("x = 1", ["b/a.pth", "c.pth", "d.safetensors"], "c.pth"),
        ("export('model.onnx')", ["model.onnx", "model.pt"], "model.pt"),
        ("export('model.onnx')", ["model.onnx"], "model.onnx"),
        ("load('last.ckpt')", ["best.ckpt", "last.ckpt"], "last.ckpt"),
        ("load('best_model.pth')", ["best_model.pth", "model.pth"], "best_model.pth"),
        ("load('best-model.pth'); load('model.pth')", ["best-model.pth", "model.pth"], "model.pth"),
        ("load('old.model.pth')", ["a.pth", "model.pth"], "a.pth"),
        ("load('model.ckpt.pth')", ["model.ckpt", "model.ckpt.pth"], "model.ckpt.pth"),
        ("load('my model.pth')", ["model.pth", "my model.pth"], "my model.pth"),
        ("load('./model.pth')", ["a.pth", "model.pth"], "model.pth"),
        ("# Saved to model.pth.", ["a.pth", "model.pth"], "model.pth"),
        ("load('/content/weights/model.pth')", ["a.pth", "weights/model.pth"], "weights/model.pth"),
        ("load('b/model.pth')", ["a/model.pth", "b/model.pth", "model.pth"], "b/model.pth"),
        ("load('b/model.pth'); load('model.pth')", ["b/model.pth", "model.pth"], "model.pth"),
    ],
)
def test_of_several_weights_one_counts_and_the_report_says_which(tmp_path: Path, code: str, names: list[str], chosen: str) -> None:
    folder = write(tmp_path / "in" / "s01" / "lab.ipynb", text_of(code)).parent
    for name in names:
        write(folder / name, name.encode())
    submission = only(take(tmp_path))
    assert submission.weights == chosen
    assert [f"“{chosen}”" in sentence for sentence in said(submission.problems)] == [True] * (len(names) > 1)
    assert not failures(submission)


def test_weights_beyond_the_bounds_are_refused_and_leave_nothing(tmp_path: Path) -> None:
    folder = write(tmp_path / "in" / "s01" / "lab.ipynb", text_of("x = 1")).parent
    for name in ("a.pth", "b.pth"):
        write(folder / name, bytes(60))
    submission = only(take(tmp_path, bounds=Bounds(weights_bytes=80, all_weights_bytes=100)))
    assert submission.weights == "a.pth"
    assert names_in(submission.with_weights) == ["a.pth"]
    assert [sentence for sentence in failures(submission) if "“b.pth” is too big" in sentence]


def keep(folder: Path, *items: DiskFile, bounds: Bounds | None = None) -> KeptWeights:
    """Keep the weights of a hand-in whose files all come to lie beside the notebook."""
    return keep_weights([((item.name,), item) for item in items], text_of("x = 1"), folder / "files", folder / "kept", bounds or Bounds())


def seen(path: Path, size: int, *, moved: bool = False) -> DiskFile:
    """Return a file as it was seen when it had `size` bytes, and where it was `moved`, before another one took its place."""
    status = path.stat()
    return DiskFile(path=path, name=path.name, size=size, key=(status.st_dev, status.st_ino + moved))


def test_weights_that_lie_about_their_size_are_refused_and_leave_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "a.pth", bytes(1000))
    kept = keep(tmp_path, seen(path, 10), bounds=Bounds(weights_bytes=100))
    assert said(kept.problems) == ["The file of weights “a.pth” is too big (101 B) and was not taken: the limit is 100 B for a file, 512 MiB for all."]
    assert (kept.chosen, kept.kept) == ("", ())
    assert names_in(tmp_path / "kept") == []


def test_weights_that_are_refused_leave_those_of_the_same_name_alone(tmp_path: Path) -> None:
    good, other = write(tmp_path / "m.pth", b"good"), write(tmp_path / "a" / "m.pth", b"other")
    kept = keep(tmp_path, seen(good, 4), seen(other, 5, moved=True))
    assert (tmp_path / "kept" / "m.pth").read_bytes() == b"good"
    assert (kept.chosen, len(kept.kept)) == ("m.pth", 1)
    assert said(kept.problems) == ["The name occurs twice; the first file was taken, the others were left out: m.pth."]
    kept = keep(tmp_path / "a", seen(other, 5, moved=True))
    assert said(kept.problems) == ["This could not be read: m.pth."]
    assert names_in(tmp_path / "a" / "kept") == []


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="there is no file here that opens and cannot be read")
def test_weights_that_a_disk_does_not_give_are_named_and_the_intake_goes_on(tmp_path: Path) -> None:
    memory = Path("/proc/self/mem").resolve()
    kept = keep(tmp_path, replace(seen(memory, 0), name="a.pth"), seen(write(tmp_path / "b.pth", b"b"), 1))
    assert said(kept.problems) == ["This could not be read: a.pth."]
    assert (kept.chosen, names_in(tmp_path / "kept")) == ("b.pth", ["b.pth"])


def test_weights_are_kept_up_to_the_bound_on_files_the_nearest_first(tmp_path: Path) -> None:
    folder = write(tmp_path / "in" / "s01" / "lab.ipynb", text_of("x = 1")).parent
    for name in ("a/1.pth", "a/2.pth", "b.pth", "c.pth"):
        write(folder / name, name)
    submission = only(take(tmp_path, bounds=Bounds(side_files=3)))
    assert names_in(submission.with_weights) == ["a", "b.pth", "c.pth"]
    (problem,) = [problem for problem in submission.problems if problem.outcome is Outcome.FAILED]
    assert problem.rationale.en == "There are too many or too big files beside the notebook; not taken: a/2.pth."
    assert problem.hint
    assert problem.hint.en == "Keep at most 3 files of 512 MiB in all."
