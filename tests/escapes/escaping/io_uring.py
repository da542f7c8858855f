# /// attack
# tries = "sets up io_uring, which does file and network work past a filter on system calls"
# held = "refused"
# exit = ["completed"]
# points = 5
# says = ["held: io_uring_setup"]
# ///
# %%
for entries in (1, 8, 4096):
    attempt("io_uring_setup", lambda: system_call("io_uring_setup", entries, ctypes.create_string_buffer(120)))
attempt("io_uring_enter", lambda: system_call("io_uring_enter", 3, 1, 0, 0, 0, 0))
