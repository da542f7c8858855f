"""Weights that were handed in: what came of loading them, said so that the student can mend it, and how they compare with what the code makes.

What the run says of a file is reported, not measured; only the accuracies rest on measured answers. The comparison is a note for the
defence and never a verdict: there are honest reasons for weights that this code does not make again.
"""

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from grader.assignment import Assignment
from grader.checks import Conclusion, failed
from grader.checks.accuracy import Accuracy, measure_accuracy
from grader.checks.weight_texts import HINTS, LOADED, PROBLEMS, SAME
from grader.evidence import Evidence, MissingRecord
from grader.model import Finding, Mode, Outcome, Text, View, Vouched
from grader.thresholds import NotUsable, compare_paired

_LISTED, _LONGEST = 5, 300
_SURE, _SPREADS = 0.001, 3.0


def loaded(evidence: Evidence) -> Mapping[str, Any]:
    """Return what the run said of the weights that it was to load; nothing when it was to load none or never came to it."""
    value = evidence.record("loaded") if evidence.mode is Mode.LOAD and evidence.has("loaded") else None
    return value if isinstance(value, dict) else {}


def not_loaded(evidence: Evidence) -> Conclusion | None:
    """Return why there are no weights to measure, or None when they were loaded or nobody asked for them."""
    if evidence.mode is not Mode.LOAD:
        return None
    facts = loaded(evidence)
    if facts and not facts.get("problem"):
        return None
    reason, hint = _reason(evidence, facts)
    if facts.get("code"):
        ran = _words(PROBLEMS, "code", code=_text(facts["code"]))
        reason = Text(ru=f"{reason.ru} {ran.ru}", en=f"{reason.en} {ran.en}")
    return failed(reason, hint=hint, actual=_fit(facts) or _text(facts.get("detail")), vouched=Vouched.REPORTED)


def weights_notes(evidence: Evidence, assignment: Assignment) -> Iterator[Finding]:
    """Yield what is to be said of weights that were handed in, for a score that rests on `evidence` and its further runs."""
    name = str(evidence.manifest.get("weights") or "")
    loads = [run for run in (evidence, *evidence.further) if run.mode is Mode.LOAD]
    if not loads:
        if name:
            yield _note("weights_loaded", LOADED, Outcome.SKIPPED, _words(PROBLEMS, "not_asked", name=name))
        return
    yield _loading(loads[0])
    if evidence.mode is Mode.LOAD:
        if not_loaded(evidence) is None:
            yield _note("weights_compared", SAME, Outcome.SKIPPED, _words(PROBLEMS, "not_sealed"))
    elif loaded(loads[0]).get("problem") != "none":
        yield compare(evidence, loads[0], assignment)


def compare(retrained: Evidence, other: Evidence, assignment: Assignment) -> Finding:
    """Hold loaded weights (`other`) against what training again makes, within the spread of the seed where that is calibrated.

    Elsewhere the answers on the same hidden images are compared exactly (McNemar, p < 0.001).
    """
    doubts = [*_architecture(retrained, other), *_untouched(other)]
    again = [accuracy for run in retrained.replicates if (accuracy := _accuracy(run)) is not None]
    handed_in = _accuracy(other)
    figures = ""
    if again and handed_in is not None:
        mean = statistics.fmean(accuracy.value for accuracy in again)
        figures = f"{mean:.3f} / {handed_in.value:.3f}"
        doubts += _distance(retrained, assignment, again, handed_in)
    elif not doubts:
        return _note("weights_compared", SAME, Outcome.SKIPPED, _words(PROBLEMS, "not_comparable"), actual=_fit(loaded(other)))
    if not doubts:
        agree = "agree" if retrained.manifest["view"] == View.SEALED else "agree_official"
        return _note("weights_compared", SAME, Outcome.PASSED, _words(PROBLEMS, agree), actual=figures)
    words = Text(ru=" ".join(doubt.ru for doubt in doubts), en=" ".join(doubt.en for doubt in doubts))
    return _note("weights_compared", SAME, Outcome.PENDING, words, hint=_words(HINTS, "compared"), actual=figures)


