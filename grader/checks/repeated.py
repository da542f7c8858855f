"""One work that was run several times with other seeds: what each run reached, how far they spread, and which gave nothing to measure."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from grader.checks.accuracy import Accuracy
from grader.evidence import Evidence, MissingRecord
from grader.model import ExitReason, Finding, Json, Outcome, Text, Vouched
from grader.thresholds import wilson

_TITLE = Text(ru="Повторные запуски", en="Repeated runs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated:
    """The accuracies of the runs of one work, first run first. `silent` counts further runs that gave none; `planned` those that were asked for."""

    runs: tuple[tuple[Evidence, Accuracy], ...]
    silent: int
    planned: int

    @property
    def accuracies(self) -> list[float]:
        """The accuracy of every run that gave one."""
        return [accuracy.value for _, accuracy in self.runs]

    @property
    def mean(self) -> float:
        """Their mean."""
        return statistics.fmean(self.accuracies)

    @property
    def sd(self) -> float | None:
        """Their standard deviation from seed to seed (n - 1); None for a single run."""
        return statistics.stdev(self.accuracies) if len(self.runs) > 1 else None

    def shown(self) -> str:
        """Return the accuracy as a finding shows it: of several runs the mean, and each of them."""
        each = ", ".join(f"{value:.3f}" for value in self.accuracies)
        return f"{self.mean:.3f}" if self.sd is None else f"{self.mean:.3f} ({each})"

    def figures(self) -> list[Json]:
        """Return one point per run for the picture: its number, its accuracy and the 95 % interval of its images."""
        points: list[Json] = []
        for evidence, accuracy in self.runs:
            interval = wilson(accuracy.value, accuracy.n)
            numbers = {"accuracy": accuracy.value, "low": interval.low, "high": interval.high}
            points.append({"run": evidence.replicate + 1, **{name: round(number, 6) for name, number in numbers.items()}})
        return points

    def spread(self) -> Text:
        """Return the clause that says what the mean is of; empty for a single run."""
        if self.sd is None:
            return Text(ru="", en="")
        n = len(self.runs)
        return Text(
            ru=f" (среднее по запускам, их {n}; стандартное отклонение между ними {self.sd:.3f})",
            en=f" (the mean of {n} runs; their standard deviation is {self.sd:.3f})",
        )


def planned(evidence: Evidence) -> int:
    """Return how many runs of the work were asked for, whatever they would give."""
    return max(int(run.manifest.get("planned", 1)) for run in evidence.replicates)


def measured(evidence: Evidence, measure: Callable[[Evidence], Accuracy | None]) -> Repeated | None:
    """Measure every run of a work; None when the first one gives no accuracy, which is then for the caller to explain.

    A further run that gave none has no part in the mean: nobody is punished for what was not seen.
    """
    found: list[tuple[Evidence, Accuracy]] = []
    silent = 0
    for run in evidence.replicates:
        try:
            accuracy = measure(run)
        except MissingRecord:
            accuracy = None
        if accuracy is not None:
            found.append((run, accuracy))
        elif run is evidence:
            return None
        else:
            silent += 1
    return Repeated(runs=tuple(found), silent=silent, planned=planned(evidence))


def repetition(evidence: Evidence) -> tuple[Finding, ...]:
    """Return the notes of a work that was run more than once: how often and why, and each run that did not come to its end."""
    runs = evidence.replicates
    if len(runs) == 1:
        return ()
    return (_how_often(runs, planned(evidence)), *(_broken(run, len(runs)) for run in runs if run is not evidence and _ended_early(run)))


def _how_often(runs: Sequence[Evidence], asked: int) -> Finding:
    n = len(runs)
    if n <= asked:
        why = Text(ru="столько запусков было запрошено", en="as many as were asked for")
    else:
        why = Text(
            ru=f"после запуска № {max(1, asked)} точность оказалась пограничной, и работу запускали снова, пока сомнение оставалось",
            en=f"after run {max(1, asked)} the accuracy was borderline, so the work was run again for as long as the doubt stayed",
        )
    return _note(
        Outcome.PASSED,
        Text(
            ru=f"Работа запускалась несколько раз (всего {n}), каждый раз с другим начальным значением генератора: {why.ru}. Всё, кроме точности, оценено по первому запуску.",
            en=f"The work was run {n} times, each time with other seeds: {why.en}. Every row but the accuracy is judged by the first run.",
        ),
    )


def _ended_early(run: Evidence) -> bool:
    return run.execution.exit_reason not in {ExitReason.COMPLETED, ExitReason.RAISED}


def _broken(run: Evidence, n: int) -> Finding:
    """A further run that died is said and costs nothing; one that died through our fault holds the report."""
    ours = run.execution.exit_reason is ExitReason.SANDBOX_FAULT
    number = run.replicate + 1
    if ours:
        rationale = Text(
            ru=f"Запуск № {number} из {n} не состоялся: сбой системы, а не ваша ошибка.", en=f"Run {number} of {n} did not happen: our fault, not yours."
        )
    else:
        rationale = Text(
            ru=f"Запуск № {number} из {n} не дошёл до конца; если точность в нём не измерена, на баллы он не влияет.",
            en=f"Run {number} of {n} did not come to its end; unless it gave an accuracy, it does not touch the points.",
        )
    hint = Text(
        ru="Работа должна доходить до конца с любым начальным значением генератора: проверьте, что зависит от случая (время, память, остановка по условию).",
        en="The work has to come to its end with any seed: look for what depends on chance (time, memory, a stop on a condition).",
    )
    said = f"{run.execution.exit_reason}: {run.execution.message}"[:500]
    return _note(Outcome.ERRORED if ours else Outcome.FAILED, rationale, actual=said, hint=None if ours else hint)


def _note(outcome: Outcome, rationale: Text, *, actual: str = "", hint: Text | None = None) -> Finding:
    return Finding(
        check="runs", title=_TITLE, outcome=outcome, share=1.0 if outcome is Outcome.PASSED else 0.0, rationale=rationale, hint=hint,
        actual=actual, vouched=Vouched.MEASURED,
    )  # fmt: skip
