# /// attack
# tries = "attaches to every process with ptrace, reads and writes foreign memory by process_vm_readv, process_vm_writev and /proc/N/mem"
# held = "refused"
# exit = ["completed"]
# points = 5
# says = ["held: ptrace of 1", "held: memory of 1"]
# ///
# %%
import struct

buffer = ctypes.create_string_buffer(64)
local = struct.pack("@PN", ctypes.addressof(buffer), 64)
remote = struct.pack("@PN", 0x400000, 64)
for pid in (1, 2, os.getppid(), PLACES["pid"], PLACES["parent"]):
    attempt(f"ptrace of {pid}", lambda: system_call("ptrace", 16, pid, 0, 0))
    attempt(f"seizing of {pid}", lambda: system_call("ptrace", 0x4206, pid, 0, 0))
    attempt(f"reading of {pid}", lambda: system_call("process_vm_readv", pid, local, 1, remote, 1, 0))
    attempt(f"writing of {pid}", lambda: system_call("process_vm_writev", pid, local, 1, remote, 1, 0))
    if pid != os.getpid():
        attempt(f"memory of {pid}", lambda: open(f"/proc/{pid}/mem", "rb").read(1))
attempt("kcmp", lambda: system_call("kcmp", 1, os.getpid(), 0, 0, 0))
