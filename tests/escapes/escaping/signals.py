# /// attack
# tries = "kills and stops everything: every process, the first one, the bystander, the grader, by number, group and handle"
# held = "nobody else is there to be reached"
# exit = ["completed", "killed_by_signal"]
# points = 5
# says = ["held: 15 to the bystander"]
# ///
# %%
import signal

for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP):
    for name, pid in (("the bystander", PLACES["pid"]), ("the grader", PLACES["parent"])):
        if pid > 5:
            attempt(f"{int(number)} to {name}", lambda: os.kill(pid, number) or "sent")
            attempt(f"{int(number)} to the group of {name}", lambda: os.kill(-pid, number) or "sent")
            attempt(f"{int(number)} to {name} by handle", lambda: signal.pidfd_send_signal(os.pidfd_open(pid), number) or "sent")
    # Its own sandbox has a first process, and may have one that holds it open: these it may signal, to its own loss.
    for pid in (-1, 1):
        try:
            os.kill(pid, number)
        except OSError:
            pass
print("still here")
