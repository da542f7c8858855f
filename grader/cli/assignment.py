"""`zachet assignment`: which labs there are, and one package per student."""

import json
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text as Words

from grader.assignment import list_assignments, load_assignment
from grader.assignment.schema import did_you_mean
from grader.course import course_around
from grader.errors import ConfigurationError
from grader.model import Isolation, Language
from grader.package import package as write_packages
from grader.setting import Options, make_setting
from grader.verify import verify
from variants.manifest import Variant, read_manifest

_ROOTS = click.option(
    "--assignments",
    "roots",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="DIR",
    help="A folder that holds assignment folders of your own; they come before the bundled ones. May be repeated.",
)

_QUICK_CELL_S = 30  # an endless mutant is ended this soon when the works are short


@click.group()
def assignment() -> None:
    """Labs: list them, and make a package for every student."""


@assignment.command("list")
@_ROOTS
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def list_command(roots: tuple[Path, ...], *, as_json: bool) -> None:
    """List the assignments: slug, edition, title, points."""
    found = list_assignments(roots)
    if as_json:
        rows = [
            {
                "slug": one.slug,
                "edition": one.edition,
                "title": {"ru": one.title.ru, "en": one.title.en},
                "points": one.points,
                "languages": list(one.languages),
                "path": str(one.path),
            }
            for one in found
        ]
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    table = Table("Slug", "Edition", "Title", "Points")
    for one in found:
        table.add_row(Words(one.slug), Words(one.edition), Words(one.title.of(one.languages[0])), f"{one.points:g}")
    Console().print(table)


@assignment.command("package")
@click.argument("slug")
@click.option("--variants", "manifest", type=click.Path(path_type=Path), required=True, help="The manifest made by `zachet variants assign`.")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="The folder that receives one folder per student.")
@click.option("--language", type=click.Choice(["ru", "en"]), help="Language of the notebooks; the course's by default, or the first of the assignment.")
@click.option("--repository", default="", metavar="OWNER/REPO[@BRANCH][:PATH]", help="Where the packages will be published, for a Colab badge; the course's by default.")
@click.option("--solution", is_flag=True, help="Keep the solutions: for you, not for students.")
@click.option("--student", "students", multiple=True, metavar="ID", help="Only this student. May be repeated.")
@click.option("--force", is_flag=True, help="Replace files that differ from what would be written.")
@_ROOTS
def package_command(
    slug: str,
    *,
    manifest: Path,
    output: Path,
    language: Language | None,
    repository: str,
    solution: bool,
    students: tuple[str, ...],
    force: bool,
    roots: tuple[Path, ...],
) -> None:
    """Write one folder per student of the manifest: a notebook made for them, and a README.

    SLUG is the name of an assignment or the path of its folder.
    """
    course = course_around(manifest.parent)
    lab = load_assignment(slug, [*roots, *course.own_assignments] if course else roots)
    variants = _chosen(read_manifest(manifest), lab.slug, students, manifest)
    spoken = language or (course.language if course else lab.languages[0])
    published = repository or (course.repository if course else "")
    packages = write_packages(lab, variants, output, spoken, published, with_solution=solution, force=force)
    fresh = sum(one.fresh for one in packages)
    click.echo(f"Packages of {lab.slug} in {output}: {fresh} written, {len(packages) - fresh} already there.")


def _chosen(variants: Sequence[Variant], slug: str, students: Sequence[str], manifest: Path) -> list[Variant]:
    """Return the variants of one assignment, of all students or of those named; raises ConfigurationError when there are none."""
    found = {variant.student.id: variant for variant in variants if variant.assignment in {"", slug}}
    if not found:
        others = sorted({variant.assignment for variant in variants})
        raise ConfigurationError(
            f'there is no variant for "{slug}"' + (f", only for {', '.join(others)}." if others else "; the file is empty."),
            where=str(manifest),
            remedy=f"Make one with: zachet variants assign ROSTER --rule RULE --assignment {slug} -o variants.csv",
        )
    for student in students:
        if student not in found:
            raise ConfigurationError(f'there is no student "{student}".', where=str(manifest), remedy=did_you_mean(student, found))
    return [variant for student, variant in found.items() if not students or student in students]


@assignment.command("verify")
@click.argument("slug")
@click.option("--variants", "count", type=click.IntRange(1, 50), default=2, show_default=True, help="On how many variants the solution has to hold.")
@click.option("--full", is_flag=True, help="Run the works at their full length, not with the shortening edits of mutants/quick.toml.")
@click.option("--jobs", type=click.IntRange(1, 256), default=2, show_default=True, help="How many works at once.")
@click.option("--isolation", type=click.Choice(["full", "reduced", "none"]), default="full", show_default=True, help="Tier of isolation.")
@click.option("--data-root", type=click.Path(path_type=Path), default=None, help="Real images instead of the synthetic ones.")
@_ROOTS
def verify_command(slug: str, *, count: int, full: bool, jobs: int, isolation: str, data_root: Path | None, roots: tuple[Path, ...]) -> int:
    """Prove an assignment: the solution earns everything, the blank package nothing, every mutant fails what it says and only that.

    SLUG is the name of an assignment or the path of its folder. Exit code 1 when something does not hold.
    """
    lab = load_assignment(slug, roots)
    options = Options(isolation=Isolation(isolation), data_root=data_root, view=lab.view, cell_cpu_s=None if full else _QUICK_CELL_S)
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="zachet-") as work:
        setting = make_setting(lab, options, secret=b"verify", store=Path(work))
        with closing(verify(lab, setting, variants=count, jobs=jobs, quick=not full)) as proofs:
            for proof in proofs:
                wrong += bool(proof.problem)
                mark = "✗" if proof.problem else "✓"
                click.echo(f"{mark} {proof.work:24} {proof.earned:6g} / {proof.points:g}  {proof.problem}".rstrip())
    click.echo(f"{lab.slug}: {'everything holds' if not wrong else f'{wrong} works are not judged as they say'}.")
    return 1 if wrong else 0
