"""Whether the loss fits what it is given: outputs, targets, and the activation between."""

import re
from collections import Counter
from collections.abc import Iterable

from grader.checks import Conclusion, check, failed, passed
from grader.checks.runs import module_runs, no_run_is, nothing_trained
from grader.checks.source import Match, code_cells, find
from grader.checks.trace import Loss, Tensor, Trace, TrainingRun, trace_of
from grader.evidence import Evidence, SourceCell
from grader.model import Text, Vouched

_EQUAL_SHAPES = {"mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"}
_BINARY = {"binary_cross_entropy", "binary_cross_entropy_with_logits"}
# With no axis at all the answer is one number, which no loop over batches can use: that is how one picture is asked.
_FLAT = ("$X.argmax(0)", "$X.argmax(dim=0)", "$X.argmax(axis=0)", "torch.argmax($X, 0)", "torch.argmax($X, dim=0)",
         "torch.max($X, 0)", "torch.max($X, dim=0)", "$X.max(0)", "$X.max(dim=0)", "torch.softmax($X, 0)", "torch.softmax($X, dim=0)",
         "$X.softmax(0)", "$X.softmax(dim=0)", "F.softmax($X, 0)", "F.softmax($X, dim=0)")  # fmt: skip
# One row without a batch around it, whose first axis are the classes: `x[0]`, or a name in the singular.
_ONE_ROW = re.compile(r"\[(?!None\b|np\.newaxis\b)[^:\[\]\"']+\]|\(\s*(?:\w*_)?(?:image|img|picture|sample|example|point|row)\b(?!\.unsqueeze|\[)")
_LOGARITHM = 1e-3  # log(p + epsilon) may lie a little above 0


@check(ru="Активация подходит функции потерь", en="The activation fits the loss", of_training=True)
def no_double_softmax(evidence: Evidence) -> Conclusion:
    """A loss that applies softmax or sigmoid itself gets logits; one that expects log-probabilities gets logarithms."""

    def wrong(_: Trace, run: TrainingRun) -> str:
        return _wrong_activation(run.loss) if run.loss is not None else ""

    return no_run_is(
        evidence,
        wrong,
        right=Text(ru="Функция потерь получает то, что ей нужно.", en="The loss gets what it needs."),
        complaint=Text(
            ru="Перед функцией потерь активация лишняя (обучение идёт, но медленно и хуже) или её не хватает",
            en="Before the loss an activation is too many (training works, but slowly and worse), or one is missing",
        ),
        hint=Text(
            ru="cross_entropy и binary_cross_entropy_with_logits ждут логиты: уберите softmax или sigmoid из модели, а для вероятностей вызывайте их при проверке. nll_loss ждёт log_softmax.",
            en="cross_entropy and binary_cross_entropy_with_logits expect logits: take softmax or sigmoid out of the model, and call it in validation where you need probabilities. nll_loss expects log_softmax.",
        ),
        expected="logits; nll_loss: log_softmax",
    )


def _wrong_activation(loss: Loss) -> str:
    shown = loss.class_name or loss.function
    many = loss.output is not None and len(loss.output.shape) > 1 and loss.output.shape[1] > 1
    if loss.function == "cross_entropy" and many and (loss.came_from in {"softmax", "sigmoid"} or loss.rows_are_probabilities):
        return f"{loss.came_from if loss.came_from != 'none' else 'softmax'} → {shown}"
    if loss.function == "binary_cross_entropy_with_logits" and (loss.came_from in {"sigmoid", "softmax"} or (not many and loss.rows_are_probabilities)):
        return f"{loss.came_from if loss.came_from != 'none' else 'sigmoid'} → {shown}"
    if loss.function == "nll_loss" and (loss.came_from == "softmax" or loss.rows_are_probabilities):
        return f"softmax → {shown}"
    if loss.function == "nll_loss" and loss.came_from != "log_softmax" and loss.output is not None and (loss.output.greatest or 0) > _LOGARITHM:
        return f"logits → {shown}"
    return ""


