"""From lab.py to notebooks: languages, solutions, placeholders, and the slips of an author."""

import ast
import copy
import json
from pathlib import Path

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.errors import AssignmentError
from grader.model import Language
from grader.notebook import Cell, escape_markdown, make_template, markdown_cell, notebook_json, plain, read_lab
from grader.notebook.placeholders import fragments, literal
from grader.notebook.source import Line, python_tokens

LAB = '''
# %% [markdown] lang="ru"
# # Часть 1
#
# Студент {{ student.name }}, классы {{ variant.classes }}.

# %% [markdown] lang="en"
# # Part 1
#
# Student {{ student.name }}, classes {{ variant.classes }}.

# %%
# %matplotlib inline
# !wget http://example.org/x.tar.gz
# copy the weights, !important, %s
import math


# %%
#ru: Классы вашего варианта
#en: The classes of your variant
CLASSES = {{ variant.classes }}


def forward(x: float) -> float:
    """Squares.

    #ru: Возвращает квадрат.
    #en: Returns the square.
    """
    scale = 2
    # solution
    secret = scale * x
    return secret * x / 2
    # end solution


sizes = [
    # solution
    17,
    # end solution
]

# %% [markdown] lang="ru" tags=["solution"]
# Тайный вывод.

# %% [markdown] lang="en" tags=["solution"]
# A hidden conclusion.

# %%
# solution
answer = forward(3.0)
# end solution

# %% tags=["solution"]
hidden = 1
'''
VALUES = {
    "student": {"id": "s1", "name": "Иван Петров", "number": 2, "email": None},
    "variant": {"classes": [39, 58, 23], "class_names": ["keyboard", "pickup_truck", "cloud"]},
    "assignment": {"title": "Lab"},
    "language": "en",
}


def lab_file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "lab.py"
    path.write_text(text, encoding="utf-8")
    return path


def cells_of(path: Path, language: Language = "en", *, with_solution: bool = False) -> list[Cell]:
    return make_template(read_lab(path), "lab", language, with_solution=with_solution).fill(VALUES)


def source(cell: Cell) -> str:
    lines = cell["source"]
    assert isinstance(lines, list)
    return "".join(str(line) for line in lines)


def sources(path: Path, language: Language = "en", *, with_solution: bool = False) -> list[str]:
    return [source(cell) for cell in cells_of(path, language, with_solution=with_solution)]


def without_magics(text: str) -> str:
    return "\n".join("" if line.lstrip().startswith(("%", "!")) else line for line in text.split("\n"))


def test_a_russian_package_has_russian_words_and_no_solution(tmp_path: Path) -> None:
    assert sources(lab_file(tmp_path, LAB), "ru") == [
        "# Часть 1\n\nСтудент Иван Петров, классы 39, 58, 23.",
        "%matplotlib inline\n!wget http://example.org/x.tar.gz\n# copy the weights, !important, %s\nimport math",
        (
            "# Классы вашего варианта\nCLASSES = [39, 58, 23]\n\n\ndef forward(x: float) -> float:\n"
            '    """Squares.\n\n    Возвращает квадрат.\n    """\n    scale = 2\n    ...  # ваш код здесь\n\n\n'
            "sizes = [\n    ...  # ваш код здесь\n]"
        ),
        "*Ваш ответ здесь.*",
        "...  # ваш код здесь",
        "...  # ваш код здесь",
    ]


def test_an_english_notebook_with_solutions_has_them_without_markers(tmp_path: Path) -> None:
    texts = sources(lab_file(tmp_path, LAB), "en", with_solution=True)
    assert texts[2] == (
        "# The classes of your variant\nCLASSES = [39, 58, 23]\n\n\ndef forward(x: float) -> float:\n"
        '    """Squares.\n\n    Returns the square.\n    """\n    scale = 2\n    secret = scale * x\n    return secret * x / 2\n\n\n'
        "sizes = [\n    17,\n]"
    )
    assert texts[3:] == ["A hidden conclusion.", "answer = forward(3.0)", "hidden = 1"]


@pytest.mark.parametrize("with_solution", [False, True])
@pytest.mark.parametrize("language", ["ru", "en"])
def test_every_rendering_is_a_valid_notebook_whose_code_compiles(tmp_path: Path, language: Language, with_solution: bool) -> None:
    text = notebook_json(cells_of(lab_file(tmp_path, LAB), language, with_solution=with_solution), {"zachet": {"schema": 1}})
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(copy.deepcopy(notebook))
    assert notebook.metadata.zachet == {"schema": 1}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            ast.parse(without_magics(cell.source))


def test_two_renderings_are_the_same_to_the_byte(tmp_path: Path) -> None:
    path = lab_file(tmp_path, LAB)
    assert notebook_json(cells_of(path), {}) == notebook_json(cells_of(path), {})


