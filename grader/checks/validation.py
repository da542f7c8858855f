"""How a training was validated: modes, graph, statistics, and what the best epoch was chosen on."""

from grader.checks import Conclusion, check, partial, passed
from grader.checks.runs import listed, module_runs, no_run_is, nothing_trained, validation
from grader.checks.source import code_cells, find
from grader.checks.trace import Curve, Passes, Trace, TrainingRun, trace_of
from grader.evidence import Evidence
from grader.model import Text, Vouched

_CLOSE = 1e-3


@check(ru="Проверка в режиме eval", en="Validation in eval mode", of_training=True)
def validated_in_eval_mode(evidence: Evidence) -> Conclusion:
    """Evaluations on data that is not trained on run in eval mode. Half the points where no layer works differently in the two modes."""
    trace = trace_of(evidence)
    runs = module_runs(trace)
    if not runs:
        return nothing_trained()
    wrong = [run for run in runs if any(passes.train_mode for passes in validation(trace, run))]
    if not wrong:
        return passed(Text(ru="Все проверки шли в режиме eval.", en="Every validation ran in eval mode."), vouched=Vouched.REPORTED)
    layers = sorted({layer for run in wrong for layer in run.model.mode_sensitive})
    names = listed(wrong)
    if layers:
        what = Text(
            ru=f"Проверка шла в режиме train, а слои {', '.join(layers)} в нём работают иначе: {names.ru}.",
            en=f"Validation ran in train mode, where {', '.join(layers)} work differently: {names.en}.",
        )
    else:
        what = Text(
            ru=f"Проверка шла в режиме train: {names.ru}. В этой модели слоёв, которые это меняет, нет, числа те же.",
            en=f"Validation ran in train mode: {names.en}. This model has no layer that minds, so the numbers are the same.",
        )
    return partial(
        0.0 if layers else 0.5,
        what,
        hint=Text(
            ru="Вызывайте model.eval() перед проверкой и model.train() перед следующей эпохой обучения.",
            en="Call model.eval() before validation and model.train() before the next epoch of training.",
        ),
        expected="model.eval()",
        actual="model.train()",
        vouched=Vouched.REPORTED,
    )


@check(ru="Проверка без графа градиентов", en="Validation without a gradient graph", of_training=True)
def validated_without_graph(evidence: Evidence) -> Conclusion:
    """Evaluations on data that is not trained on build no graph. It costs memory and time, not accuracy, and the sentence says so."""
    return no_run_is(
        evidence,
        lambda trace, run: "grad" if any(passes.grad for passes in validation(trace, run)) else "",
        right=Text(ru="Проверки шли без графа градиентов.", en="Validation built no gradient graph."),
        complaint=Text(
            ru="Проверка строит граф градиентов: точность та же, но память и время тратятся зря",
            en="Validation builds a gradient graph: the accuracy is the same, memory and time are wasted",
        ),
        hint=Text(ru="Проверяйте внутри `with torch.no_grad():`.", en="Validate inside `with torch.no_grad():`."),
        expected="torch.no_grad()",
    )


@check(ru="После проверки режим train возвращается", en="Train mode comes back after validation", of_training=True)
def train_mode_restored(evidence: Evidence) -> Conclusion:
    """A training that began in train mode goes on in it after a validation in eval mode. One wholly in eval mode is a choice."""

    def wrong(_: Trace, run: TrainingRun) -> str:
        mixed = {passes.train_mode for passes in run.training} == {True, False}
        return ", ".join(run.model.mode_sensitive) if run.train_mode_restored is False and mixed and run.model.mode_sensitive else ""

    return no_run_is(
        evidence,
        wrong,
        right=Text(ru="После проверок обучение продолжалось в режиме train.", en="After validation the training went on in train mode."),
        complaint=Text(
            ru="После первой проверки модель осталась в режиме eval, и дальше обучение шло в нём",
            en="After the first validation the model stayed in eval mode and was trained in it",
        ),
        hint=Text(ru="Ставьте model.train() в начало каждой эпохи обучения.", en="Put model.train() at the beginning of every epoch of training."),
        expected="model.train()",
    )


@check(ru="Проверка не меняет статистики BatchNorm", en="Validation leaves the BatchNorm statistics alone", of_training=True)
def statistics_untouched(evidence: Evidence) -> Conclusion:
    """No validation in eval mode moves running statistics. In train mode they move too, which `validated_in_eval_mode` says."""
    return no_run_is(
        evidence,
        lambda trace, run: "running_mean, running_var" if any(passes.statistics_moved and not passes.train_mode for passes in validation(trace, run)) else "",
        right=Text(ru="Скользящие статистики меняет только обучение.", en="Only training moves the running statistics."),
        complaint=Text(ru="Проверка меняет скользящие статистики BatchNorm, то есть саму модель", en="Validation moves the running statistics of BatchNorm, that is, the model itself"),
        hint=Text(
            ru="Не переводите слои BatchNorm в режим train на время проверки: достаточно model.eval() для всей модели.",
            en="Do not put BatchNorm layers into train mode for validation: model.eval() for the whole model is all it takes.",
        ),
        expected="model.eval()",
    )


