# /// attack
# tries = "starts five thousand threads that stay"
# held = "the limit on processes counts threads; the run goes on with those it has"
# exit = ["completed"]
# points = 5
# says = ["refused after "]
# ///
# %%
import threading
import time

count = 0
for _ in range(5000):
    try:
        threading.Thread(target=time.sleep, args=(20,), daemon=True).start()
    except RuntimeError:
        break
    count += 1
print("refused after " if count < 200 else "ESCAPED: all of", count)
