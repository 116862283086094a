# SPDX-License-Identifier: Apache-2.0
"""Probes by gRPC, against grpcio, and of TLS."""
import json
import os
import subprocess

from harness import Failure, Skip, eventually, expect, expect_equal, never, scenario
from harness.certificates import Authority, pair
from harness.service import service
from harness.watch import why

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VENV = os.path.join(ROOT, ".build", "venv", "bin", "python")
PEER = os.path.join(ROOT, "Tests", "Scenarios", "harness", "grpc_health.py")
RHYTHM = "interval: 100ms, timeout: 90ms, fast-interval: 100ms, jitter: 0%, rise: 2, fall: 2"
P = "probes.*."


class Health:
    """A server of grpc.health.v1 in a process of its own."""

    def __init__(self, scene, *files):
        if not os.path.exists(VENV) or subprocess.run([VENV, "-c", "import grpc"],
                                                      capture_output=True).returncode:
            raise Skip("grpcio is not there (scripts/setup could not reach PyPI)")
        self.at = f"127.0.0.1:{scene.port()}"
        self.process = subprocess.Popen([VENV, PEER, self.at, *files], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        scene.started.append(self)
        if self.process.stdout.readline() != b"ready\n":
            raise Failure("the gRPC endpoint does not start")

    def say(self, service, state):
        """Sets what it says of a service (1 is SERVING); the services that were asked about."""
        self.process.stdin.write(f"{service or '-'} {state}\n".encode())
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def end(self):
        self.process.kill()
        self.process.wait()
        return ""


def pools(scene, probes, pools, more=""):
    """A Martlet with these probes and pools, each pool with a route of its own."""
    names = [line.split(":")[0] for line in pools]
    text = "workers: 1\nprobes:\n" + "".join(f"  {line}\n" for line in probes)
    text += "pools:\n" + "".join(f"  {line}\n" for line in pools)
    text += f"listeners:\n  - {{ http: 127.0.0.1:{scene.port()} }}\nroutes:\n"
    text += "".join(f"  - {{ path: /{name}/, pool: {name} }}\n" for name in names)
    return scene.martlet(text + more)


def state(martlet, pool):
    return martlet.pool(pool)["endpoints"][0]


def becomes(martlet, pool, health, reason=""):
    def settled():
        endpoint = state(martlet, pool)
        return endpoint["health"] == health and reason in why(endpoint)
    eventually(f"{pool} is {health} {reason}", settled, within=8)


@scenario("a gRPC probe follows what grpcio's server says of the server and of services", 40,
          covers=[P + "grpc", P + "service"])
def grpc(scene):
    health = Health(scene)
    origin, = scene.origins("a")
    probes = [f"whole: {{ grpc: check, {RHYTHM} }}",
              f"orders: {{ grpc: check, service: shop.Orders, {RHYTHM} }}"]
    martlet = pools(scene, probes, [
        f"whole: {{ probe: whole, endpoints: [ {{ address: '{health.at}' }} ] }}",
        f"orders: {{ probe: orders, endpoints: [ {{ address: '{health.at}' }} ] }}",
        f"other: {{ probe: whole, endpoints: [ {{ address: '{origin.at}' }} ] }}",
        f"nobody: {{ probe: whole, endpoints: [ {{ address: '127.0.0.1:{scene.port()}' }} ] }}"])
    becomes(martlet, "whole", "up")
    becomes(martlet, "orders", "down", "grpc-status")
    becomes(martlet, "other", "down")
    becomes(martlet, "nobody", "down", "connect-refused")
    expect_equal(health.say("shop.Orders", 1), ["", "shop.Orders"], "services asked about")
    becomes(martlet, "orders", "up")
    health.say("shop.Orders", 2)
    becomes(martlet, "orders", "down", "not-serving")
    expect("NOT_SERVING" in json.dumps(state(martlet, "orders")), "the detail has its word")
    never("the server as a whole goes down", lambda: state(martlet, "whole")["health"] != "up")
    health.say("", 0)
    becomes(martlet, "whole", "down", "not-serving")
    # A reload asks another question of the same endpoint.
    martlet.reload(martlet.text().replace("service: shop.Orders", "service: shop.Carts"))
    becomes(martlet, "orders", "down", "grpc-status")
    health.say("shop.Carts", 1)
    becomes(martlet, "orders", "up")
    health.end()
    becomes(martlet, "orders", "down", "connect-refused")


@scenario("a gRPC probe speaks TLS with the pool, with h2 by ALPN, or not where it is told so", 30)
def grpc_in_tls(scene):
    authority = Authority(scene)
    files = authority.make("site", "grpc.example.com")
    health, plain = Health(scene, *files), Health(scene)
    tls = f"tls: {{ authorities: {authority.certificate}, name: grpc.example.com }}"
    wrong = tls.replace("grpc.example.com", "other.example.com")
    probes = [f"call: {{ grpc: check, {RHYTHM} }}".replace("timeout: 90ms", "timeout: 99ms"),
              f"clear: {{ grpc: check, tls: 'off', {RHYTHM} }}"]
    martlet = pools(scene, probes, [
        f"good: {{ probe: call, {tls}, endpoints: [ {{ address: '{health.at}' }} ] }}",
        f"name: {{ probe: call, {wrong}, endpoints: [ {{ address: '{health.at}' }} ] }}",
        f"clear: {{ probe: clear, {tls}, endpoints: [ {{ address: '{plain.at}' }} ] }}"])
    becomes(martlet, "good", "up")
    becomes(martlet, "name", "down", "tls-failed")
    becomes(martlet, "clear", "up")
    health.say("", 2)
    becomes(martlet, "good", "down", "not-serving")


@scenario("a probe of TLS wants a handshake and a certificate that the pool's tls accepts", 30)
def handshake(scene):
    authority, other = Authority(scene), Authority(scene, "other")
    files = authority.make("site", "www.example.com")
    origin, = scene.origins("a")
    secure = scene.port()
    text = service(scene.port(), None, [origin], probe=None).replace(
        "routes:\n", f"  - {{ https: 127.0.0.1:{secure}, certificates: [{pair(files)}] }}\nroutes:\n")
    scene.martlet(text)

    def tls(authorities, name="www.example.com", more=""):
        return f"tls: {{ authorities: {authorities}, name: {name}{more} }}"
    at = f"endpoints: [ {{ address: '127.0.0.1:{secure}' }} ]"
    ca = authority.certificate
    martlet = pools(scene, [f"hands: {{ tcp: tls, {RHYTHM} }}", f"open: {{ tcp: connect, {RHYTHM} }}"], [
        f"good: {{ probe: hands, {tls(ca)}, {at} }}",
        f"name: {{ probe: hands, {tls(ca, 'b.example.com')}, {at} }}",
        f"unknown: {{ probe: hands, {tls(other.certificate)}, {at} }}",
        f"lax: {{ probe: hands, {tls(other.certificate, 'b.example.com', ', verify: false')}, {at} }}",
        f"clear: {{ probe: hands, {tls(ca)}, endpoints: [ {{ address: '{origin.at}' }} ] }}",
        f"open: {{ probe: open, {tls(ca, 'b.example.com')}, {at} }}"])
    for name in ("good", "lax", "open"):
        becomes(martlet, name, "up")
    becomes(martlet, "name", "down", "tls-failed name-mismatch")
    becomes(martlet, "unknown", "down", "tls-failed unknown-authority")
    becomes(martlet, "clear", "down")
