"""Pages for people: a student's report, the cohort's index, the fairness of the pass lines, each one HTML file that asks nothing of any network.

Everything that a student wrote or printed is text here. It is escaped by the templates (or, where a page shows colours or
headings of its own, escaped first and marked up afterwards), characters that cannot be seen are made visible, and pictures are
shown only when they decode as what they claim to be.
"""

from grader.report.fairness import render_fairness
from grader.report.index import IndexRow, render_index
from grader.report.render import render_report

__all__ = ["IndexRow", "render_fairness", "render_index", "render_report"]
