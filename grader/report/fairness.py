"""The page about fairness: what one fixed threshold does to every variant of a course, and what a line per variant does instead."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from babel.numbers import format_percent

from grader.model import Language, Text
from grader.report.page import number, page_templates
from grader.thresholds import Comparison, VariantChances, below, counts, outlook
from variants.cifar100 import FINE, names

Students = Mapping[tuple[int, ...], int]
Height = Callable[[float], float]

_LEFT, _RIGHT = 56.0, 948.0
_TOP, _BOTTOM = 30.0, 300.0  # the panel of accuracies
_PANEL = 84.0  # the height of a panel of chances
_FIRST, _SECOND = 352.0, 488.0  # their tops
_MOST_LABELS = 60  # more variants than this cannot be labelled legibly


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """One panel of chances: `fixed` a height from the panel's bottom, `own` a y."""

    fixed: float
    own: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One variant in the plot, in units of the picture; `hill` is an SVG path, `state` what the fixed threshold does to it."""

    x: float
    half: float
    label: str
    state: str
    hill: str
    dots: tuple[float, ...]
    line: float
    equal: Bars
    worse: Bars
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """The whole plot; `ticks` are (y, accuracy)."""

    height: float
    labels: bool
    radius: float
    ticks: tuple[tuple[float, float], ...]
    fixed: float
    columns: tuple[Column, ...]


def render_fairness(
    comparison: Comparison, *, title: str, language: Language, students: Students | None = None, notes: Sequence[Text] = ()
) -> str:
    """Return the page as one HTML file that needs nothing else.

    `students` says how many have each set of classes (sorted); None where nobody has been dealt anything. `notes` are warnings about the
    calibration, shown first.
    """
    return (
        page_templates(language)
        .get_template("fairness.html.j2")
        .render(
            comparison=comparison,
            title=title,
            notes=notes,
            said=[sentence.of(language) for sentence in in_words(comparison)],
            counts=counts(comparison),
            lowest=min((one.equal.own for one in comparison.variants), default=None),
            plot=draw_variants(comparison, language),
            students=students,
            below=below,
            called=lambda classes: called(classes, language),
            chance=lambda value: chance(value, language),
            state=_state,
            bottoms=(_FIRST + _PANEL, _SECOND + _PANEL),
            panel=_PANEL,
        )
    )


def in_words(comparison: Comparison) -> tuple[Text, ...]:
    """Return the comparison as sentences for colleagues: the fixed threshold, the line per variant, worse work, what is not judged."""
    total, found = len(comparison.variants), counts(comparison)
    said: list[Text] = []
    if total:
        fixed = _both(comparison.fixed)
        said += [
            Text(
                ru=f"Единый порог {fixed.ru}: работа уровня эталона не проходит никогда — вариантов: {found['never']} из {total}; исход решает "
                f"случай — {found['lottery']}; проходит всегда — {found['always']}.",
                en=f"A fixed {fixed.en}: work of the reference's quality fails for ever on {found['never']} of {total} variants, is a lottery on "
                f"{found['lottery']} and always passes on {found['always']}.",
            ),
            _ours(comparison),
            _worse(comparison),
        ]
    if comparison.without:
        said.append(
            Text(
                ru=f"Своего порога нет — вариантов: {len(comparison.without)}; они названы ниже с причиной.",
                en=f"Variants without a line of their own: {len(comparison.without)}; they are named below with the reason.",
            )
        )
    return tuple(said)


def _ours(comparison: Comparison) -> Text:
    lowest = min(one.equal.own for one in comparison.variants)
    return Text(
        ru=f"Свой порог у каждого варианта{_runs(comparison).ru}: та же работа проходит на любом из них с вероятностью не ниже {_both(lowest, 1).ru}.",
        en=f"A line of its own for every variant{_runs(comparison).en}: the same work passes on each with a chance of at least {_both(lowest, 1).en}.",
    )


def _worse(comparison: Comparison) -> Text:
    fixed, own = [one.worse.fixed for one in comparison.variants], [one.worse.own for one in comparison.variants]
    ends = [Text(ru=f"от {_both(min(some)).ru} до {_both(max(some)).ru}", en=f"from {_both(min(some)).en} to {_both(max(some)).en}") for some in (fixed, own)]
    return Text(
        ru=f"Работа хуже эталона на {number(100 * comparison.worse, language='ru')} п. п. проходит единый порог с вероятностью {ends[0].ru} — смотря какие классы достались, "
        f"а свой порог — {ends[1].ru}.",
        en=f"Work that is {number(100 * comparison.worse, language='en')} points worse passes a fixed threshold with a chance {ends[0].en}, depending on the classes alone, and a line of "
        f"its own {ends[1].en}.",
    )


def _runs(comparison: Comparison) -> Text:
    runs = comparison.policy.replicates
    if runs == 1:
        return Text(ru="", en="")
    return Text(ru=f" (пограничную работу запускают до {runs} раз)", en=f" (borderline work is run up to {runs} times)")


def _both(value: float, digits: int = 0) -> Text:
    return Text(ru=chance(value, "ru", digits), en=chance(value, "en", digits))


def chance(value: float, language: Language, digits: int = 0) -> str:
    """Return a share in 0..1 as a percentage; one that only rounding would make certain is written as a bound."""
    least = 10.0 ** -(digits + 2)
    clear = min(max(value, least), 1 - least) if 0 < value < 1 else value
    before = "" if value in {0, 1} or least <= value <= 1 - least else "<\N{NO-BREAK SPACE}" if value < least else ">\N{NO-BREAK SPACE}"
    pattern = "0." + "#" * digits if digits else "0"
    return before + format_percent(clear, format=pattern + ("\N{NO-BREAK SPACE}%" if language == "ru" else "%"), locale=language)


def draw_variants(comparison: Comparison, language: Language) -> Plot | None:
    """Return the plot, the hardest variant to the left; None when there is no variant to draw."""
    if not comparison.variants:
        return None
    values = [value for one in comparison.variants for value in (*one.accuracies, one.line, one.mean - 2.5 * one.sd, one.mean + 2.5 * one.sd)]
    first = max(0.0, math.floor(10 * min(*values, comparison.fixed) - 0.1) / 10)
    last = min(1.0, math.ceil(10 * max(*values, comparison.fixed) + 0.1) / 10)
    labels = len(comparison.variants) <= _MOST_LABELS

    def height(value: float) -> float:
        return round(_BOTTOM - (min(max(value, first), last) - first) / (last - first) * (_BOTTOM - _TOP), 1)

    tenths = [step / 10 for step in range(11) if first - 1e-9 <= step / 10 <= last + 1e-9]
    step = (_RIGHT - _LEFT) / len(comparison.variants)
    columns = [
        _column(one, x=_LEFT + (place + 0.5) * step, step=step, height=height, worse=comparison.worse, language=language)
        for place, one in enumerate(comparison.variants)
    ]
    return Plot(
        height=_SECOND + _PANEL + (78 if labels else 18),
        labels=labels,
        radius=1.7 if step > 9 else 0.9,
        ticks=tuple((height(value), value) for value in tenths),
        fixed=height(comparison.fixed),
        columns=tuple(columns),
    )


def _column(one: VariantChances, *, x: float, step: float, height: Height, worse: float, language: Language) -> Column:
    half = min(0.42 * step, 15.0)
    return Column(
        x=round(x, 1),
        half=round(half, 1),
        label=", ".join(map(str, one.classes)),
        state=_state(one),
        hill=_hill(one, x, half, height),
        dots=tuple(height(value) for value in one.accuracies),
        line=height(one.line),
        equal=Bars(fixed=round(one.equal.fixed * _PANEL, 1), own=round(_FIRST + (1 - one.equal.own) * _PANEL, 1)),
        worse=Bars(fixed=round(one.worse.fixed * _PANEL, 1), own=round(_SECOND + (1 - one.worse.own) * _PANEL, 1)),
        title=f"{called(one.classes, language)}: {chance(one.equal.fixed, language)} / {chance(one.equal.own, language)}, "
        f"−{number(100 * worse, language=language)}: {chance(one.worse.fixed, language)} / {chance(one.worse.own, language)}",
    )


def _hill(one: VariantChances, x: float, half: float, height: Height) -> str:
    """Return the reference's distribution as a shape that is as wide as it is likely, out to 2.5 SD."""
    steps = [number / 6 for number in range(-15, 16)]
    sides = [(half * math.exp(-step * step / 2), height(one.mean + step * one.sd)) for step in steps]
    right = [f"{x + wide:.1f},{y}" for wide, y in sides]
    left = [f"{x - wide:.1f},{y}" for wide, y in reversed(sides)]
    return "M" + " L".join([*right, *left]) + " Z"


def _state(one: VariantChances) -> str:
    """Return the word of the style sheet for what the fixed threshold does to work of the reference's quality."""
    return {"never": "failed", "lottery": "partial", "always": "passed"}[outlook(one.equal.fixed)]


def called(classes: Sequence[int], language: Language) -> str:
    """Return the names of the classes where they are CIFAR-100's, their numbers otherwise."""
    if not all(0 <= index < len(FINE) for index in classes):
        return ", ".join(map(str, classes))
    return ", ".join(name.replace("_", " ") for name in names(classes, russian=language == "ru"))
