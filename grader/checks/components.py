"""Required components, read from code that was run, by patterns an instructor can read."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from grader.checks import Conclusion, check, failed, partial, passed
from grader.checks.missing import skipped
from grader.checks.source import code_cells, find, stopped_cell, unreached_cells
from grader.evidence import Evidence, SourceCell
from grader.model import Text

Parts = Mapping[str, Sequence[str]]


def components(evidence: Evidence, parts: Parts, lacks: Text) -> Conclusion:
    """Share the points equally among the `parts` of which some pattern is found in code that was run; `lacks` begins the complaint."""
    return required(evidence, lambda cells: {name: bool(find(cells, patterns)) for name, patterns in parts.items()}, lacks)


def required(evidence: Evidence, look: Callable[[Sequence[SourceCell]], Mapping[str, bool]], lacks: Text) -> Conclusion:
    """Share the points equally among the named parts that `look` finds in code that was run.

    A part that stands where the run never came to earns nothing, and the work is not said to lack it.
    """
    found, later = look(code_cells(evidence)), look(unreached_cells(evidence))
    missing = [name for name, there in found.items() if not there and not later[name]]
    expected = ", ".join(found)
    if all(found.values()):
        return passed(Text(ru="Всё нужное найдено в коде.", en="The code has all that is needed."), expected=expected)
    if not missing:
        return _unreached(evidence, found)
    names = ", ".join(missing)
    return partial(
        sum(found.values()) / len(found),
        Text(ru=f"{lacks.ru}: {names}.", en=f"{lacks.en}: {names}."),
        hint=Text(ru=f"Добавьте: {names}.", en=f"Add: {names}."),
        expected=expected,
        actual=", ".join(name for name in found if found[name]),
    )


def _unreached(evidence: Evidence, found: Mapping[str, bool]) -> Conclusion:
    """Conclude that what was not `found` stands in cells that the run never came to."""
    names, cell = ", ".join(name for name in found if not found[name]), stopped_cell(evidence)
    where = Text(ru=f" в ячейке {cell + 1}", en=f" in cell {cell + 1}") if cell is not None else Text(ru="", en="")
    return replace(
        skipped(Text(ru=f"Ячейки, где есть {names}, не выполнились: работа остановлена{where.ru}.", en=f"The cells with {names} did not run: the work was stopped{where.en}.")),
        share=sum(found.values()) / len(found),
    )


def forbidden(evidence: Evidence, parts: Parts, found: Text, hint: Text, *, harmless: str = r"(?!)") -> Conclusion:
    """Conclude that none of the named `parts` is in code that was run; `found` begins the complaint, a name and a cell follow.

    What contains the regular expression `harmless` is passed over.
    """
    cells = code_cells(evidence)
    every = {name: [match for match in find(cells, patterns) if not re.search(harmless, match.text)] for name, patterns in parts.items()}
    seen = {name: matches[0] for name, matches in every.items() if matches}
    if not seen:
        return passed(Text(ru="Ничего запрещённого в коде нет.", en="The code has nothing that is forbidden."))
    ru = ", ".join(f"{name} (ячейка {match.cell + 1})" for name, match in seen.items())
    en = ", ".join(f"{name} (cell {match.cell + 1})" for name, match in seen.items())
    return failed(
        Text(ru=f"{found.ru}: {ru}.", en=f"{found.en}: {en}."), hint=hint, expected="—", actual="; ".join(match.text for match in seen.values())[:300]
    )


@check(ru="Загрузчики данных", en="Data loaders")
def loaders_made(evidence: Evidence) -> Conclusion:
    """A dataset of tensors or of one's own, a loader, and shuffling for training."""
    return required(evidence, _loaders_in, Text(ru="В коде нет", en="The code lacks"))


def _loaders_in(cells: Sequence[SourceCell]) -> Mapping[str, bool]:
    datasets = ("TensorDataset($$$)", "$M.TensorDataset($$$)", "class $D(Dataset): $$$", "class $D($M.Dataset): $$$")
    shuffles = find(cells, ("$F($$$A, shuffle=$S)", "$F($$$A, shuffle=$S, $$$B)", "DataLoader($D, $N, True)", "RandomSampler($$$)", "$M.RandomSampler($$$)"))
    return {
        "Dataset": bool(find(cells, datasets)),
        "DataLoader": bool(find(cells, ("DataLoader($$$)", "$M.DataLoader($$$)"))),
        "shuffle=True": any(not re.search(r"shuffle\s*=\s*False", match.text) for match in shuffles),
    }


@check(ru="Цикл обучения", en="The training loop", after=("module_trained",))
def training_loop(evidence: Evidence) -> Conclusion:
    """The four calls that every training loop has."""
    parts = {
        "model.train()": ("$MODEL.train()", "$MODEL.train(True)", "$MODEL.train($MODE)"),
        "optimizer.zero_grad()": ("$OPT.zero_grad($$$)",),
        "loss.backward()": ("$LOSS.backward($$$)",),
        "optimizer.step()": ("$OPT.step($$$)",),
    }
    return components(evidence, parts, Text(ru="В цикле обучения нет", en="The training loop lacks"))


@check(ru="Цикл проверки", en="The validation loop", after=("module_trained",))
def validation_loop(evidence: Evidence) -> Conclusion:
    """Evaluation mode, and no graph."""
    parts = {
        "model.eval()": ("$MODEL.eval()", "$MODEL.train(False)", "$MODEL.train($MODE)"),
        "torch.no_grad()": ("torch.no_grad()", "torch.inference_mode()", "no_grad()", "torch.set_grad_enabled(False)"),
    }
    return components(evidence, parts, Text(ru="В цикле проверки нет", en="The validation loop lacks"))


@check(ru="Отчёт о качестве по классам", en="The report by classes", after=("module_trained",))
def report_printed(evidence: Evidence) -> Conclusion:
    """A classification report or a confusion matrix, in a cell that ran."""
    ran = [cell for cell in code_cells(evidence) if cell.status == "ok"]
    if find(ran, ("classification_report($$$)", "$M.classification_report($$$)", "confusion_matrix($$$)", "$M.confusion_matrix($$$)")):
        return passed(Text(ru="Отчёт построен.", en="The report is there."))
    return failed(
        Text(ru="Отчёт по классам не построен.", en="There is no report by classes."),
        expected="sklearn.metrics.classification_report",
        hint=Text(ru="Постройте его для обучающей и тестовой выборки.", en="Make it for the training and the test set."),
    )


@check(ru="Веса первого слоя показаны", en="The first layer's weights are shown", after=("module_trained",))
def weights_pictured(evidence: Evidence) -> Conclusion:
    """An imshow in a cell that ran and that speaks of parameters or weights."""
    ran = [cell for cell in code_cells(evidence) if cell.status == "ok" and ("weight" in cell.source or "parameters" in cell.source)]
    if find(ran, ("$AX.imshow($$$)", "$AX.matshow($$$)")):
        return passed(Text(ru="Картинки весов есть.", en="The pictures are there."))
    return failed(
        Text(ru="Картинок весов нет.", en="There are no pictures of the weights."),
        expected="imshow",
        hint=Text(
            ru="Возьмите копию весов первого слоя, приведите её к 32×32×3 и покажите.", en="Copy the first layer's weights, reshape to 32×32×3 and show them."
        ),
    )

