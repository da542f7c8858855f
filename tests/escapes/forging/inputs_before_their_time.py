# /// attack
# tries = "says ready in the middle of a cell, to see the hidden inputs early and to look for their labels"
# held = "there are no labels with them; what the runner says afterwards breaks the protocol"
# exit = ["exited"]
# points = 0
# ///
# %%
import gc

wire = next(item for item in gc.get_objects() if type(item).__name__ == "Wire")
wire.send({"type": "ready"})
header, payload = wire.receive()
names = [item["name"] for item in header["arrays"]]
if set(names) != {"numbers", "points"}:
    print("ESCAPED:", names)
    wire.send_json("escaped", names)
