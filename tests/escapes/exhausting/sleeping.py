# /// attack
# tries = "sleeps past the limit of its cell"
# held = "the sleep ends with an error, and the next cell runs"
# exit = ["raised"]
# points = 5
# says = ["after it"]
# short = true
# ///
# %%
import time

time.sleep(300)

# %%
print("after it")
