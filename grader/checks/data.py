"""What a training read: shuffling, augmentation, labels, and data that it must not see."""

from collections.abc import Sequence

from grader.checks import Conclusion, check, failed, passed
from grader.checks.runs import module_runs, no_run_is, nothing_trained, trained_sources, training_loaders, validation
from grader.checks.trace import Loader, Trace, TrainingRun, trace_of
from grader.evidence import Evidence
from grader.model import Text, Vouched

_SHARED = 0.02
_MOST_LABELS = 256  # more of a source are not told


@check(ru="Обучающие данные перемешиваются", en="The training data are shuffled", of_training=True)
def training_shuffled(evidence: Evidence) -> Conclusion:
    """A training loader gives the rows in another order in every epoch, by whatever means. One batch an epoch needs no shuffling."""

    def wrong(trace: Trace, run: TrainingRun) -> str:
        still = [
            loader
            for loader in training_loaders(trace, run)
            if not loader.shuffle and loader.same_order and (loader.batches or 0) > 1 and run.epochs > 1
        ]
        return f"{_called(still[0])}: {still[0].sampler or 'shuffle=False'}" if still else ""

    return no_run_is(
        evidence,
        wrong,
        right=Text(ru="Порядок обучающих данных меняется от эпохи к эпохе.", en="The order of the training data changes from epoch to epoch."),
        complaint=Text(ru="Обучающие данные идут каждую эпоху в одном порядке", en="The training data come in the same order in every epoch"),
        hint=Text(ru="Передайте загрузчику обучающей части shuffle=True.", en="Give the training loader shuffle=True."),
        expected="shuffle=True",
    )


@check(ru="Аугментация только при обучении", en="Augmentation in training only", of_training=True)
def augmented_in_training_only(evidence: Evidence) -> Conclusion:
    """What is validated is the same rows every time: no loader of evaluations gives an index other contents when it is read again."""

    def wrong(trace: Trace, run: TrainingRun) -> str:
        loaders = [loader for passes in validation(trace, run) if (loader := trace.loader(passes.loader)) is not None and loader.varies]
        return _called(loaders[0]) if loaders else ""

    return no_run_is(
        evidence,
        wrong,
        right=Text(ru="Проверочные картинки каждый раз одни и те же.", en="Validation sees the same pictures every time."),
        complaint=Text(ru="Проверочные картинки каждый раз другие: к ним применяется аугментация", en="Validation sees other pictures every time: they are augmented"),
        hint=Text(
            ru="Случайные преобразования давайте только обучающему набору; проверочному — такой же набор без них.",
            en="Give random transformations to the training set only, and the validation set the same without them.",
        ),
        expected="train",
    )


@check(ru="Тест не участвует в обучении", en="The test data take no part in training", of_training=True)
def never_trained_on_test(evidence: Evidence) -> Conclusion:
    """No training reads the very data that its model is judged on. Judging on training data as well is fine."""

    def wrong(trace: Trace, run: TrainingRun) -> str:
        runs = module_runs(trace)
        read = _read_for(run, runs)
        if not run.evaluation or not read:
            return ""
        main = max(read, key=lambda source: read[source])
        judged = {passes.source for passes in run.evaluation if passes.when != "before" and passes.source is not None}
        also = sorted(source for source in judged & set(read) if source != main)
        alone = judged == {main} and len(_judged_anywhere(runs)) == 1
        source = trace.source(also[0] if also else main)
        return ((source.name or source.class_name) if source else "") or "DataLoader" if also or alone else ""

    return no_run_is(
        evidence,
        wrong,
        right=Text(ru="Проверочных данных обучение не читает.", en="Training reads none of the data that judge it."),
        complaint=Text(ru="Модель обучается на тех же данных, на которых её проверяют", en="The model is trained on the data that it is judged on"),
        hint=Text(
            ru="Обучайте только на обучающей части; точность на остальных данных тогда и покажет, что модель обобщает.",
            en="Train on the training part only; the accuracy on other data then shows what the model has generalised.",
        ),
        expected="train",
    )


def _called(loader: Loader) -> str:
    return loader.name or loader.class_name or "DataLoader"


def _read_for(run: TrainingRun, runs: Sequence[TrainingRun]) -> dict[int, int]:
    """Return how many rows of each source the model was trained on, earlier trainings that this one continues included."""
    rows: dict[int, int] = {}
    by_id, seen = {other.id: other for other in runs}, set()
    current: TrainingRun | None = run
    while current is not None and current.id not in seen:
        seen.add(current.id)
        for passes in current.training:
            if passes.source is not None:
                rows[passes.source] = rows.get(passes.source, 0) + passes.rows
        current = by_id.get(current.continues) if current.continues is not None else None
    return rows


def _judged_anywhere(runs: Sequence[TrainingRun]) -> set[int]:
    return {passes.source for run in runs for passes in run.evaluation if passes.source is not None}


