"""The errors of this house, and the shape that every error shown to a person has.

ThreePartError          what, where, what next
└── VariantsError       a roster, a rule or a manifest that cannot be used
"""


class ThreePartError(Exception):
    """An error in three sentences: what is wrong, where, and what to do next.

    `where` is a file, a line, a field or a command, and may be empty when `what` already names it.
    """

    def __init__(self, what: str, *, where: str = "", remedy: str) -> None:
        super().__init__(what, where, remedy)
        self.what = what
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        gap = "" if self.what.endswith("\n") else " "  # a list ends its last line itself
        return f"{place}{self.what}{gap}{self.remedy}"


class VariantsError(ThreePartError):
    """A roster, a rule or a manifest of variants that cannot be used as it is."""
