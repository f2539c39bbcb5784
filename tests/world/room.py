"""room.py - a private network and a private /etc, in which posternd meets providers by their real names.

A namespace of its own for network and mounts: its loopback has public-looking addresses, its /etc is a copy with a hosts
file, an authority and /etc/postern of our own. So a provider block works there as it stands, with https on port 443, and
the filter for public addresses has something to filter. Nothing of it is seen from outside, but for the listening
sockets: they are made inside and handed out, so whoever serves them stays with the tests.

usage (by Room only): unshare --net --mount python3 room.py DIRECTORY     with a UNIX socket on descriptor 0
"""

import array
import os
import shutil
import socket
import subprocess
import sys

# Of nobody's documentation range, so that the filter takes it for public; it never leaves the room.
ADDRESS = "192.0.3.1"
OLD_ADDRESS = "192.0.3.2"      # what is there speaks TLS 1.0
HOME_ADDRESS = "10.9.9.9"       # private, and a provider's all the same
# What a filter must keep us from: they are there, so only the filter can stop a connection.
FORBIDDEN = ("10.1.2.3", "169.254.169.254", "100.64.0.1")
PORTS = (443, 80)


def listener(port):
    try:
        listening = socket.socket(socket.AF_INET6)
        listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        name = "::"
    except OSError:
        listening, name = socket.socket(), ""
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((name, port))
    listening.listen(4096)
    return listening


def furnish(directory):
    def run(*command):
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)

    run("ip", "link", "set", "lo", "up")
    for address in (ADDRESS, OLD_ADDRESS, HOME_ADDRESS, *FORBIDDEN):
        run("ip", "address", "add", f"{address}/32", "dev", "lo")
    run("mount", "--bind", f"{directory}/etc", "/etc")


def main(directory):
    furnish(directory)
    with socket.socket(fileno=0) as outside:
        made = [listener(port) for port in PORTS]
        outside.sendmsg([b"ready"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [one.fileno() for one in made]))])
        for one in made:
            one.close()
        outside.recv(1)      # the room ends with whoever asked for it


class Room:
    """The outside of it. `listening`: by port. `enter`: what to put before a command."""

    def __init__(self, directory, bundle):
        self.directory = directory
        self.etc = f"{directory}/etc"
        shutil.copytree("/etc", self.etc, symlinks=True, ignore_dangling_symlinks=True)
        for name in ("passwd", "group"):
            os.chmod(f"{self.etc}/{name}", 0o644)
        os.makedirs(f"{self.etc}/postern", exist_ok=True)
        os.makedirs(f"{self.etc}/ssl/certs", exist_ok=True)
        self.write("ssl/certs/ca-certificates.crt", bundle)
        self.write("resolv.conf", "")
        self.write("hosts", "127.0.0.1 localhost\n::1 localhost\n")
        ours, theirs = socket.socketpair()
        self.holder = subprocess.Popen(["unshare", "--net", "--mount", "--propagation", "private", sys.executable, "-I", __file__, directory],
                                       stdin=theirs)
        theirs.close()
        self.line = ours
        word, fds, _, _ = socket.recv_fds(ours, 16, len(PORTS))
        if word != b"ready":
            raise RuntimeError("no namespace for network and mounts could be made: that takes root, and a / that is a mount point (unshare said more)")
        self.listening = {port: socket.socket(fileno=fd) for port, fd in zip(PORTS, fds)}
        self.enter = ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net", f"--mount=/proc/{self.holder.pid}/ns/mnt", "--"]

    def write(self, name, text, mode=0o644):
        """A file below /etc of the room; in place when it is there."""
        path = f"{self.etc}/{name}"
        if os.path.islink(path):
            os.unlink(path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), mode)
            file.write(text)

    def close(self):
        for listening in self.listening.values():
            listening.close()
        self.line.close()
        self.holder.wait(20)


if __name__ == "__main__":
    main(sys.argv[1])
