# /// attack
# tries = "takes four gigabytes as shared anonymous pages, which limits on data do not count"
# held = "an error in its cell, or the end of the run at 1500 MB"
# exit = ["out_of_memory", "raised"]
# points = 5
# ///
# %%
import mmap

kept = []
for _ in range(40):
    kept.append(mmap.mmap(-1, 100 << 20))
    for page in range(0, 100 << 20, 4096):
        kept[-1][page] = 1
print("ESCAPED:", len(kept))
