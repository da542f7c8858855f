"""What the intake says about the inside of a notebook, in both languages. Sentences only."""

from grader.intake.says import Words
from grader.model import Outcome, Text

_TITLE = Text(ru="Файл тетради", en="The notebook file")


def _words(outcome: Outcome, rationale: tuple[str, str], hint: tuple[str, str]) -> Words:
    return Words(outcome=outcome, title=_TITLE, rationale=Text(ru=rationale[0], en=rationale[1]), hint=Text(ru=hint[0], en=hint[1]))


# fmt: off
_failed, _passed = Outcome.FAILED, Outcome.PASSED

DAMAGED_JSON = _words(_failed,
    ("Файл «{name}» повреждён: строка {line}, столбец {column}.", "The file “{name}” is damaged: line {line}, column {column}."),
    ("Откройте его в Jupyter или Colab и сохраните снова. Строки <<<<<<< значат, что не закончено слияние в git.", "Open it in Jupyter or Colab and save it again. Lines <<<<<<< mean an unfinished merge in git."))
CUT_SHORT = _words(_failed,
    ("Файл «{name}» обрывается (строка {line}, столбец {column}): конца нет.", "The file “{name}” breaks off at line {line}, column {column}: its end is missing."),
    ("Скачайте или сохраните тетрадь ещё раз и сдайте полный файл.", "Download or save the notebook again and hand in the whole file."))
OTHER_KIND = _words(_failed,
    ("Файл «{name}» не тетрадь: внутри {kind}.", "The file “{name}” is not a notebook: inside is {kind}."),
    ("Скачайте саму тетрадь: Файл → Скачать → .ipynb.", "Download the notebook itself: File → Download → .ipynb."))
NOT_A_NOTEBOOK = _words(_failed,
    ("В файле «{name}» есть JSON, но не тетрадь: в нём нет ячеек.", "The file “{name}” holds JSON, but not a notebook: it has no cells."),
    ("Сдайте файл, который открывается в Jupyter или Colab.", "Hand in a file that opens in Jupyter or Colab."))
NOT_UTF8 = _words(_failed,
    ("Файл «{name}» не в кодировке UTF-8 (байт {offset}).", "The file “{name}” is not UTF-8 (byte {offset})."),
    ("Сохраните его из Jupyter или Colab, не из текстового редактора.", "Save it from Jupyter or Colab rather than a text editor."))
TOO_DEEP = _words(_failed,
    ("В файле «{name}» данные вложены слишком глубоко, это не обычная тетрадь.", "The data in “{name}” is nested too deeply; this is no ordinary notebook."),
    ("Откройте тетрадь в Jupyter, очистите выводы и сохраните снова.", "Open the notebook in Jupyter, clear its outputs and save it again."))
TOO_COMPLEX = _words(_failed,
    ("В файле «{name}» слишком много данных: {what}.", "There is too much in the file “{name}”: {what}."),
    ("Очистите выводы ячеек, уберите вставленные данные и сохраните снова.", "Clear the outputs, take pasted data out of the cells and save again."))
WRONG_CELL = _words(_failed,
    ("В «{name}» ячейка {cell} записана неправильно: {what}.", "In “{name}” cell {cell} is written wrongly: {what}."),
    ("Откройте тетрадь в Jupyter или Colab и сохраните снова.", "Open the notebook in Jupyter or Colab and save it again."))
NEW_FORMAT = _words(_failed,
    ("Тетрадь «{name}» записана в формате {version}, а известны форматы до 4.", "The notebook “{name}” is in format {version}; formats up to 4 are known."),
    ("Сохраните её как тетрадь формата 4.", "Save it as a notebook of format 4."))
OLD_FORMAT_BROKEN = _words(_failed,
    ("Тетрадь «{name}» записана в старом формате {version}, и перевести её в формат 4 не удалось.", "The notebook “{name}” is in the old format {version} and could not be converted to format 4."),
    ("Откройте её в современном Jupyter или Colab и сохраните снова.", "Open it in a current Jupyter or Colab and save it again."))
