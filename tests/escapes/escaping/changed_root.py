# /// attack
# tries = "changes its root: chroot, pivot_root, a descriptor of a folder kept over a chroot, file handles by number"
# held = "refused"
# exit = ["completed"]
# points = 5
# says = ["held: chroot", "held: pivot_root"]
# ///
# %%
for folder in (b"/proc/1/root\0", b"/work\0", b"/proc/self/cwd/../../..\0"):
    attempt(f"chroot {folder.decode()}".strip("\0"), lambda: system_call("chroot", folder))
os.makedirs("/work/put_old", exist_ok=True)
attempt("pivot_root", lambda: system_call("pivot_root", b"/work\0", b"/work/put_old\0"))
handle = ctypes.create_string_buffer(b"\x08\0\0\0\x01\0\0\0\x02\0\0\0\0\0\0\0", 64)
keeper = os.open("/usr", os.O_RDONLY)
attempt("open_by_handle_at", lambda: system_call("open_by_handle_at", keeper, handle, 0))
os.fchdir(keeper)
for _ in range(50):
    os.chdir("..")
if os.path.exists(PLACES["outside"].lstrip("/")) or os.path.exists("etc/shadow"):
    print("ESCAPED:", os.listdir("."))
os.chdir("/work")
