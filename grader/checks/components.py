"""Required components, read from code that was run, by patterns an instructor can read."""

import re
from collections.abc import Mapping, Sequence

from grader.checks import Conclusion, check, failed, partial, passed
from grader.checks.source import code_cells, find
from grader.evidence import Evidence
from grader.model import Text

Parts = Mapping[str, Sequence[str]]


def components(evidence: Evidence, parts: Parts, lacks: Text) -> Conclusion:
    """Share the points equally among the `parts` of which some pattern is found in code that was run; `lacks` begins the complaint."""
    cells = code_cells(evidence)
    return required({name: bool(find(cells, patterns)) for name, patterns in parts.items()}, lacks)


def required(found: Mapping[str, bool], lacks: Text) -> Conclusion:
    """Share the points equally among the named parts that were found."""
    missing = [name for name, there in found.items() if not there]
    expected = ", ".join(found)
    if not missing:
        return passed(Text(ru="Всё нужное найдено в коде.", en="The code has all that is needed."), expected=expected)
    names = ", ".join(missing)
    return partial(
        1 - len(missing) / len(found),
        Text(ru=f"{lacks.ru}: {names}.", en=f"{lacks.en}: {names}."),
        hint=Text(ru=f"Добавьте: {names}.", en=f"Add: {names}."),
        expected=expected,
        actual=", ".join(name for name in found if name not in missing),
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
    cells = code_cells(evidence)
    datasets = ("TensorDataset($$$)", "$M.TensorDataset($$$)", "class $D(Dataset): $$$", "class $D($M.Dataset): $$$")
    shuffles = find(cells, ("$F($$$A, shuffle=$S)", "$F($$$A, shuffle=$S, $$$B)", "DataLoader($D, $N, True)", "RandomSampler($$$)", "$M.RandomSampler($$$)"))
    found = {
        "Dataset": bool(find(cells, datasets)),
        "DataLoader": bool(find(cells, ("DataLoader($$$)", "$M.DataLoader($$$)"))),
        "shuffle=True": any(not re.search(r"shuffle\s*=\s*False", match.text) for match in shuffles),
    }
    return required(found, Text(ru="В коде нет", en="The code lacks"))


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

