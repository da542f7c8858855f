# /// attack
# tries = "opens sockets below or beside TCP: raw IP, packets, VSOCK to the host of a virtual machine, the kernel's ciphers, netlink to set routes"
# held = "refused"
# exit = ["completed"]
# points = 5
# says = ["held: packet", "held: vsock"]
# ///
# %%
import socket
import struct

for name, family, kind, protocol in (
    ("packet", 17, 3, 0x0300), ("raw ip", 2, 3, 1), ("raw ipv6", 10, 3, 58), ("vsock", 40, 1, 0), ("cipher", 38, 5, 0), ("bluetooth", 31, 3, 1),
    ("can", 29, 3, 1), ("tipc", 30, 1, 0), ("xdp", 44, 3, 0), ("rds", 21, 5, 0), ("kcm", 41, 5, 0), ("smc", 43, 1, 0), ("netfilter", 16, 3, 12),
):  # fmt: skip
    if name == "netfilter":
        def refused():
            link = socket.socket(family, kind, protocol)
            link.sendto(struct.pack("=IHHII", 20, (10 << 8), 5, 1, 0), (0, 0))
            answer_ = link.recv(100)
            code = struct.unpack_from("=i", answer_, 16)[0]
            if code:
                raise OSError(-code, os.strerror(-code))
            return answer_
        attempt(name, refused)
    else:
        attempt(name, lambda: socket.socket(family, kind, protocol))
route = socket.socket(16, 3, 0)
route.sendto(struct.pack("=IHHII", 32, 16, 5, 1, 0) + struct.pack("=BxHiII", 0, 0, 1, 1, 1), (0, 0))
code = struct.unpack_from("=i", route.recv(200), 16)[0]
print("held: link up:" if code else "ESCAPED: link up:", os.strerror(-code))
