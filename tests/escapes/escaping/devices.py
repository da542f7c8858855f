# /// attack
# tries = "opens and makes device files: disks, memory, kernel log, virtual machines, FUSE, graphics"
# held = "only null, zero, full, random and a terminal of its own exist"
# exit = ["completed"]
# points = 5
# says = ["held: /dev/mem"]
# ///
# %%
import glob
import stat

for path in ("/dev/mem", "/dev/kmsg", "/dev/port", "/dev/kvm", "/dev/fuse", "/dev/vda", "/dev/sda", "/dev/nvme0n1", "/dev/loop0", "/dev/loop-control", "/dev/net/tun", "/dev/nvidia0", "/dev/dri/card0", "/dev/vhost-net", "/dev/uinput"):
    attempt(path, lambda: os.open(path, os.O_RDWR))
for kind, numbers in (("block", (8, 0)), ("block", (254, 0)), ("char", (1, 1)), ("char", (10, 229))):
    mode = (stat.S_IFBLK if kind == "block" else stat.S_IFCHR) | 0o666
    attempt(f"a {kind} device {numbers}", lambda: os.mknod(f"/work/device-{numbers[0]}-{numbers[1]}", mode, os.makedev(*numbers)) or "made")
odd = [path for path in glob.glob("/dev/**", recursive=True) if os.path.lexists(path) and stat.S_ISBLK(os.lstat(path).st_mode)]
print("ESCAPED:" if odd else "held: block devices", odd)
