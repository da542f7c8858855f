"""What the intake says about files, archives and people, in both languages. Sentences only."""

from grader.intake.says import Words
from grader.model import Outcome, Text

_FILES = Text(ru="Сданные файлы", en="The files handed in")
_ARCHIVE = Text(ru="Сданный архив", en="The archive handed in")
_WHOSE = Text(ru="Чья это работа", en="Whose work this is")
_WEIGHTS = Text(ru="Какие веса учитываются", en="Which weights count")
_WHICH = Text(ru="Какая тетрадь проверяется", en="Which notebook is graded")


def _words(title: Text, outcome: Outcome, rationale: tuple[str, str], hint: tuple[str, str]) -> Words:
    return Words(outcome=outcome, title=title, rationale=Text(ru=rationale[0], en=rationale[1]), hint=Text(ru=hint[0], en=hint[1]))


# fmt: off
_failed, _passed, _pending, _errored = Outcome.FAILED, Outcome.PASSED, Outcome.PENDING, Outcome.ERRORED

# Files and folders.
LINK = _words(_FILES, _failed,
    ("Ссылки на другие файлы не открываются и в проверку не попали: {names}.", "Links to other files are not followed and were left out: {names}."),
    ("Положите вместо ссылки сам файл.", "Put the file itself in place of the link."))
SPECIAL_FILE = _words(_FILES, _failed,
    ("Это не обычные файлы (устройства, каналы, сокеты), они не открывались: {names}.", "These are not regular files (devices, pipes, sockets) and were not opened: {names}."),
    ("Сдайте только тетрадь и файлы, которые она читает.", "Hand in only the notebook and the files that it reads."))
UNREADABLE = _words(_FILES, _failed,
    ("Не удалось прочитать: {names}.", "This could not be read: {names}."),
    ("Проверьте права доступа и сдайте файл ещё раз.", "Check the permissions and hand the file in again."))
BAD_NAME = _words(_FILES, _failed,
    ("Файл с таким именем сохранить нельзя, он пропущен: {names}.", "A file cannot be kept under such a name and was left out: {names}."),
    ("Дайте файлу короткое имя без управляющих символов.", "Give the file a short name without control characters."))
SAME_NAME = _words(_FILES, _failed,
    ("Имя встречается дважды; взят первый файл, остальные пропущены: {names}.", "The name occurs twice; the first file was taken, the others were left out: {names}."),
    ("Оставьте один файл с таким именем.", "Keep one file of that name."))
DEEP_FOLDERS = _words(_FILES, _failed,
    ("Папки вложены слишком глубоко, дальше содержимое не просматривалось: {names}.", "The folders are nested too deeply; nothing below was looked at: {names}."),
    ("Положите тетрадь в корень сдаваемой папки.", "Put the notebook at the top of what you hand in."))
MANY_FILES = _words(_FILES, _failed,
    ("Слишком много файлов, просмотрена только часть: {names}.", "There are too many files; only some were looked at: {names}."),
    ("Не сдавайте наборы данных и служебные папки: нужны тетрадь и файлы, которые она читает.", "Leave out data sets and tool folders: the notebook and the files it reads are enough."))
SIDE_FILES_LEFT_OUT = _words(_FILES, _failed,
    ("Рядом с тетрадью слишком много файлов или слишком большие файлы; не взяты: {names}.", "There are too many or too big files beside the notebook; not taken: {names}."),
    ("Оставьте не больше {count} файлов общим объёмом до {limit}.", "Keep at most {count} files of {limit} in all."))
BIG_WEIGHTS = _words(_FILES, _failed,
    ("Файл весов «{name}» слишком велик ({seen}) и не взят: предел {limit} на файл, {total} на все.", "The file of weights “{name}” is too big ({seen}) and was not taken: the limit is {limit} for a file, {total} for all."),
    ("Сохраните только веса модели, без оптимизатора: torch.save(model.state_dict(), 'model.pth').", "Save the weights of the model alone, without the optimiser: torch.save(model.state_dict(), 'model.pth')."))
WEIGHTS_NAMED = _words(_WEIGHTS, _passed,
    ("Из нескольких файлов весов учитывается «{name}»: его последним называет код тетради. Остальные не учитываются: {names}.", "Of several files of weights “{name}” counts: the notebook's code names it last. The others do not: {names}."),
    ("Если имелся в виду другой, сдайте только его.", "If you meant another one, hand in only that."))
