"""Read one assignment folder: its assignment.toml, and the checks that its rubric names."""

from grader.assignment.checking import load_checks
from grader.assignment.folder import calibrated, list_assignments, load_assignment
from grader.assignment.value import Assignment, Checks

__all__ = ["Assignment", "Checks", "calibrated", "list_assignments", "load_assignment", "load_checks"]
