"""`zachet calibrate`: from variants to thresholds.json, both engines, and everything that people get wrong."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest

from grader.assignment import load_assignment
from grader.calibration import Bench, calibrate_fast, calibrate_true, distinct, recipe_of
from grader.content import content_dir
from grader.course import read_course
from grader.datasets import find_data_root, prepare_view
from grader.errors import AssignmentError, ConfigurationError, DataError
from grader.model import Isolation, View
from grader.mutants import make_baseline
from grader.setting import Options, make_setting
from grader.thresholds import read_thresholds
from tests.commands import run
from tests.datasets_samples import write_sample

LAB = content_dir("assignments") / "iu5_lab1"
_real = os.environ.get("ZACHET_TEST_DATA", "")


@pytest.fixture
def course(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A course of three students, two of them with one set of classes, and the lab with a recipe of three epochs."""
    folder = tmp_path / "course"
    assert run(capsys, "init", folder)[0] == 0
    rows = "s01,A,r,0,55,58\ns02,B,r,16,22,57\ns03,C,r,58,55,0\n"
    (folder / "variants.csv").write_text(f"id,name,rule,class_1,class_2,class_3\n{rows}", encoding="utf-8")
    shutil.copytree(LAB, folder / "assignments" / "iu5_lab1")
    edit(folder / "assignments" / "iu5_lab1" / "assignment.toml", "epochs = 250", "epochs = 3")
    return folder


