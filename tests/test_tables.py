"""Tables of results as students write them, read row by row."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.checks.tables import Row, number, read_results, read_tables

HEAD = "| Конфигурация | Гиперпараметры | Точность | Комментарий |\n|---|---|---|---|\n"


def only(text: str) -> Row:
    (row,) = read_results(text)
    return row


@pytest.mark.parametrize(
    "line",
    [
        "| FC(8), FC(3) | lr = 0.005, batch_size = 128, epochs = 450 | test = 70%, train = 98.5% | |",
        "| FC(8)-ReLU-FC(3) | lr=5e-3,bs=128,epochs =450 | test≈70 %, train ~98,5% | база |",
        "| FC(8), FC(3) | скорость обучения 0,005; размер батча 128; 450 эпох | 70% на тесте, 98.5% на обучении | |",
        "FC(8), FC(3) | lr: 5·10⁻³, батч 128, эпох: 450 | Точность на обучении ≈ 0,985; на тесте — 0,70 | ",
        "| Linear(3072, 8), Linear(8, 3) | learning_rate = 5*10^-3, batch size: 128, n_epochs=450 | train acc = 98.5, test acc = 70.0 | |",
    ],
)
def test_one_training_in_many_hands(line: str) -> None:
    row = only(HEAD + line)
    assert (row.layers, row.lr, row.batch, row.epochs) == ((8, 3), 0.005, 128, 450)
    assert (row.train, row.test) == (0.985, 0.7)


@pytest.mark.parametrize(
    ("head", "line"),
    [
        ("| Model | lr | batch size | epochs | train acc | test acc |", "| 3072-8-3 | 0,005 | 128 | 450 | 0,985 | 0.70 |"),
        ("| Сеть | Шаг | Батч | Эпохи | Точность на обучении, % | Точность на тесте, % |", "| FC(8), FC(3) | 5e-3 | 128 | 450 | 98,5 | 70 |"),
        ("| Сеть | lr | bs | epochs | Точность (train/test) |", "| FC(8), FC(3) | .005 | 128 | 450 | 98.5% / 70% |"),
    ],
)
def test_a_column_for_each_number(head: str, line: str) -> None:
    row = only(f"{head}\n|{'---|' * (head.count('|') - 1)}\n{line}")
    assert (row.layers, row.batch, row.epochs, row.train, row.test) == ((8, 3), 128, 450, 0.985, 0.7)


def test_a_template_left_to_fill_in_is_no_row() -> None:
    assert read_results(HEAD + "| FC(…), FC(…) | lr = …, batch_size = …, epochs = … | test = … %, train = … % | |\n| ... | ... | ... | |") == ()


def test_a_loss_is_no_accuracy() -> None:
    assert read_results("| сеть | потери на обучении 0.31, на тесте 0.52 |") == ()
    row = only("| net | train loss | test loss | test accuracy |\n|---|---|---|---|\n| a | 0.31 | 0.52 | 81 % |")
    assert (row.train, row.test) == (None, 0.81)


def test_swapped_columns_are_seen_and_noise_is_not() -> None:
    assert only(HEAD + "| FC(3) | lr = 1 | train = 70%, test = 99% | |").looks_swapped
    assert not only(HEAD + "| FC(3) | lr = 1 | train = 79%, test = 80% | |").looks_swapped


def test_several_tables_keep_their_heads() -> None:
    first, second = read_tables("| a | b |\n|---|---|\n| 1 | 2 |\n\ntext\n| c |\n|:-:|\n| 3 |\n")
    assert (first.head, first.body, second.head, second.body) == (("a", "b"), (("1", "2"),), ("c",), (("3",),))


@pytest.mark.parametrize(("text", "value"), [("0,5", 0.5), ("5e-3", 0.005), ("5·10⁻³", 0.005), ("1 × 10^-4", 1e-4), ("128", 128)])
def test_numbers(text: str, value: float) -> None:
    assert number(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["1e999", "9" * 400, "1·10⁹⁹⁹"])
def test_a_number_beyond_all_bounds_is_none(text: str) -> None:
    assert number(text) is None
    assert only(f"| batch = {text}, lr = {text}, {text} epochs | test 70 %, train {text} |").test == 0.7


@pytest.mark.parametrize(
    ("line", "train"),
    [
        ("| обучение 20 эпох | lr = 0.1 | test 70% |", None),
        ("| обучение: 35 с | lr = 0.1 | test 70% |", None),
        ("| Обучение 3 (lr=0.01) | test 70% |", None),
        ("| Обучение 3 (lr=0.01), точность на тесте 70% |", None),
        ("| Обучение 1 (lr=0.01), точность: на тесте 70 |", None),
        ("| число параметров обучения 196, test 70% |", None),
        ("| потери на обучении 0.31, точность на тесте 70% |", None),
        ("| темп обучения 0,01 | test 70% |", None),
        ("| эпох обучения: 50 | test: 0,7 |", None),
        ("| признаков переобучения 0.9 | test 70% |", None),
        ("| train_acc=0.98 | test_acc=0.7 |", 0.98),
        ("| acc_train 98, acc_test 70.0 |", 0.98),
        ("| точность: train 98, test 70 |", 0.98),
        ("| обучение 20 эпох, точность 98% на обучении, 70% на тесте |", 0.98),
        ("| train 98.0 ± 0.3 %, test 70 ± 1 % |", 0.98),
    ],
)
def test_what_stands_beside_a_word_for_training_need_not_be_an_accuracy(line: str, train: float | None) -> None:
    row = only(line)
    assert (row.train, row.test) == (train, 0.7)


@pytest.mark.parametrize("title", ["Эпох обучения", "Время обучения, с", "Training time, %", "Скорость обучения", "Train loss", "Размер пакета при обучении"])
def test_a_title_that_names_something_else_makes_no_accuracy(title: str) -> None:
    row = only(f"| Сеть | {title} | test acc |\n|---|---|---|\n| FC(3) | 0.5 | 70 |\n")
    assert (row.train, row.test) == (None, 0.7)


def test_the_number_of_steps_is_no_rate() -> None:
    assert only("| шагов 2000, lr 0.1 | test 70% |").lr == 0.1
    assert only("| шаг обучения 0.1 | test 70% |").lr == 0.1


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "run", [" ", "1", "1.", "(", "lr(", "FC(1", "1-", "1x10 ^ ", "точност", "train", "трен", "трен_", "эпох", "loss на ", "≈", "⁻", "|", "\\|", "1% ", "_", "шаг "]
)
def test_no_long_run_of_anything_stops_the_reader(run: str) -> None:
    for start in ("| lr", "| train", "| эпох", "| FC(", "| "):
        line = f"{(start + run * 2000)[:1900]} x | test 70% |"
        assert len(read_results(f"{line}\n" * 5000)) <= 200


TOKENS = st.sampled_from(
    ["|", "\n", " ", "%", "-", "=", "…", "(", ")", ",", ".", "·10⁻", "e", "1e999", "9" * 400, "5", "0.7", "98", "batch", "bs", "lr", "шаг", "epochs", "эпох", "обучени", "train", "test", "FC(", "acc", "loss", "±"]
)


@given(st.text(alphabet="|-: \nFC(10)train=test%≈~,.e5·⁻³эпох…batchlr9", max_size=300) | st.lists(TOKENS, max_size=80).map("".join))
def test_no_text_breaks_the_reader(text: str) -> None:
    for row in read_results(text):
        assert all(share is None or 0 <= share <= 1 for share in (row.train, row.test))
