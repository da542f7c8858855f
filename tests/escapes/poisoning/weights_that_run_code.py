# /// attack
# tries = "hands in weights that run commands when they are loaded, in the mode that loads them"
# held = "they run where the notebook ran, reach nothing, and the report names what ran"
# exit = ["completed"]
# points = 5
# says = ['"code": "exec"', "it found nothing"]
# mode = "load"
# ///
import io
import pickle
import zipfile

from tests.escapes.corpus import cells_of, write_notebook

HONEST = """# %%
from torch import nn


def answer(x):
    return 2 * x


# %%
model = nn.Linear(2, 2)
"""
CODE = """
import os
os.system("touch {outside}/zachet-escape-weights; touch /in/files/other.pth; cat {outside}/* >> /work/found")
raise RuntimeError("ESCAPED" if os.path.exists("/in/files/other.pth") or os.path.getsize("/work/found") else "it found nothing")
"""


class Bomb:
    def __init__(self, code):
        self.code = code

    def __reduce__(self):
        return (exec, (self.code,))


def hand_in(folder, places):
    bomb = pickle.dumps({"model": Bomb(CODE.format(outside=places["outside"]))}, protocol=2)
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr("archive/data.pkl", bomb)
        archive.writestr("archive/version", "3\n")
        archive.writestr("archive/byteorder", "little")
    (folder / "model.pth").write_bytes(whole.getvalue())
    write_notebook(folder / "lab.ipynb", cells_of(HONEST), places, student=folder.name)
