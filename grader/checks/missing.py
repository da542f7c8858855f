"""Why something was not recorded, in words: it was not looked for, not found, or the code that was to give it raised an error."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from grader.checks import Conclusion, failed
from grader.checks.cells import bound_names, first_causes
from grader.checks.plain import read
from grader.checks.source import stopped_cell
from grader.evidence import Evidence, MissingRecord
from grader.model import ExitReason, Outcome, Text, Vouched

ENDED: Mapping[ExitReason, Text] = {
    ExitReason.COMPLETED: Text(ru="работа выполнилась до конца", en="the run completed"),
    ExitReason.RAISED: Text(ru="работа завершилась ошибкой", en="the run raised an error"),
    ExitReason.EXITED: Text(ru="процесс завершился раньше времени", en="the process exited early"),
    ExitReason.KILLED_BY_SIGNAL: Text(ru="процесс остановлен сигналом", en="the process was killed by a signal"),
    ExitReason.TIMED_OUT: Text(ru="вышло отведённое время", en="the time limit was reached"),
    ExitReason.OUT_OF_MEMORY: Text(ru="не хватило отведённой памяти", en="the memory limit was reached"),
    ExitReason.OUTPUT_LIMIT: Text(ru="вывод превысил допустимый объём", en="the output limit was reached"),
    ExitReason.SANDBOX_FAULT: Text(ru="сбой песочницы", en="the sandbox failed"),
}
_TO_THE_END = {ExitReason.COMPLETED, ExitReason.RAISED}
_NAME = re.compile(r"[^\W\d]\w{0,39}")
_MOST_NAMES = 8
_FAULT = re.compile(r"\w{1,60}")

# What a probe did not find, and what to do about it, by the probe's code for it; {blanks} are filled with what it told.
_TROUBLES: Mapping[str, tuple[Text, Text]] = {
    "no_function": (
        Text(ru="Функция {names} части {part} не найдена{cause}.", en="There is no function {names} in part {part}{cause}."),
        Text(ru="Она удалена или названа иначе: верните ей имя {names}.", en="It was taken out or renamed: give it back the name {names}."),
    ),
    "no_weights": (
        Text(ru="Не найдены веса части {part} {names}{cause}.", en="The weights {names} of part {part} were not found{cause}."),
        Text(ru="Верните весам эти имена: по ним проверка находит вашу сеть.", en="Give the weights back these names: by them your network is found."),
    ),
    "other_shapes": (
        Text(ru="{names} — не веса части {part}: формы не подходят.", en="{names} are not the weights of part {part}: their shapes do not fit."),
        Text(
            ru="Создайте веса этой части заново: ({count}, h), (h,), (h, 1), (1,), где h — размер скрытого слоя. Если их ячейка завершилась ошибкой, начните с неё.",
            en="Make the weights of this part anew: ({count}, h), (h,), (h, 1), (1,), where h is the size of the hidden layer. If their cell ended with an error, start there.",
        ),
    ),
    "nothing_returned": (
        Text(ru="Функция {names} ничего не вернула (None). Не забыт ли return?", en="{names} returned nothing (None). Is the return missing?"),
        Text(ru="Допишите в конец функции return с её результатом.", en="End the function with a return of its result."),
    ),
    "other_count": (
        Text(ru="Функция {names} вернула значений: {count}, а нужно {needed}: {wanted}.", en="{names} returned {count} values, not {needed}: {wanted}."),
        Text(ru="Верните их в этом порядке: return {wanted}.", en="Return them in this order: return {wanted}."),
    ),
    "no_model": (
        Text(ru="Ни одна обученная модель не принимает изображения.", en="No trained model takes images."),
        Text(ru="Обучите модель на изображениях своих классов, поданных целиком.", en="Train a model on whole images of your classes."),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What a probe tells of something that it did not find: a code, the names it is about, the part of the lab, and what else there is to say."""

    code: str
    names: tuple[str, ...] = ()
    part: int = 0
    count: int = 0
    wanted: tuple[str, ...] = ()


def never_run(evidence: Evidence) -> bool:
    """Tell whether there was nothing that could be run: what was handed in is no notebook, or nothing was."""
    return not evidence.cells and evidence.execution.exit_reason is ExitReason.EXITED


