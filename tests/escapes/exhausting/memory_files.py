# /// attack
# tries = "puts two and a half gigabytes into anonymous files that no process maps and no folder shows (memfd_create)"
# held = "the memory they take counts, or they cannot be made"
# exit = ["out_of_memory", "completed"]
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
print("ESCAPED:" if len(kept) > 40 else "made", len(kept))