NO_CODE = _words(_failed,
    ("В «{name}» нет ни одной ячейки с кодом, выполнять нечего.", "There is no code cell in “{name}”; there is nothing to run."),
    ("Проверьте, что сдана ваша тетрадь, а не пустая копия.", "Make sure that you handed in your own notebook and not an empty copy."))
PLAIN_SCRIPT = _words(_failed,
    ("Сдана программа .py без разметки ячеек: {names}.", "A plain .py program without cell marks was handed in: {names}."),
    ("Сдайте тетрадь .ipynb или .py, в котором ячейки начинаются строками # %%.", "Hand in an .ipynb notebook, or a .py whose cells begin with # %% lines."))
SCRIPT_BROKEN = _words(_failed,
    ("Разметку ячеек в «{name}» прочитать не удалось.", "The cell marks in “{name}” could not be read."),
    ("Сдайте тетрадь .ipynb.", "Hand in the .ipynb notebook."))

SCRIPT_CONVERTED = _words(_passed,
    ("Файл «{name}» с ячейками # %% переведён в тетрадь.", "The file “{name}” with # %% cells was converted to a notebook."),
    ("Исправлять ничего не нужно.", "Nothing needs to be done."))
OLD_FORMAT_CONVERTED = _words(_passed,
    ("Тетрадь «{name}» из старого формата {version} переведена в формат 4.", "The notebook “{name}” was converted from the old format {version} to format 4."),
    ("Чтобы этого замечания не было, сохраните её в современном Jupyter или Colab.", "Save it in a current Jupyter or Colab to be rid of this note."))
RECODED = _words(_passed,
    ("Файл «{name}» был в кодировке {encoding} и прочитан как есть.", "The file “{name}” was in {encoding} and was read all the same."),
    ("Тетради хранят в UTF-8: сохраняйте их из Jupyter или Colab.", "Notebooks are kept in UTF-8: save them from Jupyter or Colab."))
REPAIRED = _words(_passed,
    ("В файле «{name}» исправлено: {what}.", "This was repaired in “{name}”: {what}."),
    ("Чтобы этого замечания не было, откройте тетрадь в Jupyter и сохраните снова.", "Open the notebook in Jupyter and save it again to be rid of this note."))

HTML = Text(ru="страница HTML", en="an HTML page")
PDF = Text(ru="документ PDF", en="a PDF document")
PACKED = Text(ru="архив или документ Office", en="an archive or an Office document")
PICTURE = Text(ru="картинка", en="a picture")
PLAIN_TEXT = Text(ru="простой текст", en="plain text")
ZEROS = Text(ru="одни нулевые байты", en="nothing but zero bytes")

NESTED_VALUES = Text(ru="вложенных списков и таблиц", en="nested lists and tables")
MANY_CELLS = Text(ru="ячеек", en="cells")
MUCH_TEXT = Text(ru="текста в ячейках", en="text in the cells")

NOT_AN_OBJECT = Text(ru="это не ячейка", en="it is not a cell")
UNKNOWN_TYPE = Text(ru="неизвестный вид ячейки", en="its cell type is unknown")
SOURCE_NOT_TEXT = Text(ru="вместо текста другие данные", en="its source is not text")
LONG_CODE = Text(ru="слишком длинный код", en="its code is too long")

CELL_IDS = Text(ru="повторяющиеся или недопустимые идентификаторы ячеек", en="repeated or invalid cell ids")
HALF_CHARACTERS = Text(ru="непарные суррогаты Юникода", en="lone Unicode surrogates")
NOT_A_NUMBER = Text(ru="числа NaN и Infinity, которых нет в JSON", en="the numbers NaN and Infinity, which JSON does not have")
NO_VERSION = Text(ru="не указан номер формата", en="the missing format number")
