# /// attack
# tries = "hands in files called like options, commands, devices, line breaks, terminal commands and turned text, and modules that the runner imports"
# held = "names are made harmless or left out; modules beside a notebook are seen by the student's own imports only"
# exit = ["completed", "raised", "exited"]
# points = 5
# ///
from tests.escapes.corpus import cells_of, write_notebook

HONEST = "# %%\ndef answer(x):\n    return 2 * x\n"
FORGED = "import os\ntry:\n    open(%r, 'w').close()\nexcept OSError:\n    pass\n"


def hand_in(folder, places):
    write_notebook(folder / "lab.ipynb", cells_of(HONEST), places, student=folder.name)
    for name in ("-rf", "--output=x", "$(id)", "a;id", "con.txt", "a\nb.txt", "\x1b[2J.txt", "txt.\u202egnp", "x" * 250, "<img src=x>.txt", "=1+1.csv", "..."):
        (folder / name).write_text("x", encoding="utf-8")
    for name in ("zachet_probe.py", "sitecustomize.py", "conftest.py", "secrets.py", "colorsys.py", "grader.py", "checks.py", "probe.py"):
        (folder / name).write_text(FORGED % f"{places['outside']}/zachet-escape-module", encoding="utf-8")
    (folder / "zachet_inside").mkdir()
    (folder / "zachet_inside" / "__init__.py").write_text(FORGED % f"{places['outside']}/zachet-escape-module", encoding="utf-8")
