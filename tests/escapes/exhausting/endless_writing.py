# /// attack
# tries = "writes two hundred megabytes past the notebook, straight into descriptor 1"
# held = "the run ends at 8 MB"
# exit = ["output_limit"]
# points = 0
# ///
# %%
import os

for _ in range(200):
    os.write(1, bytes(1 << 20))
