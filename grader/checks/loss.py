"""Whether the loss fits what it is given: outputs, targets, and the activation between."""

from grader.checks import Conclusion, check, failed, passed
from grader.checks.runs import module_runs, no_run_is, nothing_trained
from grader.checks.source import Match, code_cells, find
from grader.checks.trace import Loss, Tensor, Trace, TrainingRun, trace_of
from grader.evidence import Evidence, SourceCell
from grader.model import Text, Vouched

_EQUAL_SHAPES = {"mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"}
_BINARY = {"binary_cross_entropy", "binary_cross_entropy_with_logits"}
_FLAT = ("$X.argmax(0)", "$X.argmax(dim=0)", "$X.argmax(axis=0)", "$X.argmax()", "torch.argmax($X, 0)", "torch.argmax($X, dim=0)", "torch.argmax($X)",
         "torch.max($X, 0)", "torch.max($X, dim=0)", "$X.max(0)", "$X.max(dim=0)", "torch.softmax($X, 0)", "torch.softmax($X, dim=0)",
         "$X.softmax(0)", "$X.softmax(dim=0)", "F.softmax($X, 0)", "F.softmax($X, dim=0)")  # fmt: skip


@check(ru="Нет лишнего softmax перед функцией потерь", en="No softmax too many before the loss", of_training=True)
def no_double_softmax(evidence: Evidence) -> Conclusion:
    """A loss that applies softmax or sigmoid itself gets logits; one that expects log-probabilities gets logarithms."""

    def wrong(_: Trace, run: TrainingRun) -> str:
        return _activation_too_many(run.loss) if run.loss is not None else ""

    return no_run_is(
        evidence,
        wrong,
        right=Text(ru="Функция потерь получает то, что ей нужно.", en="The loss gets what it needs."),
        complaint=Text(
            ru="Активация перед функцией потерь, которая применяет её сама (обучение идёт, но медленно и хуже)",
            en="An activation stands before a loss that applies it itself (training works, but slowly and worse)",
        ),
        hint=Text(
            ru="cross_entropy и binary_cross_entropy_with_logits ждут логиты: уберите softmax или sigmoid из модели, а для вероятностей вызывайте их при проверке. nll_loss ждёт log_softmax.",
            en="cross_entropy and binary_cross_entropy_with_logits expect logits: take softmax or sigmoid out of the model, and call it in validation where you need probabilities. nll_loss expects log_softmax.",
        ),
        expected="logits",
    )


def _activation_too_many(loss: Loss) -> str:
    shown = loss.class_name or loss.function
    many = loss.output is not None and len(loss.output.shape) > 1 and loss.output.shape[1] > 1
    if loss.function == "cross_entropy" and many and (loss.came_from in {"softmax", "sigmoid"} or loss.rows_are_probabilities):
        return f"{loss.came_from if loss.came_from != 'none' else 'softmax'} → {shown}"
    if loss.function == "binary_cross_entropy_with_logits" and (loss.came_from in {"sigmoid", "softmax"} or (not many and loss.rows_are_probabilities)):
        return f"{loss.came_from if loss.came_from != 'none' else 'sigmoid'} → {shown}"
    if loss.function == "nll_loss" and (loss.came_from == "softmax" or loss.rows_are_probabilities):
        return f"softmax → {shown}"
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
    if loss.function == "nll_loss":
        return shapes if output.greatest is not None and output.greatest > 0 and not loss.rows_are_probabilities and loss.came_from != "softmax" else ""
    if loss.function in _EQUAL_SHAPES:
        return shapes if output.shape != target.shape else ""
    if loss.function in _BINARY:
        outside = (target.least is not None and target.least < 0) or (target.greatest is not None and target.greatest > 1)
        return f"{shapes}, {target.least:g}..{target.greatest:g}" if outside else ""
    return ""


def _shape(tensor: Tensor) -> str:
    return "×".join(map(str, tensor.shape)) or "()"


@check(ru="Ответ выбирается по оси классов", en="The answer is taken along the class axis", of_training=True)
def argmax_over_classes(evidence: Evidence) -> Conclusion:
    """No argmax, max or softmax over a batch's rows, or over a whole batch, of what a model returned. Read from the code that ran."""
    runs = module_runs(trace_of(evidence))
    if not runs:
        return nothing_trained()
    models = {"model", "net", "network", "self.model", "self.net"} | {run.model.name for run in runs if run.model.name}
    wrong = [match for cell in code_cells(evidence) for match in _along_the_batch(cell, models)]
    if not wrong:
        return passed(Text(ru="Ответы берутся по оси классов.", en="Answers are taken along the class axis."))
    first = wrong[0]
    return failed(
        Text(
            ru=f"Ячейка {first.cell + 1}: максимум берётся не по классам, а по картинкам батча.",
            en=f"Cell {first.cell + 1}: the maximum is taken over the pictures of a batch, not over the classes.",
        ),
        hint=Text(ru="Выход модели имеет форму (n, классы): берите argmax(dim=1).", en="The model's output has the shape (n, classes): take argmax(dim=1)."),
        expected="argmax(dim=1)",
        actual=first.text[:200],
        vouched=Vouched.MEASURED,
    )


def _along_the_batch(cell: SourceCell, models: set[str]) -> tuple[Match, ...]:
    """Return the reductions over the first or no axis of `model(...)` itself, or of a name that only ever holds such a result."""
    calls = tuple(f"{model}($$$)" for model in sorted(models))
    held = {name for match in find([cell], tuple(f"$NAME = {call}" for call in calls)) if (name := match.text.split("=")[0].strip()).isidentifier()}
    held -= {name for name in held if len(find([cell], (f"{name} = $VALUE",))) > len(find([cell], tuple(f"{name} = {call}" for call in calls)))}
    subjects = (*calls, *sorted(held))
    return find([cell], tuple(pattern.replace("$X", subject) for pattern in _FLAT for subject in subjects))
