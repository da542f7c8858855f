"""The checks that read the training trace: each fails the mistake it is for, and leaves honest, differently written work alone."""

import copy
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - as notebooks call it
from torch.utils.data import BatchSampler, DataLoader, Subset, SubsetRandomSampler, TensorDataset

from grader.checks import Conclusion, data, loss, models, optimisation, runs, stated, validation
from grader.checks.trace import (
    Clipping,
    Loader,
    Loss,
    Model,
    Optimizer,
    Overlap,
    Passes,
    Restored,
    Scheduler,
    Source,
    Tensor,
    Trace,
    TrainingRun,
)
from grader.model import Outcome, Vouched
from tests.evidence_of import evidence_of
from tests.inside_training import Network, batch
from tests.traced import Names, backward, evaluate, train, watching

TRAIN, TEST, VALIDATION = 0, 1, 2
MODEL = Model(class_name="Net", name="net", parameters=100, trainable=100, optimised=100)
SENSITIVE = replace(MODEL, mode_sensitive=("BatchNorm2d",))
CE = Loss(
    function="cross_entropy", class_name="CrossEntropyLoss", output=Tensor(shape=(32, 3), dtype="float32", least=-4, greatest=5),
    target=Tensor(shape=(32,), dtype="int64", least=0, greatest=2), encoding="indices",
)  # fmt: skip
TRAINED = Passes(role="training", train_mode=True, grad=True, source=TRAIN, loader=0, count=5, batches=20, rows=600, last_epoch=4)
CHECKED = Passes(role="evaluation", source=TEST, loader=1, count=5, batches=10, rows=300, last_epoch=4, loss=((0, 1.0), (2, 0.5), (4, 0.8)), accuracy=((0, 0.5), (2, 0.8), (4, 0.7)))
RUN = TrainingRun(
    id=0, kind="module", first_cell=4, last_cell=4, steps=20, backwards=20, model=MODEL, optimizer=Optimizer(class_name="SGD", lr=((0, 0.1),)),
    loss=CE, batch_sizes=((32, 16), (8, 4)), epochs=5, epochs_cut="loader", losses=tuple((step, 2.0 - step / 20) for step in range(20)),
    passes=(TRAINED, CHECKED), changed=True, train_mode_restored=True,
)  # fmt: skip
SOURCES = (Source(id=0, kind="dataset", labels=(0, 1, 2)), Source(id=1, kind="dataset", labels=(0, 1, 2)), Source(id=2, kind="dataset"))
LOADERS = (
    Loader(id=0, source=0, batch_size=32, batches=4, shuffle=True, varies=False, same_order=False),
    Loader(id=1, source=1, batch_size=64, batches=2, varies=False, same_order=True),
)


def trace_with(*changed: TrainingRun, **rest: Any) -> Trace:
    return replace(Trace(runs=changed or (RUN,), sources=SOURCES, loaders=LOADERS), **rest)


def judge(store: Path, check: Callable[..., Conclusion], trace: Trace, **rest: Any) -> Conclusion:
    return check(evidence_of(store, records={"trace": plain(trace)}, **rest))


def plain(trace: Trace) -> Any:
    """Return the trace as the record that a run writes."""

    def lists(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: lists(item) for name, item in value.items()}
        return [lists(item) for item in value] if isinstance(value, list | tuple) else value

    return lists(asdict(trace))


def run_with(**changes: Any) -> Trace:
    return trace_with(replace(RUN, **changes))


def loss_with(**changes: Any) -> Trace:
    return run_with(loss=replace(CE, **changes))


def judged_with(**changes: Any) -> Trace:
    return run_with(model=SENSITIVE, passes=(TRAINED, replace(CHECKED, **changes)))


EVERY = [
    value
    for module in (data, loss, models, optimisation, stated, validation)
    for value in vars(module).values()
    if hasattr(value, "__zachet_check__") and value is not models.saved_model_equal
]
DEMANDS = {models.frozen_kept, validation.best_weights_restored}  # for labs that ask for it; others have nothing to freeze or to restore


@pytest.mark.parametrize("check", [check for check in EVERY if check not in DEMANDS], ids=lambda check: check.__name__)
def test_an_ordinary_training_passes(tmp_path: Path, check: Callable[..., Conclusion]) -> None:
    conclusion = judge(tmp_path, check, trace_with(), sources=["EPOCHS = 5\nBATCH_SIZE = 2 ** 5\nlr = 0.1"])
    assert conclusion.outcome is Outcome.PASSED, conclusion.rationale.en


