"""`zachet check`: a student looks at their own notebook, with the words of the report."""

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from grader.assignment import load_assignment
from grader.checks.missing import ENDED
from grader.cli.show import NOT_GRADABLE, NOT_PASSED, VERDICTS, finding_lines, printable, printable_lines
from grader.errors import ConfigurationError, IsolationError
from grader.files import write_atomically
from grader.intake.says import listed
from grader.model import ExitReason, Isolation, Language, Outcome, Score, Submission, Verdict, View
from grader.pipeline import Setting, grade
from grader.report import render_report
from grader.sandbox import available
from grader.scores import to_json
from grader.selfcheck import expect_weights, find_own, hand_in, own_variant, public_part, weights_beside
from grader.setting import MODES, Options, make_setting

# A carriage return, and the terminal's own "erase to the end of the line".
_CLEAR = "\r\x1b[K"
_PAGES = {".html", ".htm"}
_WORDS: dict[str, dict[Language, str]] = {
    "open": {
        "ru": "Изоляция недоступна: код тетради выполняется как обычная программа на этой машине.",
        "en": "No isolation here: the notebook's code runs as an ordinary program on this machine.",
    },
    "synthetic": {
        "ru": "Настоящего CIFAR-100 здесь нет: точность ниже измерена на искусственных изображениях (см. `zachet data`).",
        "en": "Real CIFAR-100 is not here: the accuracy below is measured on synthetic images (see `zachet data`).",
    },
    "reduced": {
        "ru": "Полная изоляция недоступна: код тетради выполняется с ослабленной (Landlock и фильтр системных вызовов).",
        "en": "Full isolation cannot be had here: the notebook's code runs under the reduced one (Landlock and a filter of system calls).",
    },
    "left": {"ru": "Взято не всё, что лежит рядом с тетрадью.", "en": "Not everything beside the notebook was taken."},
    "running": {
        "ru": "Тетрадь выполняется с начала до конца, это может занять несколько минут…",
        "en": "Running the notebook from top to bottom; this can take minutes…",
    },
    "cell": {"ru": "ячейка {number} из {count}", "en": "cell {number} of {count}"},
    "weights": {
        "ru": "Файлы весов рядом с тетрадью в этом режиме ей не видны (для них есть --mode load и both): {names}.",
        "en": "In this mode the notebook does not see the files of weights beside it (--mode load and both are for them): {names}.",
    },
    "nothing": {"ru": "Проверять нечего.", "en": "There is nothing to check."},
    "closed": {"ru": "Проверять нечего: тетрадь не открылась.", "en": "Nothing to check: the notebook could not be opened."},
    "notes": {"ru": "Замечания (на баллы не влияют)", "en": "Notes (no points)"},
    "total": {"ru": "Всего", "en": "Total"},
    "own": {
        "ru": "Это самопроверка: окончательные баллы считаются на данных, которых работа не видела.",
        "en": "This is a self-check: the final points are measured on data that the work has not seen.",
    },
}


