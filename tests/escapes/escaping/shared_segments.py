# /// attack
# tries = "attaches to shared memory and queues of other processes, by number and by name, and leaves some for later runs"
# held = "its IPC namespace and its /dev/shm are its own"
# exit = ["completed"]
# points = 5
# says = ["held: the bystander's segment", "held: the bystander's file"]
# ///
# %%
attempt("the bystander's segment", lambda: system_call("shmat", PLACES["segment"], 0, 0o10000))
attempt("the bystander's file", lambda: open(f"/dev/shm/{PLACES['abstract']}").read())
for number in range(200):
    try:
        system_call("shmat", number, 0, 0o10000)
        print("ESCAPED: segment", number)
    except OSError:
        pass
for key in (0x5A41, 0x5A42):
    attempt(f"a segment of its own under key {key:#x}", lambda: system_call("shmget", key, 4096, 0o1666))
    system_call("msgget", key, 0o1666)
print("segments:", open("/proc/sysvipc/shm").read().count("\n") - 1)
open("/dev/shm/zachet-escape-left", "w").write("left")
