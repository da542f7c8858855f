# /// attack
# tries = "sends its own records under the names that count before the hidden inputs exist, then ends the process as if all went well"
# held = "records before the inputs are only reported, and there is nothing to hold them against"
# exit = ["exited"]
# points = 0
# ///
# %%
import gc
import os

import numpy as np

wire = next(item for item in gc.get_objects() if type(item).__name__ == "Wire")
wire.send_array("doubled", np.zeros(64, dtype="float32"))
wire.send_array("logits", np.tile(np.float32([[9, 0], [0, 9]]), (100, 1)))
wire.send_json("labels", [0] * 200)
os._exit(0)
