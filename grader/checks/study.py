"""The written part: the study's trainings, the final table, the answers; and which cells failed first."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from grader.assignment import Assignment
from grader.checks import Conclusion, check, failed, partial, passed
from grader.checks.cells import Cause, first_causes
from grader.checks.images import trained_models
from grader.checks.missing import ENDED
from grader.checks.remedies import ENDLESS, MEMORY, NO_EXIT, brief, in_general, no_module, remedy, shown, time_limit, unfinished
from grader.checks.source import stopped_cell
from grader.evidence import Evidence
from grader.model import ExitReason, Mode, Text, Vouched
from grader.notebook import read_lab

_ANSWERS, _ROWS, _WORDS, _NEW_WORDS, _COLUMNS = 13, 5, 12, 4, 3
_NUMBER = re.compile(r"\d[.,]\d|\d\s*%")

_STOPPED: Mapping[ExitReason, Text] = {
    ExitReason.OUT_OF_MEMORY: MEMORY,
    ExitReason.TIMED_OUT: ENDLESS,
    ExitReason.OUTPUT_LIMIT: Text(ru="Печатайте реже, например раз в несколько эпох.", en="Print less often, such as once in several epochs."),
    ExitReason.EXITED: NO_EXIT,
    ExitReason.KILLED_BY_SIGNAL: Text(
        ru="Начните с этой ячейки: процесс оборвался в ней, а не завершился ошибкой Python.", en="Start with that cell: the process broke off in it, without an error of Python."
    ),
}
_UNTRAINED = Text(
    ru="Обучение здесь не выполнялось; ошибка может быть лишь следствием этого, если ячейке нужны его результаты.",
    en="Nothing was trained here; the error may only follow from that, where a cell needs what training would have given.",
)


@check(ru="Все ячейки выполнились", en="All cells ran")
def cells_ran(evidence: Evidence) -> Conclusion:
    """The first causes among the failed cells; what merely follows is counted."""
    causes = first_causes(evidence)
    missing = evidence.record("missing_imports") if evidence.has("missing_imports") else []
    modules = sorted({str(item.get("module"))[:60] for item in missing if isinstance(item, dict)})[:8] if isinstance(missing, list) else []
    stopped = any(cell.status == "not_run" for cell in evidence.cells)
    if not causes and not modules and not stopped:
        return passed(Text(ru="Все ячейки выполнились без ошибок.", en="Every cell ran without an error."), vouched=Vouched.REPORTED)
    lines = [_line(cause) for cause in causes if not unfinished(cause.cell.error)]
    lines += [f"import {module}" for module in modules]
    return failed(
        _what_stopped(evidence, causes, modules),
        actual=shown("; ".join(lines), 1500) if lines else "",
        hint=_hint(evidence, causes, modules),
        vouched=Vouched.REPORTED,
    )


def _line(cause: Cause) -> str:
    """Return where and what, with the number of errors that follow from it where there are any."""
    follow = len(cause.followers)
    return f"[{cause.cell.index + 1}] {brief(cause.cell.error)}" + (f" (+{follow})" if follow else "")


def _hint(evidence: Evidence, causes: Sequence[Cause], modules: Sequence[str]) -> Text:
    known = _STOPPED.get(evidence.execution.exit_reason) or remedy(causes)
    if known is not None:
        return known
    if not causes:
        return no_module(modules)
    return _UNTRAINED if evidence.mode is Mode.LOAD else in_general(causes)


def _what_stopped(evidence: Evidence, causes: Sequence[Cause], modules: Sequence[str]) -> Text:
    """Name the first thing to look at, and where the run was stopped."""
    own = [cause for cause in causes if not unfinished(cause.cell.error)]
    parts = [_cause_named(own[0], len(own) - 1)] if own else []
    if len(own) < len(causes) or any(cell.status == "not_run" for cell in evidence.cells):
        parts.append(_stop_named(evidence))
    if not parts:
        names = ", ".join(modules)
        return Text(ru=f"Здесь нет модулей: {names}.", en=f"These modules are not here: {names}.")
    return Text(ru=" ".join(part.ru for part in parts), en=" ".join(part.en for part in parts))


def _cause_named(cause: Cause, more: int) -> Text:
    number, limit = cause.cell.index + 1, time_limit(cause.cell.error)
    ru = f" Других самостоятельных ошибок: {more}." if more else ""
    en = f" Other errors with a cause of their own: {more}." if more else ""
    if limit is not None:
        return Text(
            ru=f"Ячейка {number} работала дольше {limit.ru} и была остановлена. Нет ли в ней бесконечного цикла?{ru}",
            en=f"Cell {number} ran longer than {limit.en} and was stopped. Is there an endless loop in it?{en}",
        )
    what = shown(cause.cell.error, 160)
    end = "" if what.endswith(("…", ".", "?", "!")) else "."
    return Text(ru=f"Ячейка {number}: {what}{end}{ru}", en=f"Cell {number}: {what}{end}{en}")


def _stop_named(evidence: Evidence) -> Text:
    """Say in which cell the run was stopped, and why."""
    execution = evidence.execution
    cell = next((cell.index for cell in evidence.cells if unfinished(cell.error)), stopped_cell(evidence))
    ended, memory = ENDED[execution.exit_reason], execution.exit_reason is ExitReason.OUT_OF_MEMORY
    size = execution.limits.memory_mb
    why = Text(ru=f"{ended.ru} ({size} МБ)", en=f"{ended.en} ({size} MB)") if memory else ended
    if cell is None:
        return Text(ru=f"Работа остановлена до первой ячейки: {why.ru}.", en=f"The work was stopped before its first cell: {why.en}.")
    return Text(ru=f"Работа остановлена в ячейке {cell + 1}: {why.ru}.", en=f"The work was stopped in cell {cell + 1}: {why.en}.")


@check(ru="Исследование: несколько обучений", en="The study: several trainings", of_training=True)
def study_runs(evidence: Evidence) -> Conclusion:
    """Models trained beside the first: batch size, learning rate, architecture."""
    runs = len(trained_models(evidence))
    return partial(
        (runs - 1) / 3,
        Text(ru=f"Обучено моделей: {runs}.", en=f"Models trained: {runs}."),
        hint=Text(
            ru="Задания 3–5: другой размер батча, меньший шаг, другая архитектура; каждое обучайте заново с новой моделью.",
            en="Tasks 3–5: another batch size, a smaller step, another architecture, each with a fresh model.",
        ),
        expected="≥ 4",
        actual=str(runs),
        vouched=Vouched.REPORTED,
    )


@check(ru="Итоговая таблица", en="The final table", after=("module_trained",))
def table_filled(evidence: Evidence, assignment: Assignment) -> Conclusion:
    """A markdown table of the student's own with at least five rows of numbers."""
    return rows_given(evidence, assignment, _ROWS)


