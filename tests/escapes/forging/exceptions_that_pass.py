# /// attack
# tries = "raises SystemExit(0), KeyboardInterrupt and an error whose text is a score when it is asked, with a message that breaks when read"
# held = "a failed answer, in the words of the error"
# exit = ["completed"]
# points = 0
# says = ["waiting"]
# ///
# %%
class Passed(Exception):
    def __str__(self):
        raise SystemExit(0)

    __repr__ = __str__


def answer(x):
    raise Passed("10/10", "verdict: passed")


print("waiting")