@pytest.mark.parametrize("check", EVERY, ids=lambda check: check.__name__)
def test_without_training_there_is_nothing_to_look_at(tmp_path: Path, check: Callable[..., Conclusion]) -> None:
    conclusion = judge(tmp_path, check, Trace())
    assert (conclusion.outcome, conclusion.share) == (Outcome.SKIPPED, 0.0)


CUT = trace_with(
    replace(RUN, passes=(replace(TRAINED, source=3, loader=None), CHECKED, replace(CHECKED, source=TRAIN, loader=0, train_mode=True, grad=True))),
    sources=(*SOURCES, Source(id=3, kind="batches")), overlaps=(Overlap(first=3, second=TRAIN, rows=118, of_first=120, of_second=120),),
)  # fmt: skip

AS_THEY_COME = trace_with(
    replace(RUN, loss=replace(CE, output=Tensor(shape=(32, 100)), target=Tensor(shape=(32,), dtype="int64", least=0, greatest=58))),
    sources=(replace(SOURCES[0], labels=(0, 55, 58)), *SOURCES[1:]),
)  # fmt: skip

FAILS: list[tuple[str, Callable[..., Conclusion], Trace]] = [
    ("gradients kept", optimisation.gradients_zeroed, run_with(accumulated_steps=19)),
    ("gradients kept by hand", optimisation.gradients_zeroed, run_with(kind="by_hand", accumulated_steps=19)),
    ("half of the model optimised", optimisation.optimizer_complete, run_with(model=replace(MODEL, unoptimised=("head.weight",)))),
    ("loss grows", optimisation.loss_falls, run_with(losses=((0, 1.0), (10, 2.0), (19, 3.0)))),
    ("loss becomes no number", optimisation.loss_falls, run_with(losses=((0, 1.0), (10, 0.5), (19, float("nan"))))),
    ("idle scheduler", optimisation.scheduler_steps, run_with(schedulers=(Scheduler(class_name="StepLR"),))),
    ("clipped after the step", optimisation.clipping_in_force, run_with(clipping=(Clipping(kind="norm", limit=1.0, calls=20, late=20),))),
    ("validated in train mode", validation.validated_in_eval_mode, judged_with(train_mode=True)),
    ("validated with a graph", validation.validated_without_graph, judged_with(grad=True)),
    ("statistics moved", validation.statistics_untouched, judged_with(statistics_moved=True)),
    ("eval mode stays", validation.train_mode_restored, run_with(model=SENSITIVE, train_mode_restored=False, passes=(TRAINED, replace(TRAINED, train_mode=False), CHECKED))),
    ("softmax twice", loss.no_double_softmax, loss_with(came_from="softmax")),
    ("softmax written by hand", loss.no_double_softmax, loss_with(rows_are_probabilities=True)),
    ("sigmoid twice", loss.no_double_softmax, loss_with(function="binary_cross_entropy_with_logits", came_from="sigmoid", encoding="binary")),
    ("nll of probabilities", loss.no_double_softmax, loss_with(function="nll_loss", came_from="softmax")),
    ("targets that sum to more", loss.encodings_agree, loss_with(encoding="floats", target=Tensor(shape=(32, 3), dtype="float32", least=0.1, greatest=1))),
    ("silent broadcast", loss.encodings_agree, loss_with(function="mse_loss", target=Tensor(shape=(32, 1), dtype="float32"), encoding="floats")),
    ("nll of logits", loss.no_double_softmax, loss_with(function="nll_loss")),
    ("bce of class numbers", loss.encodings_agree, loss_with(function="binary_cross_entropy_with_logits", encoding="floats")),
    ("bce of numbers from nowhere", loss.encodings_agree, loss_with(function="binary_cross_entropy", target=Tensor(shape=(32,), greatest=7.0))),
    ("cross-entropy of one output", loss.encodings_agree, loss_with(output=Tensor(shape=(32, 1)), target=Tensor(shape=(32,), least=0, greatest=0))),
    ("not shuffled", data.training_shuffled, trace_with(loaders=(replace(LOADERS[0], shuffle=False, same_order=True), LOADERS[1]))),
    ("augmented validation", data.augmented_in_training_only, trace_with(loaders=(LOADERS[0], replace(LOADERS[1], varies=True)))),
    ("trained on the test, too", data.never_trained_on_test, run_with(passes=(TRAINED, replace(TRAINED, source=TEST, rows=300), CHECKED))),
    ("trained on the test alone", data.never_trained_on_test, run_with(passes=(replace(TRAINED, source=TEST), CHECKED))),
    ("trained on the test afterwards", data.never_trained_on_test, trace_with(RUN, replace(RUN, id=1, continues=0, passes=(replace(TRAINED, source=TEST, rows=60), CHECKED)))),
    ("shared rows", data.parts_disjoint, trace_with(overlaps=(Overlap(first=1, second=0, rows=15, of_first=60, of_second=120),))),
    ("labels as they come", data.labels_remapped, AS_THEY_COME),
    ("a class too many", data.as_many_classes, trace_with(sources=(replace(SOURCES[0], labels=(0, 1, 2, 3)), *SOURCES[1:]))),
    ("hidden layers", models.layers_registered, run_with(model=replace(MODEL, hidden=("tail.0",)))),
    ("nothing frozen", models.frozen_kept, trace_with()),
    ("frozen and changed", models.frozen_kept, run_with(model=replace(MODEL, frozen=("conv.weight",), frozen_changed=("conv.weight",)))),
    ("best epoch of the test", validation.chosen_on_validation, run_with(restored=Restored(cell=4, epoch=2))),
    ("last epoch left", validation.best_weights_restored, trace_with()),
    ("shared best weights", validation.best_weights_restored, run_with(restored=Restored(cell=4, epoch=4))),
    ("unequal steps", stated.equal_iterations, trace_with(RUN, replace(RUN, id=1, batch_sizes=((64, 8),), passes=(replace(TRAINED, loader=None),), steps=10))),
    ("unequal paths", stated.equal_iterations, trace_with(RUN, replace(RUN, id=1, optimizer=Optimizer(class_name="SGD", lr=((0, 0.05),))))),
]  # fmt: skip
HONEST: list[tuple[str, Callable[..., Conclusion], Trace]] = [
    ("deliberate accumulation", optimisation.gradients_zeroed, run_with(backwards=80, accumulated_steps=0)),
    ("two optimisers", optimisation.optimizer_complete, run_with(model=replace(MODEL, optimised=40))),
    ("frozen backbone", optimisation.optimizer_complete, run_with(model=replace(MODEL, trainable=10, optimised=10, frozen=("conv.weight",)))),
    ("one unlucky try", optimisation.loss_falls, trace_with(RUN, replace(RUN, id=1, losses=((0, 1.0), (19, float("inf")))))),
    ("no scheduler", optimisation.scheduler_steps, trace_with()),
    ("clipping that never bites", optimisation.clipping_in_force, run_with(clipping=(Clipping(kind="norm", limit=9.0, calls=20),))),
    ("a look at the shape before training", validation.validated_in_eval_mode, judged_with(when="before", train_mode=True, rows=4)),
    ("the accuracy on the training batch", validation.validated_without_graph, judged_with(source=TRAIN, grad=True, train_mode=True)),
    ("eval mode throughout, by choice", validation.train_mode_restored, run_with(model=SENSITIVE, train_mode_restored=False, passes=(replace(TRAINED, train_mode=False), CHECKED))),
    ("one-hot targets", loss.encodings_agree, loss_with(encoding="one_hot", target=Tensor(shape=(32, 3), dtype="float32", least=0, greatest=1))),
    ("soft targets", loss.encodings_agree, loss_with(encoding="probabilities", target=Tensor(shape=(32, 3), dtype="float32", least=0, greatest=1))),
    ("one-hot targets with mse", loss.encodings_agree, loss_with(function="mse_loss", encoding="one_hot", target=Tensor(shape=(32, 3), dtype="float32"))),
    ("bce with logits", loss.no_double_softmax, loss_with(function="binary_cross_entropy_with_logits", output=Tensor(shape=(32, 1)), encoding="binary")),
    ("bce after sigmoid", loss.no_double_softmax, loss_with(function="binary_cross_entropy", came_from="sigmoid", encoding="binary")),
    ("nll after log_softmax", loss.no_double_softmax, loss_with(function="nll_loss", came_from="log_softmax")),
    ("nll after log_softmax fits", loss.encodings_agree, loss_with(function="nll_loss", came_from="log_softmax", output=Tensor(shape=(32, 3), least=-9, greatest=0))),
    ("nll of logarithms with an epsilon", loss.no_double_softmax, loss_with(function="nll_loss", output=Tensor(shape=(32, 3), least=-9, greatest=9.5e-7))),
    ("nll of logarithms with an epsilon fits", loss.encodings_agree, loss_with(function="nll_loss", output=Tensor(shape=(32, 3), least=-9, greatest=9.5e-7))),
    ("a loss by hand", loss.encodings_agree, run_with(loss=Loss(backward_of="Mean"))),
    ("batches cut by hand", data.parts_disjoint, CUT),
    ("the accuracy on batches cut by hand", validation.validated_in_eval_mode, CUT),
    ("the graph on batches cut by hand", validation.validated_without_graph, CUT),
    ("labels that nobody saw", data.as_many_classes, trace_with(sources=())),
    ("halves of a batch", stated.equal_iterations, trace_with(RUN, replace(RUN, id=1, batch_sizes=((32, 40),), backwards=40, passes=(replace(TRAINED, loader=None),), epochs=10))),
    ("own sampler", data.training_shuffled, trace_with(loaders=(replace(LOADERS[0], shuffle=False, same_order=False), LOADERS[1]))),
    ("one batch an epoch", data.training_shuffled, trace_with(loaders=(replace(LOADERS[0], shuffle=False, same_order=True, batches=1), LOADERS[1]))),
    ("augmented training", data.augmented_in_training_only, trace_with(loaders=(replace(LOADERS[0], varies=True), LOADERS[1]))),
    ("accuracy on training data as well", data.never_trained_on_test, run_with(passes=(TRAINED, CHECKED, replace(CHECKED, source=TRAIN, loader=0)))),
    ("folds", data.never_trained_on_test, trace_with(RUN, replace(RUN, id=1, passes=(replace(TRAINED, source=TEST), replace(CHECKED, source=TRAIN))))),
    ("a duplicate or two", data.parts_disjoint, trace_with(overlaps=(Overlap(first=1, second=0, rows=2, of_first=300, of_second=1500),))),
    ("labels one-hot", data.labels_remapped, loss_with(encoding="one_hot", target=Tensor(shape=(32, 3), least=0, greatest=1))),
    ("frozen and kept", models.frozen_kept, run_with(model=replace(MODEL, frozen=("conv.weight",)))),
    ("a test part besides", validation.chosen_on_validation, run_with(restored=Restored(cell=4, epoch=2), passes=(TRAINED, CHECKED, replace(CHECKED, source=VALIDATION, when="after")))),
    ("best weights back", validation.best_weights_restored, run_with(restored=Restored(cell=4, epoch=2))),
    ("the last epoch is the best", validation.best_weights_restored, judged_with(loss=((0, 1.0), (4, 0.2)), accuracy=())),
    ("equal steps", stated.equal_iterations, trace_with(RUN, replace(RUN, id=1, batch_sizes=((64, 8),), passes=(replace(TRAINED, loader=None),), steps=20, epochs=10))),
    ("equal paths", stated.equal_iterations, trace_with(RUN, replace(RUN, id=1, optimizer=Optimizer(class_name="SGD", lr=((0, 0.05),)), steps=40, epochs=10))),
    ("training that goes on", stated.equal_iterations, trace_with(RUN, replace(RUN, id=1, continues=0, optimizer=Optimizer(class_name="SGD", lr=((0, 0.05),))))),
    ("everything at once", stated.equal_iterations, trace_with(RUN, replace(RUN, id=1, model=replace(MODEL, parameters=500), steps=7))),
]  # fmt: skip