def test_cell_ids_depend_on_assignment_and_place_only(tmp_path: Path) -> None:
    lab = read_lab(lab_file(tmp_path, LAB))
    blank = make_template(lab, "lab", "ru", with_solution=False).fill(VALUES)
    full = make_template(lab, "lab", "ru", with_solution=True).fill(VALUES)
    other = make_template(lab, "other", "ru", with_solution=False).fill(VALUES)
    assert [cell["id"] for cell in blank] == [cell["id"] for cell in full]
    assert not {cell["id"] for cell in blank} & {cell["id"] for cell in other}
    assert len({cell["id"] for cell in blank}) == len(blank)
    assert markdown_cell("lab", "header", "x")["id"] not in {cell["id"] for cell in blank}


def error_of(tmp_path: Path, text: str, language: Language = "en", *, with_solution: bool = False) -> tuple[str, str, str]:
    path = lab_file(tmp_path, text)
    with pytest.raises(AssignmentError) as error:
        cells_of(path, language, with_solution=with_solution)
    return error.value.what, error.value.where.removeprefix(str(path)), error.value.remedy


def test_a_region_that_is_not_closed_is_named(tmp_path: Path) -> None:
    assert error_of(tmp_path, "# %%\nx = 1\n# solution\ny = 2\n\n# %%\nz = 3\n# end solution\n") == (
        "a solution region is not closed in its cell.",
        ":3",
        "Write `# end solution` below it.",
    )


def test_a_region_inside_a_region_is_named(tmp_path: Path) -> None:
    assert error_of(tmp_path, "# %%\n# solution\nx = 1\n    # solution\n# end solution\n# end solution\n", with_solution=True) == (
        "a solution region opens inside another.",
        ":4",
        "Close the one of line 2 first.",
    )


def test_an_end_without_a_beginning_is_named(tmp_path: Path) -> None:
    assert error_of(tmp_path, "# %%\nx = 1\n\n# %%\ny = 1\n# end solution\n") == (
        "a solution region closes that was not opened.",
        ":6",
        "Write `# solution` above it.",
    )


@pytest.mark.parametrize("marker", ["#solution", "# Solution", "# solution:", "# end of solution", "#  end solution", "# END SOLUTION", "# begin solution"])
def test_an_almost_correct_marker_is_refused_and_gives_nothing_away(tmp_path: Path, marker: str) -> None:
    assert error_of(tmp_path, f"# %%\n{marker}\nx = 1\n") == (
        f"`{marker}` is almost the marker of a solution region.",
        ":2",
        "Write `# solution` or `# end solution`, or other words.",
    )


def test_a_marker_inside_a_string_is_text(tmp_path: Path) -> None:
    text = '# %%\nx = """\n# solution\n"""\n'
    assert sources(lab_file(tmp_path, text)) == ['x = """\n# solution\n"""']


def test_a_comment_about_a_solution_is_a_comment(tmp_path: Path) -> None:
    assert sources(lab_file(tmp_path, "# %%\n# solution of the equation\nx = 1\n")) == ["# solution of the equation\nx = 1"]


def test_a_blank_that_leaves_half_a_statement_is_refused(tmp_path: Path) -> None:
    what, where, _ = error_of(tmp_path, "# %%\nx = 1\nif x:\n# solution\n    y = 1\nelse:\n# end solution\n    y = 2\n")
    assert what.startswith("without its blanked lines and those of the other language this cell is not valid Python")
    assert where in {":4", ":8"}


def test_code_that_is_not_python_is_named_with_its_line(tmp_path: Path) -> None:
    what, where, remedy = error_of(tmp_path, "# %% [markdown]\n# text\n\n# %%\n\nx = 1\n%matplotlib inline\n")
    assert what == "this code cell is not valid Python: invalid syntax."
    assert (where, remedy) == (":7", "Correct it; a magic is written as a comment, such as `# %matplotlib inline`.")


def test_an_unknown_tag_is_named(tmp_path: Path) -> None:
    text = '# %%\nx = 1\n\n# %% [markdown] tags=["solutoin"]\n# text\n'
    assert error_of(tmp_path, text) == ('the tag "solutoin" is not known.', ":5", 'The only tag of a cell is "solution".')


def test_an_unknown_language_is_named(tmp_path: Path) -> None:
    what, where, _ = error_of(tmp_path, '# %% [markdown] lang="de"\n# text\n')
    assert (what, where) == ('the language "de" is not known.', ":2")


@pytest.mark.parametrize("header", ["solution", "[markdown] solution", 'language="ru"'])
def test_other_words_in_the_header_of_a_cell_are_refused(tmp_path: Path, header: str) -> None:
    what, _, remedy = error_of(tmp_path, f"# %% {header}\n# text\n")
    assert what == f'the header of this cell says "{"language" if "=" in header else "solution"}", which is not known.'
    assert remedy == 'A cell may have lang="ru", lang="en" and tags=["solution"].'