def rows_given(evidence: Evidence, assignment: Assignment, wanted: int) -> Conclusion:
    """Conclude how many of `wanted` rows of results the student's own tables have."""
    rows = max((len(filled_rows(text)) for text in own_texts(evidence, assignment)), default=0)
    return partial(
        rows / wanted,
        Text(ru=f"Заполнено строк: {rows}.", en=f"Rows filled in: {rows}."),
        hint=Text(
            ru="Одна строка на каждое обучение: конфигурация, гиперпараметры, точность на обучении и тесте, комментарий.",
            en="One row per training: configuration, hyper-parameters, train and test accuracy, comment.",
        ),
        expected=f"≥ {wanted}",
        actual=str(rows),
    )


@check(ru="Ответы на вопросы", en="Answers to the questions")
def questions_answered(evidence: Evidence, assignment: Assignment) -> Conclusion:
    """Answers in the student's own words: the six tasks of the study and the seven questions for the defence."""
    return answers_given(evidence, assignment, _ANSWERS)


def answers_given(evidence: Evidence, assignment: Assignment, wanted: int) -> Conclusion:
    """Conclude how many of `wanted` answers there are: text cells with a dozen different words that do not repeat a cell of the lab."""
    given = [words_of(text) for text in _given_texts(assignment.lab_file, assignment.digest).values()]
    written = [text for text in own_texts(evidence, assignment) if is_answer(text)]
    copies = sum(is_copy(text, given) for text in written)
    answers = len(written) - copies
    repeated = Text(ru=f" Повторяют условие: {copies}.", en=f" Repeat the question: {copies}.") if copies else Text(ru="", en="")
    return partial(
        answers / wanted,
        Text(ru=f"Содержательных ответов: {answers}.{repeated.ru}", en=f"Answers with something in them: {answers}.{repeated.en}"),
        hint=Text(
            ru="Ответьте своими словами, двумя-тремя предложениями, в ячейках под вопросами.",
            en="Answer in your own words, in two or three sentences, in the cells below the questions.",
        ),
        expected=f"≥ {wanted}",
        actual=str(answers),
    )


def own_texts(evidence: Evidence, assignment: Assignment) -> tuple[str, ...]:
    """Return the markdown cells that are not the lab's own, in either language."""
    given = _given_texts(assignment.lab_file, assignment.digest)
    return tuple(text for text in evidence.texts if _plain(text) not in given)


@lru_cache(maxsize=8)
def _given_texts(lab_file: Path, _digest: str) -> Mapping[str, str]:
    """Return the lab's own markdown by its words on one line; the digest of the rubric covers that file, so a changed one is read again."""
    cells = [cell for cell in read_lab(lab_file).cells if cell.kind == "markdown" and not cell.solution]
    texts = ["\n".join(line.text for line in cell.lines) for cell in cells]
    return {_plain(text): text for text in texts}


def filled_rows(text: str) -> list[str]:
    """Return the rows of the markdown tables in `text` that hold a percentage or a decimal fraction and no dots left to fill."""
    rows = [line for line in text.splitlines() if line.count("|") >= _COLUMNS and _NUMBER.search(line)]
    return [row for row in rows if not any(cell.strip() in {"...", "…"} for cell in row.split("|"))]


def is_answer(text: str) -> bool:
    """Tell whether `text` is an answer: a dozen different words at least, headings, tables, pictures and links apart."""
    return len(words_of(text)) >= _WORDS


def is_copy(text: str, given: Sequence[frozenset[str]]) -> bool:
    """Tell whether `text` adds next to no word to some cell of the lab, whose words are `given`."""
    words = words_of(text)
    return any(len(words - known) < _NEW_WORDS for known in given)


def words_of(text: str) -> frozenset[str]:
    """Return the different words of a text, headings, tables, pictures and links apart."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith(("#", "|", "<", "!["))]
    return frozenset(word.casefold() for word in re.findall(r"[^\W\d_]{2,}", "\n".join(lines)))


def _plain(text: str) -> str:
    return " ".join(text.split())
