# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 towards endpoints, and gRPC end to end: another Martlet, grpcio and curl."""
import json
import os
import re
import socket
import subprocess

from harness import Failure, Skip, eventually, expect, expect_equal, scenario
from harness.ask import curl
from harness.certificates import Authority, pair
from harness.service import service

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VENV = os.path.join(ROOT, ".build", "venv", "bin", "python")
PEER = os.path.join(ROOT, "Tests", "Scenarios", "harness", "grpc_peer.py")
UPGRADE = (b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
           b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")


def metric(martlet, name):
    text = martlet.api("GET", "/metrics")[2]
    text = text if isinstance(text, str) else text.decode()
    return sum(float(value) for value in re.findall(
        rf"^{re.escape(name)}(?:\{{[^}}]*\}})? (\S+)$", text, re.M))


def front(scene, address, pool, listener="", extra=""):
    """A Martlet before one endpoint; (port, martlet)."""
    http = scene.port()
    text = f"""workers: 1
pools:
  web: {{ {pool}, endpoints: [ {{ address: '{address}' }} ] }}
listeners:
  - {{ http: 127.0.0.1:{http}{listener} }}
{extra}routes:
  - {{ path: /, pool: web }}
"""
    return http, scene.martlet(text)


@scenario("endpoints are asked by HTTP/2 on plain TCP: bodies, statuses, reuse, reload", covers=[
    "pools.*.protocol", "pools.*.http2.streams", "pools.*.http2.connections"])
def prior_knowledge(scene):
    origin, = scene.origins("a")
    back_port = scene.port()
    back = scene.martlet(service(back_port, None, [origin]).replace(
        "host: www.example.com, ", ""))
    at = f"127.0.0.1:{back_port}"
    few = "protocol: http2, http2: { streams: 2, connections: 2 }, queue: { limit: 4 }"
    http, martlet = front(scene, at, few)
    url = f"http://127.0.0.1:{http}"
    status, head, body = curl(f"{url}/")
    expect_equal((status, body), (200, b"origin a\n"), "a GET")
    upload = scene.path("upload")
    with open(upload, "wb") as file:
        file.truncate(3 << 20)
    expect_equal(curl(f"{url}/sum", "--data-binary", f"@{upload}")[0], 200, "an upload")
    expect_equal(curl(f"{url}/sum", "-H", "Transfer-Encoding: chunked", "--data-binary",
                      f"@{upload}")[2].split()[0], b"3145728", "a chunked upload")
    expect_equal(len(curl(f"{url}/bytes/3000000")[2]), 3_000_000, "a download")
    expect_equal(curl(f"{url}/status/404")[0], 404, "a status")
    expect_equal(metric(back, "martlet_http_sessions_total"), 1, "connections by HTTP/2")
    expect_equal(metric(martlet, "martlet_http_origin_sessions_total"), 1, "the same, from here")
    expect(metric(back, "martlet_http_streams_total") >= 5, "requests by HTTP/2")
    # Two by each of two connections; four wait; the ninth is told so.
    asked = [subprocess.Popen(["curl", "-s", "-o", os.devnull, "-w", "%{http_code}",
                               f"{url}/delay/1000"], stdout=subprocess.PIPE) for _ in range(9)]
    answers = sorted(process.communicate()[0] for process in asked)
    expect_equal(answers, [b"200"] * 8 + [b"503"], "answers above the bound")
    expect_equal(metric(martlet, "martlet_http_origin_sessions_total"), 2, "connections")
    expect(metric(martlet, "martlet_http_origin_full_total") > 0, "the bound is counted")
    with open(martlet.config) as file:
        text = file.read()
    martlet.reload(text.replace("protocol: http2", "protocol: http1"))
    before = metric(back, "martlet_http_streams_total")
    expect_equal(curl(f"{url}/")[0], 200, "a GET by HTTP/1.1")
    expect_equal(metric(back, "martlet_http_streams_total"), before, "streams after the reload")
    martlet.reload(text)
    expect_equal(curl(f"{url}/")[0], 200, "a GET by HTTP/2 again")
    expect(metric(back, "martlet_http_streams_total") > before, "streams after the next reload")


@scenario("who leaves cancels the stream; an endpoint of HTTP/1.1 is told from one of HTTP/2")
def ends(scene):
    origin, = scene.origins("a")
    back_port = scene.port()
    back = scene.martlet(service(back_port, None, [origin]).replace(
        "host: www.example.com, ", ""))
    http, _ = front(scene, f"127.0.0.1:{back_port}", "protocol: http2")
    subprocess.run(["curl", "-s", "-m", "0.5", f"http://127.0.0.1:{http}/delay/5000"])
    gone = 'martlet_http_ended_by_door_total{reason="client-gone"}'
    eventually("the stream is cancelled", lambda: metric_line(back, gone) == 1, within=3)
    old_port = scene.port()
    scene.martlet(service(old_port, None, [origin], listener="http2: { enabled: false }"))
    wrong, _ = front(scene, f"127.0.0.1:{old_port}", "protocol: http2")
    status, _, body = curl(f"http://127.0.0.1:{wrong}/")
    expect_equal((status, body.split()[-1]), (502, b"origin-version"), "the wrong version")


def metric_line(martlet, line):
    text = martlet.api("GET", "/metrics")[2]
    text = text if isinstance(text, str) else text.decode()
    found = re.search(rf"^{re.escape(line)} (\S+)$", text, re.M)
    return float(found.group(1)) if found else 0


@scenario("in TLS ALPN decides: HTTP/2 where it is there, HTTP/1.1 for an upgrade and elsewhere")
def alpn(scene):
    authority = Authority(scene)
    files = authority.make("back", "back.test")
    origin, = scene.origins("a")
    ports = {}
    for name, enabled in (("two", "true"), ("one", "false")):
        ports[name] = scene.port()
        text = service(scene.port(), None, [origin]).replace("host: www.example.com, ", "")
        listener = (f"  - {{ https: 127.0.0.1:{ports[name]}, http2: {{ enabled: {enabled} }}, "
                    f"certificates: [ {pair(files)} ] }}\n")
        scene.martlet(text.replace("listeners:\n", "listeners:\n" + listener, 1))
    tls = f"tls: {{ authorities: {authority.certificate}, name: back.test }}"
    for name, protocol, expected in (("two", "auto", (200, 1)), ("one", "auto", (200, 0)),
                                     ("two", "http2", (200, 1)), ("one", "http2", (502, 0)),
                                     ("two", "http1", (200, 0))):
        http, martlet = front(scene, f"127.0.0.1:{ports[name]}", f"protocol: {protocol}, {tls}")
        status = [curl(f"http://127.0.0.1:{http}/")[0] for _ in range(3)]
        sessions = metric(martlet, "martlet_http_origin_sessions_total")
        expect_equal((set(status), sessions), ({expected[0]}, expected[1]), f"{protocol} to {name}")
        if protocol == "auto":
            with socket.create_connection(("127.0.0.1", http), 5) as sock:
                sock.sendall(UPGRADE)
                answer = sock.recv(4096)
            expect(answer.startswith(b"HTTP/1.1 101"), f"the upgrade: {answer!r}")


class Peer:
    """A gRPC endpoint in a process of its own."""

    def __init__(self, scene, *files):
        if not os.path.exists(VENV) or subprocess.run([VENV, "-c", "import grpc"],
                                                      capture_output=True).returncode:
            raise Skip("grpcio is not there (scripts/setup could not reach PyPI)")
        self.address = f"127.0.0.1:{scene.port()}"
        self.process = subprocess.Popen([VENV, PEER, "serve", self.address, *files],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        scene.started.append(self)
        if self.process.stdout.readline() != b"ready\n":
            raise Failure("the gRPC endpoint does not start")

    def seen(self, order=b"?"):
        self.process.stdin.write(order + b"\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def end(self):
        self.process.kill()
        self.process.wait()
        return ""


def call(port, *names):
    done = subprocess.run([VENV, PEER, "call", f"127.0.0.1:{port}", *names],
                          capture_output=True, timeout=150)
    expect(done.returncode == 0, f"the client: {done.stderr.decode()[-800:]}")
    return json.loads(done.stdout)


@scenario("gRPC end to end with grpcio: unary, three kinds of streams, deadline, cancel, 64 MiB")
def grpc(scene):
    peer = Peer(scene)
    http, martlet = front(scene, peer.address, "protocol: http2")
    got = call(http, "unary", "fail", "unknown", "down", "up", "both", "deadline", "cancel")
    expect_equal(got["unary"]["value"][0], "hello", "unary")
    expect(["x-end", "yes"] in got["unary"]["value"][1], f"trailers: {got['unary']}")
    expect_equal((got["fail"]["code"], got["fail"]["details"]),
                 ("NOT_FOUND", "no such thing: 100%"), "a status of the endpoint")
    expect(["x-why", "because"] in got["fail"]["trailers"], f"its trailers: {got['fail']}")
    expect_equal(got["unknown"]["code"], "UNIMPLEMENTED", "an unknown method")
    expect_equal(got["down"]["value"], 499_500, "a stream of answers")
    expect_equal(got["up"]["value"], "499500", "a stream of requests")
    expect_equal(got["both"]["value"], [f"echo {n}" for n in range(20)], "both, in turns")
    expect_equal(got["deadline"]["code"], "DEADLINE_EXCEEDED", "the deadline")
    expect_equal(got["cancel"]["value"], True, "the cancelled call")
    seen = eventually("the endpoint hears of deadline and cancel",
                      lambda: (peer.seen()["cancelled"] == 2) and peer.seen(), within=5)
    expect(0 < seen["deadlines"][0] < 1.2, f"the deadline is passed on: {seen['deadlines']}")
    before = martlet.memory()
    expect_equal(call(http, "big")["big"]["value"], 64 << 20, "a message of 64 MiB and its echo")
    grown = martlet.memory() - before
    expect(grown < 16 << 20, f"memory grew by {grown >> 20} MiB")
    expect_equal(call(http, "slow-up")["slow-up"]["value"], "3", "a slow stream of requests")


@scenario("retry.on with statuses of gRPC: a refused call is made at another endpoint")
def grpc_retries(scene):
    busy, calm = Peer(scene), Peer(scene)
    busy.seen(b"busy")
    http = scene.port()
    text = f"""workers: 1
pools:
  web:
    protocol: http2
    balance: first-available
    passive: {{ failures: 0 }}
    retry: {{ on: [ grpc-unavailable, grpc-resource-exhausted ] }}
    endpoints: [ {{ address: '{busy.address}' }}, {{ address: '{calm.address}' }} ]
listeners: [ {{ http: '127.0.0.1:{http}' }} ]
routes: [ {{ path: /, pool: web }} ]
"""
    martlet = scene.martlet(text)
    got = call(http, "unavailable", "aborted")
    expect_equal(got["unavailable"].get("value"), "UNAVAILABLE", f"the second endpoint: {got}")
    expect_equal(got["aborted"].get("code"), "ABORTED", "what is not listed is passed on")
    expect_equal((busy.seen()["refused"], calm.seen()["refused"]), (2, 0), "who was asked")
    expect_equal(metric(martlet, "martlet_http_retries_by_condition_total"), 1, "the retry counts")
    martlet.access_entry("the log says why", lambda e: e.get("retried") == "origin-grpc-status")
    martlet.reload(text.replace("grpc-unavailable, ", ""))
    expect_equal(call(http, "unavailable")["unavailable"].get("code"), "UNAVAILABLE", "without it")


@scenario("what the door itself says to a client of gRPC is gRPC")
def grpc_errors(scene):
    peer = Peer(scene)
    http, martlet = front(scene, peer.address, "protocol: http2, retry: { attempts: 0 }")
    expect_equal(call(http, "unary")["unary"]["value"][0], "hello", "unary")
    peer.end()
    got = call(http, "unary")["unary"]
    expect_equal(got["code"], "UNAVAILABLE", "an endpoint that is gone")
    expect(got["details"] in ("connect-refused", "all-down"), f"its reason: {got}")
    with open(martlet.config) as file:
        text = file.read()
    martlet.reload(text.replace("path: /,", "path: /other,"))
    got = call(http, "unary")["unary"]
    expect_equal((got["code"], got["details"]), ("UNIMPLEMENTED", "no-route"), "no route")
    done = subprocess.run(["curl", "-s", "--http2-prior-knowledge", f"http://127.0.0.1:{http}/"],
                          capture_output=True)
    expect_equal(done.stdout, b"404 Not Found: no-route\n", "others are told as before")