@pytest.mark.parametrize(("check", "trace"), [row[1:] for row in FAILS], ids=[row[0] for row in FAILS])
def test_the_mistake_is_found_and_explained(tmp_path: Path, check: Callable[..., Conclusion], trace: Trace) -> None:
    conclusion = judge(tmp_path, check, trace)
    assert (conclusion.outcome, conclusion.share) == (Outcome.FAILED, 0.0), conclusion.rationale.en
    assert conclusion.hint is not None
    assert all((conclusion.rationale.ru, conclusion.rationale.en, conclusion.hint.ru, conclusion.hint.en))
    assert conclusion.expected or conclusion.actual


@pytest.mark.parametrize(("check", "trace"), [row[1:] for row in HONEST], ids=[row[0] for row in HONEST])
def test_honest_work_is_left_alone(tmp_path: Path, check: Callable[..., Conclusion], trace: Trace) -> None:
    conclusion = judge(tmp_path, check, trace)
    assert conclusion.outcome is Outcome.PASSED, (conclusion.rationale.en, conclusion.actual)


def test_every_check_of_the_trace_has_a_mistake_that_it_finds() -> None:
    by_code = {loss.argmax_over_classes, stated.numbers_used}
    assert {row[1] for row in FAILS} | by_code == set(EVERY)


