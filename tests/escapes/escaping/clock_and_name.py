# /// attack
# tries = "sets clocks, the name of the machine, swap and power"
# held = "refused"
# exit = ["completed"]
# points = 5
# says = ["held: settimeofday", "held: sethostname"]
# ///
# %%
import struct
import time

attempt("settimeofday", lambda: system_call("settimeofday", struct.pack("@qq", int(time.time()), 0), 0))
attempt("clock_settime", lambda: system_call("clock_settime", 0, struct.pack("@qq", int(time.time()), 0)))
attempt("sethostname", lambda: system_call("sethostname", b"escaped\0", 7))
attempt("reboot", lambda: system_call("reboot", 0xFEE1DEAD, 672274793, 0, 0))
attempt("swapon", lambda: system_call("swapon", b"/work/none\0", 0))
attempt("quotactl", lambda: system_call("quotactl", 0, 0, 0, 0))
attempt("personality", lambda: system_call("personality", 0x0400000))
