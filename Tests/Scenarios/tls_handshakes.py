# SPDX-License-Identifier: Apache-2.0
"""Handshakes are CPU: a budget for each client, and slow signatures beside the workers."""
import glob
import os
import socket
import ssl
import threading
import time

from harness import eventually, expect, expect_equal, scenario
from harness.certificates import Authority
from tls import L, get, https, metric, session


def thread_seconds(martlet):
    """CPU seconds of the serving process by the names of its threads."""
    seconds = {}
    for path in glob.glob(f"/proc/{martlet.serving()}/task/*/stat"):
        try:
            with open(path) as file:
                text = file.read()
        except OSError:
            continue
        name = text[text.index("(") + 1:text.rindex(")")]
        fields = text[text.rindex(")") + 2:].split()
        seconds[name] = seconds.get(name, 0) + (int(fields[11]) + int(fields[12])) / os.sysconf(
            "SC_CLK_TCK")
    return seconds


def greeting(authority):
    """A client that has said hello into memory, and what it reads from and has written to."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context(cafile=authority.certificate)
    guest = context.wrap_bio(incoming, outgoing, server_hostname="www.example.com")
    try:
        guest.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return guest, incoming, outgoing


@scenario("full handshakes beyond a client's rate are closed and counted, resumed ones are free",
          covers=[L + "tls.handshake-rate", L + "tls.handshake-burst"])
def budget(scene):
    authority = Authority(scene)
    files = [authority.make("www", "www.example.com")]

    def visits(port, count, **options):
        done = 0
        for _ in range(count):
            try:
                with session(authority, port, "www.example.com", **options) as sock:
                    done += get(sock, close=True)[0] == 200
            except OSError:
                pass
        return done

    _, _, port, _ = https(scene, authority, files)
    expect_equal(visits(port, 30), 30, "without the option any number")
    _, _, port, martlet = https(scene, authority, files, more=(
        "tls: { handshake-rate: 1/m, handshake-burst: 5 }"))
    expect_equal(visits(port, 12), 5, "five at once")
    limited = 'martlet_tls_handshake_failures_total{reason="handshake-rate"}'
    expect_equal(metric(martlet, limited), 7, "the others are counted")
    martlet.access_entry("of a limited one", lambda line: line.get(
        "tls_failure") == "handshake-rate")
    _, _, port, martlet = https(scene, authority, files, more="tls: { handshake-rate: 3/m }")
    expect_equal(visits(port, 5), 3, "without a burst that of the rate")

    # A ticket of the first one spares the others the signature, and the budget.
    _, _, port, martlet = https(scene, authority, files, more="tls: { handshake-rate: 1/m }")
    context = ssl.create_default_context(cafile=authority.certificate)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    known = None
    for number in range(6):
        plain = socket.create_connection(("127.0.0.1", port), timeout=5)
        with context.wrap_socket(plain, server_hostname="www.example.com", session=known) as sock:
            expect_equal(sock.session_reused, number > 0, f"visit {number}: resumed")
            expect_equal(get(sock, close=True)[0], 200, f"visit {number}")
            known = sock.session
    expect_equal(metric(martlet, limited), 0, "none was limited")


@scenario("signatures of a long RSA key hold no worker up", limit=120)
def beside(scene):
    authority = Authority(scene)
    files = [authority.make("www", "www.example.com", kind="rsa4096"),
             authority.make("b", "b.example.com")]
    _, plain, port, martlet = https(scene, authority, files)
    count, failed, waits = 400 if scene.full else 120, [], []
    stop = threading.Event()

    def shake(start):
        for number in range(start, count, 3):
            version = ssl.TLSVersion.TLSv1_3 if number % 2 else ssl.TLSVersion.TLSv1_2
            try:
                with session(authority, port, "www.example.com", most=version) as sock:
                    if get(sock, close=True)[0] != 200:
                        failed.append(number)
            except OSError as error:
                failed.append(repr(error))

    def others():
        with session(authority, port, "b.example.com") as sock:
            while not stop.is_set():
                began = time.monotonic()
                get(sock, host="b.example.com")
                waits.append(time.monotonic() - began)

    before = thread_seconds(martlet)
    threads = [threading.Thread(target=shake, args=(i,)) for i in range(3)]
    bystander = threading.Thread(target=others)
    for thread in [*threads, bystander]:
        thread.start()
    for thread in threads:
        thread.join()
    stop.set()
    bystander.join()
    spent = {name: seconds - before.get(name, 0)
             for name, seconds in thread_seconds(martlet).items()}
    expect(not failed, f"{len(failed)} handshakes failed: {failed[:3]}")
    expect_equal(metric(martlet, "martlet_tls_slow_signatures_total"), count, "made beside")
    per = spent.get("tls-signer", 0) / count
    expect(per > 0.0005, f"a signature costs its thread CPU: {spent}")
    waits.sort()
    p99 = waits[len(waits) * 99 // 100]
    print(f"      signer {per * 1000:.2f} ms a handshake, workers "
          f"{sum(s for n, s in spent.items() if n.startswith('worker')):.2f} s; "
          f"bystander p99 {p99 * 1000:.1f} ms of {len(waits)}")

    # A client that leaves while its signature is made takes nobody with it.
    hello = []
    left = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(30)]
    for sock in left:
        guest, _, outgoing = greeting(authority)
        hello.append(guest)
        sock.sendall(outgoing.read())
        sock.close()
    with session(authority, port, "www.example.com") as sock:
        expect_equal(get(sock, close=True)[0], 200, "the next one is served")


def turns(martlet):
    """Turns of all workers by the upper end of their class in seconds, and beyond."""
    counts = {}
    for line in martlet.metrics().splitlines():
        if line.startswith("martlet_worker_turn_seconds_bucket"):
            bound = line.partition('le="')[2].partition('"')[0]
            counts[bound] = counts.get(bound, 0) + float(line.rpartition(" ")[2])
    return counts


@scenario("a storm of handshakes is spread over turns, and holds nobody up", limit=120)
def storm(scene):
    authority = Authority(scene)
    files = [authority.make("www", "www.example.com", kind="rsa2048")]
    origin, plain, port, martlet = https(scene, authority, files, workers=1,
                                         route="compress: { level: 9 }")
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        # Turns are measured by the clock on the wall: on a core of its own that is CPU time.
        os.sched_setaffinity(0, cores[1:])
        os.sched_setaffinity(origin.process.pid, cores[1:])
        for task in os.listdir(f"/proc/{martlet.serving()}/task"):
            os.sched_setaffinity(int(task), cores[:1])
    # Who has come before the storm is served beside it, with and without costly work of its own.
    beside = {
        "plain": scene.load(plain, rate=200, connections=8),
        "compressed": scene.load(plain, rate=100, connections=8, path="/bytes/20000/text",
                                 fields="Accept-Encoding: gzip\r\n")}
    before = turns(martlet)
    rounds = 10 if scene.full else 2
    for _ in range(rounds):
        guests = []
        for _ in range(200):
            guest, incoming, outgoing = greeting(authority)
            sock = socket.create_connection(("127.0.0.1", port), timeout=10)
            guests.append((sock, guest, incoming, outgoing, outgoing.read()))
        for sock, _, _, _, hello in guests:
            sock.sendall(hello)
        for sock, guest, incoming, outgoing, _ in guests:
            while True:
                try:
                    guest.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    data = sock.recv(65536)
                    expect(data, "cut in the middle of a handshake")
                    incoming.write(data)
            guest.write(b"GET / HTTP/1.1\r\nHost: www.example.com\r\nConnection: close\r\n\r\n")
            sock.sendall(outgoing.read())
        for sock, *_ in guests:
            expect(sock.recv(65536), "an answer")
            sock.close()
    waits = {}
    for name, load in beside.items():
        load.stop().expect_no_failure(20)
        waits[name] = load.latency(0.99)
    after = turns(martlet)
    counts = {bound: after[bound] - before[bound] for bound in after}
    put_off = metric(martlet, "martlet_http_work_put_off_total")
    share = counts["0.002048"] / counts["+Inf"]
    print(f"      {counts['+Inf']:.0f} turns, {share:.2%} within 2 ms; {put_off:.0f} put off; "
          f"beside it p99 {', '.join(f'{n} {w * 1000:.0f} ms' for n, w in waits.items())}")
    expect(max(waits.values()) < 0.25, f"who was there already waits: {waits}")
    expect(metric(martlet, "martlet_compressions_total") > 20, "answers were compressed")
    expect_equal(metric(martlet, "martlet_tls_handshakes_total"), rounds * 200, "handshakes")
    expect(put_off > 50, f"handshakes waited for a later turn: {put_off}")
    # Others may be busy on that core, too.
    most = "0.002048" if len(cores) > 1 else "0.016384"
    expect(counts[most] / counts["+Inf"] > 0.98, f"turns are short: {counts}")


@scenario("every certificate of many is swapped under load, and no handshake fails", limit=900)
def swapped(scene):
    authority = Authority(scene)
    count = 1000 if scene.full else 60
    hosts = [f"n{i}.example.com" for i in range(count)]

    def make(number):
        return authority.make(f"n{number}", hosts[number], kind="ecdsa")

    files = [make(number) for number in range(count)]
    _, _, port, martlet = https(scene, authority, files)
    stop, failed, done = threading.Event(), [], [0] * 3

    def serial(host):
        with session(authority, port, host, timeout=10) as sock:
            return sock.getpeercert()["serialNumber"]

    def visit(lane):
        number = lane * 331
        while not stop.is_set():
            host = hosts[number % count]
            number += 7
            try:
                with session(authority, port, host, timeout=10) as sock:
                    if get(sock, host=host, close=True)[0] != 200:
                        failed.append(f"{host}: no 200")
                done[lane] += 1
            except (OSError, ValueError) as error:
                failed.append(f"{host}: {error!r}")

    before = [serial(host) for host in hosts]
    visitors = [threading.Thread(target=visit, args=(lane,)) for lane in range(3)]
    for visitor in visitors:
        visitor.start()
    try:
        for number in range(count):
            make(number)
        waiting = set(range(count))

        def all_new():
            waiting.difference_update(
                [number for number in waiting if serial(hosts[number]) != before[number]])
            return not waiting
        eventually("every name shows its new certificate", all_new, within=60)
    finally:
        stop.set()
        for visitor in visitors:
            visitor.join()
    expect(not failed, f"{len(failed)} of {sum(done)} handshakes failed: {failed[:3]}")
    expect(sum(done) > 100, f"only {sum(done)} visits")
    expect_equal(metric(martlet, "martlet_tls_handshake_failures_total"), 0, "as Martlet counts")
