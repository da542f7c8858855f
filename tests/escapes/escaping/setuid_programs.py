# /// attack
# tries = "runs programs that become root (su, sudo, mount, newuidmap, pkexec), makes one of its own, and asks for root and capabilities directly"
# held = "nothing becomes more than it was"
# exit = ["completed"]
# points = 5
# says = ["held: setuid(0)", "tried: "]
# ///
# %%
import shutil
import stat
import struct
import subprocess

special = [
    os.path.join(top, name)
    for folder in ("/usr/bin", "/usr/sbin", "/usr/lib", "/usr/libexec")
    for top, inner, names in os.walk(folder)
    for name in names
    if top.count("/") < 5 and os.path.isfile(os.path.join(top, name)) and os.stat(os.path.join(top, name)).st_mode & (stat.S_ISUID | stat.S_ISGID)
]
print("tried:", special)
for program in special:
    try:
        done = subprocess.run([program, "--help"], capture_output=True, timeout=2, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError):
        continue
    if b'uid=0' in done.stdout:
        print('ESCAPED:', program)
for command in (["su", "-c", "id"], ["sudo", "-n", "id"], ["mount", "-t", "tmpfs", "x", "/work"], ["newuidmap", str(os.getpid()), "0", "0", "1"], ["pkexec", "id"]):
    attempt(" ".join(command[:2]), lambda: subprocess.run(command, check=True, capture_output=True, timeout=2, stdin=subprocess.DEVNULL).stdout)
for name, action in {
    "setuid(0)": lambda: os.setuid(0), "setresuid": lambda: os.setresuid(0, 0, 0), "setgid(0)": lambda: os.setgid(0), "setgroups": lambda: os.setgroups([0]),
    "setfsuid": lambda: ctypes.CDLL(None).setfsuid(0) == 0 and [][0] or int("x"),
}.items():  # fmt: skip
    attempt(name, action)
attempt("capset", lambda: system_call("capset", struct.pack("=Ii", 0x20080522, 0), struct.pack("=6I", *[0xFFFFFFFF] * 6)))
shutil.copy("/usr/bin/id", "/work/id")
os.chmod("/work/id", 0o6755)
shown = subprocess.run(["/work/id"], capture_output=True, text=True).stdout
print("ESCAPED:" if "uid=0" in shown else "held: own setuid program", shown)
