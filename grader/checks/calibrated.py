"""An accuracy against what the reference reaches on the same classes: the decision, in words and in figures for a picture."""

import math

import numpy as np

from grader.assignment import Assignment
from grader.checks import Conclusion
from grader.checks.accuracy import Accuracy
from grader.checks.repeated import Repeated
from grader.evidence import Evidence, MissingRecord
from grader.model import Json, Outcome, Policy, Text, View
from grader.thresholds import Calibrated, Decision, Judgement, Reference, Thresholds, compare_paired, judge, key_of, require_fresh, wilson


def against_reference(evidence: Evidence, assignment: Assignment, thresholds: Thresholds, repeated: Repeated, hint: Text) -> Conclusion:
    """Return the judgement of the accuracies that a work's runs have reached; raises NotUsable when the calibration does not fit this work."""
    classes = _dealt(evidence)
    data = evidence.manifest["data"] or {}
    require_fresh(
        thresholds,
        data=str(data.get("digest", "")),
        view=View(evidence.manifest["view"]),
        recipe=assignment.recipe,
        torch=str(evidence.execution.environment.get("torch", "")),
    )
    reference = thresholds.reference(classes, assignment.policy)
    known = thresholds.variants[key_of(classes)]
    judgement = judge(repeated.accuracies, reference, assignment.policy, first=repeated.planned, silent=repeated.silent)
    return Conclusion(
        outcome=Outcome.PASSED if judgement.decision is Decision.PASS else Outcome.FAILED,
        share=judgement.share,
        rationale=_sentence(judgement, reference, assignment.policy, repeated),
        hint=hint,
        expected=f"≥ {judgement.line:.{_digits(judgement)}f}",
        actual=repeated.shown(),
        figures=_figures(repeated, judgement, reference, known),
        again=judgement.again,
    )


def _dealt(evidence: Evidence) -> list[int]:
    classes = evidence.variant["classes"]
    return [index for index in classes if isinstance(index, int)] if isinstance(classes, list) else []


def _sentence(judgement: Judgement, reference: Reference, policy: Policy, repeated: Repeated) -> Text:
    seen, line, mean, n = judgement.accuracy, judgement.line, reference.mean, reference.n
    spread = repeated.spread()
    rate, digits = f"{100 * policy.false_fail:g}", _digits(judgement)
    if judgement.decision is Decision.FAIL:
        short = max(1, math.ceil((line - seen) * reference.hidden - 1e-6))
        return Text(
            ru=f"Точность {seen:.{digits}f}{spread.ru} ниже порога {line:.{digits}f} для ваших классов (не хватило верных ответов: {short}): эталонное обучение "
            f"даёт на них в среднем {mean:.3f} (обучений: {n}), а честное его повторение оказывается ниже порога не чаще чем в {rate} % случаев.",
            en=f"The accuracy {seen:.{digits}f}{spread.en} is below the pass line {line:.{digits}f} of your classes (right answers short of it: {short}): the "
            f"reference reaches {mean:.3f} on them on average ({n} trainings), and an honest repetition of it falls below the line at most {rate} % of the time.",
        )
    doubt = _doubt(judgement, repeated, max(policy.replicates, repeated.planned))
    return Text(
        ru=f"Точность {seen:.3f}{spread.ru} не ниже порога {line:.3f} для ваших классов; эталонное обучение даёт на них в среднем {mean:.3f} "
        f"(обучений: {n}).{doubt.ru}",
        en=f"The accuracy {seen:.3f}{spread.en} reaches the pass line {line:.3f} of your classes; the reference reaches {mean:.3f} on them on average "
        f"({n} trainings).{doubt.en}",
    )


def _digits(judgement: Judgement) -> int:
    """Return how many decimals tell a failed accuracy from the line that it missed."""
    missed = judgement.decision is Decision.FAIL
    return next((digits for digits in (3, 4, 5) if not missed or f"{judgement.accuracy:.{digits}f}" != f"{judgement.line:.{digits}f}"), 6)


def _doubt(judgement: Judgement, repeated: Repeated, most: int) -> Text:
    if not judgement.borderline:
        return Text(ru="", en="")
    if judgement.again:
        made = len(repeated.runs) + repeated.silent
        return Text(
            ru=f" Результат пограничный: запусков пока {made} из {most} возможных, сомнение — в пользу работы.",
            en=f" This is borderline: {made} of at most {most} runs were made so far, and the doubt counts for the work.",
        )
    return Text(ru=" Результат пограничный, сомнение — в пользу работы.", en=" This is borderline, and the doubt counts for the work.")


def _figures(repeated: Repeated, judgement: Judgement, reference: Reference, known: Calibrated) -> dict[str, Json]:
    first, accuracy = repeated.runs[0]
    # The images are the same in every run, so that more runs do not make them more.
    interval = wilson(judgement.accuracy, accuracy.n)
    widest = max(reference.spreads, key=lambda spread: spread.sd)
    figures: dict[str, Json] = {
        "kind": "accuracy",
        "accuracy": round(judgement.accuracy, 6),
        "low": round(interval.low, 6),
        "high": round(interval.high, 6),
        "images": accuracy.n,
        "line": round(judgement.line, 6),
        "mean": round(reference.mean, 6),
        "sd": round(widest.sd, 6),
        "chance": round(reference.chance, 6),
        "reference": [round(value, 6) for value in known.accuracies],
    }
    if repeated.sd is not None:
        figures |= {"runs": repeated.figures(), "runs_sd": round(repeated.sd, 6)}
    paired = _paired(first, accuracy, known)
    return figures if paired is None else {**figures, "paired": paired}


def _paired(evidence: Evidence, accuracy: Accuracy, known: Calibrated) -> dict[str, Json] | None:
    """Hold the work against the typical reference training on the same images, where both are known image by image."""
    try:
        order = evidence.kept("order")
    except MissingRecord:
        return None  # the evidence is older than the comparison
    bits = np.unpackbits(np.frombuffer(bytes.fromhex(known.hits), np.uint8))[: accuracy.n].astype(np.bool_)
    if not len(bits) == len(order) == known.hidden:
        return None
    paired = compare_paired(accuracy.hits, bits[np.asarray(order, dtype=np.int64)])
    return {"only_work": paired.only_first, "only_reference": paired.only_second, "p_value": round(paired.p_value, 6)}
