"""`zachet demo`: a small course, graded before your eyes."""

from pathlib import Path

import click

from grader.cli.grade import Batch, grade_course
from grader.cli.show import OUR_FAULT
from grader.demo import SLUG, make_demo
from grader.model import Isolation, Language
from grader.sandbox import available

_CPU_S, _CELL_S = 150, 30


@click.command()
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path("demo"), show_default=True, help="Where to make the course.")
@click.option("--language", type=click.Choice(["ru", "en"]), default="ru", show_default=True, help="Language of packages and reports.")
@click.option("--jobs", type=click.IntRange(1, 256), default=None, help="How many submissions at once; as many as there are cores by default.")
@click.option("--isolation", type=click.Choice(["full", "reduced", "none"]), default="full", show_default=True, help="Tier of isolation.")
@click.option("--data-root", type=click.Path(path_type=Path), default=None, help="Real images instead of the synthetic ones.")
def demo(out: Path, language: Language, jobs: int | None, isolation: str, data_root: Path | None) -> int:
    """Make a small course with submissions good and bad, grade it, and say where to look."""
    available(Isolation(isolation))
    made = make_demo(out, language=language)
    click.echo(f"A course with {len(made.works)} students in {out}:")
    for student, title in made.works:
        click.echo(f"  {student}  {title.of(language)}")
    # The short works of the demonstration need far less than the assignment allows; the endless one is ended sooner.
    batch = Batch(jobs=jobs, isolation=Isolation(isolation), data_root=data_root, cpu_s=_CPU_S, cell_cpu_s=_CELL_S)
    if grade_course(made.course, SLUG, [], batch) == OUR_FAULT:
        return OUR_FAULT
    again = f"zachet grade --course {out} --resume --cpu-limit {_CPU_S} --cell-limit {_CELL_S}" + ("" if isolation == "full" else f" --isolation {isolation}")
    click.echo(f"Next: look at the pages, change a submission, and run `{again}`.")
    return 0
