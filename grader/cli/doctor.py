"""`zachet doctor`: what this machine promises, tried."""

import json
import platform
import time
from collections.abc import Sequence

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from grader import __version__
from grader.cli.show import printable
from grader.doctor import Machine, Promise, State, detect, examine, strongest_tier
from grader.model import Isolation

_SCHEMA = "zachet-doctor-1"
_MARKS = {State.HELD: ("✓", "green"), State.NOT_HELD: ("✗", "red"), State.UNTRIED: ("–", "yellow")}
_GROUPS = {"tiers": "Tiers of isolation", "walls": "Walls, tried in the tier {tier}", "limits": "Limits, tried in the tier {tier}", "programs": "The rest"}
_NOTHING = "no tier"
_LISTED = 3


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def doctor(as_json: bool) -> int:
    """Try every promise of isolation on this machine: held, not held or cannot be tried, and what to do about it.

    Ends with 1 when something that a course needs is not held. Takes less than a minute.
    """
    began = time.monotonic()
    tier, machines = strongest_tier(), detect()
    errors = Console(stderr=True)
    found: list[Promise] = []
    with errors.status("Trying…") as status:
        for promise in examine(tier):
            found.append(promise)
            status.update(f"Tried: {promise.title}")
    lacking = [promise for promise in found if promise.needed and promise.state is not State.HELD]
    seconds = time.monotonic() - began
    if as_json:
        click.echo(json.dumps(_as_json(found, machines, tier, seconds), ensure_ascii=False, indent=1))
    else:
        _show(found, machines, tier, seconds)
    return 1 if lacking else 0


def _as_json(found: Sequence[Promise], machines: Sequence[Machine], tier: Isolation | None, seconds: float) -> dict[str, object]:
    return {
        "schema": _SCHEMA,
        "zachet": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "machine": [str(machine) for machine in machines],
        "tier": str(tier) if tier else None,
        "ok": all(promise.state is State.HELD for promise in found if promise.needed),
        "seconds": round(seconds, 1),
        "promises": [promise.to_json() for promise in found],
    }


def _show(found: Sequence[Promise], machines: Sequence[Machine], tier: Isolation | None, seconds: float) -> None:
    console = Console(highlight=False)
    system = f"{platform.system()} {platform.release().split('-')[0]} {platform.machine()}"
    console.print(f"zachet {__version__} · Python {platform.python_version()} · {system}\nMachine: {machines[0]}", markup=False)
    for group, heading in _GROUPS.items():
        console.print(f"\n{heading.format(tier=tier or _NOTHING)}", style="bold", markup=False)
        console.print(_table([promise for promise in found if promise.group == group]))
    advised: dict[str, list[Promise]] = {}
    for promise in found:
        if promise.remedy:
            advised.setdefault(promise.remedy, []).append(promise)
    if advised:
        console.print("\nWhat to do", style="bold")
    for advice, promises in advised.items():
        console.print(_advice(advice, promises))
    console.print(f"\n{_verdict(found, tier)} ({seconds:.0f} s)", markup=False)


def _table(promises: Sequence[Promise]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(width=30)
    table.add_column(no_wrap=True, width=15)
    table.add_column(overflow="fold")
    for promise in promises:
        mark, colour = _MARKS[promise.state]
        table.add_row(Text(mark, style=colour), promise.title, Text(str(promise.state), style=colour), Text(printable(promise.seen)))
    return table


def _advice(advice: str, promises: Sequence[Promise]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(width=30)
    table.add_column(overflow="fold")
    names = [f"{promise.title}{'' if promise.needed else ' (not needed)'}" for promise in promises]
    table.add_row(Text(_some(names)), Text(printable(advice)))
    return table


def _verdict(found: Sequence[Promise], tier: Isolation | None) -> str:
    lacking = [promise.title for promise in found if promise.needed and promise.state is not State.HELD]
    if not lacking:
        return "Everything a course needs is held: `zachet grade` may run other people's work here."
    told = f"Not held, and needed: {_some(lacking)}."
    return f"{told} Until then: --isolation reduced." if tier is Isolation.REDUCED else told


def _some(names: Sequence[str]) -> str:
    """List names, and when they are many the first of them and how many more."""
    return ", ".join(names) if len(names) <= _LISTED + 1 else f"{', '.join(names[:_LISTED])} and {len(names) - _LISTED} more"
