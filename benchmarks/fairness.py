"""How often honest work fails and poor work passes: calibrated thresholds against a fixed one, on real images.

python benchmarks/fairness.py pack --data-root DIR PICTURES.npz [--classes 100] [--sets 40]
python benchmarks/trainings.py PICTURES.npz TRAININGS.json
python benchmarks/fairness.py judge TRAININGS.json
"""

import json
import statistics
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np

from grader.datasets import find_data_root, hidden_set, prepare_view, training_part
from grader.model import Policy, View
from grader.thresholds import Calibrated, Decision, NotUsable, Thresholds, decide, pooled_spread, sort_out, wilson

FIXED = 0.70


@click.group()
def main() -> None:
    """Measure fairness."""


@main.command()
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--data-root", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--classes", default=100, help="From how many classes, drawn once, the sets are drawn.")
@click.option("--sets", default=40)
def pack(target: Path, data_root: Path, classes: int, sets: int) -> None:
    """Draw sets of three classes and write their pictures, as the sealed view gives them."""
    rng = np.random.default_rng(2026)
    chosen = np.sort(rng.choice(100, classes, replace=False))
    drawn: dict[tuple[int, ...], None] = {}
    while len(drawn) < sets:
        drawn[tuple(sorted(rng.choice(chosen, 3, replace=False).tolist()))] = None
    data = find_data_root(data_root)
    used = sorted({index for triple in drawn for index in triple})
    train, hidden = training_part(prepare_view(data, View.SEALED), used), hidden_set(data, View.SEALED, used)
    np.savez(
        target, sets=np.array(list(drawn)), train=train.images, train_labels=np.array(used)[train.labels], hidden=hidden.images,
        hidden_labels=np.array(used)[hidden.labels],
    )  # fmt: skip
    click.echo(f"{len(drawn)} sets of {len(used)} classes, {target.stat().st_size / 2**20:.0f} MiB")


@main.command()
@click.argument("trainings", type=click.Path(path_type=Path, exists=True))
def judge(trainings: Path) -> None:
    """Print false fails and false passes, here and at a fixed threshold."""
    found = json.loads(trainings.read_text(encoding="utf-8"))
    variants = variants_of(found)
    means = [one.mean for one in variants.values()]
    pooled = pooled_spread([one.spread for one in variants.values()])
    click.echo(
        f"{len(variants)} sets of classes, {found['device']}, torch {found['torch']}: mean accuracy {min(means):.3f}..{max(means):.3f} "
        f"(mean {statistics.mean(means):.3f}, SD {statistics.stdev(means):.3f}), pooled seed SD {pooled.sd:.4f}"
    )
    share = 1 - pooled.sd**2 / (pooled.sd**2 + statistics.variance(means))
    click.echo(f"share of the variance of a raw accuracy that is the draw of the classes: {100 * share:.1f} %")
    _false_fails(variants)
    for kind, rows in found["kinds"].items():
        if kind != "reference":
            _false_passes(kind, rows, variants)


def variants_of(found: Mapping[str, Any]) -> dict[str, Calibrated]:
    """Return the reference's trainings of a file of trainings, as a calibration has them."""
    return {
        key: sort_out(tuple(map(int, key.split(","))), [row[0] for row in rows], [row[1] for row in rows], hidden=found["hidden"])
        for key, rows in found["kinds"]["reference"].items()
    }


def thresholds_of(variants: Mapping[str, Calibrated]) -> Thresholds:
    """Return these variants as a calibration."""
    return Thresholds(
        assignment="iu5_lab1", engine="fast", recipe="0" * 64, view=View.SEALED, data_name="cifar100", data="0" * 64, environment={}, variants=variants
    )


def _left_out(variants: Mapping[str, Calibrated]) -> Iterator[tuple[str, float, Thresholds]]:
    """Yield every training with thresholds that never saw it."""
    for key, one in variants.items():
        for place, value in enumerate(one.accuracies):
            rest = replace(one, accuracies=one.accuracies[:place] + one.accuracies[place + 1 :])
            yield key, value, thresholds_of({**variants, key: rest})


def _false_fails(variants: Mapping[str, Calibrated]) -> None:
    policy, judged, ours, unusable = Policy(), 0, 0, 0
    by_variant: dict[str, int] = dict.fromkeys(variants, 0)
    for key, value, thresholds in _left_out(variants):
        try:
            reference = thresholds.reference(variants[key].classes, policy)
        except NotUsable:
            unusable += 1
            continue
        judged += 1
        failed = decide([value], reference, policy) is Decision.FAIL
        ours += failed
        by_variant[key] += failed
    fixed = [sum(value < FIXED for value in one.accuracies) for one in variants.values()]
    total = sum(one.n for one in variants.values())
    interval = wilson(ours / judged, judged)
    click.echo(
        f"false fails of the reference, left out one by one: {ours} of {judged} = {100 * ours / judged:.2f} % "
        f"(95 % interval {100 * interval.low:.2f}..{100 * interval.high:.2f}), at most {max(by_variant.values())} of 10 on one set; not usable {unusable}"
    )
    always, never = (sum(count == end for count, end in zip(fixed, ends, strict=True)) for ends in ([one.n for one in variants.values()], [0] * len(fixed)))
    click.echo(
        f"fixed {FIXED:.2f}: {sum(fixed)} of {total} = {100 * sum(fixed) / total:.1f} % fail; always on {always} sets, a lottery on "
        f"{len(fixed) - always - never}, never on {never}"
    )


def _false_passes(kind: str, rows: Mapping[str, list[list[float]]], variants: Mapping[str, Calibrated]) -> None:
    policy, thresholds = Policy(), thresholds_of(variants)
    passed, fixed, total, deficits = 0, 0, 0, []
    for key, outcomes in rows.items():
        try:
            reference = thresholds.reference(variants[key].classes, policy)
        except NotUsable:
            continue
        values = [row[0] for row in outcomes]
        deficits.append(reference.mean - float(np.nanmean(values)))
        total += len(values)
        fixed += sum(value >= FIXED for value in values)
        passed += sum(decide([value], reference, policy) is Decision.PASS for value in values)
    click.echo(
        f"{kind}: worse by {100 * statistics.mean(deficits):.1f} points on average ({100 * min(deficits):.1f}..{100 * max(deficits):.1f}); "
        f"passes {100 * passed / total:.1f} % here, {100 * fixed / total:.1f} % at a fixed {FIXED:.2f}"
    )


if __name__ == "__main__":
    main()
