#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Zones at scale: first answer, memory, and one zone that is read again under load.

    Benchmarks/zones.py [--martlet .build/release/martlet] [--records 1000000] [--zones 100000]

Prints one line per figure. Needs dnsperf for the load. The memory of a record is that of the serving
process above one that serves a zone of three records.
"""
import argparse
import http.client
import os
import re
import shutil
import socket
import statistics
import subprocess
import tempfile
import time

HEAD = "$TTL 300\n@ SOA ns h {serial} 3600 600 86400 60\n@ NS ns\nns A 192.0.2.53\n"


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Server:
    """Martlet on a folder of zones, from its start to its end."""

    def __init__(self, binary, folder, zones, name):
        self.dns, self.admin = free_port(), free_port()
        path = os.path.join(folder, "martlet.yaml")
        with open(path, "w") as file:
            file.write(f"workers: 1\nlisteners: [ {{ dns: 127.0.0.1:{self.dns} }} ]\n"
                       f"admin: {{ listen: 127.0.0.1:{self.admin} }}\n"
                       f"state: {folder}/state\nzones:\n{zones}")
        self.output = open(os.path.join(folder, "output"), "w")
        began = time.monotonic()
        self.process = subprocess.Popen([binary, "run", "--config", path], stdout=self.output,
                                        stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
        query = b"\0\1\1\0\0\1\0\0\0\0\0\0" + labels + b"\0\0\1\0\1"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.02)
            sock.connect(("127.0.0.1", self.dns))
            while time.monotonic() < began + 120:
                try:
                    sock.send(query)
                    answer = sock.recv(2048)
                    if answer[3] & 15 == 0 and answer[7]:
                        break
                except OSError:
                    time.sleep(0.002)
        self.first = time.monotonic() - began

    def serving(self):
        pid = self.process.pid
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return int(file.read().split()[0])

    def memory(self):
        """Resident octets of the serving process, and the most there were."""
        with open(f"/proc/{self.serving()}/status") as file:
            text = file.read()
        return [int(re.search(rf"Vm{word}:\s+(\d+)", text)[1]) * 1024 for word in ("RSS", "HWM")]

    def post(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.admin)
        connection.connect()
        began = time.monotonic()
        connection.request("POST", path)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
        return time.monotonic() - began

    def end(self):
        self.process.terminate()
        self.process.wait()


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--martlet", default=".build/release/martlet")
    options.add_argument("--records", type=int, default=1_000_000)
    options.add_argument("--zones", type=int, default=100_000)
    given = options.parse_args()
    binary = os.path.abspath(given.martlet)
    folder = tempfile.mkdtemp(prefix="martlet-zones-")
    os.chmod(folder, 0o777)
    try:
        few = Server(binary, folder, one(folder, 0), "ns.big.test")
        time.sleep(1)
        base, _ = few.memory()
        few.end()
        server = Server(binary, folder, one(folder, given.records), f"host{given.records - 1}.big.test")
        time.sleep(1)
        now, most = server.memory()
        print(f"{given.records} records in one zone: first answer {server.first:.2f} s, "
              f"{(now - base) / given.records:.0f} octets each (most {most / 1e6:.0f} MB)")
        server.end()
        many(binary, folder, given.zones)
    finally:
        shutil.rmtree(folder)


def one(folder, count):
    with open(os.path.join(folder, "big.zone"), "w") as file:
        file.write(HEAD.format(serial=1))
        file.writelines(f"host{i} A 10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}\n"
                        for i in range(count))
    return "  big.test: { file: big.zone }\n"


def many(binary, folder, count):
    def write(number, serial):
        with open(os.path.join(folder, str(number // 1000), f"z{number}.zone"), "w") as file:
            file.write(HEAD.format(serial=serial) + "www A 192.0.2.1\n@ MX 10 www\n")

    for number in range(count):
        if number % 1000 == 0:
            os.mkdir(os.path.join(folder, str(number // 1000)))
        write(number, 1)
    lines = "".join(f"  z{i}.test: {{ file: {i // 1000}/z{i}.zone }}\n" for i in range(count))
    server = Server(binary, folder, lines, f"www.z{count - 1}.test")
    time.sleep(1)
    now, most = server.memory()
    print(f"{count} zones: first answer {server.first:.2f} s, {now / 1e6:.0f} MB "
          f"(most {most / 1e6:.0f} MB)")
    queries = os.path.join(folder, "queries")
    with open(queries, "w") as file:
        file.writelines(f"www.z{i}.test A\n" for i in range(count))
    load = subprocess.Popen(["dnsperf", "-s", "127.0.0.1", "-p", str(server.dns), "-d", queries,
                             "-Q", "50000", "-l", "6", "-c", "4", "-T", "1"],
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    took = []
    end = time.monotonic() + 5
    while time.monotonic() < end:
        number = len(took) * 7 % count
        write(number, len(took) + 2)
        took.append(server.post(f"/api/v1/zones/z{number}.test/reload") * 1000)
    text = load.communicate()[0]
    found = [re.search(rf"{words}\D+([\d.]+)", text)[1]
             for words in ("Queries lost:", "Queries sent:", "Queries per second:")]
    print(f"one of {count} zones read again, {len(took)} times: median "
          f"{statistics.median(took):.1f} ms, at most {max(took):.1f} ms; {found[0]} of {found[1]} "
          f"queries lost at {float(found[2]):.0f} a second")
    server.end()


main()
