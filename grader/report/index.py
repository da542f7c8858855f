"""The cohort's page: who stands where, and what the cohort finds hard."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from grader.model import CriterionScore, Language, Text, Verdict
from grader.report.page import page_templates, share


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexRow:
    """One student on the cohort's page. `report` is a path relative to the page; `criteria` may be left out."""

    student: str
    name: str
    group: str
    classes: tuple[str, ...]
    earned: float
    points: float
    verdict: Verdict
    first_problem: Text | None
    report: str
    criteria: tuple[CriterionScore, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CriterionMean:
    """How a cohort did on one criterion: mean points over the `count` students who were scored on it."""

    title: Text
    points: float
    mean: float
    count: int


def render_index(rows: Sequence[IndexRow], title: str, language: Language) -> str:
    """Return the cohort's page as one HTML file, with the rows in the order given."""
    return (
        page_templates(language)
        .get_template("index.html.j2")
        .render(
            rows=rows,
            title=title,
            counts=[(verdict, sum(row.verdict is verdict for row in rows)) for verdict in Verdict],
            mean_share=sum(share(row.earned, row.points) for row in rows) / max(1, len(rows)),
            criteria=list(_means(rows)),
            share=share,
            link=_link,
        )
    )


def _means(rows: Sequence[IndexRow]) -> Iterator[CriterionMean]:
    """Yield the means in the order of the rubric; criteria of different weight in different scores count as different ones."""
    found: dict[tuple[str, float], list[CriterionScore]] = {}
    for row in rows:
        for criterion in row.criteria:
            found.setdefault((criterion.id, criterion.points), []).append(criterion)
    for (_, points), scored in found.items():
        mean = sum(criterion.earned for criterion in scored) / len(scored)
        yield CriterionMean(title=scored[0].title, points=points, mean=mean, count=len(scored))


def _link(path: str) -> str:
    """Return a relative address that cannot be read as anything else."""
    return f"./{quote(path)}"
