# /// attack
# tries = "closes every descriptor, the wire's too"
# held = "a run that hung up has ended"
# exit = ["exited"]
# points = 0
# ///
# %%
import os

os.closerange(0, 1024)
