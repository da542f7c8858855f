"""Make the table behind `variants/difficulty.py` and measure how well it predicts, on real images.

python benchmarks/difficulty.py measure --data-root DIR MEASURED.json       trains the reference; goes on where it was stopped
python benchmarks/difficulty.py pairs --data-root DIR PAIRS.npz             tells every two classes apart; about 5 minutes
python benchmarks/difficulty.py fit MEASURED.json PAIRS.npz TABLE.json      fits the formula and writes the table
python benchmarks/difficulty.py measure --draws --data-root DIR MEASURED.json
python benchmarks/difficulty.py judge MEASURED.json                         prints all figures of the shipped table
"""

import json
import math
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import numpy as np
from lab1 import lab
from numpy.typing import NDArray
from scipy import stats
from scipy.linalg import lapack

from grader.calibration import Bench, recipe_of, task_of
from grader.datasets import find_data_root, hidden_set, prepare_view, training_part
from grader.model import View
from grader.thresholds import recipe_digest
from grader.training import train_many
from variants.balance import Allowed, allowed_sets, deal
from variants.cifar100 import SUPERCLASS
from variants.difficulty import SCHEMA, Difficulty, difficulty_of, load_difficulty
from variants.draw import draw
from variants.rule import CLASSES
from variants.rules import load_rule

RIDGE, FOLDS = 1000.0, 5
SECRET = b"a secret of the benchmark only"
STUDENTS = [f"s{number}" for number in range(30)]
Sets = list[tuple[int, ...]]
Measured = dict[str, list[float]]
FITTED = ("triples to fit", "kindred triples to fit", "pairs to fit", "larger sets to fit")
TESTED = ("triples", "kindred triples", "pairs", "larger sets")


def plan() -> dict[str, Sets]:
    """Return the sets that are measured: to test with and, all different from those, to fit with. Kindred: of one superclass."""
    rng = np.random.default_rng(202611)
    seen: set[tuple[int, ...]] = set()

    def some(count: int, number: int, *, kindred: bool = False) -> Sets:
        found: Sets = []
        while len(found) < number:
            above = int(rng.integers(20)) if kindred else None
            members = [index for index in range(CLASSES) if above is None or SUPERCLASS[index] == above]
            classes = tuple(sorted(rng.choice(members, count, replace=False).tolist()))
            if classes not in seen:
                seen.add(classes)
                found.append(classes)
        return found

    return {
        "triples": some(3, 80),
        "triples to fit": some(3, 200),
        "kindred triples": some(3, 20, kindred=True),
        "kindred triples to fit": some(3, 40, kindred=True),
        "pairs": some(2, 30) + some(2, 10, kindred=True),
        "pairs to fit": some(2, 40) + some(2, 20, kindred=True),
        "larger sets": [classes for count in (4, 5, 6, 8, 10) for classes in some(count, 6)],
        "larger sets to fit": [classes for count in (4, 5, 7, 10) for classes in some(count, 8)],
    }


def draws(difficulty: Difficulty) -> dict[str, Sets]:
    """Return the sets that 30 students get by the keyed rule, any sets and balanced ones."""
    balanced = load_rule("balanced-3")
    return {
        "random-3": [draw(SECRET, "iu5_lab1", student, count=3, classes=CLASSES) for student in STUDENTS],
        "balanced-3": deal(balanced, allowed_sets(balanced, difficulty), STUDENTS, assignment="iu5_lab1", secret=SECRET, kept={}),
    }


@click.group()
def main() -> None:
    """Predict the difficulty of sets of classes, and measure the prediction."""


@main.command()
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--data-root", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--draws", "drawn", is_flag=True, help="Measure what students are given instead of the sets to fit and to test with.")
@click.option("--minutes", default=60.0, help="Stop after so long; the next call goes on.")
def measure(target: Path, data_root: Path, drawn: bool, minutes: float) -> None:
    """Train the reference in the sealed view: 3 seeds for triples, 2 for the others."""
    end = time.monotonic() + 60 * minutes
    found: Measured = json.loads(target.read_text(encoding="utf-8")) if target.exists() else {}
    data = find_data_root(data_root)
    bench = Bench(data=data, prepared=prepare_view(data, View.SEALED), view=View.SEALED, device="cpu")
    recipe = recipe_of(lab())
    every = [classes for sets in (draws(load_difficulty()) if drawn else plan()).values() for classes in sets]
    for number, classes in enumerate(every):
        if _key(classes) in found:
            continue
        if time.monotonic() > end:
            click.echo(f"{number} of {len(every)} sets; call again to go on")
            return
        (outcomes,) = train_many([task_of(classes, bench)], range(3 if len(classes) == 3 else 2), recipe, device="cpu")
        found[_key(classes)] = [round(outcome.accuracy, 6) for outcome in outcomes]
        target.write_text(json.dumps(found), encoding="utf-8")
    click.echo(f"all {len(every)} sets are measured")