@check(ru="Обучение и тест не пересекаются", en="Training and test data do not overlap", of_training=True)
def parts_disjoint(evidence: Evidence) -> Conclusion:
    """By content: hardly a row that is trained on is also among those the model is judged on. The data itself is `never_trained_on_test`'s."""

    def wrong(trace: Trace, run: TrainingRun) -> str:
        trained = trained_sources(trace, run)
        for passes in validation(trace, run):
            for source in sorted(trained):
                shared = trace.overlap(source, passes.source)
                of_judged = (shared.of_first if shared.first == passes.source else shared.of_second) if shared else 0
                if shared and shared.rows > max(1, _SHARED * of_judged):
                    return f"{shared.rows} / {of_judged}"
        return ""

    return no_run_is(
        evidence,
        wrong,
        right=Text(ru="Общих картинок у обучающей и проверочной частей нет.", en="The parts share no rows."),
        complaint=Text(ru="Часть проверочных данных есть и среди обучающих", en="Some of the validation data are among the training data as well"),
        hint=Text(
            ru="Делите данные на части один раз, до аугментации и копирования, и не объединяйте их обратно.",
            en="Divide the data once, before augmenting or copying, and never join the parts again.",
        ),
        expected="0",
    )


@check(ru="Метки пронумерованы от 0", en="Labels are numbered from 0", of_training=True)
def labels_remapped(evidence: Evidence) -> Conclusion:
    """Class indices given to the loss are 0..k-1 for a model of k outputs; one-hot rows have a column for each output."""

    def wrong(trace: Trace, run: TrainingRun) -> str:
        loss = run.loss
        if loss is None or loss.output is None or loss.target is None or len(loss.output.shape) < 2 or loss.encoding != "indices":
            return ""
        outputs, least, greatest = loss.output.shape[1], loss.target.least, loss.target.greatest
        if outputs < 2 or least is None or greatest is None or (least, greatest) == (0, outputs - 1):
            return ""
        labels = _labels(trace, run)
        if {least, greatest} <= labels:  # else only a sample was seen, or the loop renumbers what the loader gives
            least, greatest = min(labels), max(labels)
        elif greatest < outputs:
            return ""
        return f"{least:g}..{greatest:g}, {outputs}" if (least, greatest) != (0, outputs - 1) else ""

    return no_run_is(
        evidence,
        wrong,
        right=Text(ru="Метки идут от 0 до числа классов без единицы.", en="Labels run from 0 to the number of classes less one."),
        complaint=Text(
            ru="Метки не пронумерованы заново: модель выбирает и среди классов, которых в данных нет", en="Labels are not renumbered: the model also chooses among classes that the data do not have"
        ),
        hint=Text(
            ru="Замените номера классов на 0, 1, 2, …: np.unique(labels, return_inverse=True)[1].", en="Turn the class indices into 0, 1, 2, …: np.unique(labels, return_inverse=True)[1]."
        ),
        expected="0..k-1, k",
    )


def _labels(trace: Trace, run: TrainingRun) -> set[float]:
    """Return the labels of all data of this notebook, or none where the training read data of which only a sample of the labels was seen."""
    whole = {"dataset", "tensor"} if run.epochs_cut == "full_batch" else {"dataset"}
    read = [trace.source(source) for source in trained_sources(trace, run)]
    if not read or not all(source is not None and source.kind in whole and 0 < len(source.labels) < _MOST_LABELS for source in read):
        return set()
    return {float(label) for source in trace.sources for label in source.labels}


def seen_labels(evidence: Evidence) -> tuple[int, ...]:
    """Return the whole-number labels that trainings read, sorted."""
    trace = trace_of(evidence)
    sources = {source for run in module_runs(trace) for source in trained_sources(trace, run)}
    return tuple(sorted({label for source in trace.sources if source.id in sources for label in source.labels}))


def _outputs(evidence: Evidence) -> tuple[int, ...]:
    """Return 0..k-1 for the k outputs of the last trained model, where no labels were seen."""
    shapes = [run.loss.output.shape for run in module_runs(trace_of(evidence)) if run.loss and run.loss.output and len(run.loss.output.shape) == 2]
    return tuple(range(shapes[-1][1])) if shapes else ()


@check(ru="Столько классов, сколько в варианте", en="As many classes as the variant has", of_training=True)
def as_many_classes(evidence: Evidence) -> Conclusion:
    """The trained labels are as many as the classes that were dealt: none is missing, no other was added."""
    dealt = evidence.variant.get("classes")
    labels = seen_labels(evidence) or _outputs(evidence)
    wanted = len(set(map(str, dealt))) if isinstance(dealt, list) else 0
    if not labels:
        return nothing_trained()
    if len(labels) == wanted:
        return passed(Text(ru=f"Классов в обучении: {wanted}.", en=f"Classes in training: {wanted}."), vouched=Vouched.REPORTED)
    return failed(
        Text(ru=f"Классов в обучении {len(labels)}, а в варианте {wanted}.", en=f"There are {len(labels)} classes in training, and {wanted} in the variant."),
        hint=Text(ru="Оставьте в данных только классы своего варианта, и все.", en="Keep the classes of your variant in the data, all of them and no others."),
        expected=str(wanted),
        actual=str(list(labels))[:200],
        vouched=Vouched.REPORTED,
    )