def test_train_mode_without_a_layer_that_minds_costs_half(tmp_path: Path) -> None:
    conclusion = judge(tmp_path, validation.validated_in_eval_mode, run_with(passes=(TRAINED, replace(CHECKED, train_mode=True))))
    assert (conclusion.share, conclusion.outcome) == (0.5, Outcome.FAILED)
    assert "the numbers are the same" in conclusion.rationale.en


def test_the_gain_of_choosing_on_the_test_is_measured(tmp_path: Path) -> None:
    conclusion = judge(tmp_path, validation.chosen_on_validation, run_with(restored=Restored(cell=4, epoch=2)))
    assert conclusion.actual == "+10.0"


def test_a_best_model_that_lives_on_elsewhere_is_given_the_benefit_of_the_doubt(tmp_path: Path) -> None:
    conclusion = judge(tmp_path, validation.best_weights_restored, trace_with(), sources=["best = copy.deepcopy(model)"])
    assert conclusion.outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("answers = net(x).argmax(dim=0)", True),
        ("outputs = net(x)\nanswers = torch.max(outputs, 0)", True),
        ("outputs = model(x[:5])\nanswers = outputs.argmax(0)", True),
        ("p = net(image.unsqueeze(0)).softmax(0)", True),
        ("outputs = model(x)\nanswers = outputs.argmax()", False),
        ("answer = model(image.unsqueeze(0)).argmax().item()", False),
        ("logits = model(x[:1])\nk = logits.argmax()", False),
        ("out = net(img[None])\nprint(torch.argmax(out))", False),
        ("p = net(image).softmax(0)", False),
        ("scores = net(test_X[3])\nanswer = scores.argmax(0)", False),
        ("outputs = net(x)\np = torch.softmax(outputs, dim=0)", True),
        ("outputs = net(x)\nanswers = outputs.argmax(dim=1)", False),
        ("outputs = net(x)\nvalues, answers = torch.max(outputs, 1)", False),
        ("best = history[:, 2].argmin()\nlast = np.argmax(accuracies)", False),
        ("scores = net(x.unsqueeze(0))[0]\nanswer = scores.argmax(dim=0)", False),
        ("outputs = net(x)\noutputs = outputs.mean(0)\nanswer = outputs.argmax(0)", False),
        ("# outputs = net(x).argmax(dim=0)", False),
    ],
)
def test_an_argmax_over_the_batch_is_told_from_all_others(tmp_path: Path, source: str, found: bool) -> None:
    conclusion = judge(tmp_path, loss.argmax_over_classes, trace_with(), sources=[source])
    assert (conclusion.outcome is Outcome.FAILED) == found
    assert conclusion.vouched is Vouched.REPORTED


