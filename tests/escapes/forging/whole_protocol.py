# /// attack
# tries = "takes over the wire and plays the runner to the end: all cells fine, ready, takes the hidden inputs, invents answers, done"
# held = "it may say what it likes; without the labels the invented answers are wrong"
# exit = ["completed"]
# points = 0
# ///
# %%
import gc
import json
import os

import numpy as np

wire = next(item for item in gc.get_objects() if type(item).__name__ == "Wire")
for index in range(2, 5):
    wire.send({"type": "cell", "index": index, "status": "ok", "error": "", "cpu_s": 0.0, "wall_s": 0.0}, b"[]")
wire.send({"type": "record", "name": "verdict", "kind": "json"}, b'"passed"')
wire.send({"type": "ready"})
header, payload = wire.receive()
wire.send_array("doubled", np.ones(64, dtype="float32"))
wire.send_array("logits", np.tile(np.float32([[9, 0], [0, 9]]), (100, 1)))
wire.send_json("score", {"earned": 10, "points": 10})
wire.send({"type": "done"})
os._exit(0)

# %%
print("never reached")

# %%
print("never reached")
