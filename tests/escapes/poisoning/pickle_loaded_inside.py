# /// attack
# tries = "loads such a file itself, inside, to have its command run by the runner"
# held = "the command runs where the run runs, and reaches nothing"
# exit = ["completed"]
# points = 5
# says = ["held: "]
# ///
# %%
import pickle


class Bomb:
    def __reduce__(self):
        return (os.system, (f"touch {PLACES['outside']}/zachet-escape-pickle && echo ESCAPED",))


code = pickle.loads(pickle.dumps(Bomb()))
print("ESCAPED:" if code == 0 else "held: ", code)
