# /// attack
# tries = "hands in model.pth, model.pkl, an array of objects and a joblib file that run a command when they are loaded"
# held = "nobody but the run itself loads them"
# exit = ["completed"]
# points = 5
# ///
import os
import pickle
import zipfile

from tests.escapes.corpus import cells_of, write_notebook

HONEST = "# %%\ndef answer(x):\n    return 2 * x\n"


class Bomb:
    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return (os.system, (self.command,))


def hand_in(folder, places):
    bomb = pickle.dumps(Bomb(f"touch {places['outside']}/zachet-escape-pickle"), protocol=2)
    for name in ("model.pkl", "scaler.joblib", "data.pickle", "weights.pt", "cache.dat"):
        (folder / name).write_bytes(bomb)
    with zipfile.ZipFile(folder / "model.pth", "w") as archive:
        archive.writestr("archive/data.pkl", bomb)
        archive.writestr("archive/version", "3\n")
    head = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
    (folder / "array.npy").write_bytes(b"\x93NUMPY\x01\x00" + (len(head) + 1).to_bytes(2, "little") + head + b"\n" + bomb)
    write_notebook(folder / "lab.ipynb", cells_of(HONEST), places, student=folder.name)
