"""The trusted side of Lab 1: the hidden inputs with their answers, and the checks that compare.

What other labs need as well comes from the library: the checks of images, of required components and of the written part.
"""

import re
from collections.abc import Sequence

import numpy as np

from grader.checks import Conclusion, Preparation, check, failed, partial, passed
from grader.checks.cells import first_causes
from grader.checks.claims import table_agrees
from grader.checks.components import components, forbidden, loaders_made, report_printed, training_loop, validation_loop, weights_pictured
from grader.checks.data import never_trained_on_test, parts_disjoint
from grader.checks.gradients import judge_gradients, relative_error
from grader.checks.images import (
    classes_of_variant,
    hidden_accuracy,
    module_trained,
    names_in_order,
    prepare_images,
    weights_unchanged,
)
from grader.checks.loss import encodings_agree, no_double_softmax
from grader.checks.optimisation import gradients_zeroed, optimizer_complete
from grader.checks.outputs import outputs_fresh, template_filled
from grader.checks.reports import report_as_measured
from grader.checks.source import code_cells, find
from grader.checks.stated import equal_iterations
from grader.checks.study import cells_ran, questions_answered, study_runs, table_filled
from grader.checks.trace import trace_of
from grader.checks.validation import validated_in_eval_mode, validated_without_graph
from grader.evidence import Evidence, MissingRecord, SourceCell
from grader.model import Array, Given, Text

__all__ = [
    "autograd_used",
    "cells_ran",
    "classes_of_variant",
    "curve_fitted",
    "encodings_agree",
    "equal_iterations",
    "forward_by_hand",
    "gradients_by_hand",
    "gradients_zeroed",
    "hidden_accuracy",
    "loaders_made",
    "module_trained",
    "names_in_order",
    "never_trained_on_test",
    "no_double_softmax",
    "not_regularised",
    "optimizer_complete",
    "outputs_fresh",
    "own_logloss",
    "parts_disjoint",
    "prepare",
    "questions_answered",
    "report_as_measured",
    "report_printed",
    "study_runs",
    "table_agrees",
    "table_filled",
    "template_filled",
    "training_loop",
    "validated_in_eval_mode",
    "validated_without_graph",
    "validation_loop",
    "weights_pictured",
    "weights_unchanged",
    "xor_solved",
]

GRADIENTS = ("part1_dw1", "part1_db1", "part1_dw2", "part1_db2")
_NAMES = {"part1_dw1": "dW1", "part1_db1": "db1", "part1_dw2": "dW2", "part1_db2": "db2"}
_HIDDEN_UNITS, _POINTS = 9, 37
# A cell that trains by hand: a loop in which the forward pass, the backward pass or a weight of the parts by hand is named.
_TRAINS, _BY_HAND = re.compile(r"^[ \t]*(?:for|while)\b", re.MULTILINE), re.compile(r"(?<![\w.])(?<!def )(?:forward|backward)\s*\(|\b(?:weights|bias)_[12]\b")
_AUTOGRAD = ("$X.backward($$$)", "torch.autograd.grad($$$)", "autograd.grad($$$)", "torch.enable_grad()", "torch.func.$F($$$)", "$W.requires_grad_($$$)")


def prepare(preparation: Preparation) -> Given:
    """Make the hidden inputs of one run, and keep their answers."""
    regression_sent, regression_kept = _regression(preparation.rng)
    corners = preparation.rng.integers(0, 2, (400, 2))
    points = corners + preparation.rng.normal(0, 0.1, corners.shape)
    images_sent, images_kept = prepare_images(preparation)
    return Given(
        sent={**regression_sent, "part2_points": points.astype(np.float32), **images_sent},
        kept={**regression_kept, "part2_labels": corners.sum(axis=1) % 2, **images_kept},
    )


