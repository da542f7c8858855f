# /// attack
# tries = "reads, makes and asks for keys of the kernel's key rings, which namespaces share"
# held = "refused"
# exit = ["completed"]
# points = 5
# says = ["held: add_key", "held: keyctl"]
# ///
# %%
attempt("add_key", lambda: system_call("add_key", b"user\0", b"zachet-escape\0", b"x\0", 1, -4))
attempt("request_key", lambda: system_call("request_key", b"user\0", b"zachet-escape\0", b"\0", -4))
for operation in (0, 1, 6, 11):
    for ring in (-1, -2, -3, -4, -5):
        attempt(f"keyctl {operation} {ring}", lambda: system_call("keyctl", operation, ring, 0, 0, 0))
