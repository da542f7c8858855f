"""`zachet check`: a student looks at their own notebook, with the words of the report."""

import json
import tempfile
from pathlib import Path

import click

from grader.assignment import load_assignment
from grader.cli.show import VERDICTS, finding_lines, printable
from grader.errors import IsolationError, SubmissionError
from grader.files import write_atomically
from grader.model import Isolation, Language, Score, Verdict, View
from grader.pipeline import grade
from grader.report import render_report
from grader.sandbox import available
from grader.scores import to_json
from grader.selfcheck import beside, own_variant, public_part
from grader.setting import MODES, Options, make_setting
from grader.submission import take_in

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
    "running": {
        "ru": "Тетрадь выполняется с начала до конца, это может занять несколько минут…",
        "en": "Running the notebook from top to bottom; this can take minutes…",
    },
    "total": {"ru": "Всего", "en": "Total"},
    "own": {
        "ru": "Это самопроверка: окончательные баллы считаются на данных, которых работа не видела.",
        "en": "This is a self-check: the final points are measured on data that the work has not seen.",
    },
}


@click.command()
@click.argument("notebook", type=click.Path(path_type=Path))
@click.option("--assignment", "slug", default="", help="Which assignment; the notebook's own metadata by default.")
@click.option("--classes", default="", metavar="A,B,C", help="Class indices, for a notebook that was not handed out as a package.")
@click.option("--assignments", "folder", type=click.Path(path_type=Path, file_okay=False), default=None, help="Folder of further assignments.")
@click.option("--isolation", type=click.Choice(["auto", "full", "reduced", "none"]), default="auto", show_default=True, help="auto: the strongest that can be had.")
@click.option("--mode", type=click.Choice(list(MODES)), default="retrain", show_default=True, help="Train, load your weights, or both and compare.")
@click.option("--weights", type=click.Path(path_type=Path), default=None, help="The weights to load; by default those beside the notebook.")
@click.option("--data-root", type=click.Path(path_type=Path), default=None, help="Folder with cifar-100-python/ or its train, test and meta.")
@click.option("--device", default="cpu", show_default=True, metavar="auto|cpu|cuda[:N]", help="Where tensors may live; auto: on a GPU where there is one.")
@click.option("--replicates", type=click.IntRange(1, 20), default=1, show_default=True, metavar="K", help="Run the notebook K times with other seeds, to see how far the accuracy depends on them.")
@click.option("--language", type=click.Choice(["ru", "en"]), default=None, help="Language of the findings; the notebook's own by default.")
@click.option("--report", type=click.Path(path_type=Path, dir_okay=False), default=None, help="Write the full report to this HTML file.")
@click.option("--json", "as_json", is_flag=True, help="Print the score as JSON.")
def check(  # noqa: PLR0917 - one parameter per option
    notebook: Path,
    slug: str,
    classes: str,
    folder: Path | None,
    isolation: str,
    mode: str,
    weights: Path | None,
    data_root: Path | None,
    device: str,
    replicates: int,
    language: Language | None,
    report: Path | None,
    as_json: bool,
) -> int:
    """Check your own NOTEBOOK: one line per criterion, with what was expected, what was seen, and what to try."""
    variant, spoken = own_variant(notebook, slug=slug, classes=classes)
    speak: Language = language or spoken
    assignment = public_part(load_assignment(variant.assignment, [folder] if folder else []))
    tier = _tier(isolation, speak)
    with tempfile.TemporaryDirectory(prefix="zachet-") as work:
        options = Options(isolation=tier, data_root=data_root, view=View.OFFICIAL, modes=MODES[mode], replicates=replicates, device=device)
        setting = make_setting(assignment, options, secret=b"self-check", store=Path(work) / "evidence")
        handed_in = notebook if mode == "retrain" else beside(notebook, weights, Path(work) / "handed-in")
        intake = take_in([handed_in], assignment=assignment.slug, roster=[variant.student], work=Path(work) / "in")
        if not intake.submissions:
            problem = intake.strays[0] if intake.strays else None
            raise SubmissionError(
                problem.rationale.of(speak) if problem else "There is no notebook here.",
                where=str(notebook),
                remedy=problem.hint.of(speak) if problem and problem.hint else "Name the .ipynb file.",
            )
        if setting.data is not None and setting.data.name == "cifar100-synthetic":
            click.echo(_WORDS["synthetic"][speak], err=True)
        click.echo(_WORDS["running"][speak], err=True)
        evidence, score = grade(intake.submissions[0], variant, setting)
        if report is not None:
            write_atomically(report, render_report(score, evidence.notebook, speak))
    if as_json:
        click.echo(json.dumps(to_json(score), ensure_ascii=False, indent=1, sort_keys=True))
    else:
        _show(score, speak)
    if intake.submissions[0].notebook is None:
        return 3
    return 0 if score.verdict is Verdict.PASSED else 1


def _tier(isolation: str, language: Language) -> Isolation:
    if isolation != "auto":
        return Isolation(isolation)
    for tier, note in ((Isolation.FULL, ""), (Isolation.REDUCED, "reduced")):
        try:
            available(tier)
        except IsolationError:
            continue
        if note:
            click.echo(_WORDS[note][language], err=True)
        return tier
    click.echo(_WORDS["open"][language], err=True)
    return Isolation.NONE


def _show(score: Score, language: Language) -> None:
    for note in score.notes:
        click.echo(finding_lines(note, language))
    for criterion in score.criteria:
        click.secho(f"\n{criterion.title.of(language)}: {criterion.earned:g} / {criterion.points:g}", bold=True)
        for finding in criterion.findings:
            click.echo(finding_lines(finding, language))
    click.secho(f"\n{_WORDS['total'][language]}: {score.earned:g} / {score.points:g}, {VERDICTS[score.verdict][language]}", bold=True)
    if score.execution["message"]:
        click.echo(printable(str(score.execution["message"])))
    click.echo(_WORDS["own"][language])
