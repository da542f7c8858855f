"""Which trainings and which of their passes a check is about, and how a report names them."""

from collections.abc import Callable, Mapping, Sequence

from grader.checks import Conclusion, failed, passed
from grader.checks.trace import Loader, Passes, Trace, TrainingRun, trace_of
from grader.evidence import Evidence
from grader.model import Outcome, Text, Vouched

_FEW_ROWS = 32
_NEARLY_ALL = 0.95
_NAMED = 3


def module_runs(trace: Trace) -> tuple[TrainingRun, ...]:
    """Return the trainings of an nn.Module that went on for more than one step."""
    return tuple(run for run in trace.runs if run.kind == "module" and run.steps > 1)


def trained_sources(trace: Trace, run: TrainingRun) -> frozenset[int]:
    """Return the ids of the data that the training read.

    Batches cut by hand are a source of their own; the data set whose rows nearly all turn up in them was read, too.
    """
    read = {passes.source for passes in run.training if passes.source is not None}
    cut = {source for source in read if (known := trace.source(source)) is not None and known.kind == "batches"}
    for shared in trace.overlaps:
        for ours, other, rows in ((shared.first, shared.second, shared.of_second), (shared.second, shared.first, shared.of_first)):
            if ours in cut and rows and shared.rows >= _NEARLY_ALL * rows and trace.source(other) is not None:
                read.add(other)
    return frozenset(read)


def validation(trace: Trace, run: TrainingRun) -> tuple[Passes, ...]:
    """Return the evaluations that count: during or after the training, of more than a handful of rows, on data it did not train on.

    A single batch shown to a new model to see its output's shape is none of them, nor is the accuracy on a training batch.
    """
    own = trained_sources(trace, run)
    return tuple(
        passes for passes in run.evaluation if passes.when != "before" and passes.rows >= _FEW_ROWS and (passes.source is None or passes.source not in own)
    )


def training_loaders(trace: Trace, run: TrainingRun) -> tuple[Loader, ...]:
    """Return the loaders that the training read, each once."""
    found = {passes.loader: trace.loader(passes.loader) for passes in run.training}
    return tuple(loader for loader in found.values() if loader is not None)


def rate(run: TrainingRun) -> float | None:
    """Return the learning rate with which the training began."""
    return run.optimizer.lr[0][1] if run.optimizer is not None and run.optimizer.lr else None


def batch_size(trace: Trace, run: TrainingRun) -> int | None:
    """Return the batch size of the training: what its loader was told, else the most frequent number of rows in one step."""
    told = [loader.batch_size for loader in training_loaders(trace, run) if loader.batch_size is not None]
    if told:
        return told[0]
    parts = max(1, round(run.backwards / run.steps)) if run.steps else 1
    return run.batch_sizes[0][0] * parts if run.batch_sizes else None


def epochs_of(run: TrainingRun) -> int | None:
    """Return the number of epochs where the loader or the size of the batches tells it; elsewhere it is a guess."""
    return run.epochs or None if run.epochs_cut in {"loader", "full_batch"} else None


def named(run: TrainingRun) -> Text:
    """Name a training in a sentence: its model and the cell where it began."""
    model = run.model.name or run.model.class_name
    which = f" `{model}`" if model else ""
    return Text(ru=f"обучение{which} в ячейке {run.first_cell + 1}", en=f"the training{which} in cell {run.first_cell + 1}")


def listed(runs: Sequence[TrainingRun]) -> Text:
    """Name several trainings, the first few of them in full."""
    names, more = [named(run) for run in runs[:_NAMED]], len(runs) - _NAMED
    ru, en = ", ".join(name.ru for name in names), ", ".join(name.en for name in names)
    return Text(ru=f"{ru} и ещё {more}", en=f"{en} and {more} more") if more > 0 else Text(ru=ru, en=en)


def nothing_trained() -> Conclusion:
    """Conclude that there is no training to look at; what is missing is said by another check."""
    return Conclusion(
        outcome=Outcome.SKIPPED,
        share=0.0,
        rationale=Text(ru="В работе не видно обучения, смотреть не на что.", en="No training was seen in this work, so there is nothing to look at."),
        vouched=Vouched.REPORTED,
    )


def no_run_is(
    evidence: Evidence,
    wrong: Callable[[Trace, TrainingRun], str],
    *,
    right: Text,
    complaint: Text,
    hint: Text,
    expected: str = "",
    runs: Callable[[Trace], Sequence[TrainingRun]] = module_runs,
) -> Conclusion:
    """Conclude whether no training is `wrong`: that function returns what was seen of one that is, and "" for the others.

    `complaint` is followed by a colon and the trainings it is about.
    """
    trace = trace_of(evidence)
    every = runs(trace)
    if not every:
        return nothing_trained()
    seen: Mapping[int, str] = {run.id: what for run in every if (what := wrong(trace, run))}
    if not seen:
        return passed(right, expected=expected, vouched=Vouched.REPORTED)
    names = listed([run for run in every if run.id in seen])
    return failed(
        Text(ru=f"{complaint.ru}: {names.ru}.", en=f"{complaint.en}: {names.en}."),
        hint=hint,
        expected=expected,
        actual="; ".join(dict.fromkeys(seen.values()))[:500],
        vouched=Vouched.REPORTED,
    )
