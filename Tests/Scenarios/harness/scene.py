# SPDX-License-Identifier: Apache-2.0
"""The stage of one scenario: its folder, its ports, and every process it started."""
import os
import random
import shutil
import socket

from .load import LoadClient
from .martlet import Martlet
from .origin import Origin


class Scene:
    def __init__(self, folder, options):
        self.folder = folder
        self.options = options
        self.full = options.full
        self.started = []
        self._held = []
        self._folders = []

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w") as file:
            file.write(text)
        return self.path(name)

    def removed_at_end(self, folder):
        """A folder elsewhere goes once nobody writes to it any more: after every process ended."""
        self._folders.append(folder)
        return folder

    def port(self, address="127.0.0.1"):
        """A port that is free for TCP and UDP, and that no other scene of this run gets.

        Each lane has a range of its own, below those that the kernel gives to clients.
        """
        for _ in range(200):
            tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                port = 16000 + 4000 * (self.options.lane % 4) + random.randrange(4000)
                tcp.bind((address, port))
                udp.bind((address, port))
                if port not in self._held:
                    self._held.append(port)
                    return port
            except OSError:
                continue
            finally:
                tcp.close()
                udp.close()
        raise RuntimeError("no free port")

    def origin(self, name, address="127.0.0.1", port=None, **options):
        origin = Origin(self, name, address, port or self.port(address), **options)
        self.started.append(origin)
        return origin

    def origins(self, *names, first=11, port=None):
        """Origins on one port and on addresses of their own, so that DNS answers tell them apart."""
        port = port or self.port()
        return [self.origin(n, f"127.0.0.{first + i}", port) for i, n in enumerate(names)]

    def martlet(self, configuration, **options):
        martlet = Martlet(self, configuration, **options)
        self.started.append(martlet)
        return martlet.start()

    def load(self, port, **options):
        load = LoadClient(self, port, **options)
        self.started.append(load)
        return load.start()

    def close(self):
        """Ends everything; a Martlet that crashed unasked is a failure of any scenario."""
        complaints = [thing.end() for thing in reversed(self.started)]
        for folder in self._folders:
            shutil.rmtree(folder)
        return "; ".join(text for text in complaints if text)

    def evidence(self):
        """The last lines of what Martlet said."""
        text = ""
        for thing in self.started:
            if isinstance(thing, Martlet):
                lines = thing.log().splitlines()[-12:]
                text += "".join(f"\n  | {line[:300]}" for line in lines)
        return text
