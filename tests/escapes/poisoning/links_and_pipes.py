# /// attack
# tries = "hands in links to other people's files and folders, a pipe that nobody writes to, and a link as its notebook"
# held = "links are not followed, pipes are not opened; the notebook beside them is graded"
# exit = ["completed"]
# points = 5
# ///
import os

from tests.escapes.corpus import cells_of, write_notebook

HONEST = """# %%
import glob

def answer(x):
    return 2 * x

for path in glob.glob("*.txt") + glob.glob("*/*.txt"):
    print(open(path).read())
"""


def hand_in(folder, places):
    write_notebook(folder / "lab.ipynb", cells_of(HONEST), places, student=folder.name)
    os.symlink(f"{places['outside']}/kept.txt", folder / "notes.txt")
    os.symlink(places["outside"], folder / "data")
    os.symlink(places["checkout"] + "/tests/escapes/assignment/checks.py", folder / "checks.txt")
    os.symlink("/", folder / "root")
    os.symlink(".", folder / "again")
    os.mkfifo(folder / "pipe.txt")
    os.mkfifo(folder / "pipe.ipynb")
    os.symlink(f"{folder}/lab.ipynb", folder / "link.ipynb")