WEIGHTS_CHOSEN = _words(_WEIGHTS, _passed,
    ("Код тетради не называет ни одного из файлов весов; учитывается первый по имени, «{name}». Остальные не учитываются: {names}.", "The notebook's code names none of the files of weights; the first by name counts, “{name}”. The others do not: {names}."),
    ("Если имелся в виду другой, сдайте только его.", "If you meant another one, hand in only that."))
EMPTY_FILE = _words(_FILES, _failed,
    ("Файл «{name}» пуст.", "The file “{name}” is empty."),
    ("Сохраните работу ещё раз, откройте сохранённый файл для проверки и сдайте его.", "Save the work again, open the saved file to make sure, and hand that in."))
TOO_BIG = _words(_FILES, _failed,
    ("Файл «{name}» больше {limit} и не читался.", "The file “{name}” is larger than {limit} and was not read."),
    ("Очистите выводы ячеек (в них обычно и хранится лишнее), сохраните и сдайте снова.", "Clear the outputs of the cells (that is where the bulk usually is), save and hand in again."))
NOTHING = _words(_FILES, _failed,
    ("Здесь нет ни одного файла: {name}.", "There is not a single file here: {name}."),
    ("Сдайте тетрадь .ipynb.", "Hand in the .ipynb notebook."))
NO_NOTEBOOK = _words(_FILES, _failed,
    ("Среди сданного нет тетради; есть только: {names}.", "There is no notebook in what was handed in; there is only: {names}."),
    ("Сдайте саму тетрадь .ipynb: Файл → Скачать → .ipynb.", "Hand in the .ipynb notebook itself: File → Download → .ipynb."))
BROKE = _words(_FILES, _errored,
    ("Сбой при приёме работы на «{name}»: это ошибка системы, а не ваша. Работу посмотрит преподаватель.", "Taking in “{name}” broke; this is our fault, not yours. A person will look at the work."),
    ("Сообщите преподавателю.", "Tell the instructor."))

# Archives.
CLIMBS = _words(_ARCHIVE, _failed,
    ("Имена файлов в архиве ведут за его пределы, эти файлы пропущены: {names}.", "Names in the archive lead out of it; these files were left out: {names}."),
    ("Соберите архив заново обычным архиватором из папки с работой.", "Pack the archive again from the folder of the work with an ordinary tool."))
ENCRYPTED = _words(_ARCHIVE, _failed,
    ("Эти файлы в архиве закрыты паролем: {names}.", "These files in the archive are protected by a password: {names}."),
    ("Соберите архив без пароля.", "Pack the archive without a password."))
DAMAGED_ENTRY = _words(_ARCHIVE, _failed,
    ("Эти файлы в архиве повреждены или сжаты неизвестным способом: {names}.", "These files in the archive are damaged or packed in an unknown way: {names}."),
    ("Соберите zip заново с обычным сжатием и проверьте, что он открывается.", "Pack a zip again with ordinary compression and make sure that it opens."))
DAMAGED_ARCHIVE = _words(_ARCHIVE, _failed,
    ("Архив «{name}» повреждён и не открывается.", "The archive “{name}” is damaged and does not open."),
    ("Скорее всего, он скачан или загружен не до конца: соберите и сдайте его ещё раз.", "It was probably not transferred to the end: pack it and hand it in again."))
OTHER_ARCHIVE = _words(_ARCHIVE, _failed,
    ("Архивы этого вида не открываются: {names}.", "Archives of this kind are not opened: {names}."),
    ("Сдайте тетрадь .ipynb или архив .zip.", "Hand in the .ipynb notebook or a .zip archive."))
BIG_ARCHIVE = _words(_ARCHIVE, _failed,
    ("Архив «{name}» больше {limit} и не открывался.", "The archive “{name}” is larger than {limit} and was not opened."),
    ("Сдайте тетрадь без набора данных и весов.", "Hand in the notebook without the data set and the weights."))
MANY_ENTRIES = _words(_ARCHIVE, _failed,
    ("В архиве «{name}» слишком много файлов, он не открывался.", "The archive “{name}” holds too many files and was not opened."),
    ("Оставьте в архиве тетрадь и файлы, которые она читает.", "Keep the notebook and the files that it reads in the archive."))
BOMB = _words(_ARCHIVE, _failed,
    ("После распаковки это заняло бы несоразмерно много места, поэтому не распаковывалось: {names}.", "Unpacked, this would take disproportionately much space, so it was not unpacked: {names}."),
    ("Очистите выводы тетради и соберите архив заново.", "Clear the outputs of the notebook and pack the archive again."))