@pytest.mark.parametrize(
    ("source", "outcome"),
    [
        ("EPOCHS = 5\nBATCH_SIZE = 32\nLEARNING_RATE = 1e-1", Outcome.PASSED),
        ("batch_size = 2 ** 5\nnum_epochs = 10 // 2", Outcome.PASSED),
        ("EPOCHS = 100", Outcome.FAILED),
        ("EPOCHS = 100\nfor epoch in range(EPOCHS):\n    if bad:\n        break", Outcome.PASSED),
        ("EPOCHS = 100\nfor i, (image, label) in enumerate(train_loader):\n    if i == 8:\n        break", Outcome.FAILED),
        ("EPOCHS = 100\ndef fit():\n    for epoch in range(EPOCHS):\n        if bad:\n            return", Outcome.PASSED),
        ("EPOCHS = 100\nfor epoch in range(EPOCHS):\n    for x, y in test:\n        show(x)\n        break", Outcome.FAILED),
        (f"EPOCHS = 1{'0' * 400}", Outcome.PASSED),
        ("EPOCHS = (1 - 9) ** 0.5", Outcome.PASSED),
        (f"EPOCHS = 1{' + 1' * 1500}", Outcome.PASSED),
        ("EPOCHS = 9 ** 9 ** 9", Outcome.PASSED),
        ("EPOCHS = 1 // 0", Outcome.PASSED),
        (f"EPOCHS = {'-' * 100_000}1", Outcome.PASSED),
        ("lr = 0.5", Outcome.FAILED),
        ("lr = 0.5\nlr = 0.1", Outcome.PASSED),
        ("def f(lr=0.5):\n    EPOCHS = 3", Outcome.PASSED),
    ],
)
def test_declared_numbers_are_those_of_some_training(tmp_path: Path, source: str, outcome: Outcome) -> None:
    assert judge(tmp_path, stated.numbers_used, trace_with(), sources=[source]).outcome is outcome


