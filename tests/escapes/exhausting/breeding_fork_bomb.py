# /// attack
# tries = "starts processes that start processes, for as long as they are let"
# held = "bounded in number, ended at the limit on CPU time, cleared away"
# exit = ["timed_out"]
# points = 0
# short = true
# ///
# %%
import time

end = time.time() + 30
while time.time() < end:
    try:
        os.fork()
    except OSError:
        pass
os._exit(0)
