"""A student's report: what it says, in both languages, and that it is one file that stands alone."""

import io
import re
from dataclasses import replace
from itertools import pairwise

import pytest
from babel.messages.extract import extract
from babel.messages.pofile import read_po

from grader.content import content_dir
from grader.model import Isolation, Language, Outcome, Text, Verdict, View
from grader.report import render_report
from grader.report.page import decimals, number
from grader.report.phrases import phrases
from grader.report.render import criterion_state
from tests.report_samples import (
    Outline,
    code,
    criterion,
    finding,
    markdown,
    notebook,
    printed,
    sample_execution,
    sample_notebook,
    sample_score,
)


def words(page: str) -> str:
    """Return the page's text as it is read, on one line."""
    body = page[page.index("<body>") :]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


@pytest.fixture(scope="module")
def russian() -> str:
    return render_report(sample_score(), sample_notebook(), "ru")


@pytest.fixture(scope="module")
def english() -> str:
    return render_report(sample_score(), sample_notebook(), "en")


def test_the_head_names_the_student_the_variant_the_points_and_how_it_was_run(russian: str) -> None:
    text = words(russian)
    for part in (
        "Петрова Анна Сергеевна", "60,9 из 100 баллов", "на проверке у преподавателя", "s02, группа ИУ5-24М",
        "№ 2: 39 клавиатура , 58 пикап , 23 облако", "полная: без сети", "закрытый режим",
    ):  # fmt: skip
        assert part in text


def test_the_same_report_in_english_has_no_russian_but_what_the_student_wrote() -> None:
    page = render_report(sample_score(name="Anna", variant={**sample_score().variant, "group": "5"}), notebook([]), "en")
    assert not re.search("[а-яё]", words(page), re.IGNORECASE)
    assert "60.9 of 100 points" in words(page)
    assert "39 keyboard , 58 pickup truck , 23 cloud" in words(page)


@pytest.mark.parametrize(("verdict", "said"), [(Verdict.PASSED, "зачтено"), (Verdict.FAILED, "не зачтено"), (Verdict.HELD, "на проверке у преподавателя")])
def test_the_verdict_is_said_in_words(verdict: Verdict, said: str) -> None:
    page = render_report(sample_score(verdict=verdict), notebook([]), "ru")
    badge = page[page.index('<p class="verdict">') :]
    assert words("<body>" + badge[: badge.index("</p>")]).strip() == said


def test_a_finding_says_what_was_expected_what_was_seen_what_to_try_and_who_vouches(russian: str) -> None:
    text = words(russian)
    assert "Градиенты в backward не выполнено Градиент по весам первого слоя не совпадает с автоматическим." in text
    assert "Ожидалось dW1: max |Δ| ≤ 1e-4 · |dW1| Получено dW1: 0.83; db1: 2.1e-07" in text
    assert "Что попробовать Производная активации" in text
    assert "измерено снаружи" in text


def test_a_passed_finding_gives_no_advice_and_a_waiting_one_has_no_witness() -> None:
    advice = Text(ru="СОВЕТ", en="ADVICE")
    row = criterion("a", "А", "A", 1, 1, finding("x", "Икс", "X", hint=advice), finding("y", "Игрек", "Y", Outcome.SKIPPED))
    page = render_report(sample_score(criteria=(row,), notes=()), notebook([]), "en")
    assert "ADVICE" not in page
    assert page.count('<p class="vouched">') == 1


def test_every_outcome_has_an_icon_and_a_word_of_its_own(english: str) -> None:
    marks = re.findall(r'<span class="mark s-(\w+)">\s*<svg class="icon".*?<circle[^>]*/>(.*?)</svg>\s*<span>(.*?)</span>', english, re.DOTALL)
    said = {state: word for state, _, word in reversed(marks)}
    assert said.items() >= {
        "passed": "met", "partial": "partly met", "failed": "not met", "errored": "the check broke", "skipped": "not looked at",
        "attention": "please look at this",
    }.items()  # fmt: skip
    assert all(shape for _, shape, _ in marks)
    assert len({shape for _, shape, _ in marks}) >= 5


