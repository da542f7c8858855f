# /// attack
# tries = "talks to services that listen on this machine: a port of the bystander, common ports, by every address of the loopback"
# held = "its loopback is its own, and empty"
# exit = ["completed"]
# points = 5
# says = ["held: "]
# ///
# %%
import socket

for host in ("127.0.0.1", "127.0.1.1", "0.0.0.0", "localhost", "::1", "::ffff:127.0.0.1", socket.gethostname()):
    attempt(f"the bystander at {host}", lambda: socket.create_connection((host, PLACES["port"]), 2))
for port in (22, 80, 443, 2375, 2376, 3306, 5000, 5432, 6379, 8000, 8080, 8786, 8888, 9000, 11211, 27017):
    attempt(f"port {port}", lambda: socket.create_connection(("127.0.0.1", port), 1))


def asked():
    asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    asking.connect(("127.0.0.1", PLACES["udp"]))
    asking.send(b"x")
    asking.settimeout(0.5)
    asking.send(b"x")
    return asking.recv(10)


attempt("a datagram to the bystander", asked)
