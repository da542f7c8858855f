# /// attack
# tries = "mounts a tmpfs, a proc, the root disk, an overlay, by the old calls and the new ones; makes read-only mounts writable; unmounts"
# held = "refused"
# exit = ["completed"]
# points = 5
# says = ["held: tmpfs", "held: fsopen"]
# ///
# %%
MS_REMOUNT, MS_BIND, MS_REC = 32, 4096, 16384
attempt("tmpfs", lambda: system_call("mount", b"none\0", b"/work\0", b"tmpfs\0", 0, 0))
attempt("proc", lambda: system_call("mount", b"none\0", b"/tmp\0", b"proc\0", 0, 0))
attempt("sysfs", lambda: system_call("mount", b"none\0", b"/tmp\0", b"sysfs\0", 0, 0))
attempt("cgroup", lambda: system_call("mount", b"none\0", b"/tmp\0", b"cgroup2\0", 0, 0))
attempt("overlay", lambda: system_call("mount", b"none\0", b"/work\0", b"overlay\0", 0, b"lowerdir=/,upperdir=/tmp,workdir=/dev/shm\0"))
attempt("bind of /", lambda: system_call("mount", b"/\0", b"/work\0", b"\0", MS_BIND | MS_REC, 0))
attempt("remount of /usr", lambda: system_call("mount", b"none\0", b"/usr\0", b"\0", MS_REMOUNT | MS_BIND, 0))
for disk in (b"/dev/vda\0", b"/dev/sda1\0", b"/dev/nvme0n1\0"):
    attempt(disk.decode().strip("\0"), lambda: system_call("mount", disk, b"/work\0", b"ext4\0", 1, 0))
for place in (b"/zachet/probe.py\0", b"/usr\0", b"/proc\0", b"/\0"):
    attempt(f"umount of {place.decode()}".strip("\0"), lambda: system_call("umount2", place, 2))
attempt("fsopen", lambda: system_call("fsopen", b"tmpfs\0", 0))
attempt("open_tree", lambda: system_call("open_tree", -100, b"/\0", 1))
attempt("move_mount", lambda: system_call("move_mount", -100, b"/tmp\0", -100, b"/usr\0", 0))
