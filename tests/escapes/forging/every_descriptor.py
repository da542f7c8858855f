# /// attack
# tries = "writes a frame with perfect records on every open descriptor"
# held = "the forged record counts as reported; the real one after it ends the run"
# exit = ["exited"]
# points = 0
# ///
# %%
import json
import os
import struct

import numpy as np

labels = np.tile(np.float32([[9, 0], [0, 9]]), (100, 1))
header = {"type": "record", "name": "doubled", "kind": "array", "dtype": "<f4", "shape": [200, 2], "bytes": labels.nbytes}
forged = b""
for name in ("logits", "doubled", "score"):
    head = json.dumps({**header, "name": name}).encode()
    forged += struct.pack(">I", len(head)) + head + labels.tobytes()
for number in range(256):
    try:
        os.write(number, forged)
    except OSError:
        pass
