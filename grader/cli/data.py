"""`zachet data`: fetch a data set, list what is at hand, verify files."""

import json
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table
from rich.text import Text

from grader.datasets import CIFAR100, Archive, FileReport, KnownRoot, fetch, find_data_root, known_roots, open_root, verify_files
from grader.errors import DataError

_ABSENT = {"fetched": "run `zachet data fetch cifar100`", "synthetic": "made on first use", "ZACHET_DATA": "no files there"}


@click.group()
def data() -> None:
    """Fetch, list and verify the image data sets."""


@data.command("fetch")
@click.argument("name", type=click.Choice(["cifar100"]))
@click.option("--url", default=CIFAR100.url, show_default=True, help="A mirror of the published archive; its checksum must be the same.")
@click.option("--quiet", is_flag=True, help="Show no progress.")
def fetch_command(name: str, url: str, quiet: bool) -> None:
    """Download the published archive into the cache, check it and unpack it.

    A download that was broken off goes on where it stopped. Nothing is downloaded when the data set is already there.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=quiet) as bar:
        task = bar.add_task(name, total=None)
        archive = Archive(url=url, md5=CIFAR100.md5)
        root = fetch(archive, progress=lambda have, total: bar.update(task, completed=have, total=total or None))
    click.echo(f"{root.name} is in {root.path}")


@data.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def list_command(as_json: bool) -> None:
    """List the data sets in the order in which they are looked for; the first that is there is used."""
    roots = known_roots()
    if as_json:
        click.echo(json.dumps([asdict(root) | {"path": str(root.path)} for root in roots], indent=2, ensure_ascii=False))
        return
    table = Table("data set", "from", "state", "where", box=None)
    for root in roots:
        table.add_row(root.name, root.origin, Text(_state(root)), Text(str(root.path), overflow="fold"))
    _print(table)


@data.command("verify")
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.pass_context
def verify_command(context: click.Context, folder: Path | None, as_json: bool) -> None:
    """Read the files in DIR (default: the data set that would be used) and say what they hold or what is wrong.

    Ends with exit code 1 when something is wrong.
    """
    place = folder or _default()
    reports = verify_files(place)
    problem, digest = "", ""
    if not any(report.problem for report in reports):
        try:
            digest = open_root(place).digest
        except DataError as error:  # every file is good by itself, and they do not belong together
            problem = f"{error.where}: {error.what}"
    if as_json:
        files = [asdict(report) | {"path": str(report.path)} for report in reports]
        click.echo(json.dumps({"files": files, "problem": problem, "digest": digest}, indent=2, ensure_ascii=False))
    else:
        _show(reports, problem, digest)
    context.exit(0 if digest else 1)


def _default() -> Path:
    """Return the first place with files, damaged or not; the synthetic set is made when there is none."""
    for root in known_roots():
        if root.state != "absent" or root.origin == "ZACHET_DATA":
            return root.path
    return find_data_root().path


def _show(reports: tuple[FileReport, ...], problem: str, digest: str) -> None:
    table = Table("file", "images", "classes", "published file", "", box=None)
    for report in reports:
        counts = (str(report.rows), str(report.classes)) if report.rows else ("", "")
        table.add_row(report.path.name, *counts, "yes" if report.published else "no", Text(report.problem or "ok"))
    click.echo(str(reports[0].path.parent))
    _print(table)
    if problem:
        click.echo(problem)
    if digest:
        click.echo(f"digest {digest}")


def _state(root: KnownRoot) -> str:
    if root.state == "absent":
        return f"absent: {_ABSENT[root.origin]}"
    return f"damaged: {root.problem}" if root.state == "damaged" else f"ready, digest {root.digest[:12]}"


def _print(table: Table) -> None:
    """Print the table; a pipe or a file has no width, and nothing is to be cut off there."""
    console = Console(soft_wrap=False)
    if not console.is_terminal:
        console.width = 200
    console.print(table)
