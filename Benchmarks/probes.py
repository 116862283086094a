#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ten thousand steered names with thirty thousand probes: first answers, memory, CPU.

    Benchmarks/probes.py [--martlet .build/release/martlet] [--names 10000] [--reloads 5]

Prints one line per figure. Memory is the proportional set of the supervisor and the serving process
together; "at first" is taken once all verdicts are in, then after each reload of a changed file.
"""
import argparse
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time


def free_port(kind=socket.SOCK_DGRAM):
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def accept_all(listener):
    while True:
        try:
            listener.accept()[0].close()
        except OSError:
            return


def write(path, folder, dns, admin, port, names, ttl):
    with open(path, "w") as file:
        file.write(f"workers: 1\nstate: {folder}/state\nlisteners: [ {{ dns: 127.0.0.1:{dns} }} ]\n"
                   f"admin: {{ listen: 127.0.0.1:{admin} }}\n"
                   f"probes: {{ open: {{ tcp: connect, port: {port}, interval: 30s, timeout: 1s }} }}\n"
                   "zones:\n  many.test:\n"
                   "    soa: { primary: ns.many.test, mailbox: h.many.test }\n    records:\n"
                   "      ns: { a: 192.0.2.53 }\n      \"@\": { ns: ns.many.test }\n")
        for number in range(names):
            file.write(f"      n{number}: {{ steer: n{number} }}\n")
        file.write("steer:\n")
        for number in range(names):
            places = [f"127.{10 + place}.{number >> 8}.{number & 255}" for place in range(3)]
            branches = ", ".join(f"{place}: {weight}" for weight, place in enumerate(places, 1))
            file.write(f"  n{number}: {{ weighted: {{ {branches} }}, probe: open, ttl: {ttl}s }}\n")


def first_answer(port, name, began):
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    query = b"\0\1\1\0\0\1\0\0\0\0\0\0" + labels + b"\0\0\1\0\1"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.02)
        sock.connect(("127.0.0.1", port))
        while time.monotonic() < began + 60:
            try:
                sock.send(query)
                answer = sock.recv(2048)
                if answer[3] & 15 == 0 and answer[7]:
                    return time.monotonic() - began
            except OSError:
                time.sleep(0.002)
    raise SystemExit("no answer")


def processes(parent):
    with open(f"/proc/{parent}/task/{parent}/children") as file:
        return [parent] + [int(word) for word in file.read().split()]


def proportional(parent):
    return [int(re.search(r"Pss:\s+(\d+)", open(f"/proc/{pid}/smaps_rollup").read())[1]) / 1024
            for pid in processes(parent)]


def ticks(parent):
    total = 0
    for pid in processes(parent):
        fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--martlet", default=".build/release/martlet")
    options.add_argument("--names", type=int, default=10_000)
    options.add_argument("--reloads", type=int, default=5)
    given = options.parse_args()
    binary = os.path.abspath(given.martlet)
    folder = tempfile.mkdtemp(prefix="martlet-probes-")
    os.chmod(folder, 0o777)
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("0.0.0.0", 0))
    listener.listen(4096)
    port = listener.getsockname()[1]
    threading.Thread(target=accept_all, args=(listener,), daemon=True).start()
    dns, admin = free_port(), free_port(socket.SOCK_STREAM)
    path = os.path.join(folder, "martlet.yaml")
    process = None
    try:
        for words in ["the very first start", "a start with known health"]:
            write(path, folder, dns, admin, port, given.names, 30)
            with open(os.path.join(folder, "output"), "w") as output:
                began = time.monotonic()
                process = subprocess.Popen([binary, "run", "--config", path], stdout=output,
                                           stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
            took = first_answer(dns, f"n{given.names - 1}.many.test", began)
            print(f"{words}: first answer {took:.2f} s", flush=True)
            time.sleep(35)
            now, at = ticks(process.pid), time.monotonic()
            memory = proportional(process.pid)
            print(f"memory at first {sum(memory):.0f} MiB {[round(part) for part in memory]}")
            for number in range(given.reloads):
                write(path, folder, dns, admin, port, given.names, 31 + number)
                os.kill(process.pid, signal.SIGHUP)
                time.sleep(6)
                memory = proportional(process.pid)
                print(f"after reload {number + 1}: {sum(memory):.0f} MiB "
                      f"{[round(part) for part in memory]}", flush=True)
            now, at = ticks(process.pid), time.monotonic()
            time.sleep(30)
            share = (ticks(process.pid) - now) / (time.monotonic() - at)
            print(f"CPU of both processes over 30 s: {share:.1%} of a core")
            process.terminate()
            process.wait()
            process = None
    finally:
        if process:
            process.kill()
        shutil.rmtree(folder)


main()
