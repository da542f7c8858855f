# /// attack
# tries = "makes a new user namespace, and with it every other one, by unshare, clone, clone3 and the program unshare, to be root in it"
# held = "refused"
# exit = ["completed"]
# points = 5
# says = ["held: unshare 10000000", "held: clone3"]
# ///
# %%
import struct
import subprocess

for bit in (17, 25, 26, 27, 28, 29, 30, 7):
    attempt(f"unshare {1 << bit:x}", lambda: system_call("unshare", 1 << bit))


def cloned(flags):
    pid = system_call("clone", flags | 17, 0, 0, 0, 0)
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return pid


for bit in (17, 28, 29, 30):
    attempt(f"clone {1 << bit:x}", lambda: cloned(1 << bit))
attempt("clone3", lambda: system_call("clone3", struct.pack("@11Q", 1 << 28, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0), 88))
attempt("the program unshare", lambda: subprocess.run(["unshare", "-Urmpf", "true"], check=True, capture_output=True))
attempt("the program bwrap", lambda: subprocess.run(["bwrap", "--ro-bind", "/", "/", "--unshare-user", "true"], check=True, capture_output=True))
for name in ("uid_map", "gid_map", "setgroups"):
    attempt(name, lambda: open(f"/proc/self/{name}", "w").write("0 0 1"))
