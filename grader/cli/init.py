"""`zachet init`: a course folder."""

from pathlib import Path

import click

from grader.course import FILE, make_course
from grader.model import Language


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option("--title", default="", help="Title of the course; the folder's name by default.")
@click.option("--language", type=click.Choice(["ru", "en"]), default="ru", show_default=True, help="Language of reports and packages.")
@click.option("--assignment", default="iu5_lab1", show_default=True, help="The assignment that `zachet grade` means by default.")
def init(folder: Path, title: str, language: Language, assignment: str) -> None:
    """Make a course folder in DIR."""
    course = make_course(folder, title=title or folder.resolve().name, language=language, assignment=assignment)
    click.echo(f"{course.path / FILE} is ready.")
    click.echo("Next: put roster.csv there, then")
    click.echo(f"  zachet variants assign {folder / 'roster.csv'} --rule iu5-2026 --assignment {assignment} -o {folder / 'variants.csv'}")
    click.echo(f"  zachet assignment package {assignment} --variants {folder / 'variants.csv'} -o {folder / 'packages'}")
    click.echo(f"  zachet grade --course {folder}          (submissions go to {course.submissions(assignment)})")
