# SPDX-License-Identifier: Apache-2.0
"""An Ethernet wire of this machine: a veth pair whose other end is in a network namespace."""
import os
import random
import re
import subprocess

from . import Skip


class Wire:
    """An Ethernet wire of two ends: ours, and the clients' in a namespace of their own."""

    def __init__(self, scene):
        if os.geteuid() != 0:
            raise Skip("only root can make network namespaces")
        number = random.randrange(10_000)
        self.space, self.end_here, self.there = f"mx{number}", f"mxa{number}", f"mxb{number}"
        self.net4, self.net6 = f"198.{18 + number % 2}.{number % 250}", f"fd00:{number:x}:"
        self.ipv4, self.ipv6 = f"{self.net4}.1", f"{self.net6}:1"
        if not self.ip("netns", "add", self.space):
            raise Skip("no network namespace can be made here")
        scene.started.append(self)
        self.connect()

    def connect(self):
        """Lays the wire, with an address of each family at each end."""
        if not self.ip("link", "add", self.end_here, "type", "veth",
                       "peer", "name", self.there, "netns", self.space):
            raise Skip("no veth pair can be made here")
        for where, name, last in (((), self.end_here, 1), (("-n", self.space), self.there, 2)):
            self.ip(*where, "addr", "add", f"{self.net4}.{last}/24", "dev", name)
            self.ip(*where, "addr", "add", f"{self.net6}:{last}/64", "dev", name, "nodad")
            self.ip(*where, "link", "set", name, "up")

    @staticmethod
    def ip(*words):
        return subprocess.run(["ip", *words], stdin=subprocess.DEVNULL,
                              capture_output=True).returncode == 0

    def end(self):
        self.ip("link", "del", self.end_here)
        self.ip("netns", "del", self.space)
        return ""

    def run(self, *words, within=20):
        done = subprocess.run(["ip", "netns", "exec", self.space, *words], stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=within)
        return done.stdout.decode(errors="replace")

    def dig(self, port, *options, server=None):
        return self.run("dig", f"@{server or self.ipv4}", "-p", str(port), "+tries=1", "+time=1",
                        *options)

    def program(self):
        """What the kernel says of a program at the interface; empty for none."""
        done = subprocess.run(["ip", "-d", "link", "show", "dev", self.end_here],
                              capture_output=True)
        return " ".join(re.findall(r"xdp\w*|prog/xdp id \d+", done.stdout.decode()))