@pytest.mark.parametrize(
    ("earned", "outcomes", "state"),
    [
        (10, [Outcome.PASSED], "passed"), (4, [Outcome.PASSED, Outcome.FAILED], "partial"), (0, [Outcome.FAILED], "failed"),
        (0, [Outcome.SKIPPED], "skipped"), (0, [Outcome.SKIPPED, Outcome.FAILED], "failed"), (10, [Outcome.PASSED, Outcome.ERRORED], "errored"),
        (0, [Outcome.PENDING], "pending"),
    ],
)  # fmt: skip
def test_a_criterion_stands_as_its_findings_do(earned: float, outcomes: list[Outcome], state: str) -> None:
    findings = [finding(f"c{place}", "x", "x", outcome) for place, outcome in enumerate(outcomes)]
    assert criterion_state(criterion("a", "А", "A", 10, earned, *findings)) == state


def test_a_note_that_was_not_met_asks_for_attention_and_is_not_called_a_failure(english: str) -> None:
    notes = english[english.index('id="notes"') : english.index('id="findings"')]
    assert "please look at this" in notes
    assert "not met" not in notes
    assert "cell 31 changed the model&#39;s weights" in notes


def test_notes_with_nothing_to_do_are_folded_behind_those_that_ask_for_something() -> None:
    said = [
        finding("a", "Первое", "First", Outcome.PASSED),
        finding("b", "Второе", "Second", Outcome.FAILED, hint=Text(ru="Вызовите `f()`.", en="Call `f()` & `<b>`.")),
        finding("c", "Третье", "Third", Outcome.SKIPPED),
        finding("d", "Четвёртое", "Fourth", Outcome.PASSED, figures={"kind": "other"}),
    ]
    page = render_report(sample_score(notes=tuple(said)), notebook([]), "en")
    notes = page[page.index('id="notes"') : page.index('id="findings"')]
    shown, _, folded = notes.partition("<details>")
    assert [title in shown for title in ("First", "Second", "Third", "Fourth")] == [False, True, False, True]
    assert [title in folded for title in ("First", "Third")] == [True, True]
    assert "2 more notes, with nothing to do" in folded
    assert "Call <code>f()</code> &amp; <code>&lt;b&gt;</code>." in shown


def test_the_run_is_told_with_first_causes_before_what_follows_from_them(english: str) -> None:
    run = words("<body>" + english[english.index('id="run"') : english.index('id="notebook"')])
    assert "some cells ended with an error" in run
    assert "1 of 4 without an error; not run: 1" in run
    assert "81.4 s of 600 s" in run
    assert "812 MB of 4096 MB" in run
    assert run.index("Cell 3 ModuleNotFoundError") < run.index("1 more cell missed a name") < run.index("Cell 4 NameError")
    assert "torch 2.6.0" in run


def test_a_missing_name_that_nothing_came_before_is_a_cause() -> None:
    cells = [{"index": 0, "status": "error", "error": "NameError: name 'x' is not defined", "cpu_s": 0}]
    page = render_report(sample_score(execution={**sample_execution(), "cells": cells}), notebook([]), "en")
    assert "Cells that failed" in page
    assert "missed a name" not in page


def test_links_to_failed_cells_lead_to_them(english: str) -> None:
    outline = Outline(english)
    places = {attributes["id"] for _, attributes in outline.tags if "id" in attributes}
    inner = [str(attributes["href"])[1:] for attributes in outline.named("a") if str(attributes["href"]).startswith("#")]
    assert "cell-3" in inner
    assert set(inner) <= places


def test_the_notebook_shows_source_outputs_errors_and_pictures(english: str) -> None:
    shown = english[english.index('id="notebook"') :]
    assert '<span class="k">for</span>' in shown
    assert "эпоха 0\nэпоха 1\nэпоха 2</pre>" in shown
    assert 'src="data:image/png;base64,' in shown
    assert '<span class="t-f1">ModuleNotFoundError</span>' in shown
    assert '<span class="math">$L = \\frac{1}{n}\\sum_i (y_i - \\hat y_i)^2$</span>' in shown
    assert '<a href="https://pytorch.org/docs" rel="noopener noreferrer nofollow">PyTorch</a>' in shown
    assert re.search(r'id="cell-5".*?<span>not run</span>', shown, re.DOTALL)


