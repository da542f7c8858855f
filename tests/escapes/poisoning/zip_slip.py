# /// attack
# tries = "hands in an archive whose entries climb out: ../, absolute paths, back slashes, drive letters, links"
# held = "read as a list; such entries are left out, and the notebook in it is graded"
# exit = ["completed"]
# points = 5
# ///
import stat
import zipfile
from pathlib import Path

from tests.escapes.corpus import cells_of, write_notebook

HONEST = "# %%\ndef answer(x):\n    return 2 * x\n"


def hand_in(folder, places):
    loose = folder / "lab.ipynb"
    write_notebook(loose, cells_of(HONEST), places, student=folder.name)
    with zipfile.ZipFile(folder / "work.zip", "w") as archive:
        archive.write(loose, "lab.ipynb")
        target = f"{places['outside']}/zachet-escape-slip"
        for name in ("../" * 12 + target.lstrip("/"), target, "..\\..\\zachet-escape-slip", "C:\\zachet-escape", "a/../../zachet-escape", "/etc/cron.d/zachet-escape"):
            archive.writestr(name, "slipped")
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, places["outside"])
        archive.writestr("link/zachet-escape-linked", "slipped")
    loose.unlink()
