from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from grader.checks import partial
from grader.checks.accuracy import measure_accuracy, share_above_chance
from grader.checks.gradients import relative_error
from grader.checks.presentation import CannotPresent, learn_presentation
from grader.checks.study import filled_rows, is_answer
from grader.model import Array, Outcome, Text

RNG = np.random.default_rng(5)
PUBLIC: NDArray[np.uint8] = RNG.integers(0, 256, (60, 32, 32, 3), dtype=np.uint8)
HIDDEN: NDArray[np.uint8] = RNG.integers(0, 256, (9, 32, 32, 3), dtype=np.uint8)
MEAN, STD = np.array([0.5, 0.48, 0.44]), np.array([0.27, 0.26, 0.28])

FEEDS = {
    "pixels, channels last": lambda x: x.astype(np.float32),
    "0..1, channels first": lambda x: (x / 255).transpose(0, 3, 1, 2),
    "normalised, channels first": lambda x: ((x / 255 - MEAN) / STD).transpose(0, 3, 1, 2),
    "-1..1, flat, channels first": lambda x: (x / 127.5 - 1).transpose(0, 3, 1, 2).reshape(len(x), -1),
    "0..1, flat, channels last": lambda x: (x / 255).reshape(len(x), -1),
    "inverted": lambda x: 1 - x / 255,
    "bytes": lambda x: x,
    "half precision": lambda x: (x / 255).astype(np.float16),
}


@pytest.mark.parametrize("feed", FEEDS.values(), ids=FEEDS.keys())
def test_hidden_images_are_shown_as_the_model_was_fed(feed: Callable[[NDArray[np.uint8]], Array]) -> None:
    presentation = learn_presentation(feed(PUBLIC[[3, 8, 20, 55]]), PUBLIC)
    assert np.allclose(presentation.present(HIDDEN), feed(HIDDEN), atol=2e-3)


def test_augmented_rows_say_nothing_against_those_left_alone() -> None:
    batch = PUBLIC[:8].astype(np.float32) / 255
    batch[::2] = np.flip(batch[::2], axis=2)
    assert np.allclose(learn_presentation(batch, PUBLIC).present(HIDDEN), HIDDEN / 255, atol=1e-4)


def test_images_of_other_classes_cannot_be_presented_and_the_reason_is_said() -> None:
    with pytest.raises(CannotPresent) as caught:
        learn_presentation(HIDDEN.astype(np.float32), PUBLIC)
    assert "matches no image" in caught.value.reason.en


def test_a_feed_that_no_scale_and_shift_explains_is_refused() -> None:
    with pytest.raises(CannotPresent):
        learn_presentation(np.flip(PUBLIC[:4], axis=2).astype(np.float32), PUBLIC)
    with pytest.raises(CannotPresent):
        learn_presentation((PUBLIC[:4].astype(np.float32) / 255) ** 3, PUBLIC)


@pytest.mark.parametrize("fed", [
        np.ones((4, 2)),
        np.full((4, 32, 32, 3), np.nan),
        np.full((4, 32, 32, 3), 1e300),
        np.ones((0, 32, 32, 3)),
        np.ones(7),
        np.array(1.0),
    ])
def test_feeds_that_are_not_images_are_refused(fed: NDArray[np.float64]) -> None:
    with pytest.raises(CannotPresent):
        learn_presentation(fed, PUBLIC)


def test_accuracy_agrees_with_scikit_learn() -> None:
    from sklearn.metrics import accuracy_score, recall_score

    labels = RNG.integers(0, 3, 200)
    logits = RNG.normal(size=(200, 3)) + 2 * np.eye(3)[labels]
    measured = measure_accuracy(logits, labels, [5, 9, 70])
    assert measured is not None
    assert measured.value == pytest.approx(accuracy_score(labels, logits.argmax(1)))
    assert measured.per_class == pytest.approx(recall_score(labels, logits.argmax(1), average=None))


