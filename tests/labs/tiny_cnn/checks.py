"""The trusted side of the small lab: the same pictures with other noise, and checks of the library with this lab's numbers."""

import numpy as np
from numpy.typing import NDArray

from grader.assignment import Assignment
from grader.checks import Conclusion, Preparation, check
from grader.checks.claims import table_agrees
from grader.checks.components import components, forbidden
from grader.checks.data import (
    as_many_classes,
    augmented_in_training_only,
    labels_remapped,
    never_trained_on_test,
    parts_disjoint,
    training_shuffled,
)
from grader.checks.images import hidden_accuracy, module_trained, weights_unchanged
from grader.checks.loss import argmax_over_classes, encodings_agree, no_double_softmax
from grader.checks.models import layers_registered, parameters_between, saved_model_equal
from grader.checks.optimisation import clipping_in_force, gradients_zeroed, loss_falls, optimizer_complete, scheduler_steps
from grader.checks.outputs import outputs_fresh, plots_drawn, template_filled
from grader.checks.reports import report_as_measured
from grader.checks.stated import equal_iterations, numbers_used, trained_as_stated
from grader.checks.study import answers_given, cells_ran
from grader.checks.validation import (
    best_weights_restored,
    chosen_on_validation,
    statistics_untouched,
    train_mode_restored,
    validated_in_eval_mode,
    validated_without_graph,
)
from grader.evidence import Evidence
from grader.model import Given, Text

__all__ = [
    "answers",
    "argmax_over_classes",
    "as_many_classes",
    "augmented_in_training_only",
    "best_weights_restored",
    "cells_ran",
    "chosen_on_validation",
    "clipping_in_force",
    "encodings_agree",
    "equal_iterations",
    "final_as_asked",
    "gradients_zeroed",
    "hidden_accuracy",
    "labels_remapped",
    "layers_registered",
    "loss_falls",
    "module_trained",
    "never_trained_on_test",
    "no_double_softmax",
    "normalises",
    "numbers_used",
    "optimizer_complete",
    "outputs_fresh",
    "own_network",
    "parts_disjoint",
    "plots_drawn",
    "prepare",
    "report_as_measured",
    "saved_model_equal",
    "scheduler_steps",
    "size_as_asked",
    "statistics_untouched",
    "table_agrees",
    "template_filled",
    "train_mode_restored",
    "training_shuffled",
    "validated_in_eval_mode",
    "validated_without_graph",
    "weights_unchanged",
]

_HIDDEN, _TEST, _NOISE = 40, 20, 1.8


def prepare(preparation: Preparation) -> Given:
    """Draw hidden pictures of the variant's classes, and make the lab's own test part again."""
    dealt = preparation.variant["classes"]
    classes = sorted(int(str(index)) for index in dealt) if isinstance(dealt, list) else []
    pictures, labels = _draw(classes, _HIDDEN, preparation.rng)
    every, indices = _draw(list(range(100)), _TEST, np.random.default_rng(3))
    mine = np.isin(indices, classes)
    kept = {"labels": labels, "labels_test": np.searchsorted(classes, indices[mine])}
    return Given(sent={"pictures": pictures, "test": every[mine]}, kept=kept)


def _draw(classes: list[int], count: int, rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Return pictures as the lab's `load` makes them, and the positions of their classes in `classes`."""
    shapes = np.random.default_rng(0).normal(size=(100, 3, 8, 8))[classes]
    labels = np.repeat(np.arange(len(classes)), count)
    return (shapes[labels] + rng.normal(0, _NOISE, (len(labels), 3, 8, 8))).astype(np.float32), labels


@check(ru="Последнее обучение по условию", en="The last training as asked")
def final_as_asked(evidence: Evidence) -> Conclusion:
    """Batches of 16 and a rate of 0.3, as the lab says."""
    return trained_as_stated(evidence, batch=16, lr=0.3)


@check(ru="Размер модели", en="The size of the model")
def size_as_asked(evidence: Evidence) -> Conclusion:
    """A small model."""
    return parameters_between(evidence, 100, 20_000)


@check(ru="Нормализация батча", en="Batch normalisation")
def normalises(evidence: Evidence) -> Conclusion:
    """The model has batch normalisation."""
    return components(evidence, {"BatchNorm2d": ("nn.BatchNorm2d($$$)", "torch.nn.BatchNorm2d($$$)")}, Text(ru="В модели нет", en="The model lacks"))


@check(ru="Сеть написана самостоятельно", en="The network is one's own")
def own_network(evidence: Evidence) -> Conclusion:
    """No ready network."""
    ready = {"torch.hub": ("torch.hub.load($$$)",), "MLPClassifier": ("MLPClassifier($$$)", "$M.MLPClassifier($$$)")}
    return forbidden(
        evidence, ready, Text(ru="Взята готовая сеть", en="A ready network is used"), Text(ru="Напишите сеть на nn.Module.", en="Write the network as an nn.Module.")
    )


@check(ru="Ответы", en="Answers")
def answers(evidence: Evidence, assignment: Assignment) -> Conclusion:
    """Both questions."""
    return answers_given(evidence, assignment, 2)
