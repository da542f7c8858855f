"""The attacks: read from their files, and handed in as students would.

A file begins with a comment block that says, in TOML, what the attack tries and what must come out:

    # /// attack
    # tries = "reads the environment of every process"
    # held = "only its own is there"
    # exit = ["completed"]        # the exit reasons that may be seen
    # points = 5                  # what its honest part earns, and never more
    # says = ["held: "]           # words that its outputs must hold, so that it is sure to have been tried
    # short = true                # runs into a limit, so it gets small ones
    # name = "..."                # the student's name, where that is a part of the attack
    # verdict = "held"            # where it is not "failed"
    # mode = "load"               # where the weights handed in are loaded in place of training
    # ///

What follows are cells in percent format, which are handed in behind `cells/prelude.py`; or, where the files themselves are the attack, a
function `hand_in(folder, places)` that writes them into the student's folder.
"""

import importlib.util
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.model import ExitReason

HERE = Path(__file__).parent
ASSIGNMENT = HERE / "assignment"
FAMILIES = ("forging", "escaping", "exhausting", "poisoning")

_BLOCK = re.compile(r"\A# /// attack\n(?P<lines>(?:#.*\n)+?)# ///\n")
_CELL = re.compile(r"^# %%(?P<kind>.*)\n", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One hostile submission and what must come of it. `points` is what its honest part earns."""

    file: Path
    family: str
    tries: str
    held: str
    exits: tuple[ExitReason, ...]
    points: float
    says: tuple[str, ...] = ()
    short: bool = False
    name: str = ""
    verdict: str = "failed"
    mode: str = "retrain"

    @property
    def title(self) -> str:
        """Its name for people."""
        return self.file.stem.replace("_", " ")

    @property
    def student(self) -> str:
        """The id of the student who hands it in."""
        return f"{self.family}-{self.file.stem}".replace("_", "-")


def read_attack(file: Path) -> Attack:
    """Return what the block at the beginning of `file` says; raises ValueError when there is none."""
    found = _BLOCK.match(file.read_text(encoding="utf-8"))
    if found is None:
        raise ValueError(f"{file} has no block that describes the attack")
    said: dict[str, Any] = tomllib.loads("\n".join(line.removeprefix("#").strip() for line in found["lines"].splitlines()))
    exits = tuple(ExitReason(reason) for reason in said.pop("exit"))
    return Attack(file=file, family=file.parent.name, exits=exits, says=tuple(said.pop("says", ())), **said)


def corpus() -> tuple[Attack, ...]:
    """Return all attacks, by family and name."""
    return tuple(read_attack(file) for family in FAMILIES for file in sorted((HERE / family).glob("*.py")))


def hand_in(attack: Attack, folder: Path, places: Mapping[str, object]) -> None:
    """Write what the attacker hands in into `folder`, a new one. `places` says where the traps stand."""
    folder.mkdir(parents=True)
    text = attack.file.read_text(encoding="utf-8")
    if "def hand_in(" in text:
        spec = importlib.util.spec_from_file_location(f"zachet_escape_{attack.file.stem}", attack.file)
        if spec is None or spec.loader is None:
            raise ValueError(f"{attack.file} cannot be loaded")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        module.hand_in(folder, places)
        return
    cells = (*cells_of((HERE / "cells" / "prelude.py").read_text(encoding="utf-8")), *cells_of(text))
    write_notebook(folder / "lab.ipynb", cells, places, student=attack.student)


def cells_of(text: str) -> tuple[dict[str, object], ...]:
    """Return the cells of a percent script; what stands above the first mark is left out."""
    pieces = _CELL.split(text)[1:]
    return tuple(
        {"cell_type": "markdown" if "markdown" in kind else "code", "source": source.strip("\n")}
        for kind, source in zip(pieces[::2], pieces[1::2], strict=True)
    )


def write_notebook(path: Path, cells: tuple[dict[str, object], ...], places: Mapping[str, object], *, student: str) -> None:
    """Write the cells as a notebook, behind one that tells them where the traps stand."""
    first: dict[str, object] = {"cell_type": "code", "source": f"PLACES = {dict(places)!r}"}
    ran: dict[str, object] = {"outputs": [], "execution_count": None}
    whole: list[dict[str, object]] = [
        {"metadata": {}, "id": f"c{place}", **cell, **(ran if cell["cell_type"] == "code" else {})} for place, cell in enumerate((first, *cells))
    ]
    identity = {"zachet": {"assignment": "assignment", "student": student}}
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": identity, "cells": whole}), encoding="utf-8")
