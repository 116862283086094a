# SPDX-License-Identifier: Apache-2.0
"""Thousands who are there and say nothing: what they cost, and that they are there when needed."""
import resource
import socket
import ssl
import time

from harness import eventually, expect, expect_equal, scenario
from harness.certificates import Authority, pair
from harness.peer import nginx
from harness.service import service
from harness.websocket import Crowd


@scenario("idle WebSockets cost little, all answer afterwards, and all are told when they must go", 200)
def idle(scene):
    count = 1_000
    if scene.full:
        # Two files each in the serving process, and some for everything else.
        count = min(10_000, resource.getrlimit(resource.RLIMIT_NOFILE)[1] // 2 - 300)
    origins = scene.origins("a", "b")
    http = scene.port()
    martlet = scene.martlet(service(
        http, None, origins, pool="timeouts: { tunnel-idle: 10m }\ndrain: 5s\ndrain-spread: 4s"))
    before = martlet.memory()
    crowd = Crowd(scene, http, count, silent=True)
    expect_equal(crowd.opened, count, "WebSockets open")
    each = (martlet.memory() - before) / count
    began, spent = time.monotonic(), martlet.cpu_seconds()
    time.sleep(20 if scene.full else 3)  # they say nothing
    share = (martlet.cpu_seconds() - spent) / (time.monotonic() - began)
    crowd.report(hello=True)
    eventually("each has its echo", lambda: crowd.report()["echoes"] == count, within=20, every=0.1)
    spoken = (martlet.memory() - before) / count
    print(f"      {count} WebSockets: {each:.0f} bytes of memory each, {spoken:.0f} after they spoke; "
          f"{share * 100:.1f} % of a core while silent", flush=True)
    expect(each <= 6144, f"{each:.0f} bytes each")
    expect(share < 0.1, f"{share:.3f} of a core while nobody says anything")
    expect_equal(martlet.metric("martlet_endpoint_tunnels", pool="web"), count, "tunnels")
    for origin in origins:
        martlet.patch("web", origin.name, {"administrative": "draining"})
    eventually("all have gone", lambda: crowd.report()["open"] == 0, within=15, every=0.2)
    expect_equal(crowd.report()["endings"], {"1001": count}, "each was told 1001")
    times = crowd.report()["times"]
    expect(max(times) - min(times) > 2, f"not all at once: {max(times) - min(times):.1f} s")
    eventually("nothing is left", lambda: martlet.descriptors() < 200, within=5)


def at_rest(authority, port, count):
    """Connections by TLS 1.3 that have had one answer and say nothing more."""
    context = ssl.create_default_context(cafile=authority.certificate)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    held = []
    for _ in range(count):
        plain = socket.create_connection(("127.0.0.1", port), timeout=10)
        secure = context.wrap_socket(plain, server_hostname="www.example.com")
        secure.sendall(b"GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n")
        answer = secure.recv(65536)
        expect(answer.startswith(b"HTTP/1.1 200"), f"answered: {answer[:60]}")
        held.append(secure)
    return held


def settled(subject):
    """The memory in use once it no longer falls: buffers that lie idle go back once a second."""
    seen = []

    def is_still():
        seen.append(subject.memory())
        return len(seen) > 12 and min(seen[-12:]) == seen[-12]
    eventually("memory is at rest", is_still, within=10, every=0.1)
    return seen[-1]


@scenario("an idle connection by TLS costs no more memory than one of nginx", 120)
def idle_by_tls(scene):
    count = 4_000 if scene.full else 800
    authority = Authority(scene)
    files = authority.make("site", "www.example.com")
    origin, = scene.origins("a")
    port, other = scene.port(), scene.port()
    martlet = scene.martlet(service(scene.port(), None, [origin], workers=1).replace(
        "routes:\n", f"  - https: 127.0.0.1:{port}\n    certificates: [{pair(files)}]\n"
        "    timeouts: { idle: 5m }\nroutes:\n"))
    peer = nginx(scene, other, f"""
  keepalive_timeout 300s;
  server {{
    listen 127.0.0.1:{other} ssl;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_certificate {files[0]};
    ssl_certificate_key {files[1]};
    location / {{ proxy_pass http://{origin.at}; }}
  }}
""", connections=count * 2 + 200)
    each = {}
    for name, subject, door in (("Martlet", martlet, port), ("nginx", peer, other)):
        first = at_rest(authority, door, count // 4)  # what is taken once
        before = settled(subject)
        held = at_rest(authority, door, count)
        each[name] = (settled(subject) - before) / count
        for connection in first + held:
            connection.close()
    print("      " + ", ".join(f"{name} {size:.0f} bytes each" for name, size in each.items()), flush=True)
    # The same library takes nearly all of it; 5 % is how exactly it can be told.
    expect(each["Martlet"] <= each["nginx"] * 1.05, f"{each}")
