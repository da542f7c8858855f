"""The wheel, installed into an empty environment, finds its assignments and templates."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.packaging


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An sdist, and the wheel built from that sdist."""
    out = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)], check=True, capture_output=True)
    return out


def test_the_wheel_holds_code_and_content_and_nothing_else(dist: Path) -> None:
    with zipfile.ZipFile(next(dist.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"grader", "variants"}
    kept = [path for path in (ROOT / "assignments").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert {f"grader/_content/{path.relative_to(ROOT).as_posix()}" for path in kept} <= names
    assert not [name for name in names if "__pycache__" in name or name.endswith((".pyc", ".pth", ".ipynb"))]


def test_an_empty_environment_lists_the_assignments_from_the_wheel(dist: Path, tmp_path: Path) -> None:
    # The environment sees this one's libraries through a .pth, so that 5 GB of PyTorch are not installed twice; the product itself
    # must come from the wheel, and the checkout must not be in sight.
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "env")], check=True)
    python = tmp_path / "env" / "bin" / "python"
    where = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*where, str(next(dist.glob("*.whl")))], check=True)
    site = next((tmp_path / "env" / "lib").glob("python*/site-packages"))
    libraries = [path for path in map(Path, sys.path) if path.name == "site-packages"]
    for library in libraries:
        for entry in library.iterdir():
            ours = entry.name.startswith(("zachet", "_zachet", "__editable__", "_editable", "grader", "variants"))
            if not ours and not (site / entry.name).exists() and entry.name != "__pycache__":
                (site / entry.name).symlink_to(entry)
    listed = subprocess.run(
        [str(tmp_path / "env" / "bin" / "zachet"), "assignment", "list"], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert "iu5_lab1" in listed.stdout
    found = subprocess.run(
        [str(python), "-I", "-c", "from grader.content import content_dir; print(content_dir('templates'))"],
        cwd=tmp_path, check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert Path(found.stdout.strip()).is_relative_to(tmp_path)
