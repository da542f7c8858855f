# /// attack
# tries = "speaks frames that are not quite the protocol: a payload longer than said, a header that is a list, a name with a path, a cell that never was"
# held = "the first of them ends the run"
# exit = ["exited"]
# points = 0
# ///
# %%
import gc
import json
import os
import struct

wire = next(item for item in gc.get_objects() if type(item).__name__ == "Wire")
for header in ({"type": "record", "name": "../../score", "kind": "json", "bytes": 2}, ["done"], {"type": "cell", "index": 10**9, "status": "ok", "bytes": -1}):
    head = json.dumps(header).encode()
    os.write(wire._writing, struct.pack(">I", len(head)) + head + b"[]")
