"""Numbers that were stated, by the lab or by the notebook itself, against the trainings that really ran; and fair comparisons of them."""

import ast
import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from grader.checks import Conclusion, check, failed, passed
from grader.checks.early import can_end_early, parsed
from grader.checks.runs import batch_size, epochs_of, module_runs, nothing_trained, rate
from grader.checks.source import code_cells
from grader.checks.trace import Trace, TrainingRun, trace_of
from grader.evidence import Evidence, SourceCell
from grader.model import Text, Vouched

_NAMES = {
    "batch": ("BATCH_SIZE", "BATCH", "BS", "batch_size", "bs"),
    "epochs": ("EPOCHS", "NUM_EPOCHS", "N_EPOCHS", "epochs", "num_epochs", "n_epochs"),
    "lr": ("LEARNING_RATE", "LR", "learning_rate", "lr"),
}
_WORDS = {
    "batch": Text(ru="размер батча", en="batch size"),
    "epochs": Text(ru="число эпох", en="number of epochs"),
    "lr": Text(ru="скорость обучения", en="learning rate"),
}
_ARITHMETIC: dict[type, Callable[[float, float], float]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv, ast.FloorDiv: operator.floordiv,
}  # fmt: skip
_BASE, _POWER = 10, 16
_RATES = ("lr", "initial_lr", "max_lr")
_ALIKE = 0.1
_RELATIVE = 1e-6


def trained_as_stated(evidence: Evidence, *, batch: int | None = None, epochs: int | None = None, lr: float | None = None) -> Conclusion:
    """Conclude whether some training ran with all the numbers that the lab states; for a check of an assignment's own."""
    trace = trace_of(evidence)
    runs = module_runs(trace)
    if not runs:
        return nothing_trained()
    wanted = {name: float(value) for name, value in (("batch", batch), ("epochs", epochs), ("lr", lr)) if value is not None}
    if any(all(_equal(_numbers(trace, run).get(name), value) for name, value in wanted.items()) for run in runs):
        return passed(Text(ru="Обучение с заданными числами есть.", en="There is a training with the stated numbers."), expected=_shown(wanted), vouched=Vouched.REPORTED)
    return failed(
        Text(ru="Ни одно обучение не шло с теми числами, которые заданы.", en="No training ran with the numbers that were asked for."),
        hint=Text(ru="Проведите базовое обучение с заданными числами, прежде чем менять их.", en="Run the baseline with the stated numbers before you change them."),
        expected=_shown(wanted),
        actual="; ".join(_shown(_numbers(trace, run)) for run in runs[:6]),
        vouched=Vouched.REPORTED,
    )


@check(ru="Обучение идёт с объявленными числами", en="Training uses the numbers that the notebook declares", of_training=True)
def numbers_used(evidence: Evidence) -> Conclusion:
    """What the notebook calls its batch size, epochs and learning rate is what at least one training really had."""
    trace = trace_of(evidence)
    runs = module_runs(trace)
    if not runs:
        return nothing_trained()
    after = max((run.last_cell for run in trace.runs if run.kind == "by_hand" and run.last_cell < runs[0].first_cell), default=-1)
    cells = code_cells(evidence)
    early = can_end_early(cells)
    declared = _declared([cell for cell in cells if cell.index > after])
    wrong = {}
    for name, values in declared.items():
        fits = [_fits(name, run, trace, values, early) for run in runs]
        if False in fits and True not in fits:
            wrong[name] = (values, [had for run in runs if (had := _numbers(trace, run).get(name)) is not None])
    if not wrong:
        return passed(Text(ru="Обучение шло с объявленными в тетради числами.", en="The trainings had the numbers that the notebook declares."), vouched=Vouched.REPORTED)
    names = Text(ru=", ".join(_WORDS[name].ru for name in wrong), en=", ".join(_WORDS[name].en for name in wrong))
    return failed(
        Text(ru=f"Объявлено одно, а обучение шло с другим: {names.ru}.", en=f"The notebook declares one thing and trains with another: {names.en}."),
        hint=Text(ru="Передавайте в загрузчик, оптимизатор и цикл сами переменные, а не числа.", en="Pass the variables themselves to loader, optimiser and loop, not numbers."),
        expected="; ".join(f"{name} = {_few(declared)}" for name, (declared, _) in wrong.items()),
        actual="; ".join(f"{name} = {_few(had)}" for name, (_, had) in wrong.items()),
        vouched=Vouched.REPORTED,
    )


def _fits(name: str, run: TrainingRun, trace: Trace, declared: Sequence[float], early: bool) -> bool | None:
    """Tell whether the training had a declared number; None where a schedule made its rate, which tells neither."""
    had = _numbers(trace, run).get(name)
    if had is None or any(_equal(number, value) for number in (had, *_also(name, run, had)) for value in declared):
        return True
    if name == "epochs":  # fewer than declared are honest where the loop can end early
        return early and had < max(declared)
    return None if name == "lr" and run.schedulers else False


def _also(name: str, run: TrainingRun, had: float) -> Sequence[float]:
    """Return what else a notebook may call this number: the rows of a backward or of a step, the rate of any group at any time."""
    if name == "batch" and run.batch_sizes:
        rows, parts = run.batch_sizes[0][0], max(1, round(run.backwards / max(1, run.steps)))
        return rows, rows * parts, had * parts
    if name == "lr" and run.optimizer is not None:
        settings = [group.settings.get(rate) for group in run.optimizer.groups for rate in _RATES]
        return [*(value for _, value in run.optimizer.lr), *(float(value) for value in settings if isinstance(value, int | float))]
    return ()


