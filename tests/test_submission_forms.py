"""Other forms of a notebook: without its suffix, as a percent script."""

from pathlib import Path

import pytest

from tests.handed_in import cells_of, code_of, failures, refusal, said, take_one, text_of, write


@pytest.mark.parametrize("name", ["LR1", "ЛР 1.", "Лаб. 1 Иванов", "lab.ipynb.txt", "lab.json", "lab.IPYNB", "«Работа».ipynb."])
def test_a_notebook_is_known_by_its_content_where_the_name_does_not_say(tmp_path: Path, name: str) -> None:
    write(tmp_path / "in" / "s01" / "config.yaml", "{a: 1}")
    assert code_of(take_one(tmp_path, text_of("x = 1"), name)) == ["x = 1"]


def test_a_percent_script_is_converted_with_its_magics_and_without_its_options(tmp_path: Path) -> None:
    script = (
        "# ---\n# jupyter:\n#   zachet: &a [*a]\n# ---\n\n"
        '# %% [markdown] {"a": __import__("os")}\n# Привет\n\n'
        '# %% tags=["x"]\n# !wget data\n# %matplotlib inline\nx = 1\n\n# In[2]:\n# %%time\ny = 2\n'
    )
    submission = take_one(tmp_path, script, "lab.py")
    assert code_of(submission) == ["!wget data\n%matplotlib inline\nx = 1", "%%time\ny = 2"]
    assert said(submission.problems) == ["The file “lab.py” with # %% cells was converted to a notebook."]
    assert cells_of(script, "lab.py")[0]["source"] == "Привет"


def test_a_script_without_cells_is_refused_and_a_helper_beside_it_is_none(tmp_path: Path) -> None:
    write(tmp_path / "in" / "s01" / "helper.py", "y = 1\n")
    submission = take_one(tmp_path, "x = 1\n", "main.py")
    assert failures(submission) == ["A plain .py program without cell marks was handed in: helper.py, main.py."]
    assert code_of(take_one(tmp_path, "# %%\nx = 1\n", "main.py")) == ["x = 1"]


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("# %%\n" + "x = 1\n" * 200_000, "The file “lab.py” is larger than 1 MiB and was not read."),
        ("# %%\n" * 3_000, "There is too much in the file “lab.py”: cells."),
        ("# %% [markdown]\n" + "# ```a\n" * 5_000, "There is too much in the file “lab.py”: cells."),
        ("# %% [markdown]\n# text\n", "There is no code cell in “lab.py”; there is nothing to run."),
        ("# %%\n\udcff".encode("utf-8", "surrogateescape"), "The file “lab.py” is not UTF-8 (byte 5)."),
    ],
    ids=["long", "cells", "fences", "text", "bytes"],
)
def test_a_script_beyond_the_bounds_is_refused(script: str | bytes, sentence: str) -> None:
    assert refusal(script, "lab.py") == sentence