@check(ru="Метки подходят функции потерь", en="The targets fit the loss", of_training=True)
def encodings_agree(evidence: Evidence) -> Conclusion:
    """Indices or one-hot rows for cross-entropy, equal shapes for distances, 0..1 for binary losses. All honest encodings pass."""

    def wrong(_: Trace, run: TrainingRun) -> str:
        loss = run.loss
        return _misfit(loss, loss.output, loss.target) if loss and loss.output and loss.target else ""

    return no_run_is(
        evidence,
        wrong,
        right=Text(ru="Выход модели и метки подходят функции потерь.", en="The model's output and the targets fit the loss."),
        complaint=Text(ru="Функция потерь получает метки не того вида", en="The loss gets targets of the wrong kind"),
        hint=Text(
            ru="cross_entropy: номера классов (int64, форма (n,)) или строки one-hot; MSE: форма меток равна форме выхода, иначе значения молча размножаются; BCE: метки 0 и 1.",
            en="cross_entropy: class indices (int64, shape (n,)) or one-hot rows; MSE: targets of the output's shape, or the values are silently repeated; BCE: targets 0 and 1.",
        ),
    )


def _misfit(loss: Loss, output: Tensor, target: Tensor) -> str:
    shapes = f"{loss.class_name or loss.function}: {_shape(output)}, {_shape(target)} {target.dtype}"
    if loss.function == "cross_entropy":
        alone = len(output.shape) == 2 and output.shape[1] == 1
        return shapes if alone or loss.encoding in {"floats", "binary"} else ""
    if loss.function in _EQUAL_SHAPES:
        return shapes if output.shape != target.shape else ""
    if loss.function in _BINARY:
        seen = [value for value in (target.least, target.greatest) if value is not None]
        return f"{shapes}, {'..'.join(f'{value:g}' for value in seen)}" if any(not 0 <= value <= 1 for value in seen) else ""
    return ""


def _shape(tensor: Tensor) -> str:
    return "×".join(map(str, tensor.shape)) or "()"


@check(ru="Ответ выбирается по оси классов", en="The answer is taken along the class axis", of_training=True)
def argmax_over_classes(evidence: Evidence) -> Conclusion:
    """No argmax, max or softmax over a batch's rows of what a model returned; the answer for one picture is another thing. Read from the code that ran."""
    runs = module_runs(trace_of(evidence))
    if not runs:
        return nothing_trained()
    models = {"model", "net", "network", "self.model", "self.net"} | {run.model.name for run in runs if run.model.name}
    wrong = [match for cell in code_cells(evidence) for match in _along_the_batch(cell, models)]
    if not wrong:
        return passed(Text(ru="Ответы берутся по оси классов.", en="Answers are taken along the class axis."), vouched=Vouched.REPORTED)
    first = wrong[0]
    return failed(
        Text(
            ru=f"Ячейка {first.cell + 1}: максимум берётся не по классам, а по картинкам батча.",
            en=f"Cell {first.cell + 1}: the maximum is taken over the pictures of a batch, not over the classes.",
        ),
        hint=Text(ru="Выход модели имеет форму (n, классы): берите argmax(dim=1).", en="The model's output has the shape (n, classes): take argmax(dim=1)."),
        expected="argmax(dim=1)",
        actual=first.text[:200],
        vouched=Vouched.REPORTED,
    )


def _along_the_batch(cell: SourceCell, models: Iterable[str]) -> list[Match]:
    """Return the reductions over the first axis of `model(...)` itself, or of a name that only ever holds such a result, unless its input is one row."""
    calls = [f"{model}($$$)" for model in sorted(models)]
    taken = [match.text for match in find([cell], [f"$NAME = {call}" for call in calls]) if not _ONE_ROW.search(match.text)]
    times = Counter(text.split("=")[0].strip() for text in taken)
    held = [name for name in sorted(times) if name.isidentifier() and len(find([cell], [f"{name} = $VALUE"])) == times[name]]
    found = find([cell], [pattern.replace("$X", subject) for pattern in _FLAT for subject in (*calls, *held)])
    return [match for match in found if not _ONE_ROW.search(match.text)]