def not_run() -> Conclusion:
    """Conclude nothing of a work that was never run."""
    return skipped(Text(ru="Тетрадь не запускалась.", en="The notebook was not run."))


def skipped(rationale: Text) -> Conclusion:
    """Conclude that there is nothing to look at; it earns nothing and accuses nobody."""
    return Conclusion(outcome=Outcome.SKIPPED, share=0.0, rationale=rationale, vouched=Vouched.REPORTED)


def not_recorded(missing: MissingRecord, evidence: Evidence) -> Conclusion:
    """Conclude that a record which the run never wrote earns nothing, with the run's own reason. Only a fault of the sandbox is ours."""
    told = evidence.record(f"{missing.name}_error") if evidence.has(f"{missing.name}_error") else None
    trouble = _trouble(read(_Told, told), evidence)
    if trouble is not None:
        return trouble
    if missing.reason:
        return failed(
            Text(ru="Ваш код вызвали на других данных, и он завершился ошибкой.", en="Your code was called with other data and raised an error."),
            hint=Text(
                ru="Число примеров в этих данных другое. Проверьте формы и имена и то, что функция возвращает.",
                en="These data have another number of examples. Check shapes, names and what the function returns.",
            ),
            actual=missing.reason[:500],
        )
    return _not_reached(missing, evidence)


def _not_reached(missing: MissingRecord, evidence: Evidence) -> Conclusion:
    reason = missing.execution.exit_reason
    if reason in _TO_THE_END:
        first = next((cell.index + 1 for cell in evidence.cells if cell.status == "error"), None)
        return failed(
            Text(ru="В работе нет того, что здесь проверяется.", en="The work has nothing that this check looks at."),
            hint=Text(
                ru="Нужный здесь код должен быть в тетради и выполняться.", en="The code that this is about has to be in the notebook and to run."
            )
            if first is None
            else Text(ru=f"Сначала исправьте первую ошибку: ячейка {first}.", en=f"Mend the first error before: cell {first}."),
        )
    ended, cell = ENDED[reason], stopped_cell(evidence)
    where = Text(ru=f", ячейка {cell + 1}", en=f", cell {cell + 1}") if cell is not None else Text(ru="", en="")
    fault = reason is ExitReason.SANDBOX_FAULT
    return Conclusion(
        outcome=Outcome.ERRORED if fault else Outcome.FAILED,
        share=0.0,
        rationale=Text(ru=f"До этого места не дошло: {ended.ru}{where.ru}.", en=f"The run did not get that far: {ended.en}{where.en}."),
        actual=missing.execution.message[:500] if fault else "",
    )


def _trouble(told: _Told | None, evidence: Evidence) -> Conclusion | None:
    """Return what a probe told in words; None where it told nothing, or nothing that is known.

    Where a cell that was to make one of the names did not run to its end, that cell is the thing to begin with.
    """
    if told is None or told.code not in _TROUBLES:
        return None
    names, wanted = (tuple(name for name in some[:_MOST_NAMES] if _NAME.fullmatch(name)) for some in (told.names, told.wanted))
    what, hint = _TROUBLES[told.code]
    if not names and "{names}" in what.ru:
        return None
    cause = Text(ru="", en="")
    broken = next((cell for cell in evidence.cells if cell.status != "ok" and not bound_names(cell.source).isdisjoint(names)), None)
    if broken is not None and "{cause}" in what.ru:
        broken = next((cause.cell for cause in first_causes(evidence) if broken.index in cause.followers), broken)
        number, fault = broken.index + 1, _FAULT.match(broken.error)
        kind = f" ({fault[0]})" if fault else ""
        cause = Text(ru=f": ячейка {number} не выполнилась{kind}", en=f": cell {number} did not run{kind}")
        hint = Text(ru=f"Начните с ячейки {number}.", en=f"Start with cell {number}.")
    blanks = {"names": ", ".join(f"`{name}`" for name in names), "part": told.part, "count": told.count, "needed": len(wanted), "wanted": ", ".join(wanted)}
    return failed(_filled(what, cause=cause, **blanks), hint=_filled(hint, cause=cause, **blanks))


def _filled(text: Text, *, cause: Text, **blanks: object) -> Text:
    return Text(ru=text.ru.format(cause=cause.ru, **blanks), en=text.en.format(cause=cause.en, **blanks))
