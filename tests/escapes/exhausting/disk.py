# /// attack
# tries = "fills every folder it may write to, by many files, by a large one and by a hole that is filled later"
# held = "each is 64 MB of its own memory, and no file is larger"
# exit = ["completed"]
# points = 5
# says = ["no space after"]
# ///
# %%
for folder in ("/work", "/tmp", "/dev/shm"):
    written = 0
    try:
        for number in range(200):
            with open(f"{folder}/fill-{number}", "wb") as file:
                written += file.write(bytes(4 << 20))
    except OSError:
        pass
    print("ESCAPED:" if written > 80 << 20 else "no space after", written >> 20, folder)
    for number in range(200):
        if os.path.exists(f"{folder}/fill-{number}"):
            os.unlink(f"{folder}/fill-{number}")
attempt("a file of a gigabyte", lambda: open("/work/large", "wb").truncate(1 << 30))
attempt("a place for a gigabyte", lambda: os.posix_fallocate(os.open("/work/large", os.O_RDWR | os.O_CREAT), 0, 1 << 30) or "there")
