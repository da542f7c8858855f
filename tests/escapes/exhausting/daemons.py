# /// attack
# tries = "leaves daemons behind: a new session, two forks, closed descriptors, a changed name, one that forks itself anew every moment"
# held = "all of them end with the run"
# exit = ["completed"]
# points = 5
# says = ["left"]
# ///
# %%
import time

for kind in range(4):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.closerange(0, 64)
            if kind == 0:
                os.execvp("sleep", ["sleep", PLACES["mark"]])
            if kind == 1:
                ctypes.CDLL(None).prctl(15, b"kworker/0:1", 0, 0, 0)
            for _ in range(600):
                if kind == 3 and os.fork():
                    os._exit(0)
                try:
                    open(PLACES["outside"] + "/zachet-escape-daemon", "w").close()
                except OSError:
                    pass
                time.sleep(0.1)
        os._exit(0)
print("left")