@check(ru="Лучшая эпоха выбрана не по тесту", en="The best epoch was not chosen on the test data", of_training=True)
def chosen_on_validation(evidence: Evidence) -> Conclusion:
    """Weights of an epoch that was best on the very data which the final figure is taken from are a choice by the answer."""

    def wrong(trace: Trace, run: TrainingRun) -> str:
        judged = _judged_by(trace, run)
        chosen = run.restored.epoch if run.restored is not None else None
        # The last epoch's weights come back when a model is saved and loaded; an epoch that is not the best was chosen by something else.
        if judged is None or chosen is None or chosen >= _last(judged) or not _is_best(judged, chosen) or _held_back(run, judged):
            return ""
        values = dict(judged.accuracy)
        if chosen not in values:
            return f"epoch {chosen + 1}"
        gain = values[chosen] - values[max(values)]
        return f"{100 * gain:+.1f}" if gain > 0 else ""  # else nothing was made too good

    return no_run_is(
        evidence,
        wrong,
        right=Text(ru="Выбора эпохи по тестовым данным не видно.", en="No epoch was seen to be chosen on the test data."),
        complaint=Text(
            ru="Эпоха выбрана по тем же данным, на которых измерена итоговая точность, поэтому она завышена (ниже — на сколько процентных пунктов против последней эпохи)",
            en="The epoch was chosen on the data that the final accuracy is measured on, which makes it too good (below: by how many points against the last epoch)",
        ),
        hint=Text(
            ru="Отделите от обучающей части проверочную и выбирайте эпоху по ней, а тестовую используйте один раз, в конце.",
            en="Set a validation part of the training data aside and choose the epoch by it; use the test data once, at the end.",
        ),
    )


@check(ru="Восстановлены веса лучшей эпохи", en="The best epoch's weights were put back", of_training=True)
def best_weights_restored(evidence: Evidence) -> Conclusion:
    """After a training whose validation got worse again, `load_state_dict` put back the best epoch. For labs that ask for it."""
    trace = trace_of(evidence)
    judged = {run.id: passes for run in module_runs(trace) if (passes := _judged_by(trace, run)) is not None and len(_curve(passes)) > 1}

    def wrong(_: Trace, run: TrainingRun) -> str:
        left = run.restored.epoch if run.restored is not None else _last(judged[run.id])
        if left is None or _is_best(judged[run.id], left) or (run.restored is None and _kept_elsewhere(evidence)):
            return ""  # weights of no epoch's end are given the benefit of the doubt
        return f"epoch {left + 1} ({_best(judged[run.id])})"

    return no_run_is(
        evidence,
        wrong,
        right=Text(ru="Модель осталась такой, какой была в лучшую эпоху.", en="The model was left as the best epoch made it."),
        complaint=Text(ru="Осталась модель не лучшей эпохи", en="The model that was left is not the best epoch's"),
        hint=Text(
            ru="state_dict() отдаёт ссылки на живые веса: запоминайте copy.deepcopy(model.state_dict()), а после обучения вызывайте load_state_dict().",
            en="state_dict() refers to the live weights: keep copy.deepcopy(model.state_dict()), and call load_state_dict() after the training.",
        ),
        runs=lambda trace: [run for run in module_runs(trace) if run.id in judged],
    )


def _judged_by(trace: Trace, run: TrainingRun) -> Passes | None:
    """Return the evaluations during the training, on data it did not train on, of the greatest number of epochs."""
    during = [passes for passes in validation(trace, run) if passes.when == "during" and _curve(passes)]
    return max(during, key=lambda passes: len(_curve(passes)), default=None)


def _held_back(run: TrainingRun, judged: Passes) -> bool:
    """Whether the finished model was evaluated on other data than it was chosen by, and than it was mainly trained on."""
    main = max(run.training, key=lambda passes: passes.rows, default=None)
    known = {judged.source, None, main.source if main else None}
    return any(passes.source not in known for passes in run.evaluation if passes.when == "after")


def _curve(judged: Passes) -> Curve:
    return judged.loss or judged.accuracy


def _last(judged: Passes) -> int:
    return max(epoch for epoch, _ in _curve(judged))


def _is_best(judged: Passes, epoch: int) -> bool:
    """Whether the epoch is the best by loss or by accuracy."""
    losses, accuracies = dict(judged.loss), dict(judged.accuracy)
    by_loss = epoch in losses and losses[epoch] <= min(losses.values()) * (1 + _CLOSE)
    return by_loss or (epoch in accuracies and accuracies[epoch] >= max(accuracies.values()) - _CLOSE)


def _best(judged: Passes) -> str:
    curve: Curve = judged.loss or tuple((epoch, -value) for epoch, value in judged.accuracy)
    return f"epoch {min(curve, key=lambda point: point[1])[0] + 1}"


def _kept_elsewhere(evidence: Evidence) -> bool:
    """Whether the best model may live on in an object of its own, which no trace of this run can show."""
    return bool(find(code_cells(evidence), ("copy.deepcopy($$$)", "deepcopy($$$)", "$MODEL.load_state_dict($$$)", "torch.save($$$)")))