def test_numbers_of_a_part_by_hand_say_nothing_about_later_trainings(tmp_path: Path) -> None:
    by_hand = TrainingRun(id=9, kind="by_hand", first_cell=0, last_cell=0, steps=100)
    conclusion = judge(tmp_path, stated.numbers_used, trace_with(by_hand, RUN), sources=["lr = 1.0", "x = 1"])
    assert conclusion.outcome is Outcome.PASSED


def test_the_numbers_of_the_lab_are_looked_for_in_one_training(tmp_path: Path) -> None:
    evidence = evidence_of(tmp_path, records={"trace": plain(trace_with())})
    assert stated.trained_as_stated(evidence, batch=32, epochs=5, lr=0.1).outcome is Outcome.PASSED
    wrong = stated.trained_as_stated(evidence, batch=64, epochs=5)
    assert (wrong.outcome, wrong.expected) == (Outcome.FAILED, "batch = 64, epochs = 5")


def test_parameters_are_counted_on_the_last_model(tmp_path: Path) -> None:
    evidence = evidence_of(tmp_path, records={"trace": plain(trace_with())})
    assert models.parameters_between(evidence, 100, 100).outcome is Outcome.PASSED
    assert models.parameters_between(evidence, 101, 200).outcome is Outcome.FAILED


def test_many_trainings_are_named_in_few_words() -> None:
    names = runs.listed([replace(RUN, first_cell=cell) for cell in range(6)])
    assert names.en.endswith("and 3 more")
    assert names.ru.startswith("обучение `net` в ячейке 1")


PICTURES, LABELS = batch(0, 80)
DATA = TensorDataset(PICTURES, LABELS)
FIRST, SECOND = torch.arange(40), torch.arange(40, 80)
Work = Callable[[Names], None]


def parts(read: Any = FIRST, judged: Any = SECOND, *, mode: bool = False, also: Any = None) -> Work:
    """Return a work that draws the parts of one data set by samplers."""

    def work(names: Names) -> None:
        model = names["model"] = Network()
        drawn = [DataLoader(DATA, 10, sampler=SubsetRandomSampler(places)) for places in (read, judged) if places is not None]
        train(model, drawn[0], each_epoch=lambda: evaluate(model, drawn[-1], mode=mode))
        if also is not None:
            train(model, DataLoader(Subset(DATA, also), 10), each_epoch=lambda: evaluate(model, drawn[-1]))

    return work


def batches_of_parts(names: Names) -> None:
    """Two parts once more: a list as a sampler, and a batch sampler over a sampler; the accuracy on the training part is taken in its order."""
    model = names["model"] = Network()
    judged = DataLoader(DATA, batch_sampler=BatchSampler(SubsetRandomSampler(SECOND.tolist()), 10, drop_last=False))
    own = DataLoader(Subset(DATA, FIRST.tolist()), 10)

    def each_epoch() -> None:
        evaluate(model, judged)
        evaluate(model, own, mode=True)

    train(model, DataLoader(DATA, 10, sampler=FIRST.flip(0).tolist()), each_epoch=each_epoch)


