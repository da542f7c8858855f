"""All attacks once, two at a time, from the intake to the gradebook, with honest work beside them that was graded alone before."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from grader.assignment import load_assignment
from grader.cohort import Done, Results, finish, grade_cohort
from grader.evidence import Evidence, load
from grader.model import Isolation, Limits, Score, Submission, View
from grader.pipeline import Setting
from grader.sandbox import WarmStart
from grader.setting import MODES, Options, make_setting
from grader.submission import Intake, take_in
from tests.escapes.corpus import ASSIGNMENT, HERE, Attack, cells_of, corpus, hand_in, write_notebook
from tests.escapes.ground import Ground, State
from variants.manifest import Variant
from variants.roster import Student

NEIGHBOURS = ("neighbour-one", "neighbour-two", "neighbour-three")
JOBS = 2
Start = Literal["cold", "warm"]
_SHORT = {"cpu_s": 8, "cell_cpu_s": 4, "wall_s": 16}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one attack: its evidence (None when our side broke), its score, its page, what it was seen to say."""

    attack: Attack
    done: Done
    evidence: Evidence | None
    page: str

    @property
    def score(self) -> Score:
        """Its score."""
        if self.done.score is None:
            raise AssertionError(f"{self.attack.student} was not graded: {self.done.error}")
        return self.done.score


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """Everything the tests look at. `alone` and `beside` hold the files of the neighbours' evidence by student and name of file."""

    outcomes: Mapping[str, Outcome]
    intake: Intake
    alone: Mapping[str, Mapping[str, str]]
    beside: Mapping[str, Mapping[str, str]]
    neighbours: Mapping[str, Score]
    secrets: Mapping[str, str]
    before: State
    after: State
    survivors: Sequence[str]
    contacts: Sequence[str]
    results: Results


def run_campaign(folder: Path, attacks: Sequence[Attack] | None = None, *, start: Start = "warm") -> Campaign:
    """Hand in, take in, grade and report every attack in `folder`, which must be new and open to every user.

    The neighbours alone always start cold, so that a warm campaign compares the two starts as well.
    """
    chosen = corpus() if attacks is None else tuple(attacks)
    with ExitStack() as stack:
        ground = stack.enter_context(Ground(folder))
        stack.enter_context(_variable("ZACHET_TEST_SECRET", ground.secrets["environment"]))
        _hand_in_all(folder / "in", chosen, ground)
        roster = _roster(chosen)
        intake = take_in([folder / "in"], assignment="assignment", roster=roster, work=folder / "work")
        works = {one.student: one for one in intake.submissions}
        variants = {student.id: Variant(student=student, assignment="assignment", rule="", classes=(0, 55, 58)) for student in roster}
        alone, _ = _grade(NEIGHBOURS, works, variants, folder / "alone", jobs=1)
        long = [attack.student for attack in chosen if not attack.short and attack.mode == "retrain"]
        loading = [attack.student for attack in chosen if attack.mode == "load"]
        short = [attack.student for attack in chosen if attack.short]
        done, results = _grade(_amid(long, NEIGHBOURS[:2]), works, variants, folder / "beside", jobs=JOBS, start=start)
        done.update(_grade_short(short, works, variants, folder / "beside", start=start))
        more, _ = _grade(loading, works, variants, folder / "beside", jobs=JOBS, start=start, mode="load")
        done.update(more)
        finish(results, title="Escapes", language="ru")
        return Campaign(
            outcomes={attack.student: _outcome(attack, done[attack.student], results) for attack in chosen if attack.student in done},
            intake=intake,
            alone={name: _measured(one, Results(root=folder / "alone", assignment="assignment")) for name, one in alone.items()},
            beside={name: _measured(done[name], results) for name in NEIGHBOURS},
            neighbours={name: score for name in NEIGHBOURS if (score := done[name].score) is not None},
            secrets={**ground.secrets, "course": _SECRET.decode("ascii"), "checks": _canary()},
            before=ground.before,
            after=ground.after(),
            survivors=ground.survivors(),
            contacts=ground.contacts(),
            results=results,
        )


_SECRET = b"zachet-canary-of-the-course-8c1e"


