# /// attack
# tries = "answers with an array of four hundred megabytes"
# held = "more than a run may say: it ends at 8 MB"
# exit = ["output_limit", "completed", "raised"]
# points = 0
# ///
# %%
import numpy as np


def answer(x):
    return np.zeros((100, 1 << 20), dtype=np.float32)
