# /// attack
# tries = "puts a whole number of 4,300 digits into a record, so that a check breaks on it and the work is held in place of failed"
# held = "such a number is no number of the protocol; the run ends there"
# exit = ["exited"]
# points = 0
# ///
# %%
def answer(x):
    return 2 * x


# %%
import gc

wire = next(item for item in gc.get_objects() if type(item).__name__ == "Wire")
wire.send({"type": "record", "name": "models", "kind": "json"}, b'[{"chosen": true, "name": "m", "class": "Net", "cell": ' + b"9" * 4300 + b"}]")
