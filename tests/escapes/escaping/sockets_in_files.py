# /// attack
# tries = "connects to sockets that lie in the file system: the bystander's, Docker, the system bus, systemd, X, the SSH agent"
# held = "none of them is there"
# exit = ["completed"]
# points = 5
# says = ["held: /run/docker.sock"]
# ///
# %%
import glob
import socket

paths = [PLACES["outside"] + "/socket", "/run/docker.sock", "/var/run/docker.sock", "/run/podman/podman.sock", "/run/containerd/containerd.sock"]
paths += ["/run/dbus/system_bus_socket", "/run/systemd/private", "/run/systemd/journal/socket", "/dev/log", "/tmp/.X11-unix/X0", "/run/user/0/bus"]
paths += [path for pattern in ("/tmp/ssh-*/*", "/run/**/*.sock", "/var/run/*.sock") for path in glob.glob(pattern, recursive=True)]
for path in paths:
    def connected():
        ours = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        ours.connect(path)
        return ours
    attempt(path, connected)
