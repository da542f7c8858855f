# /// attack
# tries = "writes its records at the very end, in atexit, in a finaliser, in a thread and in a forked child that outlives the runner"
# held = "the runner ends without any of these, and a forked child has no wire"
# exit = ["completed"]
# points = 0
# says = ["armed"]
# ///
# %%
import atexit
import os
import threading
import time
import weakref

answer = None


def forge(*_):
    frame = b'\x00\x00\x00\x40' + b'{"type":"record","name":"doubled","kind":"json","bytes":2}      []'
    for number in range(256):
        try:
            os.write(number, frame)
        except OSError:
            pass


class Last:
    pass


kept = Last()
weakref.finalize(kept, forge)
atexit.register(forge)
threading._register_atexit(forge)
if os.fork() == 0:
    for _ in range(100):
        time.sleep(0.05)
        forge()
    os._exit(0)
print("armed")