def edit(file: Path, find: str, replace: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert find in text
    file.write_text(text.replace(find, replace), encoding="utf-8")


def calibrate(capsys: pytest.CaptureFixture[str], course: Path, *more: str | Path) -> tuple[int, str, str]:
    return run(capsys, "calibrate", "--course", course, "--seeds", "2", "--device", "cpu", "--jobs", "1", *more)


def test_the_course_s_sets_of_classes_are_calibrated_into_the_course(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = calibrate(capsys, course)
    assert code == 0
    assert "synthetic" in err
    assert "0, 55, 58" in out
    made = read_thresholds(course / "thresholds" / "iu5_lab1.json")
    assert set(made.variants) == {"0,55,58", "16,22,57"}
    assert {variant.n + len(variant.set_aside) for variant in made.variants.values()} == {2}
    assert (made.view, made.engine, made.data_name) == (View.SEALED, "fast", "cifar100-synthetic")
    assert all(len(bytes.fromhex(variant.hits)) * 8 >= variant.hidden for variant in made.variants.values())


def test_what_is_calibrated_is_kept_and_more_is_added(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = course / "thresholds" / "iu5_lab1.json"
    calibrate(capsys, course)
    before = file.read_bytes()
    calibrate(capsys, course, "--quiet")
    assert file.read_bytes() == before
    calibrate(capsys, course, "--all", "iu5-2026", "--groups", "1", "--numbers", "2-3")
    assert len(json.loads(file.read_text(encoding="utf-8"))["variants"]) > 2


def test_a_calibration_by_another_recipe_is_made_anew(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    calibrate(capsys, course, "--all", "iu5-2026", "--groups", "1", "--numbers", "2")
    edit(course / "assignments" / "iu5_lab1" / "assignment.toml", "epochs = 3", "epochs = 2")
    _, _, err = calibrate(capsys, course)
    assert "made anew" in err
    assert set(read_thresholds(course / "thresholds" / "iu5_lab1.json").variants) == {"0,55,58", "16,22,57"}


def test_a_course_loads_its_assignment_with_the_calibration_and_another_digest(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = read_course(course).load()
    calibrate(capsys, course)
    loaded = read_course(course).load()
    assert plain.thresholds is None
    assert loaded.thresholds is not None
    assert plain.digest != loaded.digest
    file = course / "thresholds" / "iu5_lab1.json"
    edit(file, '"assignment": "iu5_lab1"', '"assignment": "other"')
    with pytest.raises(ConfigurationError, match='those of "other"'):
        read_course(course).load()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--groups", "1"), "--all RULE"),
        (("--all", "random-3"), "no range to enumerate"),
        (("--seeds", "0"), "--seeds"),
        (("--variants", "nowhere.csv"), "nowhere.csv"),
        (("--data-root", "nowhere"), "nowhere"),
        (("--assignment", "iu5_lab9"), "iu5_lab9"),
    ],
)
def test_what_cannot_be_calibrated_is_said(course: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str) -> None:
    code, _, err = calibrate(capsys, course, *arguments)
    assert code == 2
    assert words in err


def test_outside_a_course_variants_and_file_have_to_be_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert calibrate(capsys, tmp_path)[0] == 2
    assert "-o" in calibrate(capsys, tmp_path, "--all", "iu5-2026", "--groups", "1", "--numbers", "2")[2]


def test_variants_of_a_rule_with_a_repeated_class_are_left_out_and_counted(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = calibrate(capsys, course, "--all", "iu5-2024", "--groups", "7", "--numbers", "1-2", "--quiet")
    assert code == 0
    assert "1 of 6 variants have a class twice" in err


def test_one_training_each_gives_no_line_and_says_why(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "calibrate", "--course", course, "--seeds", "1", "--device", "cpu", "--jobs", "1")
    assert code == 0
    assert out.count("there is only one training") == 2
    assert "Without a pass line: 2 of 2." in out


def test_a_reference_that_diverges_is_named_for_every_set_and_kept_as_not_converged(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(course / "assignments" / "iu5_lab1" / "assignment.toml", "lr = 0.005", "lr = 1e30")
    code, out, _ = calibrate(capsys, course)
    assert code == 0
    assert out.count("did not converge on these classes (2 of 2 trainings)") == 2
    made = read_thresholds(course / "thresholds" / "iu5_lab1.json")
    assert {(variant.n, len(variant.set_aside)) for variant in made.variants.values()} == {(0, 2)}


def test_a_file_that_somebody_edited_is_not_built_upon(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    calibrate(capsys, course)
    file = course / "thresholds" / "iu5_lab1.json"
    edit(file, '"n": 2', '"n": 7')
    code, _, err = calibrate(capsys, course)
    assert code == 2
    assert "Mean or count are not those of the accuracies. Put it aside" in err


def test_a_repeated_class_is_refused_and_every_set_counts_once() -> None:
    assert distinct([(3, 1, 2), (1, 2, 3), (4, 5)]) == ((1, 2, 3), (4, 5))
    for wrong in ((1, 1, 2), (7,)):
        with pytest.raises(ConfigurationError, match="not a set"):
            distinct([wrong])


def test_a_class_without_images_is_named(tmp_path: Path) -> None:
    data = find_data_root(write_sample(tmp_path))
    bench = Bench(data=data, prepared=prepare_view(data, View.SEALED, tmp_path / "cache"), view=View.SEALED, device="cpu")
    with pytest.raises(DataError, match="no images of class 7"):
        next(calibrate_fast(recipe_of(load_assignment(LAB)), [(0, 7, 55)], [0], bench, lambda count: None))  # noqa: ARG005


def test_an_assignment_without_a_recipe_says_what_to_add(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = course / "assignments" / "iu5_lab1" / "assignment.toml"
    text = file.read_text(encoding="utf-8")
    begin = text.index("[recipe]")
    file.write_text(text[:begin] + text[text.index("[aliases]") :], encoding="utf-8")
    code, _, err = calibrate(capsys, course)
    assert code == 2
    assert "[recipe]" in err


def notebook(*sources: str) -> Any:
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])


def test_the_baseline_ends_with_the_cell_that_trains_it() -> None:
    lab = load_assignment(LAB)
    whole = notebook("ITERATIONS = 8000", "ITERS = 2000", "EPOCHS = 250\nhistory = fit(model, dataloader, optimizer, EPOCHS)", "model = best")
    cut = make_baseline(whole, lab)
    assert [cell.source for cell in cut.cells][:2] == ["ITERATIONS = 100", "ITERS = 10"]
    assert len(cut.cells) == 3
    with pytest.raises(AssignmentError, match=r"no “ITERATIONS = 8000”"):
        make_baseline(notebook("history = fit(model, dataloader, optimizer, EPOCHS)"), lab)


@pytest.fixture
def short_lab(course: Path) -> Any:
    """The lab whose solution, too, trains for three epochs only."""
    folder = course / "assignments" / "iu5_lab1"
    (folder / "baseline.toml").write_text(
        (folder / "baseline.toml").read_text(encoding="utf-8") + '\n[[edit]]\nfind = "EPOCHS = 250"\nreplace = "EPOCHS = 3"\n', encoding="utf-8"
    )
    return read_course(course).load()


@pytest.mark.sandbox
def test_the_true_engine_measures_the_solution_in_the_sandbox(short_lab: Any, tmp_path: Path) -> None:
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    options = Options(isolation=Isolation.FULL, data_root=None, view=View.SEALED)
    setting = make_setting(short_lab, options, secret=b"test", store=tmp_path)
    seen: list[int] = []
    (row,) = next(calibrate_true(setting, [(0, 55, 58)], [0, 1], 2, seen.append))
    assert row.n + len(row.set_aside) == sum(seen) == 2
    assert row.train is None


@pytest.mark.sandbox
@pytest.mark.train
@pytest.mark.data
@pytest.mark.skipif(not _real, reason="ZACHET_TEST_DATA names no folder with the real CIFAR-100")
def test_both_engines_agree_on_real_images(tmp_path: Path) -> None:
    lab = load_assignment(LAB)
    options = Options(isolation=Isolation.FULL, data_root=Path(_real), view=View.SEALED)
    setting = make_setting(lab, options, secret=b"test", store=tmp_path)
    data = find_data_root(Path(_real))
    bench = Bench(data=data, prepared=prepare_view(data, View.SEALED), view=View.SEALED, device="cpu")
    (fast,) = next(calibrate_fast(recipe_of(lab), [(0, 55, 58)], range(8), bench, lambda count: None))  # noqa: ARG005
    (true,) = next(calibrate_true(setting, [(0, 55, 58)], range(4), 2, lambda count: None))  # noqa: ARG005
    # Four standard errors of the difference: one point apart cannot be told with so few, a wrong recipe can.
    assert abs(fast.mean - true.mean) < 4 * 0.016 * (1 / 8 + 1 / 4) ** 0.5
