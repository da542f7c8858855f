"""What a notebook finds around itself: the data set, the submitted files, programs that answer at once, modules that are missing."""

from typing import Any

import pytest

from tests.inside_labs import small_cifar
from tests.inside_parent import Told, run_cells

ARCHIVE = "cifar-100-python.tar.gz"
URL = f"https://example.org/{ARCHIVE}"
READ = "import pickle\nlen(pickle.load(open('{}/train', 'rb'), encoding='latin1')['fine_labels'])"

CELLS = {
    "wget": f"!wget {URL}\n!tar -xvzf {ARCHIVE}",
    "wget named": f"!wget -q -O copy.tar.gz {URL}\n!tar xzf copy.tar.gz -C elsewhere || mkdir elsewhere && tar xzf copy.tar.gz -C elsewhere",
    "wget other": "!wget https://example.org/other.zip",
    "curl": f"!curl -L -o again.tar.gz {URL}; ls again.tar.gz; curl -O https://example.org/x",
    "read here": READ.format("cifar-100-python"),
    "read data": READ.format("data/cifar-100-python"),
    "read above": READ.format("../cifar-100-python"),
    "read elsewhere": READ.format("elsewhere/cifar-100-python"),
    "meta": "len(pickle.load(open('cifar-100-python/meta', 'rb'))['fine_label_names'])",
    "tarfile": f"import os, tarfile\nwith tarfile.open('{ARCHIVE}') as archive:\n    archive.extractall()\n    archive.extractall('unpacked')",
    "read unpacked": READ.format("unpacked/cifar-100-python"),
    "tar made": "!echo hello > a.txt && tar czf mine.tgz a.txt && rm a.txt && tar xzf mine.tgz && cat a.txt",
    "tools": "!pip install torchsummary\n%pip install -q foo\n%conda install foo\n!nvidia-smi\n!git clone https://example.org/x.git\n"
    "!gdown 1\n!apt-get install -y x",
    "git": "!git --version",
    "pip list": "!pip --version",
    "zip": "import zipfile\nzipfile.ZipFile('z.zip', 'w').writestr('inner.txt', 'zipped')\n!unzip -q z.zip -d out\nprint(open('out/inner.txt').read())",
    "from python": "import subprocess\nsubprocess.run(['wget', '-q', 'https://example.org/x']).returncode",
    "colab": "from google.colab import drive, files, output, userdata\ndrive.mount('/content/drive')\n(files.upload(), userdata.get('key'))",
    "missing": "import nosuchpackage as nsp, math\nfrom nosuchother.deep import Thing, helper as h\nimport os.nosuchpart\n"
    "def area(r):\n    return math.pi * r * r\nprint(area(1) > 3)",
    "missing used": "nsp.anything()",
    "missing called": "h(1)",
    "missing base": "class Mine(Thing):\n    pass",
    "real error": "from math import nosuchname\nprint('not reached')",
    "guarded": "try:\n    import nosuchguarded\nexcept ImportError:\n    print('handled')",
    "urlretrieve": f"from urllib.request import urlretrieve\nurlretrieve('{URL}', 'got.tar.gz')\nos.path.getsize('got.tar.gz') > 1000",
    "bars": "from tqdm.notebook import tqdm, trange\nsum(tqdm(range(5))) + sum(trange(3))",
    "arguments": "import sys\nsys.argv",
    "handed in": "import helper\nhelper.double(4)",
    "handed in writable": "open('results.csv', 'a').write('x')",
    "main": "import __main__\n(__name__, __main__.__dict__ is globals(), 'grader' in __import__('sys').modules)",
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    folder = tmp_path_factory.mktemp("surroundings")
    small_cifar(folder / "data")
    files = folder / "files"
    files.mkdir()
    (files / "helper.py").write_text("def double(x):\n    return 2 * x\n", encoding="utf-8")
    (files / "results.csv").write_text("1\n", encoding="utf-8")
    for path in (folder / "data" / "cifar-100-python").iterdir():
        path.chmod(0o444)
    return run_cells(folder, *CELLS.values(), data=str(folder / "data"), files=str(files))


def text(told: Told, name: str) -> str:
    return told.cells[list(CELLS).index(name)].text()


def value(told: Told, name: str) -> Any:
    return told.cells[list(CELLS).index(name)].outputs[-1]["data"]["text/plain"]


def test_the_originals_download_and_unpacking_succeed_at_once(told: Told) -> None:
    assert "cifar-100-python.tar.gz is here already" in text(told, "wget")
    assert "cifar-100-python/train" in text(told, "wget")


@pytest.mark.parametrize("name", ["read here", "read data", "read above", "read elsewhere", "read unpacked"])
def test_the_data_set_stands_where_notebooks_look(told: Told, name: str) -> None:
    assert value(told, name) == "120"


def test_the_names_of_the_classes_are_there_too(told: Told) -> None:
    assert value(told, "meta") == "100"


def test_tarfile_unpacks_over_the_linked_data_set(told: Told) -> None:
    assert told.cells[list(CELLS).index("tarfile")].status == "ok"


def test_the_archive_can_be_retrieved_in_python(told: Told) -> None:
    assert value(told, "urlretrieve") == "True"


def test_notebook_progress_bars_do_not_need_widgets(told: Told) -> None:
    assert value(told, "bars") == "13"


def test_the_command_line_shows_nothing_of_the_runner(told: Told) -> None:
    assert value(told, "arguments") == "['']"


def test_downloads_of_other_things_fail_at_once_and_say_why(told: Told) -> None:
    assert text(told, "wget other") == "wget: there is no network here; nothing was downloaded: https://example.org/other.zip\n"
    assert "again.tar.gz\n" in text(told, "curl")
    assert "curl: there is no network here" in text(told, "curl")
    assert value(told, "from python") == "4"


def test_other_archives_really_are_packed_and_unpacked(told: Told) -> None:
    assert text(told, "tar made") == "hello\n"
    assert text(told, "zip") == "zipped\n"


def test_package_tools_answer_and_change_nothing(told: Told) -> None:
    lines = text(told, "tools").splitlines()
    assert [line.split(":")[0] for line in lines] == ["pip", "pip", "conda", "NVIDIA-SMI", "git", "gdown", "apt-get"]
    assert all("no network here" in line or "no GPU" in line for line in lines)
    assert text(told, "git").startswith("git version")
    assert text(told, "pip list").startswith("pip ")


def test_colab_lines_pass_with_a_note(told: Told) -> None:
    cell = told.cells[list(CELLS).index("colab")]
    assert value(told, "colab") == "({}, '')"
    assert "no drive was mounted" in cell.text("stderr")


def test_a_missing_module_does_not_take_the_rest_of_its_cell(told: Told) -> None:
    cell = told.cells[list(CELLS).index("missing")]
    assert (cell.status, cell.text()) == ("ok", "True\n")
    assert "the module 'nosuchpackage' is not installed here: nsp cannot be used" in cell.text("stderr")


@pytest.mark.parametrize(
    ("name", "module"), [("missing used", "nosuchpackage"), ("missing called", "nosuchother"), ("missing base", "nosuchother")]
)
def test_using_what_a_missing_module_should_have_given_names_it(told: Told, name: str, module: str) -> None:
    assert told.cells[list(CELLS).index(name)].error == f"ModuleNotFoundError: No module named '{module}'"


def test_missing_modules_are_recorded_with_their_cell(told: Told) -> None:
    cell = list(CELLS).index("missing")
    assert told.records["missing_imports"] == [
        {"cell": cell, "module": "nosuchpackage"},
        {"cell": cell, "module": "nosuchother"},
        {"cell": cell, "module": "os.nosuchpart"},
    ]


def test_other_import_errors_stay_errors_and_guarded_imports_are_the_students_own(told: Told) -> None:
    assert told.cells[list(CELLS).index("real error")].error.startswith("ImportError: cannot import name 'nosuchname'")
    assert text(told, "guarded") == "handled\n"


def test_submitted_files_can_be_imported_and_written(told: Told) -> None:
    assert value(told, "handed in") == "8"
    assert told.cells[list(CELLS).index("handed in writable")].status == "ok"


def test_student_code_is_main_and_cannot_import_the_grader_by_accident(told: Told) -> None:
    assert value(told, "main") == "('__main__', True, False)"


def test_versions_are_told_before_the_first_cell(told: Told) -> None:
    assert told.environment["threads"] == "1"
    assert told.environment["torch"].startswith("2.")
    assert all(isinstance(item, str) for item in told.environment.values())
