# /// attack
# tries = "reads the environment and the command line of every process it can see"
# held = "its own processes, started with an empty environment"
# exit = ["completed"]
# points = 5
# says = ["read: "]
# ///
# %%
import glob

texts = []
for path in glob.glob("/proc/*/environ") + glob.glob("/proc/*/task/*/environ") + glob.glob("/proc/*/cmdline"):
    try:
        with open(path, errors="replace") as file:
            texts.append(f"{path}: {file.read()}".replace("\0", " "))
    except OSError as error:
        texts.append(f"{path}: {error}")
everything_printed("read: " + "\n".join(texts) + repr(dict(os.environ)))
if "ZACHET_TEST_SECRET" in "".join(texts):
    print("ESCAPED: a foreign environment")
attempt("environment of the bystander", lambda: open(f"/proc/{PLACES['pid']}/environ").read())
attempt("environment of the grader", lambda: open(f"/proc/{PLACES['parent']}/environ").read())