@main.command()
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--data-root", type=click.Path(path_type=Path, exists=True), required=True)
def pairs(target: Path, data_root: Path) -> None:
    """Classify every two classes by kernel ridge regression, five-fold, on all 1,000 pictures of the published train split.

    The kernel is the tangent kernel of a ReLU network with one wide hidden layer (Jacot 2018; Cho and Saul 2009 for the angle term).
    """
    data = find_data_root(data_root)
    pictures, norms = _normalised(training_part(prepare_view(data, View.OFFICIAL), range(CLASSES)))
    own = [_kernel(pictures[index], norms[index], pictures[index], norms[index]) for index in range(CLASSES)]
    right = np.zeros((CLASSES, CLASSES), np.int64)
    for first in range(CLASSES):
        for second in range(first + 1, CLASSES):
            between = _kernel(pictures[first], norms[first], pictures[second], norms[second])
            good = _recognised(np.block([[own[first], between], [between.T, own[second]]]))
            half = len(good) // 2
            right[first, second], right[second, first] = good[:half].sum(), good[half:].sum()
    hidden = len(hidden_set(data, View.SEALED, [0]).labels)
    np.savez(target, right=right, pictures=pictures.shape[1], hidden=hidden, digest=data.digest, name=data.name)


def _normalised(part: Any) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return (100, n, 3072) pictures, mean 0 and deviation 1 per colour, and their lengths (100, n) with the bias as one more number."""
    rows = part.images.astype(np.float32) / 255
    rows = ((rows - rows.mean((0, 1, 2))) / rows.std((0, 1, 2))).reshape(len(rows), -1)
    pictures = np.stack([rows[part.labels == index] for index in range(CLASSES)])
    return pictures, np.sqrt((pictures**2).sum(2) + 1)


def _kernel(
    first: NDArray[np.float32], first_norms: NDArray[np.float32], second: NDArray[np.float32], second_norms: NDArray[np.float32]
) -> NDArray[np.float32]:
    product = first @ second.T + 1
    angle = np.arccos(np.clip(product / (first_norms[:, None] * second_norms), -1, 1))
    return np.asarray(product * (1 - angle / np.float32(math.pi)))


def _recognised(kernel: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Say of every picture, the first class's before the second's, whether the regression on the other four folds gets it right.

    What is left out of a fold follows from the inverse of the whole (the block form of leaving one out).
    """
    size = len(kernel)
    labels = np.repeat(np.array([1, -1], np.float32), size // 2)
    factor, _ = lapack.spotrf(kernel + np.float32(RIDGE) * np.eye(size, dtype=np.float32))
    upper, _ = lapack.spotri(factor)
    inverse = np.triu(upper) + np.triu(upper, 1).T
    weights, answers, fold = inverse @ labels, np.empty(size, np.float32), np.arange(size) % FOLDS
    for number in range(FOLDS):
        rows = np.flatnonzero(fold == number)
        answers[rows] = labels[rows] - np.linalg.solve(inverse[np.ix_(rows, rows)], weights[rows])
    return answers * labels > 0


@main.command()
@click.argument("measured", type=click.Path(path_type=Path, exists=True))
@click.argument("pairs_file", type=click.Path(path_type=Path, exists=True))
@click.argument("target", type=click.Path(path_type=Path))
def fit(measured: Path, pairs_file: Path, target: Path) -> None:
    """Fit the three numbers of the formula by least squares on the accuracies, and note the errors on the sets to test with."""
    found: Measured = json.loads(measured.read_text(encoding="utf-8"))
    with np.load(pairs_file) as packed:
        base = {key: packed[key].tolist() for key in ("right", "pictures", "hidden", "digest", "name")}
    sets = plan()
    plain = {"schema": SCHEMA, "formula": {"slope": 1.0, "intercept": 0.0, "doubling": 0.0}, "errors": {"2": 0.0}, "seed_sd": 0.0, "made": {}}
    raw = difficulty_of({**base, **plain})
    fitted = [classes for kind in FITTED for classes in sets[kind]]
    counts = np.array([len(classes) for classes in fitted])
    room = 1 - 1 / counts
    skill = (_predicted(raw, fitted) - 1 / counts) / room
    design = np.stack([skill, np.ones_like(skill), np.log2(counts / 3)], axis=1)
    solution = np.linalg.lstsq(design * room[:, None], _means(found, fitted) - 1 / counts, rcond=None)[0]
    formula = dict(zip(("slope", "intercept", "doubling"), (round(value, 4) for value in solution.tolist()), strict=True))
    ready = difficulty_of({**base, **plain, "formula": formula})
    errors = {count: round(_rms(ready, found, sets[kind]), 4) for count, kind in (("2", "pairs"), ("3", "triples"), ("4", "larger sets"))}
    made = {
        "on": datetime.now(UTC).date().isoformat(),
        "by": "benchmarks/difficulty.py",
        "data": {"name": base["name"], "digest": base["digest"]},
        "pictures": "the published train split",
        "measured": {"view": str(View.SEALED), "recipe": recipe_digest(recipe_of(lab())), "sets": len(fitted)},
    }
    seeds = math.sqrt(float(np.mean([np.var(found[_key(classes)], ddof=1) for classes in fitted])))
    head = {"schema": SCHEMA, "made": made, "formula": formula, "errors": errors, "seed_sd": round(seeds, 4), "hidden": base["hidden"], "pictures": base["pictures"]}
    rows = ",\n  ".join(json.dumps(row, separators=(",", ":")) for row in base["right"])
    target.write_text(json.dumps(head, indent=1).removesuffix("\n}") + f',\n "right": [\n  {rows}\n ]\n}}\n', encoding="utf-8")
    click.echo(f"{target}: {formula}, {target.stat().st_size / 1024:.0f} KiB")


@main.command()
@click.argument("measured", type=click.Path(path_type=Path, exists=True))
def judge(measured: Path) -> None:
    """Print how well the shipped table predicts, how long all triples take, and what balanced draws come to."""
    found: Measured = json.loads(measured.read_text(encoding="utf-8"))
    difficulty, sets = load_difficulty(), plan()
    for kind in TESTED:
        _print_errors(kind, sets[kind], difficulty, found)
    for count in sorted({len(classes) for classes in sets["larger sets"]}):
        _print_errors(f"{count} classes", [classes for classes in sets["larger sets"] if len(classes) == count], difficulty, found)
    begin = time.perf_counter()
    every = allowed_sets(load_rule("random-3"), difficulty)
    took = time.perf_counter() - begin
    quartiles = ", ".join(f"{value:.3f}" for value in np.quantile(every.accuracies, [0, 0.25, 0.5, 0.75, 1]))
    click.echo(f"all {len(every.sets):,} triples in {took:.2f} s: least, quartiles, greatest {quartiles}")
    _print_worst(every)
    for rule, given in draws(difficulty).items():
        if all(_key(classes) in found for classes in given):
            seen, said = _means(found, given), _predicted(difficulty, given)
            click.echo(
                f"{rule}, {len(given)} students: measured {seen.min():.3f}..{seen.max():.3f}, SD {seen.std(ddof=1):.4f}; "
                f"predicted {said.min():.3f}..{said.max():.3f}, SD {said.std(ddof=1):.4f}"
            )


def _print_errors(kind: str, sets: Sets, difficulty: Difficulty, found: Measured) -> None:
    seen, said = _means(found, sets), _predicted(difficulty, sets)
    off = said - seen
    click.echo(
        f"{kind:15} {len(sets):3} sets: Spearman {stats.spearmanr(said, seen).statistic:.3f}, mean absolute error {np.abs(off).mean():.4f}, "
        f"RMS {math.sqrt((off**2).mean()):.4f}, mean {off.mean():+.4f}; measured {seen.min():.3f}..{seen.max():.3f}, SD {seen.std(ddof=1):.3f}"
    )


def _print_worst(every: Allowed) -> None:
    for place in np.argsort(every.accuracies)[:3]:
        click.echo(f"  hardest: {', '.join(map(str, every.sets[place]))}: {every.accuracies[place]:.3f}")


def _key(classes: Sequence[int]) -> str:
    return ",".join(map(str, classes))


def _means(found: Measured, sets: Sets) -> NDArray[np.float64]:
    return np.array([np.mean(found[_key(classes)]) for classes in sets])


def _predicted(difficulty: Difficulty, sets: Sets) -> NDArray[np.float64]:
    return np.array([difficulty.predict(classes) for classes in sets])


def _rms(difficulty: Difficulty, found: Measured, sets: Sets) -> float:
    return math.sqrt(float(((_predicted(difficulty, sets) - _means(found, sets)) ** 2).mean()))


if __name__ == "__main__":
    main()
