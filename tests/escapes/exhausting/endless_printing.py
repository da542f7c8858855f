# /// attack
# tries = "prints two hundred megabytes, line by line and as one line that is written over and over"
# held = "a cell keeps its first mebibyte, with a note"
# exit = ["completed"]
# points = 5
# says = ["not kept"]
# ///
# %%
for _ in range(10):
    print("x" * (10 << 20))
for _ in range(100):
    print("y" * (1 << 20), end="\r")
