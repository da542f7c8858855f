# /// attack
# tries = "burns CPU in many processes and writes memory all over, to slow down or change the run beside it"
# held = "ended at its CPU seconds or by the clock; the run beside it is the same to the bit"
# exit = ["timed_out"]
# points = 0
# short = true
# ///
# %%
import time

import numpy as np

for _ in range(6):
    if os.fork() == 0:
        break
block = np.random.rand(1 << 20)
end = time.time() + 60
while time.time() < end:
    try:
        block = np.sqrt(block * block)
    except BaseException:
        pass
os._exit(0)
