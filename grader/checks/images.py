"""Models of images: show them hidden images, measure what training left, and compare with what the notebook says."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from grader.assignment import Assignment
from grader.checks import Conclusion, Preparation, check, failed, partial, passed
from grader.checks.accuracy import Accuracy, measure_accuracy, share_above_chance
from grader.checks.calibrated import against_reference
from grader.checks.handed_in import loaded, not_loaded
from grader.checks.presentation import CannotPresent, learn_presentation
from grader.checks.repeated import Repeated, measured
from grader.checks.runs import nothing_trained
from grader.checks.source import code_cells, find
from grader.evidence import Evidence
from grader.model import Array, Json, Text, Vouched
from grader.thresholds import NotUsable

# Public images per class by which the ways to show images are told apart, where the notebook does not show how.
_PUBLIC_EACH = 100


def prepare_images(preparation: Preparation) -> tuple[dict[str, Array], dict[str, Json | Array]]:
    """Return the hidden images and the visible test images as the model was fed, to send, and their labels, to keep.

    The order of the hidden ones is drawn anew, since the published one is known; each pixel moves by at most one step of 256, so that no table of
    known images finds them.
    """
    if preparation.hidden is None or preparation.public is None:
        return {}, {}
    order = preparation.rng.permutation(len(preparation.hidden.labels))
    hidden = preparation.hidden.images[order].astype(np.int16)
    moved = (hidden + preparation.rng.integers(-1, 2, hidden.shape)).clip(0, 255).astype(np.uint8)
    kept: dict[str, Json | Array] = {"labels": preparation.hidden.labels[order], "order": order}
    trained = preparation.records.get("models")
    if trained is not None and isinstance(trained.value, list) and trained.value:
        reason = Text(ru="обученные модели принимают не изображения 32×32×3", en="the trained models do not take images of 32×32×3")
    else:
        reason = Text(ru="в работе не обучалась ни одна модель", en="no model was trained in this work")
    for name in ("fed_eval", "fed_train"):
        fed = preparation.array(name)
        if fed is None:
            continue
        try:
            presentation = learn_presentation(fed, preparation.public)
        except CannotPresent as problem:
            reason = problem.reason
            continue
        sent: dict[str, Array] = {"images": presentation.present(moved)}
        kept["presentation"] = {"layout": presentation.layout.name, "scale": presentation.scale.tolist(), "offset": presentation.offset.tolist()}
        if preparation.test is not None:
            sent["test_images"], kept["labels_test"] = presentation.present(preparation.test.images), preparation.test.labels
        return sent, kept
    tried = _to_try(preparation, moved) if _weights_loaded(preparation) else {}
    if tried:
        return tried, kept
    kept["cannot_present"] = {"ru": reason.ru, "en": reason.en}
    return {}, kept


def _weights_loaded(preparation: Preparation) -> bool:
    record = preparation.records.get("loaded")
    return record is not None and isinstance(record.value, dict) and not record.value.get("problem")


def _to_try(preparation: Preparation, hidden: Array) -> dict[str, Array]:
    """Return the hidden images as they are, and public ones with their labels by which a way to show them can be chosen."""
    labels, public = preparation.public_labels, preparation.public
    if labels is None or public is None:
        return {}
    chosen = np.concatenate([np.flatnonzero(labels == label)[:_PUBLIC_EACH] for label in np.unique(labels)])
    return {"raw_images": hidden, "raw_public": public[chosen], "raw_labels": labels[chosen]}


def trained_models(evidence: Evidence) -> list[dict[str, Any]]:
    """Return what the run said of every module that was optimised, in order of training; raises MissingRecord."""
    models = evidence.record("models")
    return [model for model in models if isinstance(model, dict)] if isinstance(models, list) else []


def class_lists(evidence: Evidence) -> tuple[Sequence[int], Sequence[int]]:
    """The dealt classes, and the student's own list where it is one."""
    dealt: Any = evidence.variant["classes"]
    written = evidence.record("classes") if evidence.has("classes") else None
    honest = isinstance(written, list) and all(isinstance(index, int) for index in written)
    return dealt, written if honest else ()  # type: ignore[return-value]


@check(ru="Классы вашего варианта", en="The classes of your variant", after=("module_trained",))
def classes_of_variant(evidence: Evidence) -> Conclusion:
    """The written list of classes, as a set, against the manifest."""
    dealt, honest = class_lists(evidence)
    written = evidence.record("classes")
    if set(honest) == set(dealt):
        return passed(
            Text(ru="Список классов совпал с вариантом.", en="The list of classes is that of the variant."),
            actual=str(written),
            vouched=Vouched.REPORTED,
        )
    if not honest and evidence.note("presentation"):
        return passed(Text(ru="Модель обучалась на изображениях ваших классов.", en="The model was fed images of your classes."))
    return failed(
        Text(ru="В тетради другие классы.", en="The notebook uses other classes.")
        if honest
        else Text(ru="В CLASSES нет списка номеров классов.", en="CLASSES holds no list of class indices."),
        expected=str(sorted(dealt)),
        actual=str(written)[:200],
        hint=Text(
            ru="Запишите в CLASSES номера из шапки тетради; их порядок не важен.", en="Put the numbers from the notebook's head into CLASSES; any order will do."
        ),
        vouched=Vouched.REPORTED,
    )


