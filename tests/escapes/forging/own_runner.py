# /// attack
# tries = "replaces the modules of the runner in memory: the session's record, the wire's send, the measuring of models, the clock"
# held = "forged records come back, as wrong as before"
# exit = ["completed"]
# points = 0
# says = ["replaced: "]
# ///
# %%
import sys

import numpy as np

count = 0
for name, module in list(sys.modules.items()):
    if name.startswith("zachet_inside"):
        for attribute in ("outputs_of", "choose", "described"):
            if hasattr(module, attribute):
                setattr(module, attribute, lambda *arguments, **options: np.tile(np.float32([[9, 0], [0, 9]]), (100, 1)))
                count += 1
        for attribute in ("Session", "CellClock", "Transcript"):
            if hasattr(module, attribute):
                setattr(getattr(module, attribute), "score", 10)
                count += 1
session = sys.modules["zachet_inside.session"].Session
genuine = session.record
session.record = lambda self, name, value: genuine(self, name, np.tile(np.float32([[9, 0], [0, 9]]), (100, 1)))
sys.modules["zachet_inside.limits"].CellClock._raise = lambda *arguments: None
print("replaced:", count)
