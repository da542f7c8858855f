"""Required components, read from code that was run, by patterns an instructor can read."""

from grader.checks import Conclusion, check, failed, partial, passed
from grader.checks.source import code_cells, find
from grader.evidence import Evidence
from grader.model import Text


def components(evidence: Evidence, parts: dict[str, tuple[str, ...]], lacks: Text) -> Conclusion:
    """Share the points equally among the parts that some pattern finds in code that was run."""
    cells = code_cells(evidence)
    missing = [name for name, patterns in parts.items() if not find(cells, patterns)]
    expected = ", ".join(parts)
    if not missing:
        return passed(Text(ru="Всё нужное найдено в коде.", en="The code has all that is needed."), expected=expected)
    names = ", ".join(missing)
    return partial(
        1 - len(missing) / len(parts),
        Text(ru=f"В коде {lacks.ru}: {names}.", en=f"In the code {lacks.en}: {names}."),
        hint=Text(ru=f"Добавьте: {names}.", en=f"Add: {names}."),
        expected=expected,
        actual=", ".join(name for name in parts if name not in missing),
    )


@check(ru="Загрузчики данных", en="Data loaders")
def loaders_made(evidence: Evidence) -> Conclusion:
    """A dataset of tensors or of one's own, a loader, and shuffling for training."""
    parts = {
        "Dataset": ("TensorDataset($$$)", "class $D(Dataset): $$$", "class $D(torch.utils.data.Dataset): $$$", "data.TensorDataset($$$)"),
        "DataLoader": ("DataLoader($$$)", "torch.utils.data.DataLoader($$$)", "data.DataLoader($$$)"),
        "shuffle": ("$F($$$, shuffle=True, $$$)", "$F($$$, shuffle=$S, $$$)", "RandomSampler($$$)"),
    }
    return components(evidence, parts, Text(ru="нет", en="there is no"))


@check(ru="Цикл обучения", en="The training loop")
def training_loop(evidence: Evidence) -> Conclusion:
    """The four calls that every training loop has."""
    parts = {
        "model.train()": ("$MODEL.train()", "$MODEL.train(True)"),
        "optimizer.zero_grad()": ("$OPT.zero_grad($$$)",),
        "loss.backward()": ("$LOSS.backward($$$)",),
        "optimizer.step()": ("$OPT.step($$$)",),
    }
    return components(evidence, parts, Text(ru="в цикле обучения нет", en="the training loop lacks"))


@check(ru="Цикл проверки", en="The validation loop")
def validation_loop(evidence: Evidence) -> Conclusion:
    """Evaluation mode, and no graph."""
    parts = {
        "model.eval()": ("$MODEL.eval()", "$MODEL.train(False)"),
        "torch.no_grad()": ("torch.no_grad()", "torch.inference_mode()", "no_grad()", "torch.set_grad_enabled(False)"),
    }
    return components(evidence, parts, Text(ru="в цикле проверки нет", en="the validation loop lacks"))


@check(ru="Отчёт о качестве по классам", en="The report by classes")
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


@check(ru="Веса первого слоя показаны", en="The first layer's weights are shown")
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

