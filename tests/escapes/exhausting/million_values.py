# /// attack
# tries = "sends a record of a few megabytes that would become millions of objects on the trusted side"
# held = "counted before it is parsed, and refused; the run ends there"
# exit = ["exited"]
# points = 0
# ///
# %%
def answer(x):
    return 2 * x


# %%
import gc

wire = next(item for item in gc.get_objects() if type(item).__name__ == "Wire")
wire.send({"type": "record", "name": "bomb", "kind": "json"}, b"[" + b"[{}]," * 1_200_000 + b"[]]")
print("sent")
