# /// attack
# tries = "searches its own memory, fresh pages, temporary folders and shared memory for what earlier submissions left"
# held = "every run begins with a process, memory and folders of its own"
# exit = ["completed"]
# points = 5
# says = ["searched"]
# ///
# %%
import os

import numpy as np

NEEDLE = b"-".join((b"zachet", b"canary"))
found = []
pieces = 0
for _ in range(20):
    if NEEDLE in np.empty(8 << 20, dtype=np.uint8).tobytes():
        found.append("fresh memory")
try:
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
        for line in maps:
            area, rights = line.split()[:2]
            start, end = (int(word, 16) for word in area.split("-"))
            if rights.startswith("rw") and end - start < 256 << 20:
                memory.seek(start)
                try:
                    at = memory.read(end - start).find(NEEDLE + b"-")
                except OSError:
                    continue
                pieces += 1
                if at >= 0:
                    found.append(f"own memory at {start + at:x}")
except OSError as error:
    print("held:", error)
for folder in ("/work", "/tmp", "/dev/shm", "/var/tmp", "/in", os.path.expanduser("~")):
    for top, _, names in os.walk(folder):
        for name in names:
            if name == "my-own-work.txt" or name.startswith("zachet-escape"):
                found.append(os.path.join(top, name))
print("ESCAPED:" if found else "searched", pieces, found)
