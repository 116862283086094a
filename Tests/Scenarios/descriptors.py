# SPDX-License-Identifier: Apache-2.0
"""A start at each point at which descriptors can run out: a word of it, or a process that works."""
import os
import re
import signal
import socket
import subprocess

from harness import eventually, expect, scenario
from harness.check import Failure
from updates import ANYBODY, ZONE, message

WORDS = re.compile("Too many open files|M31[01][0-9]|cannot start")


@scenario("a start that lacks descriptors says so, and one that is ready answers updates", 120)
def starts(scene):
    seen = {"refused": 0, "ready": 0}
    for limit in range(18, 60, 3):
        dns = scene.port()
        scene.write("a.zone", ZONE)
        config = scene.write(f"m{limit}.yaml", f"""state: {scene.path(f"state{limit}")}
workers: 1
listeners: [ {{ dns: 127.0.0.1:{dns} }} ]
zones:
  a.test:
    file: a.zone
    updates:
{ANYBODY}""")
        path = scene.path(f"output{limit}")
        with open(path, "w") as output:
            process = subprocess.Popen(
                ["prlimit", f"--nofile={limit}:{limit}", "--", scene.options.martlet, "run", "--config", config],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output)

        def told():
            with open(path) as file:
                return file.read()

        try:
            eventually(f"a word with {limit} descriptors",
                       lambda: WORDS.search(told()) or " ready ready" in told(), within=15)
            # The doors may be open before a worker finds that it cannot start: it says so, too.
            if " ready ready" in told() and (not WORDS.search(told()) or answers(dns)):
                seen["ready"] += 1
                expect(answers(dns), f"no answer to an update with {limit} descriptors:\n{told()}")
            else:
                seen["refused"] += 1
                expect(WORDS.search(told()), f"not a word with {limit} descriptors:\n{told()}")
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.kill(process.pid, signal.SIGKILL)
                process.wait()
    expect(seen["refused"] > 2 and seen["ready"] > 2, f"{seen}")


def answers(dns):
    """True when an update is answered at all, be it by SERVFAIL."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.5)
        sock.connect(("127.0.0.1", dns))

        def asked():
            sock.send(message(3, "n.a.test", "192.0.2.9"))
            return len(sock.recv(4096)) >= 12

        try:
            return eventually("an answer", asked, within=10, every=0.1)
        except Failure:
            return False