@check(ru="Модель на nn.Module", en="The model is an nn.Module")
def module_trained(evidence: Evidence) -> Conclusion:
    """Some nn.Module of the work was optimised."""
    models = trained_models(evidence)
    if loaded(evidence):
        return not_loaded(evidence) or _model_loaded(evidence)
    if not models:
        return failed(
            Text(ru="Ни одна модель nn.Module не обучалась.", en="No nn.Module was optimised."),
            expected="nn.Module + torch.optim",
            hint=Text(
                ru="Передайте optimizer параметры модели и вызывайте optimizer.step() в цикле.",
                en="Give the optimiser the model's parameters and call optimizer.step() in a loop.",
            ),
            vouched=Vouched.REPORTED,
        )
    chosen = next((model for model in models if model.get("chosen")), models[-1])
    return passed(
        Text(
            ru=f"Обучена модель {chosen.get('class')}: параметров {chosen.get('parameters')}, шагов {chosen.get('steps')}.",
            en=f"{chosen.get('class')} was trained: {chosen.get('parameters')} parameters, {chosen.get('steps')} steps.",
        ),
        vouched=Vouched.REPORTED,
    )


def _model_loaded(evidence: Evidence) -> Conclusion:
    facts = loaded(evidence)
    return passed(
        Text(
            ru=f"В модель {facts.get('class')} (параметров {facts.get('parameters')}) загружены сданные веса; здесь она не обучалась.",
            en=f"The weights handed in were loaded into {facts.get('class')} ({facts.get('parameters')} parameters); it was not trained here.",
        ),
        vouched=Vouched.REPORTED,
    )


@check(ru="Точность на скрытых изображениях", en="Accuracy on hidden images")
def hidden_accuracy(evidence: Evidence, assignment: Assignment) -> Conclusion:
    """The accuracy of the model that training left, against the reference on the same classes where the course is calibrated.

    Elsewhere the points are linear between chance and the declared reference, and the report says so.
    """
    if not evidence.has("logits"):
        return _no_logits(evidence)
    classes, _ = class_lists(evidence)
    repeated = measured(evidence, _accuracy_of)
    if repeated is None:
        return failed(
            Text(ru="Выход модели не подходит по форме.", en="The model's output has the wrong shape."),
            expected=f"(n, {len(set(classes))})",
            actual=str(evidence.array("logits").shape),
            hint=Text(ru="Последний слой должен давать по одному числу на класс.", en="The last layer gives one number per class."),
        )
    chance = _chance(assignment, classes)
    hint = _by_class(repeated.runs[0][1], classes, low=repeated.mean < chance + 0.1)
    why_not = Text(ru="", en="")
    if assignment.thresholds is not None:
        try:
            return against_reference(evidence, assignment, assignment.thresholds, repeated, hint)
        except NotUsable as problem:
            why_not = Text(ru=f" ({problem.reason.ru})", en=f" ({problem.reason.en})")
    return _against_common(evidence, repeated, assignment, hint, why_not)


def _accuracy_of(run: Evidence) -> Accuracy | None:
    classes, written = class_lists(run)
    return measure_accuracy(run.array("logits"), run.kept("labels"), classes, written)


def _chance(assignment: Assignment, classes: Sequence[int]) -> float:
    return 1 / max(1, len(set(classes))) if assignment.chance is None else assignment.chance


def _by_class(accuracy: Accuracy, classes: Sequence[int], *, low: bool) -> Text:
    per_class = ", ".join(f"{index}: {value:.2f}" for index, value in zip(sorted(classes), accuracy.per_class, strict=False))
    ru = "Сравните с точностью на обучении: если та намного выше, модель переобучилась."
    en = "Compare with the training accuracy: if that is much higher, the model overfits."
    if low:
        ru = "Это почти угадывание: падает ли функция потерь, те ли у меток номера, та ли модель осталась в `model`?"
        en = "This is near guessing: does the loss fall, do the labels have the right numbers, is the right model in `model`?"
    return Text(ru=f"По классам — {per_class}. {ru}", en=f"By class: {per_class}. {en}")


def _against_common(evidence: Evidence, repeated: Repeated, assignment: Assignment, hint: Text, why_not: Text) -> Conclusion:
    chance, model = _chance(assignment, class_lists(evidence)[0]), _which_model(evidence)
    reference = 1.0 if assignment.reference_accuracy is None else assignment.reference_accuracy
    images, mean, spread = repeated.runs[0][1].n, repeated.mean, repeated.spread()
    return partial(
        share_above_chance(mean, chance=chance, reference=reference),
        Text(
            ru=f"Точность {mean:.3f} на {images} изображениях{model.ru}{spread.ru}. Порог для этого варианта не откалиброван{why_not.ru}: "
            f"баллы растут линейно от угадывания ({chance:.2f}) до общего ориентира ({reference:.2f}).",
            en=f"Accuracy {mean:.3f} on {images} images{model.en}{spread.en}. Not calibrated for this variant{why_not.en}: the points grow linearly from guessing "
            f"({chance:.2f}) to the common reference ({reference:.2f}).",
        ),
        hint=hint,
        expected=f"≥ {reference:.3f}",
        actual=repeated.shown(),
    )


