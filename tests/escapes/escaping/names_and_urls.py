# /// attack
# tries = "asks for names, downloads, sends datagrams and mail, by Python and by every program that is there"
# held = "there is no network to reach"
# exit = ["completed"]
# points = 5
# says = ["held: url"]
# ///
# %%
import socket
import subprocess
import urllib.request

socket.setdefaulttimeout(3)
attempt("name", lambda: socket.gethostbyname("example.org"))
attempt("url", lambda: urllib.request.urlopen("http://198.51.100.1/", timeout=3).read(10))
for address in (("198.51.100.1", 53), ("10.0.0.1", 53), ("169.254.169.254", 80), ("224.0.0.251", 5353), ("255.255.255.255", 67)):
    attempt(f"datagram to {address[0]}", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", address))
    attempt(f"connection to {address[0]}", lambda: socket.create_connection(address, 3))
attempt("ipv6", lambda: socket.create_connection(("2001:db8::1", 80), 3))
for command in (["ping", "-c1", "-W1", "198.51.100.1"], ["/usr/bin/python3", "-c", "import urllib.request as u; u.urlopen('http://198.51.100.1', timeout=2)"]):
    attempt(command[0], lambda: subprocess.run(command, check=True, capture_output=True, timeout=10))
