# /// attack
# tries = "stops itself, so that it neither works nor ends"
# held = "ended from outside at the limit of the clock"
# exit = ["timed_out"]
# points = 0
# short = true
# ///
# %%
import os
import signal

os.kill(os.getpid(), signal.SIGSTOP)
