# /// attack
# tries = "ignores and blocks every signal, catches every exception, and stays"
# held = "ended from outside at the limit of the clock"
# exit = ["timed_out"]
# points = 0
# short = true
# ///
# %%
import signal
import time

for number in signal.valid_signals():
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
for _ in range(1000):
    try:
        time.sleep(1)
    except BaseException:
        pass
