# /// attack
# tries = "reaches the machine's files through root, cwd, fd and map_files of every process in /proc"
# held = "every door leads back into its own sandbox"
# exit = ["completed"]
# points = 5
# says = ["doors: "]
# ///
# %%
import glob

doors = glob.glob("/proc/*/root") + glob.glob("/proc/*/cwd") + glob.glob("/proc/*/task/*/root") + glob.glob("/proc/*/fd/*")
opened = 0
for door in doors:
    for way in (PLACES["outside"].lstrip("/") + "/kept.txt", "etc/shadow", PLACES["checkout"].lstrip("/") + "/pyproject.toml", "../../../../etc/shadow"):
        try:
            with open(os.path.join(door, way)) as file:
                print("ESCAPED:", door, file.read(100))
        except OSError:
            opened += 1
print("doors:", len(doors), "closed:", opened)
for path in (PLACES["outside"], PLACES["outside"] + "/kept.txt", PLACES["checkout"] + "/pyproject.toml", "/etc/shadow", "/root/.bashrc"):
    attempt(path, lambda: os.stat(path))
