# /// attack
# tries = "displays and records values of every depth around the limits of recursion, to break whoever reads them"
# held = "shown, cut or refused; nobody breaks"
# exit = ["completed", "exited"]
# points = 5
# says = ["displayed"]
# ///
# %%
import gc
import json

from IPython.core.interactiveshell import InteractiveShell

publish = InteractiveShell.instance().display_pub.publish
for depth in (50, 100, 150, 200, 230, 250, 270, 300, 320):
    value = []
    for _ in range(depth):
        value = [value]
    publish({"application/json": value, "text/plain": "deep"})
    publish({"text/plain": "deep"}, metadata={"deep": value})
print("displayed")
