# /// attack
# tries = "replaces the probe's functions so that they record labels, answers and a score of its own making"
# held = "nothing of that name is asked for, and the answers are wrong"
# exit = ["completed"]
# points = 0
# says = ["replaced"]
# ///
# %%
import sys

import numpy as np

probe = sys.modules["zachet_probe"]


def forged(session, given):
    session.record("labels", np.zeros(200, dtype="int64"))
    session.record("logits", np.tile(np.float32([[9, 0]]), (200, 1)))
    session.record("doubled", np.zeros(64, dtype="float32"))
    for name in ("earned", "points", "score", "verdict", "share", "kept", "canary"):
        session.record(name, 10)


probe.answer = forged
print("replaced")
