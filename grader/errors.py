"""Our bad news. Their bad news (a failed cell, a killed run) is a value: ExitReason or Finding.

ThreePartError              variants.errors: what, where, what next
├── VariantsError           variants.errors: a roster, a rule or a manifest
└── ZachetError             anything else that stops us; exit code 4
    ├── ConfigurationError  a file or an option that a person wrote; exit code 2
    │   ├── AssignmentError an assignment folder
    │   └── CourseError     a course folder
    ├── DataError           a data set that is missing, damaged or cannot be fetched; exit code 2
    ├── SubmissionError     what was handed in cannot be graded at all; exit code 3
    ├── IsolationError      this machine cannot keep the promise that was asked for; exit code 4
    └── EvidenceError       stored evidence that is missing, damaged or cannot be written; exit code 4
"""

from typing import ClassVar

from variants.errors import ThreePartError


class ZachetError(ThreePartError):
    """Base of the grader's own errors; `exit_code` is what the command line ends with."""

    exit_code: ClassVar[int] = 4


class ConfigurationError(ZachetError):
    """A file or an option written by a person that cannot be used as it is."""

    exit_code = 2


class AssignmentError(ConfigurationError):
    """An assignment folder that cannot be used as it is."""


class CourseError(ConfigurationError):
    """A course folder that cannot be used as it is."""


class DataError(ZachetError):
    """A data set that is missing, damaged or cannot be fetched."""

    exit_code = 2


class SubmissionError(ZachetError):
    """A submission that cannot be graded at all, for a reason of its own."""

    exit_code = 3


class IsolationError(ZachetError):
    """The isolation that was asked for cannot be had on this machine."""


class EvidenceError(ZachetError):
    """Stored evidence that is missing, damaged or cannot be written."""
