"""Ship the content folders inside the wheel; editable installs read the checkout."""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ContentHook(BuildHookInterface[Any]):
    """Put `assignments/` and `templates/` into `grader/_content/` of a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the folders to every build but an editable one, which would get a stale copy."""
        if version != "editable":
            for folder in ("assignments", "templates"):
                build_data["force_include"][folder] = f"grader/_content/{folder}"