def _hand_in_all(folder: Path, attacks: Sequence[Attack], ground: Ground) -> None:
    honest = cells_of((HERE / "cells" / "honest.py").read_text(encoding="utf-8"))
    for name in NEIGHBOURS:
        (folder / name).mkdir(parents=True)
        write_notebook(folder / name / "lab.ipynb", honest, ground.places_for(name), student=name)
    for attack in attacks:
        hand_in(attack, folder / attack.student, ground.places_for(attack.student))


def _roster(attacks: Sequence[Attack]) -> list[Student]:
    honest = [Student(id=name, name=f"Сосед {name.rpartition('-')[2]}", group="ИУ5-61Б", number=1) for name in NEIGHBOURS]
    return honest + [Student(id=attack.student, name=attack.name or attack.title, group="ИУ5-61Б", number=1) for attack in attacks]


def _amid(attacks: Sequence[str], honest: Sequence[str]) -> list[str]:
    """Return the attacks with the honest works spread evenly among them."""
    order = list(attacks)
    for place, name in enumerate(honest):
        order.insert((place + 1) * len(attacks) // (len(honest) + 1) + place, name)
    return order


def _grade(
    students: Sequence[str],
    works: Mapping[str, Submission],
    variants: Mapping[str, Variant],
    root: Path,
    *,
    jobs: int,
    start: Start = "cold",
    limits: Mapping[str, int] | None = None,
    mode: str = "retrain",
) -> tuple[dict[str, Done], Results]:
    results = Results(root=root, assignment="assignment")
    setting = replace(_setting(results), modes=MODES[mode])
    if limits:
        setting = replace(setting, limits=replace(setting.limits, **limits))
    batch = [(works[student], variants[student]) for student in students if student in works]
    with WarmStart() as warm:
        setting = replace(setting, warm=warm if start == "warm" else None)
        stream = grade_cohort(batch, setting, results, jobs=jobs, language="en", resume=False)
        return {one.student: one for one in stream}, results


def _grade_short(
    attacks: Sequence[str], works: Mapping[str, Submission], variants: Mapping[str, Variant], root: Path, *, start: Start
) -> dict[str, Done]:
    """Grade the attacks that run into small limits, with a neighbour beside them that keeps its own: a busy machine must not cut that one short."""
    with ThreadPoolExecutor(1) as pool:
        neighbour = pool.submit(_grade, NEIGHBOURS[2:], works, variants, root, jobs=1, start=start)
        done, _ = _grade(attacks, works, variants, root, jobs=JOBS, start=start, limits=_SHORT)
        return {**done, **neighbour.result()[0]}


def _setting(results: Results) -> Setting:
    options = Options(isolation=Isolation.FULL, data_root=None, view=View.SEALED)
    return make_setting(load_assignment(ASSIGNMENT), options, secret=_SECRET, store=results.store)


def limits_of(attack: Attack) -> Limits:
    """Return the limits an attack runs under."""
    limits = load_assignment(ASSIGNMENT).limits
    return replace(limits, **_SHORT) if attack.short else limits


def _outcome(attack: Attack, done: Done, results: Results) -> Outcome:
    evidence = load(results.store / done.score.evidence) if done.score else None
    page = results.reports / f"{attack.student}.html"
    return Outcome(attack=attack, done=done, evidence=evidence, page=page.read_text(encoding="utf-8") if page.exists() else "")


def _measured(done: Done, results: Results) -> dict[str, str]:
    """Return the digests of everything in an evidence that must not depend on what else the machine did."""
    if done.score is None:
        return {}
    evidence = load(results.store / done.score.evidence)
    records = json.loads((evidence.folder / "records.json").read_text(encoding="utf-8"))
    for run in records["records"]["trace"]["runs"]:
        del run["seconds"]  # the clock's
    files: dict[str, Any] = {**evidence.manifest["files"], "records.json": hashlib.sha256(json.dumps(records).encode()).hexdigest()}
    return {name: str(digest) for name, digest in files.items()}


def _canary() -> str:
    text = (ASSIGNMENT / "checks.py").read_text(encoding="utf-8")
    return text.partition('CANARY = "')[2].partition('"')[0]


@contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]