def _numbers(trace: Trace, run: TrainingRun) -> dict[str, float]:
    found = {"batch": batch_size(trace, run), "epochs": epochs_of(run), "lr": rate(run)}
    return {name: float(value) for name, value in found.items() if value is not None}


def _declared(cells: Iterable[SourceCell]) -> dict[str, tuple[float, ...]]:
    """Return the numbers that top-level assignments give to the names of batch size, epochs and rate, where there are any."""
    trees = [tree for cell in cells if (tree := parsed(cell.source)) is not None]
    assigned = [
        (target.id, value)
        for tree in trees
        for statement in tree.body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name) and (value := _constant(statement.value)) is not None
    ]
    found = {name: tuple(dict.fromkeys(value for variable, value in assigned if variable in variables)) for name, variables in _NAMES.items()}
    return {name: values for name, values in found.items() if values}


def _constant(node: ast.expr) -> float | None:
    """Return the finite number that is written there, or None."""
    try:
        value = _computed(node)
    except (ArithmeticError, RecursionError):
        return None
    return value if value is not None and math.isfinite(value) else None


def _computed(node: ast.expr) -> float | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return float(node.value)
    if not isinstance(node, ast.BinOp):
        return None
    left, right = _computed(node.left), _computed(node.right)
    if left is None or right is None:
        return None
    if isinstance(node.op, ast.Pow):  # of a positive number: all others may be no real one
        return left**right if 0 < left <= _BASE and abs(right) <= _POWER else None
    apply = _ARITHMETIC.get(type(node.op))
    return apply(left, right) if apply is not None else None


@check(ru="Обучения сравниваются при равном числе шагов", en="Trainings are compared after equally many steps", of_training=True)
def equal_iterations(evidence: Evidence) -> Conclusion:
    """The lab's own rule: a batch k times larger takes k times the epochs (as many steps), a rate k times smaller too (step times rate)."""
    trace = trace_of(evidence)
    tries = [made for run in module_runs(trace) if (made := _try(trace, run)) is not None]
    if not tries:
        return nothing_trained()
    # A last batch that is not full adds steps, so the rule in epochs, as the lab states it, will do as well.
    steps: _Paths = (lambda one: one.steps, lambda one: one.epochs / one.batch)
    rates: _Paths = (lambda one: one.steps * one.lr, lambda one: one.epochs * one.lr)
    wrong = [*_unequal(tries, lambda one: (one.model, one.lr), lambda one: one.batch, steps, _WORDS["batch"])]
    wrong += _unequal(tries, lambda one: (one.model, one.batch), lambda one: one.lr, rates, _WORDS["lr"])
    if not wrong:
        return passed(Text(ru="Запуски, отличающиеся одним числом, прошли равный путь.", en="Runs that differ in one number went equally far."), vouched=Vouched.REPORTED)
    words = Text(ru=", ".join(name.ru for name, _ in wrong), en=", ".join(name.en for name, _ in wrong))
    return failed(
        Text(ru=f"Сравниваются запуски разной длины ({words.ru}): разница точностей ни о чём не говорит.", en=f"Runs of unequal length are compared ({words.en}): their difference says nothing."),
        hint=Text(
            ru="Батч больше в k раз — эпох больше в k раз, чтобы число итераций сохранилось; шаг меньше в k раз — эпох тоже в k раз больше.",
            en="A batch k times larger: k times the epochs, so that the number of iterations stays; a learning rate k times smaller: k times the epochs, too.",
        ),
        expected="batch × k → epochs × k; lr / k → epochs × k",
        actual="; ".join(seen for _, seen in wrong),
        vouched=Vouched.REPORTED,
    )


@dataclass(frozen=True, slots=True)
class _Try:
    model: tuple[str, int, str]
    lr: float
    batch: int
    epochs: int
    steps: int


_Paths = Sequence[Callable[[_Try], float]]


def _try(trace: Trace, run: TrainingRun) -> _Try | None:
    """Return what a comparison needs to know, or None for a training that went on from another, or whose rate is scheduled."""
    lr, batch = rate(run), batch_size(trace, run)
    if run.continues is not None or run.schedulers or not lr or not batch or run.optimizer is None:
        return None
    return _Try((run.model.class_name, run.model.parameters, run.optimizer.class_name), lr, batch, run.epochs, run.steps)


def _unequal(
    tries: Sequence[_Try], group: Callable[[_Try], object], varied: Callable[[_Try], float], paths: _Paths, name: Text
) -> Iterable[tuple[Text, str]]:
    """Yield the groups in which a number varies and no two runs that differ in it went equally far."""
    groups: dict[object, list[_Try]] = {}
    for one in tries:
        groups.setdefault(group(one), []).append(one)
    for members in groups.values():
        pairs = [(a, b) for a in members for b in members if varied(a) < varied(b)]
        if pairs and not any(abs(path(a) - path(b)) <= _ALIKE * max(path(a), path(b)) for path in paths for a, b in pairs):
            yield name, ", ".join(f"batch {one.batch}, lr {one.lr:g}: epochs {one.epochs}, steps {one.steps}" for one in members[:4])


def _equal(value: float | None, number: float) -> bool:
    return value is not None and abs(value - number) <= _RELATIVE * max(abs(number), 1e-12)


def _shown(numbers: Mapping[str, float]) -> str:
    return ", ".join(f"{name} = {value:g}" for name, value in numbers.items())


def _few(values: Sequence[float]) -> str:
    return ", ".join(f"{value:g}" for value in list(dict.fromkeys(values))[:5])
