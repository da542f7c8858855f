# /// attack
# tries = "changes its own interpreter and libraries, for whoever starts them next: /proc/self/exe, site-packages, cached bytecode, chmod, utime"
# held = "read-only, whoever owns them"
# exit = ["completed"]
# points = 5
# says = ["held: writing /proc/self/exe"]
# ///
# %%
import sys

import numpy

site = os.path.dirname(os.path.dirname(numpy.__file__))
cached = os.path.join(os.path.dirname(numpy.__file__), "__pycache__", "__init__.cpython-311.pyc")
for path in ("/proc/self/exe", os.path.realpath(sys.executable), sys.executable, numpy.__file__, cached, "/usr/bin/env", "/zachet/inside/runner.py", "/zachet/probe.py"):
    attempt(f"writing {path}", lambda: os.close(os.open(path, os.O_WRONLY)) or "opened")
    attempt(f"appending {path}", lambda: open(path, "ab").close() or "opened")
    attempt(f"mode of {path}", lambda: os.chmod(path, 0o777) or "changed")
    attempt(f"times of {path}", lambda: os.utime(path) or "changed")
    attempt(f"removal of {path}", lambda: os.unlink(path) or "removed")
for folder in (site, os.path.dirname(os.path.realpath(sys.executable)), "/usr/lib", "/zachet/inside", "/zachet/bin", "/etc"):
    attempt(f"a file in {folder}", lambda: open(os.path.join(folder, "zachet-escape.pth"), "w").close() or "made")
