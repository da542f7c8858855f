# /// attack
# tries = "crashes the process: a null pointer"
# held = "killed by a signal; the cells before it are kept"
# exit = ["killed_by_signal"]
# points = 0
# ///
# %%
ctypes.string_at(0)
