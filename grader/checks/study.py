"""The written part: the study's trainings, the final table, the answers; and which cells failed first."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from grader.assignment import Assignment
from grader.checks import Conclusion, check, failed, partial, passed
from grader.checks.cells import Cause, first_causes
from grader.checks.images import trained_models
from grader.evidence import Evidence
from grader.model import Mode, Text, Vouched
from grader.notebook import read_lab

_ANSWERS, _ROWS, _WORDS, _NEW_WORDS, _COLUMNS = 13, 5, 12, 4, 3
_WANTS_GPU = re.compile(r"Torch not compiled with CUDA|No CUDA GPUs are available|Found no NVIDIA driver|device on a machine without CUDA|CUDA is not available")
_NO_GPU = Text(
    ru="Здесь нет GPU. Выбирайте устройство так: device = torch.device('cuda' if torch.cuda.is_available() else 'cpu') — и пишите "
    "model.to(device), x.to(device); веса загружайте с map_location=device. Тогда тетрадь выполнится везде.",
    en="There is no GPU here. Choose the device with device = torch.device('cuda' if torch.cuda.is_available() else 'cpu'), write "
    "model.to(device) and x.to(device), and load weights with map_location=device: then the notebook runs anywhere.",
)
_NUMBER = re.compile(r"\d+[.,]\d+|\d\s*%")

_FIRST = Text(
    ru="В квадратных скобках — номер ячейки, в круглых — сколько следующих ошибок вытекает из этой. Начните с первой.",
    en="In square brackets: the cell; in round ones: how many later errors only follow from it. Start with the first.",
)
_UNTRAINED = Text(
    ru="Обучение здесь не выполнялось; ошибка может быть лишь следствием этого, если ячейке нужны его результаты.",
    en="Nothing was trained here; the error may only follow from that, where a cell needs what training would have given.",
)


@check(ru="Все ячейки выполнились", en="All cells ran")
def cells_ran(evidence: Evidence) -> Conclusion:
    """The first causes among the failed cells; what merely follows is counted."""
    causes = first_causes(evidence)
    missing = evidence.record("missing_imports") if evidence.has("missing_imports") else []
    modules = sorted({str(item.get("module")) for item in missing if isinstance(item, dict)}) if isinstance(missing, list) else []
    stopped = next((cell.index + 1 for cell in evidence.cells if cell.status == "not_run"), None)
    if not causes and not modules and stopped is None:
        return passed(Text(ru="Все ячейки выполнились без ошибок.", en="Every cell ran without an error."), vouched=Vouched.REPORTED)
    lines = [f"[{cause.cell.index + 1}] {cause.cell.error} (+{len(cause.followers)})" for cause in causes]
    lines += [f"import {module}" for module in modules]
    return failed(
        _what_stopped(causes, modules, stopped),
        actual="; ".join(lines)[:1500],
        hint=_hint(causes, evidence.mode),
        vouched=Vouched.REPORTED,
    )


def _hint(causes: Sequence[Cause], mode: Mode) -> Text:
    if any(_WANTS_GPU.search(cause.cell.error) for cause in causes):
        return _NO_GPU
    return _UNTRAINED if mode is Mode.LOAD else _FIRST


def _what_stopped(causes: Sequence[Cause], modules: Sequence[str], stopped: int | None) -> Text:
    """Name the first thing to look at."""
    if causes:
        first = causes[0]
        what, more = (first.cell.error.splitlines() or ["?"])[0][:160], len(causes) - 1
        return Text(
            ru=f"Ячейка {first.cell.index + 1}: {what}" + (f"; других самостоятельных ошибок: {more}." if more else "."),
            en=f"Cell {first.cell.index + 1}: {what}" + (f"; other errors with a cause of their own: {more}." if more else "."),
        )
    if stopped is not None:
        return Text(ru=f"Выполнение остановилось перед ячейкой {stopped}.", en=f"The run stopped before cell {stopped}.")
    names = ", ".join(modules)
    return Text(ru=f"Здесь нет модулей: {names}.", en=f"These modules are not here: {names}.")


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