@click.command()
@click.argument("notebook", type=click.Path(path_type=Path))
@click.option("--assignment", "slug", default="", help="Which assignment; the notebook's own metadata by default.")
@click.option("--classes", default=None, metavar="A,B,C", help="Class indices, for a notebook that was not handed out as a package.")
@click.option("--assignments", "folder", type=click.Path(path_type=Path, file_okay=False), default=None, help="Folder of further assignments.")
@click.option("--isolation", type=click.Choice(["auto", "full", "reduced", "none"]), default="auto", show_default=True, help="auto: the strongest that can be had.")
@click.option("--mode", type=click.Choice(list(MODES)), default="retrain", show_default=True, help="Train, load your weights, or both and compare.")
@click.option("--weights", type=click.Path(path_type=Path), default=None, help="The weights to load with --mode load or both; by default those beside the notebook.")
@click.option("--data-root", type=click.Path(path_type=Path), default=None, help="Folder with cifar-100-python/ or its train, test and meta.")
@click.option("--cell-limit", "cell_cpu_s", type=click.IntRange(1), default=None, metavar="S", help="CPU seconds per cell.")
@click.option("--device", default="cpu", show_default=True, metavar="auto|cpu|cuda[:N]", help="Where tensors may live; auto: on a GPU where there is one.")
@click.option("--replicates", type=click.IntRange(1, 20), default=1, show_default=True, metavar="K", help="Run the notebook K times with other seeds, to see how far the accuracy depends on them.")
@click.option("--language", type=click.Choice(["ru", "en"]), default=None, help="Language of the findings; the notebook's own by default.")
@click.option("--report", type=click.Path(path_type=Path, dir_okay=False), default=None, help="Write the full report to this HTML file.")
@click.option("--json", "as_json", is_flag=True, help="Print the score as JSON.")
def check(notebook: Path, **options: Any) -> int:
    """Check your own NOTEBOOK: one line per criterion, with what was expected, what was seen, and what to try."""
    return _check(_Asked(notebook=notebook, **options))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What a student asked for; None means the notebook's or the assignment's own."""

    notebook: Path
    slug: str
    classes: str | None
    folder: Path | None
    isolation: str
    mode: str
    weights: Path | None
    data_root: Path | None
    cell_cpu_s: int | None
    device: str
    replicates: int
    language: Language | None
    report: Path | None
    as_json: bool


def _check(asked: _Asked) -> int:
    own = find_own(asked.notebook)
    variant, spoken = own_variant(own, slug=asked.slug, classes=asked.classes)
    speak: Language = asked.language or spoken
    _expect_sense(asked)
    assignment = public_part(load_assignment(variant.assignment, [asked.folder] if asked.folder else []))
    tier, weakness = _tier(asked.isolation)
    with tempfile.TemporaryDirectory(prefix="zachet-") as work, _progress(speak) as watch:
        setting = make_setting(assignment, _options(asked, tier), secret=b"self-check", store=Path(work) / "evidence", watch=watch)
        loads = asked.mode != "retrain"
        submission = hand_in(own, variant, weights=asked.weights, loads=loads, work=Path(work))
        if submission.notebook is not None:
            _announce(weakness, submission, setting, [] if loads else weights_beside(own), speak)
        evidence, score = grade(submission, variant, setting)
        watch(0, 0)
        if asked.as_json:
            click.echo(json.dumps(to_json(score), ensure_ascii=False, indent=1, sort_keys=True))
        elif submission.notebook is None:
            _show_refusal(submission, score, "closed" if own.metadata is None else "nothing", speak)
        else:
            _show(score, speak)
        if asked.report is not None:
            _write(asked.report, render_report(score, evidence.notebook, speak))
    if submission.notebook is None:
        return NOT_GRADABLE
    return 0 if score.verdict is Verdict.PASSED else NOT_PASSED


def _options(asked: _Asked, tier: Isolation) -> Options:
    return Options(
        isolation=tier,
        data_root=asked.data_root,
        view=View.OFFICIAL,
        cell_cpu_s=asked.cell_cpu_s,
        modes=MODES[asked.mode],
        replicates=asked.replicates,
        device=asked.device,
    )


def _expect_sense(asked: _Asked) -> None:
    """Raise ConfigurationError, before anything is run, for weights that nobody would load and a report that would not be written."""
    if asked.weights is not None:
        if asked.mode == "retrain":
            remedy = "Add --mode load or --mode both, or leave out --weights."
            raise ConfigurationError("--weights needs --mode load or both.", where=f"--weights {asked.weights}", remedy=remedy)
        expect_weights(asked.weights)
    if asked.report is not None:
        _expect_place(asked.report, asked.notebook)


def _expect_place(report: Path, notebook: Path) -> None:
    """Raise ConfigurationError unless a report can be written to a place that holds nothing else."""
    what = ""
    try:
        if report.exists():
            if report.samefile(notebook):
                what = "The report would overwrite the notebook."
            elif report.suffix.lower() not in _PAGES:
                what = "The report would overwrite a file that is no page."
        report.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(prefix=f".{report.name}-", dir=report.parent):
            pass
    except OSError as error:
        raise _unwritable(report, error) from error
    if what:
        raise ConfigurationError(what, where=f"--report {report}", remedy="Name a new file, for example --report report.html.")


def _write(report: Path, page: str) -> None:
    try:
        write_atomically(report, page)
    except OSError as error:
        raise _unwritable(report, error) from error


def _unwritable(report: Path, error: OSError) -> ConfigurationError:
    what = f"The report cannot be written here ({error.strerror or error})."
    return ConfigurationError(what, where=f"--report {report}", remedy="Name a file in a folder that you may write to.")


def _tier(isolation: str) -> tuple[Isolation, str]:
    """Return the tier and which words say how much weaker it is than the strongest; no words where a person chose it."""
    if isolation != "auto":
        return Isolation(isolation), ""
    for tier, weakness in ((Isolation.FULL, ""), (Isolation.REDUCED, "reduced")):
        try:
            available(tier)
        except IsolationError:
            continue
        return tier, weakness
    return Isolation.NONE, "open"


def _announce(weakness: str, submission: Submission, setting: Setting, weights: list[str], language: Language) -> None:
    """Say on stderr, before the run, how it is kept in, on which images, and what beside the notebook it will not find."""
    lines = [_WORDS[weakness][language]] if weakness else []
    if setting.data is not None and setting.data.name == "cifar100-synthetic":
        lines.append(_WORDS["synthetic"][language])
    left = [problem.rationale.of(language) for problem in submission.problems if problem.outcome is Outcome.FAILED]
    if left:
        lines.append(" ".join([_WORDS["left"][language], *left]))
    if weights:
        lines.append(_WORDS["weights"][language].format(names=listed(weights).of(language)))
    for line in (*lines, _WORDS["running"][language]):
        click.echo(printable_lines(line), err=True)


@contextmanager
def _progress(language: Language) -> Iterator[Callable[[int, int], None]]:
    """Yield what to call with the number of the running cell and how many there are, 0 for none; a terminal on stderr shows it on one line."""
    shown = sys.stderr.isatty()

    def watch(number: int, count: int) -> None:
        if shown:
            click.echo(_CLEAR + (_WORDS["cell"][language].format(number=number, count=count) if number else ""), nl=False, err=True)

    try:
        yield watch
    finally:
        watch(0, 0)


def _show_refusal(submission: Submission, score: Score, why: str, language: Language) -> None:
    """Show what is wrong with a file in which there is nothing to run; what the checks make of that would only hide it."""
    for problem in submission.problems:
        click.echo(finding_lines(problem, language))
    click.echo(f"\n{_WORDS[why][language]}")
    _show_total(score, language)


def _show(score: Score, language: Language) -> None:
    for number, criterion in enumerate(score.criteria):
        start = "\n" if number else ""
        click.secho(f"{start}{criterion.title.of(language)}: {criterion.earned:g} / {criterion.points:g}", bold=True)
        for finding in criterion.findings:
            click.echo(finding_lines(finding, language))
    if score.notes:
        click.secho(f"\n{_WORDS['notes'][language]}", bold=True)
    for note in score.notes:
        click.echo(finding_lines(note, language))
    _show_total(score, language)
    if score.execution["message"]:
        ended = ENDED[ExitReason(str(score.execution["exit_reason"]))].of(language)
        click.echo(printable(f"{ended[:1].upper()}{ended[1:]} ({score.execution['message']})."))
    click.echo(_WORDS["own"][language])


def _show_total(score: Score, language: Language) -> None:
    click.secho(f"\n{_WORDS['total'][language]}: {score.earned:g} / {score.points:g}, {VERDICTS[score.verdict][language]}", bold=True)
