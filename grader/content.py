"""Where the bundled `assignments/` and `templates/` are: in a wheel or beside a checkout."""

from importlib.resources import files
from pathlib import Path
from typing import Literal

_PACKAGE = Path(str(files("grader")))


def content_dir(name: Literal["assignments", "templates"]) -> Path:
    """Return the bundled folder `name`, from the wheel first and from the checkout second.

    The checkout counts only beside a `pyproject.toml`, so that a stray folder of that name in
    site-packages is never taken for ours. Raises FileNotFoundError when neither is there.
    """
    packaged = _PACKAGE / "_content" / name
    if packaged.is_dir():
        return packaged
    checkout = _PACKAGE.parent
    if (checkout / "pyproject.toml").is_file():
        return checkout / name
    raise FileNotFoundError(f"{name}/ is neither in {packaged.parent} nor beside a pyproject.toml in {checkout}")
