"""What to do about a cell that failed, by the words of its error: sentences, and which of them fits."""

import re
from collections.abc import Callable, Sequence

from grader.checks.cells import Cause
from grader.model import Text

_TIME = re.compile(r"CellTimeLimit: the cell (?:used up its|ran longer than its) (\d[\d.e+]*) (CPU )?seconds")
_UNFINISHED = "the run ended while this cell was running"
_MODULE = re.compile(r"(?:ModuleNotFoundError|ImportError): No module named '(\w+)")
_INPUT = re.compile(r"(?<![\w.])input\s*\(")
_WANTS_GPU = re.compile(r"Torch not compiled with CUDA|No CUDA GPUs are available|Found no NVIDIA driver|is_available\(\) is False")
_MEMORY = re.compile(r"^MemoryError|^out_of_memory|_ArrayMemoryError|can't allocate memory|Unable to allocate|out of memory", re.IGNORECASE)

MEMORY = Text(
    ru="Освободите большие переменные (del) или берите данные частями.", en="Free large variables (del), or take the data in parts."
)
ENDLESS = Text(
    ru="Проверьте условие цикла и уменьшите число итераций.", en="Check the condition of the loop, and run fewer iterations."
)
NO_EXIT = Text(
    ru="Уберите exit(), quit() и sys.exit(): после них код ячейки или тетради не выполняется.",
    en="Take out exit(), quit() and sys.exit(): the rest of the cell or of the notebook does not run after them.",
)
_NO_GPU = Text(
    ru="Здесь нет GPU. Выбирайте устройство так: device = torch.device('cuda' if torch.cuda.is_available() else 'cpu') — и пишите "
    "model.to(device), x.to(device); веса загружайте с map_location=device. Тогда тетрадь выполнится везде.",
    en="There is no GPU here. Choose the device with device = torch.device('cuda' if torch.cuda.is_available() else 'cpu'), write "
    "model.to(device) and x.to(device), and load weights with map_location=device: then the notebook runs anywhere.",
)
_NO_INPUT = Text(
    ru="input() при проверке всегда возвращает пустую строку: запишите значение в код.",
    en="While a work is checked, input() always returns an empty string: write the value into the code.",
)
_NO_FILE = Text(
    ru="Вашей домашней папки и диска при проверке нет: положите файл рядом с тетрадью и читайте его по имени.",
    en="Your home folder and your drive are not here: put the file beside the notebook and read it by its name.",
)
_FIRST = Text(
    ru="В квадратных скобках — номер ячейки, в круглых — сколько следующих ошибок вытекает из этой. Начните с первой.",
    en="In square brackets: the cell; in round ones: how many later errors only follow from it. Start with the first.",
)
_ONLY = Text(
    ru="Перезапустите ядро и выполните тетрадь сверху вниз: ошибка этой ячейки повторится.",
    en="Restart the kernel and run the notebook from top to bottom: the error of this cell will come again.",
)


def no_module(names: Sequence[str]) -> Text:
    """Say what to do without these modules."""
    listed, many = ", ".join(names), len(names) > 1
    return Text(
        ru=f"{listed}: здесь {'их' if many else 'его'} нет, и установить {'их' if many else 'его'} нельзя (сети нет). Уберите import или спросите преподавателя.",
        en=f"{listed} {'are' if many else 'is'} not here and cannot be installed (there is no network). Take the import out or ask your teacher.",
    )


def remedy(causes: Sequence[Cause]) -> Text | None:
    """Return what to try about the first failed cell of which something is known, named where it is not the very first."""
    for number, cause in enumerate(causes):
        text, cell = _known(cause), cause.cell.index + 1
        if text is not None:
            return Text(ru=f"Ячейка {cell}: {text.ru}", en=f"Cell {cell}: {text.en}") if number else text
    return None


def in_general(causes: Sequence[Cause]) -> Text:
    """Return how to begin where nothing is known of any error."""
    return _FIRST if len(causes) > 1 or causes[0].followers else _ONLY


def _known(cause: Cause) -> Text | None:
    error, module = cause.cell.error, _MODULE.match(cause.cell.error)
    fitting: tuple[tuple[Callable[[], object], Text], ...] = (
        (lambda: _WANTS_GPU.search(error), _NO_GPU),
        (lambda: _MEMORY.search(error), MEMORY),
        (lambda: time_limit(error), ENDLESS),
        (lambda: _INPUT.search(cause.cell.source), _NO_INPUT),
        (lambda: error.startswith("FileNotFoundError"), _NO_FILE),
        (lambda: error.startswith("SystemExit"), NO_EXIT),
    )
    if module is not None:
        return no_module([module[1]])
    return next((text for fits, text in fitting if fits()), None)


def time_limit(error: str) -> Text | None:
    """Return the limit of time that a cell reached, as `25 s of CPU time`; None where its error is another."""
    found = _TIME.fullmatch(error.strip())
    if found is None:
        return None
    ru, en = ("с процессорного времени", "s of CPU time") if found[2] else ("с", "s")
    return Text(ru=f"{found[1]} {ru}", en=f"{found[1]} {en}")


def brief(error: str) -> str:
    """Return an error as a list of them shows it; a limit of time without its sentence."""
    found = _TIME.fullmatch(error.strip())
    return f"CellTimeLimit: {found[1]} s" if found else shown(error, 300)


def unfinished(error: str) -> bool:
    """Tell whether the run was ended while this cell was running."""
    return error.endswith(_UNFINISHED)


def shown(error: str, most: int) -> str:
    """Return the first line of an error, cut at a word with … where it is longer than `most` characters."""
    line = (error.strip().splitlines() or ["?"])[0]
    if len(line) <= most:
        return line
    head = line[: most - 1]
    return (head.rsplit(None, 1)[0] if " " in head[most // 2 :] else head).rstrip(" .,;:(") + "…"
