# /// attack
# tries = "tries every descriptor it was born with: opens folders above them, reads, seeks, sends over them, asks them what they are"
# held = "pipes of its own, and nothing else"
# exit = ["completed"]
# points = 5
# says = ["descriptors: "]
# ///
# %%
import fcntl
import stat

kinds = []
for number in range(1024):
    try:
        mode = os.fstat(number).st_mode
    except OSError:
        continue
    place = os.readlink(f"/proc/self/fd/{number}")
    kinds.append((number, place))
    if stat.S_ISDIR(mode):
        for way in ("..", "../../etc/shadow", PLACES["outside"], "kept.txt"):
            attempt(f"{way} below {number}", lambda: os.stat(way, dir_fd=number) and open(os.open(way, os.O_RDONLY, dir_fd=number)).read(10))
    if stat.S_ISSOCK(mode) or stat.S_ISBLK(mode):
        print("ESCAPED:", number, place)
    if stat.S_ISREG(mode) and not place.startswith(("/usr", "/work", "/tmp", "/zachet", "/memfd")) and "site-packages" not in place and "/lib/" not in place:
        print("ESCAPED:", number, place)
print("descriptors:", kinds)
