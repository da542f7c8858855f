# /// attack
# tries = "joins the namespaces of other processes with setns, through /proc/N/ns and process handles, and takes their descriptors"
# held = "refused"
# exit = ["completed"]
# points = 5
# says = ["held: mnt of 1"]
# ///
# %%
for pid in (1, 2, os.getppid(), PLACES["pid"], PLACES["parent"]):
    for kind in ("user", "mnt", "pid", "net", "ipc", "uts", "cgroup"):
        attempt(f"{kind} of {pid}", lambda: system_call("setns", os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY), 0))
    if pid == os.getpid():
        continue
    attempt(f"all of {pid}", lambda: system_call("setns", system_call("pidfd_open", pid, 0), 0x7E020000))
    attempt(f"descriptor of {pid}", lambda: system_call("pidfd_getfd", system_call("pidfd_open", pid, 0), 0, 0))