@pytest.mark.parametrize("language", ["ru", "en"])
def test_a_page_stands_alone_and_can_be_read_by_anybody(language: Language) -> None:
    page = render_report(sample_score(), sample_notebook(), language)
    outline = Outline(page)
    assert page.startswith(f'<!doctype html>\n<html lang="{language}">')
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in page
    assert "@media print" in page
    assert "prefers-color-scheme: dark" in page
    assert not {tag for tag, _ in outline.tags} & {"script", "iframe", "object", "embed", "link", "form", "base"}
    assert not re.search(r"url\(|@import|src=\"(?!data:image/)", page)
    assert all(attributes.get("alt") for attributes in outline.named("img"))
    ours = Outline(re.sub(r'<section class="notebook".*?</section>', "", page, flags=re.DOTALL))
    assert all(attributes.get("scope") for attributes in ours.named("th"))
    levels = [int(tag[1]) for tag, _ in outline.tags if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def luminance(colour: str) -> float:
    """Return the relative luminance of `#rrggbb` or `#rgb`, as WCAG defines it."""
    digits = colour.strip("#") if len(colour) == 7 else "".join(2 * digit for digit in colour.strip("#"))
    channels = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", [0, 1, 2], ids=["light", "dark", "print"])
def test_every_text_stands_out_from_what_it_stands_on(theme: int) -> None:
    folder = content_dir("templates") / "report"
    colours: dict[str, str] = {}
    for sheet in ("page.css", "notebook.css"):
        blocks = re.findall(r":root \{(.*?)\}", folder.joinpath(sheet).read_text(encoding="utf-8"), re.DOTALL)
        colours |= dict(re.findall(r"--([\w-]+): (#[0-9a-f]+);", blocks[theme]))
    states = ("good", "bad", "half", "wait", "idle")
    pairs = [(ink, ground) for ink in ("ink", "soft", "accent", *states) for ground in ("paper", "card")]
    pairs += [(ink, f"{state}-wash") for state in states for ink in ("ink", state)]
    pairs += [(ink, "code") for ink in ("ink", "soft", "k", "f", "s", "m", "c")]
    pairs += [(ink, "paper") for ink in ("red", "green", "yellow", "blue", "magenta", "cyan", "f")] + [("ink", "mark")]
    for ink, ground in pairs:
        darker, lighter = sorted((luminance(colours[ink]), luminance(colours[ground])))
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5, (ink, ground)


def test_the_same_score_gives_the_same_bytes_and_no_date(russian: str) -> None:
    assert render_report(sample_score(), sample_notebook(), "ru") == russian
    assert not re.search(r"\b20\d\d-\d\d-\d\d|\d\d:\d\d", words(russian))


@pytest.mark.parametrize("text", ["", "not json", "[]", "{}", '{"cells": 3}', "[" * 100_000])
def test_text_that_is_no_notebook_gives_a_report_that_says_so(text: str) -> None:
    assert "There is no notebook that could be shown." in render_report(sample_score(), text, "en")


def test_a_notebook_of_odd_shapes_is_shown_as_far_as_it_goes() -> None:
    cells: list[dict[str, object]] = [
        {}, {"cell_type": "code"}, {"cell_type": "code", "source": ["a = 1\n", "b"], "outputs": [3, {"output_type": "display_data", "data": []}]},
        {"cell_type": "raw", "source": "raw <b>"}, {"cell_type": "markdown", "source": None, "attachments": [1]},
    ]  # fmt: skip
    page = render_report(sample_score(), notebook(cells), "en")
    Outline(page)
    assert "raw &lt;b&gt;" in page


def test_an_execution_that_knows_nothing_still_gives_a_report() -> None:
    score = sample_score(execution={}, environment={}, variant={}, notes=(), criteria=(), points=0.0, earned=0.0, isolation=Isolation.NONE, view=View.OFFICIAL)
    page = render_report(score, notebook([]), "en")
    Outline(page)
    assert "an ordinary process on this computer" in page


def test_a_name_that_is_missing_is_replaced_by_the_id() -> None:
    assert "<h1>s02</h1>" in render_report(replace(sample_score(), name=""), notebook([]), "en")


def test_numbers_are_written_as_the_language_writes_them() -> None:
    assert [number(value, language="ru") for value in (12.5, 20.0, 0.005, 1800.0)] == ["12,5", "20", "0", "1800"]
    assert [number(value, 0, language="en") for value in (811.6, 4096.0)] == ["812", "4096"]
    assert (decimals(0.69, language="ru"), decimals(0.69, language="en"), decimals(1, 1, language="en")) == ("0,690", "0.690", "1.0")


def messages() -> set[tuple[str | None, str | tuple[str, ...]]]:
    found: set[tuple[str | None, str | tuple[str, ...]]] = set()
    for file in content_dir("templates").joinpath("report").glob("*.j2"):
        options = {"trim_blocks": "true", "lstrip_blocks": "true"}
        found |= {(context, message) for _, message, _, context in extract("jinja2", io.BytesIO(file.read_bytes()), options=options)}
    return found


@pytest.mark.parametrize("language", ["ru", "en"])
def test_the_catalogues_hold_exactly_the_phrases_of_the_templates(language: Language) -> None:
    path = content_dir("templates").parent / "grader" / "locale" / f"{language}.po"
    catalogue = read_po(io.BytesIO(path.read_bytes()), locale=language)
    assert {(entry.context, entry.id) for entry in catalogue if entry.id} == messages()


def test_every_phrase_has_a_russian_translation_with_the_same_gaps_to_fill() -> None:
    path = content_dir("templates").parent / "grader" / "locale" / "ru.po"
    for entry in read_po(io.BytesIO(path.read_bytes()), locale="ru"):
        said = [str(entry.string)] if isinstance(entry.string, str) else [str(one) for one in entry.string or ("",)]
        asked = [entry.id] if isinstance(entry.id, str) else list(entry.id)
        if not entry.id:
            continue
        assert all(said), f"{entry.id} has no translation"
        gaps = set(re.findall(r"%\(\w+\)s", asked[-1]))
        assert all(set(re.findall(r"%\(\w+\)s", one)) == gaps for one in said), entry.id


@pytest.mark.parametrize(("count", "said"), [(1, "1 студент"), (2, "2 студента"), (5, "5 студентов"), (11, "11 студентов"), (21, "21 студент"), (112, "112 студентов")])
def test_russian_counts_as_russian_does(count: int, said: str) -> None:
    assert phrases("ru").ngettext("%(num)s student", "%(num)s students", count) % {"num": count} == said


def test_neighbouring_pieces_of_one_stream_are_shown_as_one() -> None:
    page = render_report(sample_score(), notebook([code("x", printed("a"), printed("b"), printed("c", "stderr"), printed("d"))]), "en")
    assert re.findall(r'<div class="output o-(\w+)">.*?<pre tabindex="0">(.*?)</pre>', page, re.DOTALL) == [("stdout", "ab"), ("stderr", "c"), ("stdout", "d")]


def test_a_progress_bar_is_shown_in_its_last_state() -> None:
    page = render_report(sample_score(), notebook([code("x", printed("  0%|\r 50%|=\r100%|==\r\ndone\r\n"))]), "en")
    assert '<pre tabindex="0">100%|==\ndone</pre>' in page


def test_headings_of_the_notebook_come_below_those_of_the_page() -> None:
    page = render_report(sample_score(), notebook([markdown("# one\n\n###### six")]), "en")
    assert '<h3 class="h1">one</h3>' in page
    assert '<h6 class="h6">six</h6>' in page
