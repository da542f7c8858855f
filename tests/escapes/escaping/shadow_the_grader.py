# /// attack
# tries = "imports the grader, its checks and the assignment, and leaves modules of these names for the grader to import"
# held = "not there to import; what it writes nobody imports"
# exit = ["completed"]
# points = 5
# says = ["held: import of grader", "held: import of checks"]
# ///
# %%
import importlib
import os
import sys

for folder in (PLACES["checkout"], PLACES["checkout"] + "/tests/escapes/assignment", "/zachet", "/zachet/inside"):
    sys.path.insert(0, folder)
for name in ("grader", "grader.cohort", "variants", "checks", "tests.escapes.corpus"):
    attempt(f"import of {name}", lambda: importlib.import_module(name))
FORGED = "import os\nopen(%r, 'w').write('imported')\n" % os.path.join(PLACES["outside"], "zachet-escape-imported")
for name in ("grader/__init__.py", "variants/__init__.py", "numpy.py", "json.py", "sitecustomize.py", "usercustomize.py", "conftest.py", "checks.py"):
    for folder in (".", "/work", "/tmp", "/dev/shm", os.path.expanduser("~/.local/lib/python3.11/site-packages")):
        path = os.path.join(folder, name)
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as file:
                file.write(FORGED)
        except OSError:
            pass
