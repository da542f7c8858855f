"""The checks of Lab 1 against records such as its probe makes, right and wrong."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from grader.assignment import load_assignment, load_checks
from grader.checks import Conclusion, Preparation
from grader.content import content_dir
from grader.datasets import HiddenSet
from grader.evidence import Evidence
from grader.model import Array, CellRun, ExitReason, Given, Json, Outcome, Record, View, Vouched
from tests.evidence_of import VARIANT, evidence_of, execution_of

LAB = load_assignment(content_dir("assignments") / "iu5_lab1", [])
CHECKS = load_checks(LAB)
PIXELS: NDArray[np.uint8] = np.random.default_rng(1).integers(0, 256, (30, 32, 32, 3), dtype=np.uint8)
LABELS: NDArray[np.int64] = np.arange(30) % 3


def given_for(records: Mapping[str, Array] | None = None) -> Given:
    return CHECKS.prepare(
        Preparation(
            variant=VARIANT,
            view=View.SEALED,
            records={name: Record(name=name, vouched=Vouched.REPORTED, value=value) for name, value in (records or {}).items()},
            rng=np.random.default_rng(3),
            hidden=HiddenSet(images=PIXELS, labels=LABELS),
            public=PIXELS,
        )
    )


GIVEN = given_for({"fed_eval": PIXELS[:8].astype(np.float32) / 255})
KEPT: NDArray[np.int64] = np.asarray(GIVEN.kept["labels"])


def gradients() -> dict[str, NDArray[np.float64]]:
    """Backpropagation written out in NumPy: an outside oracle for what autograd gave the checks."""
    sent = {name: np.asarray(value, dtype=np.float64) for name, value in GIVEN.sent.items()}
    before = sent["part1_X"] @ sent["part1_w1"] + sent["part1_b1"]
    slope = 2 * (sent["part1_pred"] - sent["part1_y"])
    inner = (slope @ sent["part1_w2"].T) * (before > 0)
    return {
        "part1_dw1": sent["part1_X"].T @ inner,
        "part1_db1": inner.sum(0),
        "part1_dw2": np.maximum(before, 0).T @ slope,
        "part1_db2": slope.sum(0),
    }


def judge(tmp_path: Path, name: str, records: Mapping[str, Json | Array], given: Given = GIVEN, **rest: Any) -> Conclusion:
    evidence: Evidence = evidence_of(tmp_path, records=records, given=given, **rest)
    function = CHECKS.functions[name]
    wants: bool = function.__zachet_check__.wants_assignment  # type: ignore[attr-defined]
    conclusion: Conclusion = function(evidence, LAB) if wants else function(evidence)
    return conclusion


def test_right_gradients_earn_everything(tmp_path: Path) -> None:
    assert judge(tmp_path, "gradients_by_hand", gradients()).outcome is Outcome.PASSED


def test_each_wrong_gradient_costs_a_quarter(tmp_path: Path) -> None:
    conclusion = judge(tmp_path, "gradients_by_hand", {**gradients(), "part1_db2": np.zeros(1)})
    assert conclusion.share == 0.75
    assert "db2" in conclusion.rationale.en
    assert "dW1" not in conclusion.rationale.en


@pytest.mark.parametrize("factor", [1 / 37, 0.5])
def test_gradients_of_an_averaged_loss_are_right(tmp_path: Path, factor: float) -> None:
    conclusion = judge(tmp_path, "gradients_by_hand", {name: value * factor for name, value in gradients().items()})
    assert conclusion.outcome is Outcome.PASSED
    assert f"{factor:.3g}" in conclusion.rationale.en


def test_gradients_of_the_wrong_sign_are_wrong_and_the_hint_says_so(tmp_path: Path) -> None:
    conclusion = judge(tmp_path, "gradients_by_hand", {name: -value for name, value in gradients().items()})
    assert conclusion.share == 0
    assert conclusion.hint is not None
    assert "sign" in conclusion.hint.en


def test_a_gradient_of_another_shape_is_named(tmp_path: Path) -> None:
    conclusion = judge(tmp_path, "gradients_by_hand", {**gradients(), "part1_dw1": np.ones((9, 9))})
    assert conclusion.share == 0.75
    assert conclusion.hint is not None
    assert "check dW1" in conclusion.hint.en


def test_not_a_number_is_never_right(tmp_path: Path) -> None:
    assert judge(tmp_path, "gradients_by_hand", {name: value * np.nan for name, value in gradients().items()}).share == 0
    assert judge(tmp_path, "forward_by_hand", {"part1_forward": np.full((37, 1), np.nan)}).outcome is Outcome.FAILED


@pytest.mark.parametrize(("noise", "share"), [(0.0, 1.0), (0.15, 0.5), (0.3, 0.0)])
def test_points_for_the_fit_follow_the_distance_from_the_curve(tmp_path: Path, noise: float, share: float) -> None:
    grid = GIVEN.sent["part1_grid"].astype(np.float64)
    assert judge(tmp_path, "curve_fitted", {"part1_fit": 1 / (1 + np.exp(-10 * grid)) + noise}).share == pytest.approx(share, abs=1e-6)


def test_xor_is_measured_on_hidden_points_and_a_straight_line_earns_nothing(tmp_path: Path) -> None:
    corners = np.round(GIVEN.sent["part2_points"].astype(np.float64))
    right = np.abs(corners[:, 0] - corners[:, 1])
    assert judge(tmp_path, "xor_solved", {"part2_output": right}).outcome is Outcome.PASSED
    assert judge(tmp_path, "xor_solved", {"part2_output": corners.max(axis=1)}).share < 0.15
    assert judge(tmp_path, "xor_solved", {"part2_output": np.full(400, 0.5)}).share == 0


def test_hidden_images_are_shuffled_moved_a_little_and_shown_as_the_model_was_fed() -> None:
    shown = GIVEN.sent["images"].astype(np.float64) * 255
    distance = np.abs(shown[:, None] - PIXELS[None]).mean(axis=(2, 3, 4))
    order = distance.argmin(axis=1)
    assert sorted(order) == list(range(30)) != list(order)
    assert np.array_equal(KEPT, LABELS[order])
    moved = np.abs(shown - PIXELS[order])
    assert moved.max() == pytest.approx(1, abs=1e-3)
    assert 0.5 < (moved > 0.5).mean() < 0.8


def test_labels_never_stand_among_what_is_sent() -> None:
    assert "labels" not in GIVEN.sent
    assert not [name for name, value in GIVEN.sent.items() if value.shape == LABELS.shape]


def test_accuracy_comes_from_the_logits_and_says_that_nothing_is_calibrated(tmp_path: Path) -> None:
    conclusion = judge(tmp_path, "hidden_accuracy", {"logits": np.eye(3)[KEPT], "classes": [0, 55, 58]})
    assert (conclusion.share, conclusion.actual) == (1.0, "1.000")
    assert "Not calibrated for this variant" in conclusion.rationale.en
    assert judge(tmp_path, "hidden_accuracy", {"logits": np.zeros((30, 3)), "classes": [0, 55, 58]}).share == 0


def test_a_reported_accuracy_counts_for_nothing(tmp_path: Path) -> None:
    records: dict[str, Json | Array] = {"accuracy": 1.0, "score": 100, "logits": np.zeros((30, 3)), "classes": [0, 55, 58]}
    assert judge(tmp_path, "hidden_accuracy", records).share == 0


def test_images_that_cannot_be_presented_are_explained(tmp_path: Path) -> None:
    given = given_for({"fed_eval": np.ones((4, 7), dtype=np.float32)})
    conclusion = judge(tmp_path, "hidden_accuracy", {}, given)
    assert conclusion.outcome is Outcome.FAILED
    assert "of shape 7" in conclusion.rationale.en


@pytest.mark.parametrize(
    ("classes", "outcome"),
    [([58, 0, 55], Outcome.PASSED), ([0, 55], Outcome.FAILED), ([1, 2, 3], Outcome.FAILED), (None, Outcome.FAILED), (["a", 1], Outcome.FAILED)],
)
def test_classes_are_compared_as_a_set(tmp_path: Path, classes: Json, outcome: Outcome) -> None:
    assert judge(tmp_path, "classes_of_variant", {"classes": classes}, given_for()).outcome is outcome


def test_images_of_the_dealt_classes_prove_the_classes_where_no_list_does(tmp_path: Path) -> None:
    assert judge(tmp_path, "classes_of_variant", {"classes": None}).outcome is Outcome.PASSED
    assert judge(tmp_path, "classes_of_variant", {"classes": [1, 2, 3]}).outcome is Outcome.FAILED


@pytest.mark.parametrize("call", ["loss.backward()", "return torch.autograd.grad(loss, w)", "with torch.enable_grad():\n        pass"])
def test_autograd_inside_backward_earns_nothing_however_right_its_numbers(tmp_path: Path, call: str) -> None:
    source = f"def backward(X, y, y_pred):\n    {call}\n"
    conclusion = judge(tmp_path, "gradients_by_hand", gradients(), sources=[source, "loss.backward()"])
    assert conclusion.share == 0
    assert "autograd" in conclusion.rationale.en
    assert judge(tmp_path, "gradients_by_hand", gradients(), sources=["def train():\n    loss.backward()\n"]).share == 1


def test_labels_numbered_as_written_stand_beside_the_right_names(tmp_path: Path) -> None:
    written: list[Json] = [58, 0, 55]
    logits = np.eye(3)[[written.index([0, 55, 58][label]) for label in KEPT]]
    report = "classification_report(truth, guess, target_names=list(map(str, CLASSES)))"
    assert judge(tmp_path, "names_in_order", {"logits": logits, "classes": written}, sources=[report]).share == 1
    assert judge(tmp_path, "names_in_order", {"logits": np.eye(3)[KEPT], "classes": written}, sources=[report]).share == 0


LOOP = "for x, y in loader:\n    model.train()\n    optimizer.zero_grad()\n    loss = criterion(model(x), y)\n    loss.backward()\n    optimizer.step()\n"


def test_a_missing_component_is_named_and_costs_its_part(tmp_path: Path) -> None:
    assert judge(tmp_path, "training_loop", {}, sources=[LOOP]).share == 1
    conclusion = judge(tmp_path, "training_loop", {}, sources=[LOOP.replace("    optimizer.zero_grad()\n", "    # optimizer.zero_grad()\n")])
    assert conclusion.share == 0.75
    assert "optimizer.zero_grad()" in conclusion.rationale.en


@pytest.mark.parametrize(
    ("loader", "share"),
    [
        ("DataLoader(data, batch_size=4, shuffle=True)", 1),
        ("torch.utils.data.DataLoader(data, shuffle=(part == 'train'), num_workers=2)", 1),
        ("DataLoader(data, batch_size=4, shuffle=False)", 2 / 3),
        ("DataLoader(data, 4)", 2 / 3),
    ],
)
def test_a_training_loader_has_to_shuffle(tmp_path: Path, loader: str, share: float) -> None:
    assert judge(tmp_path, "loaders_made", {}, sources=[f"data = TensorDataset(x, y)\n{loader}\n"]).share == pytest.approx(share)


def test_code_in_strings_comments_and_magics_is_not_code(tmp_path: Path) -> None:
    source = '# model.eval()\ntext = "model.eval()"\n!echo model.eval()\n%time torch.no_grad()\n'
    assert judge(tmp_path, "validation_loop", {}, sources=[source]).share == 0


@pytest.mark.parametrize("magic", ["%%time", "%%capture out", "%%timeit -n 1"])
def test_a_timed_cell_is_code_like_any_other(tmp_path: Path, magic: str) -> None:
    assert judge(tmp_path, "training_loop", {}, sources=[f"{magic}\n{LOOP}"]).share == 1
    failed = judge(tmp_path, "cells_ran", {}, sources=[(f"{magic}\nundefined", "NameError: name 'undefined' is not defined")])
    assert failed.outcome is Outcome.FAILED


def test_a_cell_of_another_language_is_no_python(tmp_path: Path) -> None:
    assert judge(tmp_path, "training_loop", {}, sources=[f"%%bash\n{LOOP}"]).share == 0


def test_an_error_without_words_is_still_a_cause(tmp_path: Path) -> None:
    assert judge(tmp_path, "cells_ran", {}, sources=[("x", " ")]).outcome is Outcome.FAILED


def test_a_factor_is_no_excuse_for_one_wrong_gradient(tmp_path: Path) -> None:
    wrong = gradients()
    assert judge(tmp_path, "gradients_by_hand", {**wrong, "part1_db2": wrong["part1_db2"] * 1.05}).share == 0.75


def test_a_changed_model_is_said_with_both_accuracies_and_the_cell(tmp_path: Path) -> None:
    models: Json = [{"class": "MLP", "parameters": 10, "steps": 5, "chosen": True, "changed_in_cell": 12}]
    records: dict[str, Json | Array] = {"models": models, "logits": np.eye(3)[KEPT], "logits_final": np.zeros((30, 3)), "classes": [0, 55, 58]}
    conclusion = judge(tmp_path, "weights_unchanged", records)
    assert conclusion.actual == "1.000 → 0.333"
    assert "Cell 13" in conclusion.rationale.en


def test_the_first_cause_is_named_and_its_followers_are_counted(tmp_path: Path) -> None:
    sources = [
        ("import nothing_here\nimport torch\n", "ModuleNotFoundError: No module named 'nothing_here'"),
        ("torch.zeros(3)", "NameError: name 'torch' is not defined"),
        ("x = torch.ones(2)", "NameError: name 'torch' is not defined"),
        ("x + 1", "NameError: name 'x' is not defined"),
        ("undefined", "NameError: name 'undefined' is not defined"),
    ]
    conclusion = judge(tmp_path, "cells_ran", {}, sources=sources)
    assert conclusion.actual.startswith("[1] ModuleNotFoundError: No module named 'nothing_here' (+3)")
    assert "[5] NameError" in conclusion.actual


def test_an_untouched_lab_has_no_answers_and_no_table(tmp_path: Path) -> None:
    from grader.notebook import read_lab

    texts = ["\n".join(line.text for line in cell.lines) for cell in read_lab(LAB.lab_file).cells if cell.kind == "markdown" and not cell.solution]
    assert judge(tmp_path, "questions_answered", {}, texts=[*texts, "*Ваш ответ здесь.*"]).share == 0
    assert judge(tmp_path, "table_filled", {}, texts=texts).share == 0


@pytest.mark.parametrize(
    "error",
    [
        "RuntimeError: Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU",
        "RuntimeError: No CUDA GPUs are available",
        "AssertionError: Torch not compiled with CUDA enabled",
        "RuntimeError: Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False.",
    ],
)
def test_a_model_sent_to_a_gpu_that_is_not_here_is_told_how_to_choose_a_device(tmp_path: Path, error: str) -> None:
    conclusion = judge(tmp_path, "cells_ran", {}, sources=[("model.to('cuda')", error)])
    assert conclusion.hint is not None
    for hint in (conclusion.hint.ru, conclusion.hint.en):
        assert "torch.cuda.is_available()" in hint
        assert "map_location" in hint
    other = judge(tmp_path, "cells_ran", {}, sources=[("x", "NameError: name 'x' is not defined")])
    assert other.hint is not None
    assert "map_location" not in other.hint.en


def told(tmp_path: Path, name: str, error: Json, **rest: Any) -> Conclusion:
    """Judge a work whose probe told this of the record that the check needs."""
    from grader.checks.missing import not_recorded
    from grader.evidence import MissingRecord

    record = {"gradients_by_hand": "part1_dw1", "forward_by_hand": "part1_forward", "xor_solved": "part2_output"}[name]
    evidence = evidence_of(tmp_path, records={f"{record}_error": error}, given=GIVEN, **rest)
    with pytest.raises(MissingRecord) as missing:
        CHECKS.functions[name](evidence)
    return not_recorded(missing.value, evidence)


BACKWARD = "def backward(X, y, y_pred):\n    return 1"
NO_BACKWARD: Json = {"code": "no_function", "part": 1, "names": ["backward"]}


def test_a_function_that_is_not_found_is_named_with_the_cell_that_did_not_run(tmp_path: Path) -> None:
    renamed = told(tmp_path, "gradients_by_hand", NO_BACKWARD, sources=["def mine(): pass"])
    assert renamed.rationale.ru == "Функция `backward` части 1 не найдена."
    assert renamed.hint is not None
    assert "имя `backward`" in renamed.hint.ru
    broken = told(tmp_path, "gradients_by_hand", NO_BACKWARD, sources=["x = 1", (f"{BACKWARD})", "SyntaxError: unmatched ')' (line 2)")])
    assert broken.rationale.ru == "Функция `backward` части 1 не найдена: ячейка 2 не выполнилась (SyntaxError)."
    assert broken.rationale.en == "There is no function `backward` in part 1: cell 2 did not run (SyntaxError)."
    sources = [("f = open('x')\nimport torch", "FileNotFoundError: x"), ("weights_1 = torch.zeros(3)", "NameError: name 'torch' is not defined")]
    first = told(tmp_path, "forward_by_hand", {"code": "no_weights", "part": 1, "names": ["weights_1"]}, sources=sources)
    assert first.rationale.en == "The weights `weights_1` of part 1 were not found: cell 1 did not run (FileNotFoundError)."


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ({"code": "nothing_returned", "names": ["forward"]}, "`forward` returned nothing (None). Is the return missing?"),
        ({"code": "other_count", "names": ["backward"], "count": 3, "wanted": ["dW1", "db1", "dW2", "db2"]}, "`backward` returned 3 values, not 4: dW1, db1, dW2, db2."),
        ({"code": "no_weights", "part": 2, "names": ["weights_1"]}, "The weights `weights_1` of part 2 were not found."),
        ("ValueError: no", "Your code was called with other data and raised an error."),
        ({"code": "unheard of", "names": ["forward"]}, "The work has nothing that this check looks at."),
        ({"code": "no_function", "part": "x" * 9000, "names": ["{part.__class__}", "<b>", 7, "y" * 9000]}, "The work has nothing that this check looks at."),
        ([["code"]], "The work has nothing that this check looks at."),
    ],
)
def test_what_the_probe_tells_is_said_in_words_and_nothing_else_of_it_is(tmp_path: Path, error: Json, words: str) -> None:
    conclusion = told(tmp_path, "forward_by_hand", error)
    assert (conclusion.outcome, conclusion.rationale.en) == (Outcome.FAILED, words)
    assert "справа" not in f"{conclusion.rationale.ru} {conclusion.hint.ru if conclusion.hint else ''}"


TRAIN = "for i in range(9):\n    weights_1 -= lr * backward(X, y, forward(X))[0]"


def test_a_network_whose_training_failed_is_not_told_to_train_longer(tmp_path: Path) -> None:
    far: dict[str, Json | Array] = {"part1_fit": np.zeros(101), "part2_output": np.zeros(400), "part2_state": {"cells": [2, 9]}}
    sources: list[str | tuple[str, str]] = [("x = (", "SyntaxError: x"), (TRAIN, "NameError: name 'lr' is not defined"), "weights_1 = 1", (TRAIN, "KeyError: 1")]
    one, two = (judge(tmp_path, name, far, sources=sources).hint for name in ("curve_fitted", "xor_solved"))
    assert one is not None
    assert two is not None
    assert "ячейка 2 завершилась ошибкой" in one.ru
    assert "cell 4 ended with an error" in two.en
    fine = judge(tmp_path, "xor_solved", far, sources=["weights_1 = 1", TRAIN, ("plt.plot(x)", "NameError: name 'x' is not defined")]).hint
    assert fine is not None
    assert "widen the initial weights" in fine.en


def test_gradients_that_add_up_are_named_where_xor_is_not_learned(tmp_path: Path) -> None:
    trace: Json = {"runs": [{"id": 0, "kind": "by_hand", "first_cell": 0, "last_cell": 0, "steps": 2000, "accumulated_steps": 1999}]}
    hint = judge(tmp_path, "xor_solved", {"part2_output": np.zeros(400), "trace": trace}, sources=[TRAIN]).hint
    assert hint is not None
    assert "w.grad = None" in hint.en


def test_the_advice_on_gradients_is_code_that_runs(tmp_path: Path) -> None:
    hint = judge(tmp_path, "autograd_used", {}, sources=["loss.backward()"]).hint
    assert hint is not None
    assert "w.grad = None" in hint.ru
    assert "w.grad = 0" not in hint.ru


def test_figures_have_words(tmp_path: Path) -> None:
    right = judge(tmp_path, "gradients_by_hand", gradients())
    assert "наибольшая относительная ошибка" in right.rationale.ru
    assert right.actual.startswith("dW1 ")
    wrong = judge(tmp_path, "forward_by_hand", {"part1_forward": np.ones((37, 9))})
    assert (wrong.rationale.en, wrong.actual) == ("On hidden inputs the output of `forward` has another shape.", "(n, 9)")


@pytest.mark.parametrize(
    ("source", "error", "words"),
    [
        ("while True: pass", "CellTimeLimit: the cell used up its 25 CPU seconds", "Ячейка 1 работала дольше 25 с процессорного времени и была остановлена. Нет ли в ней бесконечного цикла?"),
        ("n = int(input())", "ValueError: invalid literal for int() with base 10: ''", "input() при проверке всегда возвращает пустую строку"),
        ("open('/home/me/x')", "FileNotFoundError: [Errno 2] No such file or directory: '/home/me/x'", "положите файл рядом с тетрадью"),
        ("import torchinfo", "ModuleNotFoundError: No module named 'torchinfo'", "torchinfo: здесь его нет, и установить его нельзя"),
        ("x = np.ones(10**12)", "numpy._core._exceptions._ArrayMemoryError: Unable to allocate 298. GiB", "берите данные частями"),
        ("exit()", "SystemExit: 0", "Уберите exit()"),
        ("x", "KeyError: 1", "Перезапустите ядро"),
    ],
)
def test_the_hint_on_a_failed_cell_is_about_its_cause(tmp_path: Path, source: str, error: str, words: str) -> None:
    conclusion = judge(tmp_path, "cells_ran", {}, sources=[(source, error)])
    assert conclusion.hint is not None
    assert words in f"{conclusion.rationale.ru} {conclusion.hint.ru}"
    assert "(+0)" not in conclusion.actual
    assert "квадратных" not in conclusion.hint.ru
    assert "the cell used up" not in conclusion.actual + conclusion.rationale.ru


def test_a_long_error_is_cut_at_a_word(tmp_path: Path) -> None:
    conclusion = judge(tmp_path, "cells_ran", {}, sources=[("x", f"RuntimeError: {'many words ' * 40}")])
    assert conclusion.rationale.en.endswith(("words…", "many…"))


def test_a_module_that_was_asked_for_and_is_missing_has_a_hint_of_its_own(tmp_path: Path) -> None:
    conclusion = judge(tmp_path, "cells_ran", {"missing_imports": [{"module": "torchinfo"}]})
    assert conclusion.hint is not None
    assert conclusion.hint.ru.startswith("torchinfo")
    assert "скобках" not in conclusion.hint.ru


def test_cells_that_a_stopped_run_never_came_to_earn_nothing_and_lack_nothing(tmp_path: Path) -> None:
    sources = ["data = TensorDataset(x, y)", "big = 1", "DataLoader(data, shuffle=True)"]
    runs = [CellRun(index=0, status="ok"), CellRun(index=1, status="error", error="out_of_memory: the run ended while this cell was running"), CellRun(index=2, status="not_run")]
    stopped = execution_of(runs, ExitReason.OUT_OF_MEMORY, "more than 4096 MB of memory")
    loaders = judge(tmp_path, "loaders_made", {}, sources=sources, execution=stopped)
    assert loaders.outcome is Outcome.SKIPPED
    assert loaders.share == pytest.approx(1 / 3)
    assert loaders.rationale.ru == "Ячейки, где есть DataLoader, shuffle=True, не выполнились: работа остановлена в ячейке 2."
    absent = judge(tmp_path, "loaders_made", {}, sources=[*sources[:2], "1"], execution=stopped)
    assert (absent.outcome, absent.rationale.en) == (Outcome.FAILED, "The code lacks: DataLoader, shuffle=True.")
    cells = judge(tmp_path, "cells_ran", {}, sources=sources, execution=stopped)
    assert cells.rationale.ru == "Работа остановлена в ячейке 2: не хватило отведённой памяти (4096 МБ)."
    assert cells.hint is not None
    assert "del" in cells.hint.ru


@pytest.mark.parametrize("name", ["weights_unchanged", "names_in_order"])
def test_where_nothing_was_trained_nothing_is_praised(tmp_path: Path, name: str) -> None:
    assert judge(tmp_path, name, {"models": [], "classes": [58, 0, 55]}).outcome is Outcome.SKIPPED
