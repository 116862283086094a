#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""DNS over TLS beside NSD: CPU of an answer, in turn, both servers on one core.

    Benchmarks/encrypted.py [--martlet .build/release/martlet] [--rounds 5] [--seconds 3]

Prints a line for each round, and the medians with the median of the rounds' ratios. Needs dnsperf, NSD and
openssl. The load is on core 1; both servers have one worker, TLS 1.3, one certificate of ECDSA P-256,
and a zone of 10,000 addresses. Connections are made within the load, and are a part of it.
"""
import argparse
import os
import re
import signal
import socket
import statistics
import subprocess
import tempfile
import time

from cpu import family, scheduled

HEAD = "$TTL 300\n@ SOA ns h 1 3600 600 86400 60\n@ NS ns\nns A 192.0.2.53\n"


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Server:
    def __init__(self, name, command, port, folder):
        self.name, self.port = name, port
        self.output = open(os.path.join(folder, f"{name}.output"), "w")
        self.process = subprocess.Popen(["taskset", "-c", "0", *command], stdout=self.output,
                                        stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        time.sleep(0.5)

    def measure(self, queries, length, connections):
        pids = family(self.process.pid)
        before = scheduled(pids)
        done = subprocess.run(
            ["taskset", "-c", "1", "dnsperf", "-m", "dot", "-s", "127.0.0.1", "-p", str(self.port),
             "-d", queries, "-l", str(length), "-c", str(connections), "-q", "200"],
            capture_output=True, text=True, timeout=length + 30)
        spent = scheduled(pids) - before
        answered = int(re.search(r"Queries completed:\s+(\d+)", done.stdout)[1])
        if not answered:
            raise SystemExit(f"{self.name}: no answers\n{done.stdout}{done.stderr}"
                             + open(self.output.name).read()[-2000:])
        lost = int(re.search(r"Queries lost:\s+(\d+)", done.stdout)[1])
        return spent / answered * 1e6, answered / length, lost

    def end(self):
        for pid in reversed(family(self.process.pid)):
            os.kill(pid, signal.SIGTERM)
        self.process.wait(10)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--martlet", default=".build/release/martlet")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--seconds", type=int, default=3)
    arguments.add_argument("--connections", type=int, default=16)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        run(options, folder)


def run(options, folder):
    def write(name, text):
        path = os.path.join(folder, name)
        with open(path, "w") as file:
            file.write(text)
        return path

    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-days", "2", "-subj", "/CN=ns.a.test", "-addext", "subjectAltName=DNS:ns.a.test", "-keyout", f"{folder}/key.pem",
                    "-out", f"{folder}/cert.pem"], check=True, capture_output=True)
    os.chmod(f"{folder}/key.pem", 0o644)
    zone = write("a.zone", HEAD + "".join(
        f"h{n} A 192.0.{n // 250 % 250}.{n % 250 + 1}\n" for n in range(10_000)))
    queries = write("queries", "".join(f"h{n * 7919 % 10_000}.a.test A\n" for n in range(10_000)))
    ports = [free_port() for _ in range(3)]
    martlet = write("martlet.yaml", f"""workers: 1
listeners:
  - dot: 127.0.0.1:{ports[0]}
    certificates: [ {{ certificate: {folder}/cert.pem, key: {folder}/key.pem }} ]
    tls: {{ min-version: "1.3" }}
admin: {{ listen: 127.0.0.1:{ports[2]} }}
state: {folder}/state
zones: {{ a.test: {{ file: {zone} }} }}
""")
    nsd = write("nsd.conf", f"""server:
  ip-address: 127.0.0.1@{ports[1]}
  server-count: 1
  tls-port: {ports[1]}
  tls-service-key: {folder}/key.pem
  tls-service-pem: {folder}/cert.pem
  tcp-count: 1000
  tcp-query-count: 0
  database: ""
  zonelistfile: {folder}/zone.list
  xfrdfile: {folder}/xfrd.state
  pidfile: {folder}/nsd.pid
  username: ""
  chroot: ""
  verbosity: 0
remote-control:
  control-enable: no
zone:
  name: a.test
  zonefile: {zone}
""")
    servers = [Server("martlet", [options.martlet, "run", "--config", martlet], ports[0], folder),
               Server("nsd", ["nsd", "-d", "-c", nsd], ports[1], folder)]
    costs = {server.name: [] for server in servers}
    rates = {server.name: [] for server in servers}
    try:
        for number in range(options.rounds):
            for server in servers if number % 2 == 0 else reversed(servers):
                cost, rate, lost = server.measure(queries, options.seconds, options.connections)
                costs[server.name].append(cost)
                rates[server.name].append(rate)
                print(f"round {number + 1} {server.name}: {cost:.2f} us, {rate:,.0f}/s, {lost} lost")
    finally:
        for server in servers:
            server.end()
    for name in costs:
        print(f"{name}: {statistics.median(costs[name]):.2f} us, {statistics.median(rates[name]):,.0f}/s")
    ratios = [a / b for a, b in zip(costs["martlet"], costs["nsd"])]
    print(f"ratio: {statistics.median(costs['martlet']) / statistics.median(costs['nsd']):.2f} of medians, "
          f"{statistics.median(ratios):.2f} median of rounds, "
          f"{min(ratios):.2f} to {max(ratios):.2f}")


if __name__ == "__main__":
    main()
