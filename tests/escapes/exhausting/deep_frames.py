# /// attack
# tries = "sends, past the runner, outputs and records of every depth around the limits of recursion"
# held = "taken as long as they can be handled, then refused; nobody breaks"
# exit = ["exited"]
# points = 0
# ///
# %%
import gc
import os

wire = next(item for item in gc.get_objects() if type(item).__name__ == "Wire")
deep = b"[" * 470 + b"]" * 470
wire.send(
    {"type": "cell", "index": 2, "status": "ok", "error": "", "cpu_s": 0, "wall_s": 0},
    b'[{"output_type":"display_data","metadata":{"a":' + deep + b'},"data":{"application/json":' + deep + b"}}]",
)
for depth in range(300, 520, 4):
    wire.send({"type": "record", "name": f"deep_{depth}", "kind": "json"}, b'{"a":' * depth + b"1" + b"}" * depth)
os._exit(0)
