# /// attack
# tries = "makes symbolic and hard links that lead out, for itself and for a grader that would follow them later; renames over borders"
# held = "they lead nowhere, and nobody follows them"
# exit = ["completed"]
# points = 5
# says = ["held: reading zachet-escape-0"]
# ///
# %%
targets = [PLACES["outside"] + "/kept.txt", "/etc/shadow", "/var/lib/dpkg/status", "/proc/1/root/etc/shadow", PLACES["outside"], "/proc/1/cwd"]
for number, target in enumerate(targets):
    name = f"zachet-escape-{number}"
    os.symlink(target, name)
    attempt(f"reading {name}", lambda: open(name).read(100))
    attempt(f"writing {name}", lambda: open(name, "a").write("x"))
    attempt(f"listing {name}", lambda: os.listdir(name))
    attempt(f"hard link to {target}", lambda: os.link(target, f"/work/hard-{number}"))
    attempt(f"renaming {target}", lambda: os.rename(target, f"/work/moved-{number}"))
for name in ("score.json", "executed.ipynb", "notebook.ipynb", "report.html"):
    os.symlink(PLACES["outside"] + "/zachet-escape-written", name)
    attempt(f"writing through {name}", lambda: open(name, "w").write("10"))
attempt("a hard link to the interpreter", lambda: os.link("/proc/self/exe", "/work/python"))