def test_outputs_in_the_written_order_of_classes_are_read_as_written() -> None:
    labels = np.array([0, 1, 2, 2, 1])  # positions in the sorted classes 23, 39, 58
    written = [39, 58, 23]
    logits = np.eye(3)[[written.index(sorted(written)[label]) for label in labels]]
    measured = measure_accuracy(logits, labels, written, written)
    assert measured is not None
    assert (measured.value, measured.order) == (1.0, "written")
    without = measure_accuracy(logits, labels, written)
    assert without is not None
    assert without.value < 1


def test_outputs_by_class_index_are_read_as_such() -> None:
    labels = np.array([0, 1, 2, 1])
    logits = np.eye(100)[np.array([5, 40, 99])[labels]]
    measured = measure_accuracy(logits, labels, [99, 5, 40])
    assert measured is not None
    assert (measured.value, measured.order) == (1.0, "raw")


def test_rows_that_are_not_finite_count_as_wrong() -> None:
    measured = measure_accuracy(np.array([[np.nan, 1.0], [np.inf, 0.0], [1.0, 0.0]]), np.array([1, 0, 0]), [3, 4])
    assert measured is not None
    assert measured.value == pytest.approx(1 / 3)


@pytest.mark.parametrize("logits", [np.ones(5), np.ones((5, 1)), np.ones((4, 3)), np.ones((5, 3, 2))])
def test_outputs_of_another_shape_are_not_measured(logits: NDArray[np.float64]) -> None:
    assert measure_accuracy(logits, np.zeros(5, dtype=np.int64), [1, 2, 3]) is None


def test_zeros_are_right_where_zeros_are_expected() -> None:
    assert relative_error(np.zeros((3, 1)), np.zeros(3)) == 0
    assert (relative_error(np.full(3, 1e-6), np.zeros(3)) or 0) > 1
    assert relative_error(np.array([1.0, 2.02]), np.array([1.0, 2.0])) == pytest.approx(0.01)


def test_points_grow_linearly_from_chance_to_reference() -> None:
    shares = [share_above_chance(accuracy, chance=0.3, reference=0.8) for accuracy in (0.1, 0.3, 0.55, 0.8, 0.95)]
    assert shares == pytest.approx([0, 0, 0.5, 1, 1])


@pytest.mark.parametrize("reference", [0.3, 0.1, float("nan")])
def test_a_reference_that_is_not_above_chance_is_refused(reference: float) -> None:
    with pytest.raises(ValueError, match="not above chance"):
        share_above_chance(0.9, chance=0.3, reference=reference)


def test_a_flat_channel_says_nothing_against_a_match() -> None:
    public = PUBLIC.copy()
    public[5, ..., 2] = 7
    presentation = learn_presentation(public[[3, 5, 9]].astype(np.float32) / 255, public)
    assert np.allclose(presentation.present(HIDDEN), HIDDEN / 255, atol=1e-4)


def test_not_a_number_earns_nothing() -> None:
    text = Text(ru="х", en="x")
    conclusion = partial(float("nan"), text, hint=text)
    assert (conclusion.share, conclusion.outcome) == (0.0, Outcome.FAILED)


def test_only_rows_with_figures_count_as_filled() -> None:
    table = "| a | b | c |\n|---|---|---|\n| FC(10) | lr = 0.005 | test = 70%, train = 98% |\n| … | … | 50% |\n| x | y | z |\n| FC(3) | lr = 0.1 | 41.5 | хуже... |"
    assert len(filled_rows(table)) == 2


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("*Ваш ответ здесь.*", False),
        ("да", False),
        ("# Заголовок из многих очень разных и длинных слов, которые ничего не говорят о деле и вопросе", False),
        ("нет " * 40, False),
        ("### Вывод\n\nСеть из десяти нейронов переобучается к сороковой эпохе: на обучении ошибок нет, а на проверке точность падает.", True),
        ("Модель переобучилась: точность на обучении растёт, на тесте падает после сороковой эпохи, поэтому обучение стоит прервать раньше.", True),
    ],
)
def test_an_answer_has_something_in_it(text: str, answer: bool) -> None:
    assert is_answer(text) is answer
