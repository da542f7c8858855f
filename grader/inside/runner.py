"""Entry of the untrusted child: take the wire away from student code, then run one notebook.

Started as `python -I .../runner.py`. The modules beside this file are loaded as the package `zachet_inside`, found by this file's
own place and by nothing else. With the argument `warm` this process loads everything first and then forks for each job; from there on
the forked process does what a fresh one does.
"""

import importlib
import importlib.util
import os
import sys
from pathlib import Path

PACKAGE = "zachet_inside"


def take_wire() -> tuple[int, int]:
    """Move the protocol off fds 0 and 1: student code reads nothing from 0, and what it writes to 1 joins stderr."""
    reading, writing = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)
    os.close(null)
    if sys.platform == "win32":
        import msvcrt

        for end in (reading, writing):
            msvcrt.setmode(end, os.O_BINARY)
    return reading, writing


def load_package() -> None:
    """Make the folder of this file importable as `zachet_inside`, without touching sys.path."""
    folder = Path(__file__).resolve().parent
    spec = importlib.util.spec_from_file_location(PACKAGE, folder / "__init__.py", submodule_search_locations=[str(folder)])
    if spec is None or spec.loader is None:
        raise SystemExit(f"{folder} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = module
    spec.loader.exec_module(module)


if __name__ == "__main__":
    if sys.argv[1:] == ["warm"]:
        load_package()
        importlib.import_module(f"{PACKAGE}.zygote").wait_for_job()
    wire_ends = take_wire()
    if PACKAGE not in sys.modules:
        load_package()
    importlib.import_module(f"{PACKAGE}.serving").run(*wire_ends)