def put_back(chosen: int, *, epochs: int = 3) -> Work:
    """Return a work whose accuracy rises to its middle epoch and falls again, and that puts back the epoch `chosen`."""

    def work(names: Names) -> None:
        model = names["model"] = nn.Linear(6, 3)
        states: list[Any] = []
        judged = DataLoader(TensorDataset(PICTURES[40:], model(PICTURES[40:]).argmax(1)), 10)
        best = {name: value.clone() for name, value in model.state_dict().items()}

        def each_epoch() -> None:
            with torch.no_grad():
                for name, value in model.named_parameters():
                    value.copy_(best[name] * (3 if len(states) == 1 else -1 - len(states)))
            evaluate(model, judged)
            states.append(copy.deepcopy(model.state_dict()))

        train(model, DataLoader(Subset(DATA, FIRST), 10, shuffle=True), epochs=epochs, each_epoch=each_epoch)  # type: ignore[arg-type]
        model.load_state_dict(states[chosen])
        evaluate(model, judged)

    return work


def in_epochs(epochs: int, make: Callable[[], Any], model: nn.Module | None = None, optimizer: Any = None, cut: Callable[[int], bool] = lambda _: False) -> Work:
    """Return a work that asks for its loader in every epoch."""

    def work(names: Names) -> None:
        made = names["model"] = model or Network()
        stepping, epoch = optimizer or torch.optim.SGD(made.parameters(), lr=0.1), 0
        while epoch < epochs and not cut(epoch):
            train(made, make(), epochs=1, optimizer=stepping)
            epoch += 1

    return work


def one_cycle(names: Names) -> None:
    model = names["model"] = Network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=40)
    train(model, DataLoader(DATA, 10, shuffle=True), epochs=5, optimizer=optimizer, after_step=schedule.step)


def scheduled_otherwise(names: Names) -> None:
    """A rate of 0.05 that a schedule lowers, and a training with 0.02."""
    model = Network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 4)
    train(model, DataLoader(DATA, 10, shuffle=True), optimizer=optimizer, after_step=schedule.step)
    names["model"] = Network()
    train(names["model"], DataLoader(DATA, 10, shuffle=True), optimizer=torch.optim.SGD(names["model"].parameters(), lr=0.02))


def two_rates(names: Names) -> None:
    model = names["model"] = nn.Sequential(nn.Linear(6, 8), nn.Linear(8, 3))
    groups: list[dict[str, Any]] = [{"params": model[0].parameters(), "lr": 0.001}, {"params": model[1].parameters()}]
    train(model, DataLoader(DATA, 10, shuffle=True), optimizer=torch.optim.SGD(groups, lr=0.1))


def slices_of_four(names: Names) -> None:
    """Four backwards, each of 10 rows cut by hand, make a step."""
    model = names["model"] = Network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):
        for start in range(0, 80, 10):
            backward(F.cross_entropy(model(PICTURES[start : start + 10]), LABELS[start : start + 10]) / 4)
            if start % 40 == 30:
                optimizer.step()
                optimizer.zero_grad()


def shuffled_by_hand() -> Any:
    order = torch.randperm(80)
    return DataLoader(TensorDataset(PICTURES[order], LABELS[order]), 10)


STILL = DataLoader(DATA, 10)
HUNDRED = torch.arange(1500) % 100
ROWS = torch.randn(1500, 6, generator=torch.Generator().manual_seed(1))


def classes(labels: Any, outputs: int, *, look: bool = False, kept: dict[int, int] | None = None, whole: bool = False) -> Work:
    """Return a work with these labels that may look at a batch first, renumber them in its loop, or take all rows in one step."""

    def work(names: Names) -> None:
        torch.manual_seed(3)
        model = names["model"] = nn.Linear(6, outputs)
        rows = ROWS[: len(labels)].clone()
        loader = DataLoader(TensorDataset(rows, labels), 8, shuffle=True)
        if look:
            next(iter(loader))
        numbered = torch.tensor([(kept or {}).get(label, label) for label in range(100)])
        train(model, [(rows, labels)] if whole else loader, loss=lambda answers, given: F.cross_entropy(answers, numbered[given]))

    return work


