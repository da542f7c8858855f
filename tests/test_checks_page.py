"""The page of checks says what is there, and there is a mutant for every check."""

import pytest

from tests.checks_page import PAGE, TITLES, catcher_of, checks_of, modules, page

EVERY = [function for module in TITLES for function in checks_of(module)]


def test_the_page_is_in_step() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m tests.checks_page"


def test_every_module_with_checks_is_on_the_page() -> None:
    assert set(TITLES) == modules()


@pytest.mark.parametrize("function", EVERY, ids=lambda function: function.__name__)
def test_every_check_has_a_mutant(function: object) -> None:
    assert catcher_of(function.__zachet_check__.name)  # type: ignore[attr-defined]
