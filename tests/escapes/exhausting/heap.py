# /// attack
# tries = "takes four gigabytes of memory and touches them"
# held = "an error in its cell, or the end of the run at 1500 MB"
# exit = ["out_of_memory", "raised"]
# points = 5
# ///
# %%
kept = []
for _ in range(80):
    kept.append(b"x" * (50 << 20))
print("ESCAPED:", len(kept))
