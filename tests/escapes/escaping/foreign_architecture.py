# /// attack
# tries = "makes system calls of other architectures, past the filter's numbers: int 0x80 from written machine code, x32 numbers"
# held = "the process that tries is killed, or is told that there is no such call"
# exit = ["completed"]
# points = 5
# says = ["held: "]
# ///
# %%
import mmap

if platform.machine() == "x86_64":
    # mov eax, 20 (getpid of i386); int 0x80; ret
    code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(bytes.fromhex("b814000000cd80c3"))
    child = os.fork()
    if child == 0:
        result = ctypes.CFUNCTYPE(ctypes.c_long)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()
        os._exit(0 if result > 0 else 1)
    status = os.waitpid(child, 0)[1]
    print("ESCAPED: a call of i386 went through" if os.waitstatus_to_exitcode(status) == 0 else f"held: i386: {os.waitstatus_to_exitcode(status)}")
    for name in ("unshare", "ptrace", "mount", "bpf"):
        attempt(f"x32 {name}", lambda: _LIBC.syscall(ctypes.c_long(0x40000000 | _CALLS[name][0]), 0x10000000, 0, 0, 0, 0) == -1 and int("refused"))
    attempt("high bits", lambda: _LIBC.syscall(ctypes.c_long(1 << 32 | _CALLS["unshare"][0]), 0x10000000) == -1 and int("refused"))
else:
    print("held: there is one architecture only")