def _regression(rng: np.random.Generator) -> tuple[dict[str, Array], dict[str, Array]]:
    """A small network of random weights: its outputs and gradients come from autograd in float64."""
    import torch

    shapes = {"w1": (1, _HIDDEN_UNITS), "b1": (_HIDDEN_UNITS,), "w2": (_HIDDEN_UNITS, 1), "b2": (1,)}
    weights = {name: rng.normal(0, 1, shape).astype(np.float32) for name, shape in shapes.items()}
    inputs = rng.uniform(-0.5, 0.5, (_POINTS, 1)).astype(np.float32)
    targets = rng.normal(0, 1, (_POINTS, 1)).astype(np.float32)
    leaves = {name: torch.tensor(value, dtype=torch.float64, requires_grad=True) for name, value in weights.items()}
    hidden = torch.relu(torch.tensor(inputs, dtype=torch.float64) @ leaves["w1"] + leaves["b1"])
    outputs = hidden @ leaves["w2"] + leaves["b2"]
    # The prediction goes in rounded to float32, so the slope of the loss is taken at that very value.
    rounded = outputs.detach().numpy().astype(np.float32)
    outputs.backward(2 * (torch.tensor(rounded, dtype=torch.float64) - torch.tensor(targets, dtype=torch.float64)))
    sent: dict[str, Array] = {
        "part1_X": inputs,
        "part1_y": targets,
        "part1_pred": rounded,
        "part1_grid": np.linspace(-0.5, 0.5, 101, dtype=np.float32)[:, None],
        **{f"part1_{name}": value for name, value in weights.items()},
    }
    kept: dict[str, Array] = {f"part1_d{name}": leaf.grad.numpy() for name, leaf in leaves.items() if leaf.grad is not None}
    return sent, {**kept, "part1_forward": outputs.detach().numpy()}


@check(ru="Прямой проход вычислен верно", en="The forward pass is right")
def forward_by_hand(evidence: Evidence) -> Conclusion:
    """`forward` on hidden inputs and weights against float64."""
    error = relative_error(evidence.array("part1_forward"), evidence.kept("part1_forward"))
    shape = str(evidence.array("part1_forward").shape)
    if error is not None and error < 1e-3:
        return passed(
            Text(
                ru=f"Выход совпал со значением на скрытых входах: наибольшая относительная ошибка {error:.1e}.",
                en=f"The output agrees on hidden inputs; the largest relative error is {error:.1e}.",
            )
        )
    return failed(
        Text(ru="На скрытых входах у выхода `forward` другая форма.", en="On hidden inputs the output of `forward` has another shape.")
        if error is None
        else Text(
            ru=f"На скрытых входах `forward` даёт другие числа: наибольшая относительная ошибка {error:.1e}.",
            en=f"On hidden inputs `forward` gives other numbers; the largest relative error is {error:.1e}.",
        ),
        expected="relu(X·W1 + b1)·W2 + b2, (n, 1)",
        actual=shape.replace(str(_POINTS), "n", 1),
        hint=Text(
            ru="Проверьте порядок: линейный слой, relu, линейный слой; выход имеет форму (n, 1).",
            en="Check the order: linear layer, relu, linear layer; the output has the shape (n, 1).",
        ),
    )


@check(ru="Градиенты, выведенные вручную, верны", en="The gradients derived by hand are right")
def gradients_by_hand(evidence: Evidence) -> Conclusion:
    """The four gradients of `backward` on hidden inputs against autograd in float64, a quarter of the points each."""
    if find(_backward_cells(evidence), _AUTOGRAD):
        return failed(
            Text(ru="В `backward` вызван autograd, а градиенты нужно вывести вручную.", en="`backward` calls autograd; derive the gradients by hand."),
            hint=Text(ru="Запишите производную каждого шага формулой, от функции потерь ко входу.", en="Write the derivative of each step as a formula, from the loss back."),
            expected="dW1, db1, dW2, db2",
        )
    seen = {name: evidence.array(name) for name in GRADIENTS}
    return judge_gradients(
        seen,
        {name: evidence.kept(name) for name in GRADIENTS},
        names=_NAMES,
        shapes="dW1 (1, h), db1 (h,), dW2 (h, 1), db2 (1,)",
        hint=lambda right, factor: _gradient_hint(right, factor, seen, evidence),
    )