def _loading(run: Evidence) -> Finding:
    """Say whether and how the file went into the code's model."""
    facts = loaded(run)
    refused = not_loaded(run)
    if refused is not None:
        return _note("weights_loaded", LOADED, Outcome.FAILED, refused.rationale, hint=refused.hint, actual=refused.actual)
    file, kind, parameters = _text(facts.get("file")), _text(facts.get("class")), _text(facts.get("parameters"))
    parts = [_words(PROBLEMS, "loaded", file=file, kind=kind, parameters=parameters)]
    parts += [_words(PROBLEMS, names)] if (names := f"names_{_text(facts.get('names'))}") in PROBLEMS else []
    parts += [_words(PROBLEMS, "partial", fit=_fit(facts))] if facts.get("strict") is False else []
    parts += [_words(PROBLEMS, "cast", cast=", ".join(map(_text, _list(facts, "cast"))))] if _list(facts, "cast") else []
    parts += [_words(PROBLEMS, "code", code=_text(facts.get("code")))] if facts.get("code") else []
    parts += [_words(PROBLEMS, "not_finite", layers=_names(_list(facts, "not_finite")))] if _list(facts, "not_finite") else []
    parts.append(_shown(run, facts))
    parts += [_words(PROBLEMS, "left", cells=_cells(facts))] if _list(facts, "left") else []
    outcome = Outcome.FAILED if _list(facts, "not_finite") else Outcome.PENDING if facts.get("code") else Outcome.PASSED
    hint = _words(HINTS, "code" if facts.get("code") else "not_finite") if outcome is not Outcome.PASSED else None
    words = Text(ru=" ".join(part.ru for part in parts), en=" ".join(part.en for part in parts))
    return _note("weights_loaded", LOADED, outcome, words, hint=hint, actual=_fit(facts) if facts.get("strict") is False else "")


def _reason(evidence: Evidence, facts: Mapping[str, Any]) -> tuple[Text, Text]:
    """Return why there is nothing to measure, and what to do about it."""
    problem = str(facts.get("problem") or "")
    if not problem:  # the run ended, or broke off, before it could say
        problem = "interrupted"
    elif problem == "no_fit" and _triples(facts):
        name, expected, seen = (_text(part) for part in _triples(facts)[0])
        values = {"layer": name, "expected": expected, "seen": seen, "kind": _text(facts.get("class"))}
        return _words(PROBLEMS, "shapes", **values), _words(HINTS, "shapes")
    known = problem if problem in PROBLEMS and problem in HINTS else "damaged"
    detail = _text(facts.get("detail")) or (str(evidence.record("load_error")) if evidence.has("load_error") else evidence.execution.message)
    values = {"file": _text(facts.get("file")), "detail": detail[:_LONGEST], "kind": _text(facts.get("class")), "fit": _fit(facts)}
    return _words(PROBLEMS, known, **values), _words(HINTS, known)


def _shown(run: Evidence, facts: Mapping[str, Any]) -> Text:
    """Say how it was found out how the model takes images."""
    account = run.record("presented") if run.has("presented") else None
    if isinstance(account, dict) and account.get("chosen"):
        tried = account.get("agreement")
        chosen = _text(account["chosen"])
        agreement = tried.get(chosen) if isinstance(tried, dict) else None
        return _words(PROBLEMS, "tried", chosen=chosen, agreement=_text(agreement), count=str(len(tried) if isinstance(tried, dict) else 0))
    known = f"fed_{_text(facts.get('fed'))}"
    return _words(PROBLEMS, known if known in PROBLEMS else "fed_none")


def _architecture(retrained: Evidence, other: Evidence) -> list[Text]:
    facts = loaded(other)
    if facts.get("problem") == "no_fit":
        return [_reason(other, facts)[0]]
    trained = _chosen(retrained)
    pairs = [(_text(trained.get(key)), _text(facts.get(key))) for key in ("class", "parameters")]
    if not trained or facts.get("problem") or not facts.get("class") or facts.get("kind") == "onnx" or all(first == second for first, second in pairs):
        return []
    first, second = (" ".join((pairs[0][side], pairs[1][side])) for side in (0, 1))
    return [_words(PROBLEMS, "other_model", first=first, second=second)]


def _untouched(other: Evidence) -> list[Text]:
    word = f"untouched_{_text(loaded(other).get('untouched'))}"
    return [_words(PROBLEMS, word)] if word in PROBLEMS else []


