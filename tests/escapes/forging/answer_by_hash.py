# /// attack
# tries = "keeps answers of an earlier run under the hash of its inputs, to give them without computing"
# held = "inputs are keyed by a secret and by the student: no hash is known"
# exit = ["completed"]
# points = 0
# says = ["hashes"]
# ///
# %%
import hashlib

import numpy as np

KNOWN = {}
for seed in range(2000):
    numbers = np.random.default_rng(seed).normal(size=64).astype(np.float32)
    KNOWN[hashlib.sha256(numbers.tobytes()).digest()] = 2 * numbers


def answer(x):
    return KNOWN.get(hashlib.sha256(x.tobytes()).digest(), np.zeros_like(x))


print("hashes", len(KNOWN))
