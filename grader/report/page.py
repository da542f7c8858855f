"""The templates' surroundings: escaping, strictness, words and numbers of one language."""

from functools import lru_cache, partial

from babel.numbers import format_decimal, format_percent
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from grader.content import content_dir
from grader.model import Finding, Language, Outcome
from grader.report.accuracy import draw_accuracy
from grader.report.final_table import final_table
from grader.report.phrases import phrases
from grader.report.visible import coded, visible


@lru_cache
def page_templates(language: Language) -> Environment:
    """Return the templates in `templates/report/`, speaking `language`.

    Every value is escaped, invisible characters in it are made visible, and a name that does not exist is an error.
    """
    templates = Environment(
        loader=FileSystemLoader(content_dir("templates") / "report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    catalogue = phrases(language)
    templates.install_gettext_callables(  # type: ignore[attr-defined]  # the i18n extension adds it
        catalogue.gettext, catalogue.ngettext, newstyle=True, pgettext=catalogue.pgettext
    )
    templates.filters["number"] = partial(number, language=language)
    templates.filters["decimals"] = partial(decimals, language=language)
    templates.filters["percent"] = partial(_percent, language=language)
    templates.filters["coded"] = coded
    templates.tests["worth_a_look"] = worth_a_look
    templates.globals["language"] = language
    templates.globals["draw_accuracy"] = draw_accuracy
    templates.globals["final_table"] = final_table
    return templates


def worth_a_look(finding: Finding) -> bool:
    """Tell whether a note asks for something or shows something; the others are folded away."""
    return finding.outcome not in {Outcome.PASSED, Outcome.SKIPPED} or finding.figures is not None


def number(value: float, digits: int = 2, *, language: Language) -> str:
    """Return a number as the language writes it, with at most so many decimals."""
    pattern = "0." + "#" * digits if digits else "0"
    return format_decimal(value, format=pattern, locale=language)


def decimals(value: float, digits: int = 3, *, language: Language) -> str:
    """Return a number as the language writes it, with exactly so many decimals."""
    return format_decimal(value, format="0." + "0" * digits, locale=language)


def share(part: float, whole: float) -> float:
    """Return part / whole within 0..1, and 0 where there is no whole."""
    return min(1.0, max(0.0, part / whole)) if whole > 0 else 0.0


def _percent(value: float, *, language: Language) -> str:
    return format_percent(value, format="0 %" if language == "ru" else "0%", locale=language)


def _shown(value: object) -> object:
    """Make a plain value's text visible; markup was made from visible text already."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
