# /// attack
# tries = "loads programs and modules into the kernel and watches it: bpf, perf, userfaultfd, kexec, modules, the kernel's log"
# held = "refused"
# exit = ["completed"]
# points = 5
# says = ["held: bpf", "held: perf_event_open"]
# ///
# %%
import struct

buffer = ctypes.create_string_buffer(256)
for command in (0, 5):
    attempt("bpf", lambda: system_call("bpf", command, buffer, 72))
attempt("perf_event_open", lambda: system_call("perf_event_open", ctypes.create_string_buffer(struct.pack("=II", 1, 112), 112), 0, -1, -1, 0))
for flags in (0, 1, 0x800):
    attempt("userfaultfd", lambda: system_call("userfaultfd", flags))
attempt("kexec_load", lambda: system_call("kexec_load", 0, 0, 0, 0))
attempt("init_module", lambda: system_call("init_module", buffer, 256, b"\0"))
attempt("finit_module", lambda: system_call("finit_module", 0, b"\0", 0))
attempt("delete_module", lambda: system_call("delete_module", b"zachet_no_such_module\0", 0))
attempt("kernel log", lambda: system_call("syslog", 3, buffer, 256))
attempt("kallsyms", lambda: [line for line in open("/proc/kallsyms") if int(line.split()[0], 16)][0])
attempt("kcore", lambda: open("/proc/kcore", "rb").read(1))
