# /// attack
# tries = "puts two and a half gigabytes into memory that no process maps and no folder shows (memfd_create, shmget)"
# held = "such memory cannot be made"
# exit = ["completed"]
# points = 5
# ///
# %%
kept = []
for _ in range(42):
    try:
        kept.append(os.memfd_create("zachet-escape"))
        for _ in range(15):
            os.write(kept[-1], bytes(4 << 20))
    except OSError as error:
        print("held:", error)
        break
print("ESCAPED:" if kept else "made", len(kept))
for _ in range(40):
    attempt("a segment of 64 MB", lambda: system_call("shmget", 0, 64 << 20, 0o1600))
