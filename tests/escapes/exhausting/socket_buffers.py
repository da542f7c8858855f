# /// attack
# tries = "keeps memory in the kernel: four hundred socket pairs filled to the brim, in four processes"
# held = "bounded by descriptors and processes, counted where there is a control group, gone with the run"
# exit = ["completed", "out_of_memory"]
# points = 5
# ///
# %%
import socket
import time


def fill():
    kept, bytes_ = [], 0
    for _ in range(400):
        try:
            pair = socket.socketpair()
        except OSError:
            break
        kept.append(pair)
        pair[0].setblocking(False)
        try:
            while True:
                bytes_ += pair[0].send(bytes(1 << 16))
        except OSError:
            continue
    return kept, bytes_


for _ in range(3):
    if os.fork() == 0:
        kept = fill()
        time.sleep(2)
        os._exit(0)
kept, bytes_ = fill()
print("held: this process", bytes_ >> 20, "MB")