@check(ru="Сеть приблизила функцию", en="The network fits the curve", after=("forward_by_hand",))
def curve_fitted(evidence: Evidence) -> Conclusion:
    """The student's trained network on a grid against the noise-free curve 1 / (1 + exp(-10 x)): all at RMS 0.05, nothing at 0.25."""
    grid = evidence.sent("part1_grid").astype(np.float64)
    outputs = evidence.array("part1_fit").astype(np.float64)
    if outputs.size != grid.size:
        raise MissingRecord("part1_fit", evidence.execution)
    hint = _untrained(evidence, 1) or Text(
        ru="Посмотрите на график функции потерь: если она ещё падает, нужно больше итераций или больший шаг; если растёт, шаг велик.",
        en="Look at the loss: still falling means more iterations or a larger step; growing means the step is too large.",
    )
    rms = float(np.sqrt(np.mean((outputs.reshape(grid.shape) - 1 / (1 + np.exp(-10 * grid))) ** 2)))
    text = Text(ru=f"Среднеквадратичное отклонение от кривой {rms:.3f}.", en=f"The root mean square distance from the curve is {rms:.3f}.")
    return partial((0.25 - rms) / 0.2, text, hint=hint, expected="≤ 0.05", actual=f"{rms:.3f}")


@check(ru="XOR решён", en="XOR is solved")
def xor_solved(evidence: Evidence) -> Conclusion:
    """Accuracy on hidden XOR points: all at 0.97, nothing at 0.75, which a straight line reaches."""
    outputs, labels = evidence.array("part2_output").astype(np.float64).ravel(), evidence.kept("part2_labels")
    if outputs.size != labels.size:
        raise MissingRecord("part2_output", evidence.execution)
    accuracy = float(((outputs > 0.5) == (labels > 0)).mean())
    hint = _untrained(evidence, 2) or _not_zeroed(evidence) or Text(
        ru="Если точность около 0,5–0,75, веса почти равны между собой: увеличьте разброс начальных весов, шаг или число итераций.",
        en="Around 0.5–0.75 the weights are nearly equal: widen the initial weights, the step, or run more iterations.",
    )
    text = Text(ru=f"Точность на скрытых точках {accuracy:.3f}.", en=f"The accuracy on hidden points is {accuracy:.3f}.")
    return partial((accuracy - 0.75) / 0.22, text, hint=hint, expected="≥ 0.97", actual=f"{accuracy:.3f}")


@check(ru="Autograd и обновление весов", en="Autograd and the update of the weights")
def autograd_used(evidence: Evidence) -> Conclusion:
    """A backward call, gradients zeroed, and updates without a graph."""
    # An optimiser never shows `.grad`: whoever reads it updates the weights by hand.
    parts = {
        "requires_grad": ("$W.requires_grad_($$$)", "$F($$$A, requires_grad=True)", "$F($$$A, requires_grad=True, $$$B)", "$W.requires_grad = True"),
        ".backward()": ("$LOSS.backward($$$)", "torch.autograd.grad($$$)"),
        "w -= lr * w.grad": ("$W.grad",),
        "torch.no_grad()": ("torch.no_grad()", "torch.inference_mode()", "no_grad()", "$W.data"),
        "w.grad = None": ("$W.grad.zero_()", "$W.grad = None", "$W.grad.data.zero_()", "$W.grad.fill_(0)"),
    }
    return components(evidence, parts, Text(ru="В части 2 нет", en="Part 2 lacks"))


@check(ru="Свои sigmoid и logloss", en="Own sigmoid and log-loss")
def own_logloss(evidence: Evidence) -> Conclusion:
    """Sigmoid by its formula and the log-loss by logarithms."""
    parts = {
        "exp": ("torch.exp($$$)", "$X.exp()", "torch.e ** $X", "np.e ** $X", "math.e ** $X"),
        "log": ("torch.log($$$)", "$X.log()", "torch.log1p($$$)"),
    }
    return components(evidence, parts, Text(ru="В части 2 нет", en="Part 2 lacks"))


