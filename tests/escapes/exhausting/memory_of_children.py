# /// attack
# tries = "shares four gigabytes out among ten children, each below the limit of a process"
# held = "the limit holds for all of them together"
# exit = ["out_of_memory"]
# points = 0
# ///
# %%
import time

for _ in range(10):
    if os.fork() == 0:
        kept = [b"x" * (50 << 20) for _ in range(8)]
        time.sleep(20)
        os._exit(0)
time.sleep(10)
print("ESCAPED: all of it")