NESTED = _words(_ARCHIVE, _failed,
    ("Архив внутри архива внутри архива не открывается: {names}.", "An archive within an archive within an archive is not opened: {names}."),
    ("Положите тетрадь прямо в архив.", "Put the notebook directly into the archive."))

# Which notebook.
TWO_NOTEBOOKS = _words(_WHICH, _failed,
    ("Сдано несколько разных тетрадей, и неясно, какую проверять: {names}.", "Several different notebooks were handed in, and it is unclear which one to grade: {names}."),
    ("Оставьте одну тетрадь.", "Keep one notebook."))
NOTEBOOK_CHOSEN = _words(_WHICH, _passed,
    ("Из нескольких тетрадей проверяется «{name}»; остальные не проверяются: {names}.", "Of several notebooks “{name}” is graded; the others are not: {names}."),
    ("Если имелась в виду другая, сдайте только её.", "If you meant another one, hand in only that."))
MANY_NOTEBOOKS = _words(_WHICH, _failed,
    ("Тетрадей слишком много ({count}), просмотрены не все.", "There are too many notebooks ({count}); not all were looked at."),
    ("Оставьте одну тетрадь.", "Keep one notebook."))
OTHER_ASSIGNMENT = _words(_WHICH, _failed,
    ("Это тетрадь другого задания («{other}»): {names}.", "This is the notebook of another assignment (“{other}”): {names}."),
    ("Сдайте тетрадь задания «{assignment}».", "Hand in the notebook of the assignment “{assignment}”."))
SEVERAL_SUBMISSIONS = _words(_WHICH, _failed,
    ("Работа сдана несколько раз, и по файлам не видно, какая последняя: {names}.", "The work was handed in several times, and the files do not tell which is the latest: {names}."),
    ("Оставьте одну работу и проверьте её ещё раз.", "Keep one of them and grade again."))
SUBMISSION_CHOSEN = _words(_WHICH, _passed,
    ("Сдано несколько раз; проверяется единственная пригодная работа, «{name}», остальные нет: {names}.", "It was handed in several times; the only usable work, “{name}”, is graded, the others are not: {names}."),
    ("Если имелась в виду другая, исправьте её и сдайте заново.", "If you meant another one, repair it and hand it in again."))

# People.
OTHER_STUDENT = _words(_WHOSE, _pending,
    ("Работа сдана как работа «{student}», а тетрадь выдана «{other}». Проверена как работа «{student}»; решает преподаватель.",
     "The work was handed in as that of “{student}”, but the notebook was issued to “{other}”. It is graded as that of “{student}”; a person decides."),
    ("Сдайте тетрадь, выданную вам, или объясните преподавателю, почему взята чужая.", "Hand in the notebook issued to you, or tell the instructor why another one was used."))
NO_STUDENT = _words(_WHOSE, _failed,
    ("Неясно, чья это работа: «{name}» не называет никого из списка, и в тетради нет метки.", "It is unclear whose work this is: “{name}” names nobody on the roster, and the notebook bears no mark."),
    ("Назовите папку или файл идентификатором или полным именем из списка.", "Name the folder or file by the id or the full name on the roster."))
UNKNOWN_STUDENT = _words(_WHOSE, _failed,
    ("Тетрадь в «{name}» выдана «{student}», такого в списке нет.", "The notebook in “{name}” was issued to “{student}”, who is not on the roster."),
    ("Добавьте студента в список или назовите папку идентификатором из него.", "Add the student to the roster, or name the folder by an id on it."))
AMBIGUOUS_STUDENT = _words(_WHOSE, _failed,
    ("«{name}» подходит к нескольким людям из списка: {names}.", "“{name}” fits several people on the roster: {names}."),
    ("Назовите папку или файл идентификатором из списка.", "Name the folder or file by the id on the roster."))
STRAY_FILES = _words(_WHOSE, _failed,
    ("Эти файлы никому из списка не принадлежат и не проверялись: {names}.", "These files belong to nobody on the roster and were not graded: {names}."),
    ("Если это чья-то работа, положите её в папку с идентификатором студента.", "If it is somebody's work, put it into a folder named by the student's id."))
MISSING = _words(_WHOSE, _failed,
    ("Ничего не сдано: {name} ({student}).", "Nothing was handed in: {name} ({student})."),
    ("Если работа сдана, назовите её папку идентификатором студента.", "If there is work, name its folder by the student's id."))
