# /// attack
# tries = "kills its own process group, hoping that the grader is in it"
# held = "it is alone in it"
# exit = ["killed_by_signal"]
# points = 0
# ///
# %%
import os
import signal

os.killpg(0, signal.SIGKILL)