def test_an_unknown_placeholder_is_found_before_the_first_student(tmp_path: Path) -> None:
    lab = read_lab(lab_file(tmp_path, "# %% [markdown]\n# a\n# {{ studnet.name }}\n"))
    with pytest.raises(AssignmentError) as error:
        make_template(lab, "lab", "en", with_solution=False)
    assert error.value.what == "`{{ studnet.name }}` cannot be filled: 'studnet' is undefined."
    assert error.value.where.endswith("lab.py:3")


def test_a_field_that_the_student_does_not_have_is_named(tmp_path: Path) -> None:
    what, where, _ = error_of(tmp_path, "# %%\nx = {{ student.nmae }}\n")
    assert what == "`{{ student.nmae }}` cannot be filled: 'dict object' has no attribute 'nmae'."
    assert where == ":2"


def test_a_placeholder_in_a_shell_command_is_refused(tmp_path: Path) -> None:
    what, where, _ = error_of(tmp_path, "# %%\n# !echo {{ student.name }}\n")
    assert (what, where) == ("a magic or a shell command holds a placeholder.", ":2")


def test_a_cell_magic_stays_at_the_top_of_its_cell(tmp_path: Path) -> None:
    assert sources(lab_file(tmp_path, "# %%\nx = 1\n\n# %%\n# %%time\ny = 1\n")) == ["x = 1", "%%time\ny = 1"]


def test_a_cell_that_is_empty_in_a_language_is_left_out(tmp_path: Path) -> None:
    assert sources(lab_file(tmp_path, "# %%\n#ru: только по-русски\n\n# %%\n\n# %%\ny = 1\n")) == ["y = 1"]


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", None])
def test_a_lab_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "lab.py"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(AssignmentError) as error:
        read_lab(path)
    assert error.value.where == str(path)


HOSTILE = [
    'Ann"; import os; os.system("x") #',
    "O'Brien",
    "{{7*7}} {% for x in y %}",
    "a\nimport os\n%run x",
    "</script><script>alert(1)</script>",
    "back\\slash\\",
    "\u202egnp.exe\u2028next",
    "](javascript:alert(1))",
    "$\\href{x}{y}$ | `code` | **bold** _x_",
    "я" * 5000,
    '"""',
    "f{student}",
]


def rendered(tmp_path: Path, text: str, name: str) -> str:
    template = make_template(read_lab(lab_file(tmp_path, text)), "lab", "en", with_solution=False)
    return source(template.fill({**VALUES, "student": {"name": name}})[0])


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_stays_one_value_in_code(tmp_path: Path, name: str) -> None:
    text = "# %%\na = {{ student.name }}\nb = '{{ student.name }}'\nc = f\"{{ student.name }}\"  # {{ student.name }}\nd = '''{{ student.name }}'''\n"
    tree = ast.parse(rendered(tmp_path, text, name))
    assert len(tree.body) == 4
    for statement in tree.body:
        assert isinstance(statement, ast.Assign)
        value = statement.value
        if isinstance(value, ast.JoinedStr):
            (value,) = value.values
        assert isinstance(value, ast.Constant)
        assert value.value == plain(name)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_stays_text_in_markdown(tmp_path: Path, name: str) -> None:
    text = rendered(tmp_path, "# %% [markdown]\n# {{ student.name }}\n", name)
    assert "\n" not in text
    assert not set(text.replace("&#", "")) & set("<>\\`*{}[]$|\"'~")


def test_a_plain_name_is_not_disfigured() -> None:
    assert escape_markdown("Иванов-Петров А. Б.") == "Иванов-Петров А. Б."
    assert escape_markdown(["pickup_truck", "bee"]) == "pickup_truck, bee"
    assert escape_markdown(None) == "—"


@given(st.text())
def test_a_literal_is_read_back_as_the_plain_text(value: str) -> None:
    assert ast.literal_eval(literal(value)) == plain(value)


@given(st.text(alphabet=st.sampled_from("'\"\\{}\n# %!рa$")), st.sampled_from(["'", '"', "'''", '"""']))
def test_any_name_stays_inside_any_string_literal(value: str, quote: str) -> None:
    line = Line(text=f"x = f{quote}{{{{ student.name }}}}{quote}", number=1)
    parts = fragments([line], Path("lab.py"), python_tokens([line], Path("lab.py")))
    values = {"student": {"name": value}}
    (statement,) = ast.parse("".join(part if isinstance(part, str) else part.fill(values) for part in parts)).body
    assert isinstance(statement, ast.Assign)
    assert isinstance(statement.value, ast.JoinedStr)
    assert all(isinstance(part, ast.Constant) for part in statement.value.values)
    assert "".join(str(ast.literal_eval(part)) for part in statement.value.values) == plain(value)


def test_json_of_a_notebook_keeps_cyrillic_readable(tmp_path: Path) -> None:
    text = notebook_json(cells_of(lab_file(tmp_path, LAB), "ru"), {})
    assert "Часть 1" in text
    assert json.loads(text)["nbformat_minor"] == 5