def _distance(retrained: Evidence, assignment: Assignment, again: Sequence[Accuracy], handed_in: Accuracy) -> list[Text]:
    mean = statistics.fmean(accuracy.value for accuracy in again)
    spread = _spread(retrained, assignment)
    if spread is None:
        same = len(again[0].hits) == len(handed_in.hits)
        far = same and compare_paired(again[0].hits, handed_in.hits).p_value < _SURE
        limit = PROBLEMS["exact"]
    else:
        most = _SPREADS * spread * math.sqrt(1 + 1 / len(again))
        far = abs(handed_in.value - mean) > most
        limit = _words(PROBLEMS, "spread", most=f"{most:.3f}")
    better = "better" if handed_in.value > mean else "worse"
    return [_words(PROBLEMS, better, first=f"{mean:.3f}", second=f"{handed_in.value:.3f}", limit=limit)] if far else []


def _spread(evidence: Evidence, assignment: Assignment) -> float | None:
    """Return the standard deviation of the accuracy over seeds, or None where nothing is calibrated for these classes."""
    if assignment.thresholds is None:
        return None
    try:
        classes: Any = evidence.variant["classes"]
        reference = assignment.thresholds.reference(classes, assignment.policy)
    except NotUsable:
        return None
    return max(spread.sd for spread in reference.spreads) or None


def _accuracy(run: Evidence) -> Accuracy | None:
    classes: Any = run.variant["classes"]
    written = run.record("classes") if run.has("classes") else None
    honest = isinstance(written, list) and all(isinstance(index, int) for index in written)
    try:
        return measure_accuracy(run.array("logits"), run.kept("labels"), classes, written if honest else ())  # type: ignore[arg-type]
    except MissingRecord:
        return None


def _chosen(run: Evidence) -> Mapping[str, Any]:
    models = run.record("models") if run.has("models") else None
    return next((model for model in models if isinstance(model, dict) and model.get("chosen")), {}) if isinstance(models, list) else {}


def _fit(facts: Mapping[str, Any]) -> str:
    """Return missing, extra and wrongly shaped names as one line; nothing where no names were compared."""
    if "strict" not in facts:
        return ""
    counts = facts.get("counts")
    counted: Mapping[str, Any] = counts if isinstance(counts, dict) else {}
    parts = [f"{word}: {_names(_list(facts, word), counted.get(word))}" for word in ("missing", "extra")]
    shapes = [f"{_text(name)} {_text(expected)} != {_text(seen)}" for name, expected, seen in _triples(facts)]
    parts += [f"other shapes: {_names(shapes, counted.get('shapes'))}"] if shapes else []
    return "; ".join([*parts, f"loaded strictly: {'yes' if facts['strict'] else 'no'}"])


def _triples(facts: Mapping[str, Any]) -> list[tuple[Any, Any, Any]]:
    return [(shape[0], shape[1], shape[2]) for shape in _list(facts, "shapes") if isinstance(shape, list) and len(shape) == 3]


def _names(names: Sequence[Any], count: Any = None) -> str:
    shown = ", ".join(_text(name) for name in names[:_LISTED]) or "-"
    total = count if isinstance(count, int) else len(names)
    return f"{shown} (+{total - _LISTED})" if total > _LISTED else shown


def _cells(facts: Mapping[str, Any]) -> str:
    """Return the numbers, from 1, of the cells in which training was left out."""
    left = [item for item in _list(facts, "left") if isinstance(item, dict) and item.get("why") == "trains"]
    numbers = sorted({cell + 1 for item in left if isinstance(cell := item.get("cell"), int)})
    return ", ".join(map(str, numbers[:20])) or "-"


def _list(facts: Mapping[str, Any], key: str) -> list[Any]:
    value = facts.get(key)
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return "" if value is None else str(value)[:_LONGEST]


def _words(texts: Mapping[str, Text], key: str, **values: str | Text) -> Text:
    """Fill in a sentence; a value that holds braces stays as it is."""
    ru = {name: value.ru if isinstance(value, Text) else value for name, value in values.items()}
    en = {name: value.en if isinstance(value, Text) else value for name, value in values.items()}
    return Text(ru=_fill(texts[key].ru, ru), en=_fill(texts[key].en, en))


def _fill(sentence: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        sentence = sentence.replace("{" + name + "}", value)
    return sentence


def _note(check: str, title: Text, outcome: Outcome, rationale: Text, *, hint: Text | None = None, actual: str = "") -> Finding:
    share = 1.0 if outcome is Outcome.PASSED else 0.0
    return Finding(
        check=check, title=title, outcome=outcome, share=share, rationale=rationale, hint=hint, actual=actual, vouched=Vouched.REPORTED
    )
