# /// attack
# tries = "displays a million outputs, so that the notebook and the page grow"
# held = "a cell keeps a thousand; the page shows sixty"
# exit = ["completed", "raised"]
# points = 5
# ///
# %%
from IPython.core.interactiveshell import InteractiveShell

publish = InteractiveShell.instance().display_pub.publish
for number in range(1_000_000):
    publish({"text/plain": str(number)})
