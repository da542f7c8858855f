"""The tree keeps its shape: floors, lengths, and what may not be touched on the trusted side."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# A file imports only from floors below its own, or from its own package.
FLOORS = {
    "variants": 0.5, "grader.model": 1, "grader.errors": 1, "grader.content": 1, "grader.files": 1, "grader.capacity": 1.5, "grader": 1,
    "grader.thresholds": 1.5, "grader.training": 2, "grader.evidence": 2, "grader.assignment": 2, "grader.notebook": 2, "grader.datasets": 2, "grader.checks": 2.5,
    "grader.scores": 2, "grader.scoring": 3, "grader.report": 3, "grader.gradebook": 3, "grader.submission": 3, "grader.intake": 2, "grader.course": 3,
    "grader.sandbox": 4, "grader.package": 4, "grader.mutants": 4, "assignments": 4,
    "grader.doctor": 5, "grader.pipeline": 5, "grader.setting": 6, "grader.calibration": 6, "grader.selfcheck": 6, "grader.cohort": 6,
    "grader.verify": 6, "grader.demo": 6.5,
    "grader.cli": 7,
}  # fmt: skip
# Computes the reference recipe with torch; nothing of a student's reaches it.
COMPUTES = "grader/training/"
# Programs of their own that become the run, and change to its folder on the way.
PROGRAMS = {"launcher.py", "confiner.py"}
APART = ("grader/inside/", "probe.py", "lab.py")
SOURCES = sorted(
    path
    for top in ("grader", "variants", "assignments")
    for path in (ROOT / top).rglob("*.py")
    if "mutants" not in path.parts
)
LONGEST_FILE, LONGEST_FUNCTION = 300, 40


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def floor_of(module: str) -> tuple[str, float]:
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        name = ".".join(parts[:length])
        if name in FLOORS and (name != "grader" or module == "grader"):
            return name, FLOORS[name]
        family = name.split("_")[0]
        if length == 2 and family in FLOORS:
            return family, FLOORS[family]
    raise AssertionError(f"{module} has no floor in the table of this test")


def our_imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [node.module]
            if node.module in {"grader", "variants"}:
                names = [f"{node.module}.{alias.name}" if not alias.name.startswith("__") else node.module for alias in node.names]
        yield from (name for name in names if name.split(".")[0] in {"grader", "variants"})


def is_apart(path: Path) -> bool:
    relative = path.relative_to(ROOT).as_posix()
    return relative.startswith(APART[0]) or relative.endswith(APART[1:])


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_a_file_imports_only_from_floors_below_its_own(path: Path) -> None:
    imports = set(our_imports(ast.parse(path.read_text(encoding="utf-8"))))
    if is_apart(path):
        assert not imports
        return
    family, floor = floor_of(module_of(path))
    for name in imports:
        other, other_floor = floor_of(name)
        assert other == family or other_floor < floor, f"{module_of(path)} (floor {floor}) imports {name} (floor {other_floor})"


def test_variants_never_import_the_grader() -> None:
    for path in (ROOT / "variants").rglob("*.py"):
        assert not [name for name in our_imports(ast.parse(path.read_text(encoding="utf-8"))) if name.startswith("grader")]


@pytest.mark.parametrize("path", [path for path in SOURCES if path.name != "lab.py"], ids=module_of)
def test_files_and_functions_stay_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST_FILE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            length = (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
            assert length <= LONGEST_FUNCTION, f"{node.name} in {path.name} has {length} lines"


def called_names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


@pytest.mark.parametrize("path", [path for path in SOURCES if not is_apart(path)], ids=module_of)
def test_the_trusted_side_never_unpickles_evaluates_or_changes_directory(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    forbidden = {"pickle.load", "pickle.loads", "torch.load", "eval", "exec", "os.chdir", "marshal.loads", "yaml.load"}
    if path.name in PROGRAMS:
        forbidden.discard("os.chdir")
    assert not forbidden & set(called_names(tree))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert not {"dill", "cloudpickle", "joblib", "shelve"} & imported


def is_without_torch(path: Path) -> bool:
    return path.is_relative_to(ROOT / "grader") and not is_apart(path) and not path.relative_to(ROOT).as_posix().startswith(COMPUTES)


@pytest.mark.parametrize("path", [path for path in SOURCES if is_without_torch(path)], ids=module_of)
def test_the_grader_itself_needs_no_torch(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not {name for name in names if name.split(".")[0] in {"torch", "torchvision"}}