MINE = torch.tensor([0, 55, 58])[torch.arange(60) % 3]
NUMBERS = "EPOCHS = 5\nBATCH_SIZE = 10\nLR = 0.1"
REAL: list[tuple[str, Callable[..., Conclusion], Work, str, Outcome]] = [
    ("parts by samplers", data.never_trained_on_test, parts(), "", Outcome.PASSED),
    ("parts by samplers, no rows shared", data.parts_disjoint, parts(), "", Outcome.PASSED),
    ("parts by samplers that overlap", data.parts_disjoint, parts(judged=torch.arange(30, 80)), "", Outcome.FAILED),
    ("parts by samplers, the second trained on, too", data.never_trained_on_test, parts(also=SECOND), "", Outcome.FAILED),
    ("one part by a sampler, judged on itself", data.never_trained_on_test, parts(judged=None), "", Outcome.FAILED),
    ("parts by samplers in eval mode", validation.validated_in_eval_mode, parts(), "", Outcome.PASSED),
    ("parts by samplers in train mode", validation.validated_in_eval_mode, parts(mode=True), "", Outcome.FAILED),
    ("parts by lists and batch samplers", data.never_trained_on_test, batches_of_parts, "", Outcome.PASSED),
    ("the training part in train mode", validation.validated_in_eval_mode, batches_of_parts, "", Outcome.PASSED),
    ("saved and loaded", validation.chosen_on_validation, put_back(2), "", Outcome.PASSED),
    ("an epoch that is not the best", validation.chosen_on_validation, put_back(0), "", Outcome.PASSED),
    ("the best epoch of the test", validation.chosen_on_validation, put_back(1), "", Outcome.FAILED),
    ("a schedule that begins low", stated.numbers_used, one_cycle, NUMBERS, Outcome.PASSED),
    ("a schedule says nothing of other trainings", stated.numbers_used, scheduled_otherwise, "LR = 0.1", Outcome.FAILED),
    ("a rate of a schedule and of a training", stated.numbers_used, scheduled_otherwise, "LR = 0.05", Outcome.PASSED),
    ("another rate for the first layers", stated.numbers_used, two_rates, "LR = 0.1", Outcome.PASSED),
    ("a rate of no group", stated.numbers_used, two_rates, "LR = 0.2", Outcome.FAILED),
    ("a while that ends early", stated.numbers_used, in_epochs(5, lambda: STILL, cut=lambda epoch: epoch == 3), "EPOCHS = 5\nwhile wait < 3 and epoch < EPOCHS:\n    step()", Outcome.PASSED),
    ("fewer epochs in a loop that runs to its end", stated.numbers_used, in_epochs(3, lambda: STILL), "EPOCHS = 5\nfor epoch in range(3):\n    step()", Outcome.FAILED),
    ("slices that add up, by their rows", stated.numbers_used, slices_of_four, "BATCH_SIZE = 10", Outcome.PASSED),
    ("slices that add up, by their sum", stated.numbers_used, slices_of_four, "BATCH_SIZE = 40", Outcome.PASSED),
    ("slices that add up to something else", stated.numbers_used, slices_of_four, "BATCH_SIZE = 20", Outcome.FAILED),
    ("a permutation of one's own", data.training_shuffled, in_epochs(4, shuffled_by_hand), "", Outcome.PASSED),
    ("one loader, never shuffled", data.training_shuffled, in_epochs(4, lambda: STILL), "", Outcome.FAILED),
    ("new loaders, never shuffled", data.training_shuffled, in_epochs(4, lambda: DataLoader(TensorDataset(PICTURES.clone(), LABELS), 10)), "", Outcome.FAILED),
    ("a hundred classes in small batches", data.labels_remapped, classes(HUNDRED, 100), "", Outcome.PASSED),
    ("a hundred classes after a look at a batch", data.labels_remapped, classes(HUNDRED, 100, look=True), "", Outcome.PASSED),
    ("renumbered in the loop", data.labels_remapped, classes(MINE, 3, kept={55: 1, 58: 2}), "", Outcome.PASSED),
    ("labels as they come", data.labels_remapped, classes(MINE, 100), "", Outcome.FAILED),
    ("labels as they come, all rows at once", data.labels_remapped, classes(MINE, 100, whole=True), "", Outcome.FAILED),
]  # fmt: skip


@pytest.mark.parametrize(("check", "work", "source", "outcome"), [row[1:] for row in REAL], ids=[row[0] for row in REAL])
def test_real_trainings_are_judged_by_what_they_did(tmp_path: Path, check: Callable[..., Conclusion], work: Work, source: str, outcome: Outcome) -> None:
    names: Names = {}
    torch.manual_seed(0)
    with watching(names) as trace:
        work(names)
        trace.cell_ended()
        trace.close()
        record = trace.told()["trace"]
    conclusion = check(evidence_of(tmp_path, records={"trace": record}, sources=[source]))
    assert conclusion.outcome is outcome, (conclusion.rationale.en, conclusion.actual)
