"""The cohort's page: everybody is on it, in order, with what matters."""

import re
from urllib.parse import unquote

from grader.model import Outcome, Text, Verdict
from grader.report import IndexRow, render_index
from tests.report_samples import Outline, criteria, criterion, finding


def row(student: str = "s01", earned: float = 50.0, verdict: Verdict = Verdict.PASSED, report: str = "s01.html", **more: object) -> IndexRow:
    facts: dict[str, object] = {
        "name": "Иванов Иван", "group": "ИУ5-24М", "classes": ("яблоко", "выдра"), "points": 100.0, "first_problem": None, **more,
    }  # fmt: skip
    return IndexRow(student=student, earned=earned, verdict=verdict, report=report, **facts)  # type: ignore[arg-type]


def test_every_student_has_a_row_in_the_order_given() -> None:
    page = render_index([row("s02"), row("s01", name="")], "Лабораторная 1", "ru")
    Outline(page)
    assert re.findall(r'<span class="id">(s\d+)</span>|">(s\d+)</a>', page) == [("s02", ""), ("", "s01")]


def test_a_row_shows_points_verdict_classes_and_what_to_look_at_first() -> None:
    problem = Text(ru="Файл пуст.", en="The file is empty.")
    page = render_index([row(earned=12.25, verdict=Verdict.FAILED, first_problem=problem)], "Лабораторная 1", "ru")
    for part in ("<strong>12,25</strong> / 100", "не зачтено", "яблоко, выдра", "ИУ5-24М", "Файл пуст.", 'width="12.2"'):
        assert part in page


def test_the_head_counts_students_by_verdict_and_averages_their_results() -> None:
    verdicts = (Verdict.PASSED, Verdict.PASSED, Verdict.FAILED, Verdict.HELD)
    page = render_index([row(f"s{place}", 20.0 * place, verdict) for place, verdict in enumerate(verdicts)], "Lab", "en")
    tiles = page[page.index('<dl class="tiles">') : page.index("</dl>")]
    assert re.findall("<dd>(.*?)</dd>", tiles) == ["4", "2", "1", "1", "30%"]


def test_links_lead_to_files_beside_the_page_whatever_they_are_called() -> None:
    for name in ("s01.html", "a%20b.html", "иванов.html", "javascript:alert(1).html", 'x".html'):
        page = render_index([row(report=name)], "Lab", "en")
        link = next(str(attributes["href"]) for attributes in Outline(page).named("a") if attributes["href"] != "#content")
        assert link.startswith("./")
        assert ":" not in link
        assert unquote(link) == f"./{name}"


def test_criteria_are_averaged_over_those_who_were_scored_on_them() -> None:
    def scored(earned: float) -> tuple[object, ...]:
        return (criterion("a", "Часть 1", "Part 1", 10, earned, finding("x", "x", "x", Outcome.PASSED)),)

    page = render_index([row(criteria=scored(4)), row(criteria=scored(7)), row()], "Lab", "en")
    means = page[page.index('id="means"') :]
    assert "<strong>5.5</strong> / 10" in means
    assert "2 students" in means
    assert 'width="55.0"' in means


def test_without_criteria_there_are_no_means_and_without_students_nobody_is_listed() -> None:
    page = render_index([], "Lab", "en")
    Outline(page)
    assert "Nobody has been graded yet." in page
    assert 'id="means"' not in page


def test_the_page_stands_alone_in_both_languages() -> None:
    for language in ("ru", "en"):
        page = render_index([row(criteria=criteria())], "Lab", language)
        outline = Outline(page)
        assert f'<html lang="{language}">' in page
        assert "default-src 'none'" in page
        assert not {tag for tag, _ in outline.tags} & {"script", "link", "img", "iframe"}
        assert all(attributes.get("scope") for attributes in outline.named("th"))


def test_a_thousand_students_fit_on_a_page() -> None:
    page = render_index([row(f"s{place}", criteria=criteria()) for place in range(1000)], "Lab", "en")
    assert page.count("<tr>") == 1000 + 1 + 1 + len(criteria())
    assert len(page) < 2_000_000
