#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a query over UDP costs by sockets and by AF_XDP, on a veth pair with the client in a namespace.

    Benchmarks/interfaces.py [--martlet .build/release/martlet] [--rounds 9] [--seconds 1.5]
                             [--rate N] [--dnsblast PATH]

The ways take turns. Server on core 0, client on core 1, root needed. CPU time is of the scheduler:
"server" is Martlet's processes, "all" is that, the client, and the kernel's threads for packets. A
veth pair receives in the sender's time, so what the kernel does for a query that comes is in "all"
alone, and so is what the client does for itself. Needs dnsperf, or dnsblast of the comparisons.
"""
import argparse
import json
import os
import re
import statistics
import struct
import subprocess
import tempfile
import time

from cpu import family, scheduled

SPACE, HERE, THERE, ADDRESS = "mtbench", "mtb0", "mtb1", "198.19.250."
WAYS = {"sockets": "", "generic": ", xdp: { interface: %s, mode: generic }" % HERE,
        "native": ", xdp: { interface: %s, mode: native }" % HERE}
NAMES = 10_000


def ip(*words):
    subprocess.run(["ip", *words], check=False, capture_output=True)


def wire():
    ip("netns", "del", SPACE)
    ip("link", "del", HERE)
    ip("netns", "add", SPACE)
    ip("link", "add", HERE, "type", "veth", "peer", "name", THERE, "netns", SPACE)
    for where, name, last in (((), HERE, 1), (("-n", SPACE), THERE, 2)):
        ip(*where, "addr", "add", f"{ADDRESS}{last}/24", "dev", name)
        ip(*where, "link", "set", name, "up")


def write_files(folder):
    with open(f"{folder}/zone", "w") as file:
        file.write("$ORIGIN example.com.\n$TTL 300\n@ SOA ns h 1 3600 600 86400 60\n@ NS ns\n"
                   "ns A 192.0.2.1\n")
        file.writelines(f"n{i} A 192.0.{i // 250}.{i % 250}\n" for i in range(NAMES))
    order = [f"n{i * 7919 % NAMES}" for i in range(NAMES)]
    with open(f"{folder}/text", "w") as file:
        file.writelines(f"{name}.example.com A\n" for name in order)
    with open(f"{folder}/binary", "wb") as file:
        for name in order:
            query = struct.pack("!6HB", 0, 0, 1, 0, 0, 1, len(name)) + name.encode()
            query += b"\7example\3com\0" + struct.pack("!HHBHHIH", 1, 1, 0, 41, 1232, 0, 0)
            file.write(struct.pack("!H", len(query)) + query)


def kernel_threads():
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/comm") as file:
                if file.read().startswith("ksoftirqd"):
                    found.append(int(pid))
        except OSError:
            pass
    return found


def load(options, folder, port):
    """Queries that were answered, and those that were not."""
    rate = options.rate
    if options.dnsblast:
        command = [options.dnsblast, "--host", ADDRESS + "1", "--port", str(port), "--queries",
                   f"{folder}/binary", "--duration", str(options.seconds)]
        command += ["--rate", str(rate)] if rate else []
    else:
        command = ["dnsperf", "-s", ADDRESS + "1", "-p", str(port), "-d", f"{folder}/text", "-c", "8",
                   "-T", "1", "-q", "256", "-l", str(max(1, round(options.seconds)))]
        command += ["-Q", str(rate)] if rate else []
    text = subprocess.run(["ip", "netns", "exec", SPACE, "taskset", "-c", "1", *command],
                          capture_output=True, text=True).stdout
    if options.dnsblast:
        said = json.loads(text)
        return said["requests"], said["lost"] + said["bad"] + said["servfail"] + said["refused"]
    return (int(re.search(rf"Queries {word}: +(\d+)", text)[1]) for word in ("completed", "lost"))


def measure(options, folder, way, port):
    path = f"{folder}/{way}.yaml"
    with open(path, "w") as file:
        file.write(f"workers: 1\nstate: {folder}/{way}\nadmin: {{ listen: 127.0.0.1:{port + 1} }}\n"
                   f'listeners: [ {{ dns: "{ADDRESS}1:{port}"{WAYS[way]} }} ]\n'
                   f"zones: {{ example.com: {{ file: {folder}/zone }} }}\n")
    with open(f"{folder}/{way}.log", "w+") as log:
        server = subprocess.Popen(["taskset", "-c", "0", options.martlet, "run", "--config", path],
                                  stdout=log, stderr=subprocess.STDOUT)
        try:
            wanted = "ready: the doors" if way == "sockets" else f"by XDP: {way} mode"
            for _ in range(200):
                time.sleep(0.05)
                with open(f"{folder}/{way}.log") as text:
                    if wanted in text.read():
                        break
            else:
                raise SystemExit(f"{way}: not there: see {folder}/{way}.log")
            time.sleep(0.3)
            threads = kernel_threads()
            before = scheduled(family(server.pid)), scheduled(threads), os.times()
            done, lost = load(options, folder, port)
            after = scheduled(family(server.pid)), scheduled(threads), os.times()
        finally:
            server.terminate()
            server.wait()
    own, soft = (1e6 * (after[i] - before[i]) / done for i in (0, 1))
    client = 1e6 * sum(after[2][i] - before[2][i] for i in (2, 3)) / done
    return own, own + soft + client, done / options.seconds, lost


def main():
    read = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    read.add_argument("--martlet", default=".build/release/martlet")
    read.add_argument("--rounds", type=int, default=9)
    read.add_argument("--seconds", type=float, default=1.5)
    read.add_argument("--rate", type=int, default=0)
    read.add_argument("--dnsblast")
    options = read.parse_args()
    results = {way: [] for way in WAYS}
    wire()
    try:
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            write_files(folder)
            for _ in range(options.rounds):
                for number, way in enumerate(WAYS):
                    results[way].append(measure(options, folder, way, 5400 + 10 * number))
    finally:
        ip("link", "del", HERE)
        ip("netns", "del", SPACE)
    for way, rows in results.items():
        own, all_, rate = (statistics.median(row[i] for row in rows) for i in range(3))
        spread = [f"{pick(row[0] for row in rows):.2f}" for pick in (min, max)]
        print(f"{way}: server {own:.2f} us ({' to '.join(spread)}), all {all_:.2f} us, "
              f"{rate:.0f} answers/s, {sum(row[3] for row in rows)} lost")


if __name__ == "__main__":
    main()
