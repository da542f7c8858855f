# /// attack
# tries = "makes sixty thousand empty files, and folders two thousand deep"
# held = "they lie in its own memory and go with it"
# exit = ["completed"]
# points = 5
# says = ["made"]
# ///
# %%
count = 0
try:
    for number in range(60_000):
        os.close(os.open(f"/tmp/{number}", os.O_CREAT | os.O_WRONLY))
        count += 1
except OSError as error:
    print("held:", error)
deep = 0
try:
    for deep in range(2000):
        os.mkdir("d")
        os.chdir("d")
except OSError as error:
    print("held:", error)
os.chdir("/work")
print("made", count, deep)
