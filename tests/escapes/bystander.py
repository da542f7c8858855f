"""A process of this machine that has nothing to do with grading: what attacks look for, started under the very uid they run as outside.

Says in one line of JSON where it can be found, then one line for everything that reaches it. Ends with its standard input.
"""

import ctypes
import json
import os
import select
import signal
import socket
import sys
from pathlib import Path

_PR_SET_DUMPABLE = 4

outside, abstract, uid, gid = sys.argv[1:]
secret = os.environ["ZACHET_TEST_SECRET"]
libc = ctypes.CDLL(None)
if os.geteuid() == 0:
    os.setgroups([])
    os.setresgid(int(gid), int(gid), int(gid))
    os.setresuid(int(uid), int(uid), int(uid))
    libc.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)  # the change of user took it away; a process that was always theirs has it
signals = {name: signal.Signals[name] for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1")}


def told(number: int, _frame: object) -> None:
    """Say which signal came."""
    print(f"signal {number}", flush=True)


for number in signals.values():
    signal.signal(number, told)
tcp = socket.create_server(("127.0.0.1", 0))
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("127.0.0.1", 0))
listeners: list[socket.socket] = [tcp, udp]
for address in (f"{outside}/socket", f"\0{abstract}"):
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(address)
    listener.listen()
    listeners.append(listener)
os.chmod(f"{outside}/socket", 0o777)  # noqa: PTH101 - beside the address it was bound to
shared = Path(f"/dev/shm/{abstract}")  # noqa: S108 - shared memory by name is what is tried
shared.write_text(secret, encoding="utf-8")
shared.chmod(0o666)
libc.shmat.restype = ctypes.c_void_p
segment = libc.shmget(0, 4096, 0o1666)
where = libc.shmat(segment, None, 0)
libc.shmctl(segment, 0, None)  # goes away with this process
ctypes.memmove(where, secret.encode(), len(secret))
found = {"port": tcp.getsockname()[1], "udp": udp.getsockname()[1], "segment": segment, "pid": os.getpid()}
print(json.dumps(found), flush=True)
while True:
    found_ready = select.select([0, *listeners], [], [])[0]
    if 0 in found_ready:
        shared.unlink()
        sys.exit(0)
    for ready in found_ready:
        print(f"contact {ready.getsockname()}", flush=True)
        if ready is udp:
            udp.recv(1)
        else:
            ready.accept()[0].close()