@check(ru="Веса после обучения", en="The weights after training", of_training=True)
def weights_unchanged(evidence: Evidence) -> Conclusion:
    """Whether the model at the end is still the one that training left, and what the change cost."""
    models = trained_models(evidence)
    if not models:
        return nothing_trained()
    cell = next((model.get("changed_in_cell") for model in models if model.get("chosen")), None)
    if cell is None:
        return passed(Text(ru="После обучения веса не менялись.", en="The weights did not change after training."))
    classes, written = class_lists(evidence)
    before, after = (
        measure_accuracy(evidence.array(name), evidence.kept("labels"), classes, written) for name in ("logits", "logits_final")
    )
    figures = f"{before.value:.3f} → {after.value:.3f}" if before and after else ""
    return failed(
        Text(
            ru=f"Ячейка {int(cell) + 1} изменила веса уже обученной модели ({figures}). Оценена модель, которую оставило обучение.",
            en=f"Cell {int(cell) + 1} changed the weights of the trained model ({figures}). The model that training left was measured.",
        ),
        actual=figures,
        hint=Text(
            ru="`.detach().numpy()` делит память с моделью: перед рисованием возьмите копию — `.clone()` или `.copy()`.",
            en="`.detach().numpy()` shares memory with the model: take a copy before plotting, `.clone()` or `.copy()`.",
        ),
    )


@check(ru="Порядок имён классов", en="The order of class names")
def names_in_order(evidence: Evidence) -> Conclusion:
    """Labels made by np.unique follow the sorted order; names printed in another order stand beside the wrong rows."""
    classes, written = class_lists(evidence)
    if not loaded(evidence) and not (trained_models(evidence) if evidence.has("models") else evidence.has("logits")):
        return nothing_trained()
    accuracy = measure_accuracy(evidence.array("logits"), evidence.kept("labels"), classes, written) if evidence.has("logits") else None
    if accuracy is not None and accuracy.order == "written":
        return passed(Text(ru="Метки пронумерованы в порядке записи, как и имена.", en="Labels are numbered in the written order, like the names."))
    named = find(code_cells(evidence), ("classification_report($$$, target_names=$NAMES, $$$)", "classification_report($$$, target_names=$NAMES)"))
    if list(written) == sorted(written) or not any("CLASSES" in match.text and "sorted" not in match.text for match in named):
        return passed(Text(ru="Имена стоят у своих строк.", en="The names stand beside their own rows."))
    return failed(
        Text(
            ru="Метки идут по возрастанию номеров классов, а имена в отчёте — в порядке записи, поэтому строки подписаны чужими именами. "
            "Так было в исходном тексте работы; на баллы это не влияет.",
            en="Labels follow the sorted class indices, the names in the report the written order, so the rows carry each other's names. "
            "The course's earlier text did the same; it costs no points.",
        ),
        expected=str(sorted(written)),
        actual=str(list(written)),
        hint=Text(ru="Подставьте в target_names имена по sorted(CLASSES).", en="Give target_names the names of sorted(CLASSES)."),
    )


def _which_model(evidence: Evidence) -> Text:
    if loaded(evidence):
        return Text(ru=" (сданные веса)", en=" (the weights handed in)")
    chosen = next((model for model in trained_models(evidence) if model.get("chosen")), {}) if evidence.has("models") else {}
    name, cell = chosen.get("name"), chosen.get("cell")
    if not isinstance(cell, int):
        return Text(ru="", en="")
    if not isinstance(name, str) or not name:
        return Text(ru=f" (последняя обученная модель, ячейка {cell + 1}; переменной с ней в конце тетради нет)",
                    en=f" (the last model trained, in cell {cell + 1}; no variable holds it at the end of the notebook)")  # fmt: skip
    return Text(ru=f" (модель `{name}` после обучения в ячейке {cell + 1})", en=f" (model `{name}` after training in cell {cell + 1})")


def _no_logits(evidence: Evidence) -> Conclusion:
    refused = not_loaded(evidence)
    if refused is not None:
        return refused
    reason: Any = evidence.note("cannot_present")
    if not reason:
        evidence.record("logits")  # raises, with the run's own reason
    return failed(
        Text(ru=f"Скрытые изображения не удалось показать модели: {reason['ru']}.", en=f"The hidden images could not be shown to the model: {reason['en']}."),
        hint=Text(
            ru="Подавайте модели изображения своих классов целыми, с одним сдвигом и масштабом на канал; остальное делайте внутри модели.",
            en="Feed the model whole images of your classes, with one shift and scale per channel; do the rest inside the model.",
        ),
    )