@check(ru="Без регуляризации", en="No regularisation")
def not_regularised(evidence: Evidence) -> Conclusion:
    """The study asks for architecture, step, batch and epochs alone."""
    parts = {
        "Dropout": ("nn.Dropout($$$)", "torch.nn.Dropout($$$)", "Dropout($$$)"),
        "BatchNorm": ("nn.BatchNorm1d($$$)", "nn.BatchNorm2d($$$)", "torch.nn.BatchNorm1d($$$)", "torch.nn.BatchNorm2d($$$)"),
        "weight_decay": ("$F($$$A, weight_decay=$W)", "$F($$$A, weight_decay=$W, $$$B)"),
    }
    return forbidden(
        evidence,
        parts,
        Text(ru="В исследовании использована регуляризация", en="The study uses regularisation"),
        Text(
            ru="Здесь меняют только архитектуру, шаг, батч и число эпох; регуляризации посвящена другая работа.",
            en="Only architecture, step, batch and epochs vary here; regularisation is the subject of another lab.",
        ),
        harmless=r"weight_decay\s*=\s*0(\.0*)?\s*[,)]",
    )


def _untrained(evidence: Evidence, part: int) -> Text | None:
    """Say so where a cell that was to train the network of the part, or one before that training, ended with an error; None where none did."""
    state = evidence.record("part2_state") if evidence.has("part2_state") else None
    cells = state.get("cells") if isinstance(state, dict) else None
    first = cells[0] if isinstance(cells, list) and cells and isinstance(cells[0], int) else None
    trained = [run.last_cell for run in (trace_of(evidence).runs if evidence.has("trace") else ()) if run.kind == "by_hand"]

    def belongs(index: int) -> bool:
        return first is None or (index >= first) == (part == 2)

    last = max(filter(belongs, trained), default=-1)
    failed_here = [cell for cell in evidence.cells if cell.status == "error" and belongs(cell.index)]
    own = [cell.index for cell in failed_here if cell.index < last or (_TRAINS.search(cell.source) and _BY_HAND.search(cell.source))]
    if not own:
        return None
    cause = next((cause.cell.index for cause in first_causes(evidence) if own[0] in cause.followers), own[0])
    return Text(
        ru=f"Веса, видимо, не обучены: ячейка {cause + 1} завершилась ошибкой. Сначала исправьте её.",
        en=f"The weights are probably not trained: cell {cause + 1} ended with an error. Mend that first.",
    )


def _not_zeroed(evidence: Evidence) -> Text | None:
    """Say so where a training by hand used the gradients of earlier steps again; None where none did."""
    runs = trace_of(evidence).runs if evidence.has("trace") else ()
    if not any(run.kind == "by_hand" and run.accumulated_steps > run.steps / 2 > 1 for run in runs):
        return None
    return Text(
        ru="Градиенты прошлых шагов складываются с новыми: после каждого шага пишите w.grad = None или w.grad.zero_().",
        en="Gradients of earlier steps add to the new ones: after every step write w.grad = None or w.grad.zero_().",
    )


def _backward_cells(evidence: Evidence) -> tuple[SourceCell, ...]:
    """The functions of part 1 that compute gradients, as cells of their own."""
    functions = find(code_cells(evidence), ("def backward($$$): $$$", "def backprop($$$): $$$", "def backward_pass($$$): $$$", "def grad($$$): $$$"))
    return tuple(SourceCell(index=match.cell, source=match.text, status="ok", error="") for match in functions)


def _gradient_hint(right: Sequence[str], factor: float | None, seen: dict[str, Array], evidence: Evidence) -> Text:
    if factor is not None:
        return Text(ru="Знак: производная (y − ŷ)² по ŷ равна 2(ŷ − y).", en="The sign: the derivative of (y − ŷ)² by ŷ is 2(ŷ − y).")
    shapes = [_NAMES[name] for name in GRADIENTS if np.squeeze(seen[name]).shape != np.squeeze(evidence.kept(name)).shape]
    if shapes:
        names = ", ".join(shapes)
        return Text(
            ru=f"Форма градиента должна совпадать с формой веса: проверьте {names}.", en=f"A gradient has the shape of its weight: check {names}."
        )
    if "part1_dw2" in right and "part1_dw1" not in right:
        return Text(
            ru="Второй слой верен, первый нет: через relu проходит только там, где её вход положителен.",
            en="The second layer is right, the first is not: relu lets the slope through only where its input is positive.",
        )
    return Text(ru="Сверьте каждый шаг с правилом цепочки, идя от функции потерь ко входу.", en="Check each step of the chain rule from the loss back to the input.")

