# /// attack
# tries = "loops for ever when it is asked"
# held = "the question ends at the limit of a cell, without an answer"
# exit = ["completed", "timed_out"]
# points = 0
# short = true
# ///
# %%
def answer(x):
    while True:
        pass
