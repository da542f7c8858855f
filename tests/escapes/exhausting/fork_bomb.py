# /// attack
# tries = "starts three thousand processes that stay"
# held = "the limit on processes ends it, for its own run only"
# exit = ["completed"]
# points = 5
# says = ["refused after "]
# ///
# %%
import time

count = 0
for _ in range(3000):
    try:
        if os.fork() == 0:
            time.sleep(20)
            os._exit(0)
    except OSError:
        break
    count += 1
print("refused after " if count < 200 else "ESCAPED: all of", count)
