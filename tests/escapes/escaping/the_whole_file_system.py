# /// attack
# tries = "walks every folder it can see for checks, labels, secrets, keys of SSH and clouds, other students' work"
# held = "none of it is there"
# exit = ["completed"]
# points = 5
# says = ["files: "]
# ///
# %%
import sys

NEEDLE = b"-".join((b"zachet", b"canary", b""))
WANTED = {"checks.py", "secret.key", "variants.csv", "roster.csv", "gradebook.sqlite", "id_rsa", "id_ed25519", "credentials", ".git-credentials", "shadow", "docker.sock"}
count, found = 0, []
for top, folders, names in os.walk("/"):
    folders[:] = [name for name in folders if os.path.join(top, name) not in {"/proc", "/sys", "/usr/share", "/usr/include"}]
    if "site-packages" in top and top.count("/") - top[: top.index("site-packages")].count("/") > 1:
        folders[:] = []
    count += len(names)
    for name in names:
        path = os.path.join(top, name)
        if name in WANTED and "site-packages" not in path and not path.startswith("/usr/"):
            found.append(path)
        try:
            if os.path.getsize(path) < 20_000 and not path.startswith(("/usr/", "/dev/")) and "/lib/python" not in path:
                with open(path, "rb") as file:
                    text = file.read()
                if NEEDLE in text and b"PLACES" not in text:
                    found.append(f"{path}: {text[:100]!r}")
        except OSError:
            continue
print("files:", count, "ESCAPED: " + repr(found) if found else "none of interest")
for name in ("grader", "variants"):
    ours = [os.path.join(path, name) for path in sys.path if os.path.isdir(os.path.join(path, name)) and os.listdir(os.path.join(path, name))]
    print("ESCAPED:" if ours else "held:", name, ours)
