"""How a training moved the weights: gradients, optimiser, learning rate, clipping, and whether the loss fell."""

import math

from grader.checks import Conclusion, check, failed, passed
from grader.checks.runs import module_runs, no_run_is, nothing_trained
from grader.checks.trace import Trace, TrainingRun, trace_of
from grader.evidence import Evidence
from grader.model import Text, Vouched

_TOLERATED = 0.1
_FALLEN = 0.98
_PART = 10


def _every_run(trace: Trace) -> tuple[TrainingRun, ...]:
    return tuple(run for run in trace.runs if run.steps > 1)


@check(ru="Градиенты обнуляются", en="Gradients are reset", of_training=True)
def gradients_zeroed(evidence: Evidence) -> Conclusion:
    """No step may use gradients that an earlier step has used already. Accumulation over several backwards before one step is fine.

    A training whose optimiser does not hold every parameter is left to `optimizer_complete`: nobody resets the gradients of the others.
    """

    def wrong(_: Trace, run: TrainingRun) -> str:
        forgotten = run.accumulated_steps > _TOLERATED * run.steps and not run.model.unoptimised
        return f"{run.accumulated_steps} / {run.steps}" if forgotten else ""

    return no_run_is(
        evidence,
        wrong,
        runs=_every_run,
        right=Text(ru="Перед каждым шагом градиенты посчитаны заново.", en="Every step uses gradients of its own."),
        complaint=Text(ru="Градиенты прошлых шагов не обнуляются и складываются с новыми", en="Gradients of earlier steps are not reset and add to the new ones"),
        hint=Text(
            ru="Вызывайте optimizer.zero_grad() перед каждым backward() (или после step()).",
            en="Call optimizer.zero_grad() before every backward() (or after step()).",
        ),
        expected="0",
    )


@check(ru="Оптимизатор знает все параметры", en="The optimiser holds every parameter", of_training=True)
def optimizer_complete(evidence: Evidence) -> Conclusion:
    """Every trainable parameter of the model is held by an optimiser that steps; frozen ones need none."""
    return no_run_is(
        evidence,
        lambda _, run: ", ".join(run.model.unoptimised[:5]) if run.optimizer is not None else "",
        right=Text(ru="Оптимизатор обновляет все обучаемые параметры.", en="The optimiser updates every trainable parameter."),
        complaint=Text(ru="Часть обучаемых параметров оптимизатор не обновляет", en="The optimiser does not update some trainable parameters"),
        hint=Text(
            ru="Передайте оптимизатору model.parameters() целиком и создавайте его после последнего изменения слоёв; то, что учить не нужно, заморозьте через requires_grad_(False).",
            en="Give the optimiser all of model.parameters(), and make it after the last change of the layers; freeze what shall not learn with requires_grad_(False).",
        ),
        expected="0",
    )


@check(ru="Функция потерь падает", en="The loss falls", of_training=True)
def loss_falls(evidence: Evidence) -> Conclusion:
    """The loss at the end of at least one training is below its beginning. A single unlucky try is a part of searching."""
    runs = [run for run in module_runs(trace_of(evidence)) if len(run.losses) > 1]
    if not runs:
        return nothing_trained()
    ends = [_ends(run) for run in runs]
    fallen = [last < _FALLEN * first if first > 0 else last < first for first, last in ends]
    actual = "; ".join(f"{first:.3g} → {last:.3g}" for first, last in ends[:8])
    if any(fallen):
        stuck = len(fallen) - sum(fallen)
        more = Text(ru=f" Не упала в обучениях: {stuck}.", en=f" It did not fall in {stuck} of the trainings.") if stuck else Text(ru="", en="")
        return passed(Text(ru=f"Функция потерь падает.{more.ru}", en=f"The loss falls.{more.en}"), actual=actual, vouched=Vouched.REPORTED)
    return failed(
        Text(ru="Функция потерь не падает ни в одном обучении.", en="The loss falls in none of the trainings."),
        hint=Text(
            ru="Вызывается ли optimizer.step() после backward()? Не слишком ли велик или мал шаг? Доходит ли градиент до весов (нет ли detach, argmax, numpy посередине)?",
            en="Is optimizer.step() called after backward()? Is the learning rate too large or too small? Does the gradient reach the weights (no detach, argmax or numpy on the way)?",
        ),
        expected="↓",
        actual=actual,
        vouched=Vouched.REPORTED,
    )


def _ends(run: TrainingRun) -> tuple[float, float]:
    """Return the mean loss of the first and of the last tenth; the end is infinite when it is no number any more."""
    values = [value for _, value in run.losses]
    part = max(1, len(values) // _PART)
    first = [value for value in values[:part] if math.isfinite(value)]
    last = values[-part:]
    end = sum(last) / part if all(map(math.isfinite, last)) else math.inf
    return (sum(first) / len(first) if first else math.inf), end


@check(ru="Расписание скорости обучения работает", en="The learning rate schedule works", of_training=True)
def scheduler_steps(evidence: Evidence) -> Conclusion:
    """A scheduler that was made is stepped; where there is none, nothing is asked."""

    def wrong(_: Trace, run: TrainingRun) -> str:
        idle = [scheduler.class_name for scheduler in run.schedulers if scheduler.steps == 0]
        return f"{', '.join(idle)}: step() × 0" if idle else ""

    return no_run_is(
        evidence,
        wrong,
        right=Text(ru="Созданные планировщики делают шаги, или планировщиков нет.", en="The schedulers that were made do step, or there are none."),
        complaint=Text(ru="Планировщик создан, но ни разу не вызван", en="A scheduler was made and never stepped"),
        hint=Text(
            ru="Вызывайте scheduler.step() в конце каждой эпохи, после шагов оптимизатора.", en="Call scheduler.step() at the end of every epoch, after the optimiser's steps."
        ),
        expected="scheduler.step() ≥ 1",
    )


@check(ru="Обрезка градиентов действует", en="Gradient clipping is in force", of_training=True)
def clipping_in_force(evidence: Evidence) -> Conclusion:
    """Gradients are clipped between backward and step; where nothing is clipped, nothing is asked."""

    def wrong(_: Trace, run: TrainingRun) -> str:
        late = [clipping for clipping in run.clipping if clipping.late > clipping.calls / 2]
        return "; ".join(f"{clipping.late} / {clipping.calls}" for clipping in late)

    return no_run_is(
        evidence,
        wrong,
        right=Text(ru="Градиенты обрезаются до шага, или обрезки нет.", en="Gradients are clipped before the step, or not at all."),
        complaint=Text(ru="Градиенты обрезаются уже после шага, и обрезка ничего не меняет", en="Gradients are clipped after the step, which changes nothing"),
        hint=Text(ru="Порядок: backward(), clip_grad_norm_(), step().", en="The order is backward(), clip_grad_norm_(), step()."),
        expected="backward → clip → step",
    )
