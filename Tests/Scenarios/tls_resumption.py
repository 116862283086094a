# SPDX-License-Identifier: Apache-2.0
"""Sessions that are resumed towards endpoints: another Martlet, and nginx."""
import time

from harness import eventually, expect, expect_equal, scenario
from harness.ask import curl
from harness.certificates import Authority, openssl, pair
from harness.peer import nginx
from harness.service import service


def front(scene, at, tls):
    """A Martlet that opens a connection for each request; (port, martlet)."""
    http = scene.port()
    return http, scene.martlet(f"""workers: 1
pools:
  web: {{ tls: {{ {tls} }}, keepalive: {{ connections: 0 }}, endpoints: [ {{ address: '{at}' }} ] }}
listeners:
  - {{ http: 127.0.0.1:{http} }}
routes:
  - {{ path: /, pool: web }}
""")


def counts(martlet):
    return (martlet.metric("martlet_tls_origin_handshakes_total"),
            martlet.metric("martlet_tls_origin_resumptions_total"))


def ask(http, times):
    for _ in range(times):
        status = curl(f"http://127.0.0.1:{http}/", "-H", "Host: www.example.com")[0]
        expect_equal(status, 200, "an answer")


@scenario("connections to an endpoint resume the one before; a reload of the pool's tls begins anew", 30)
def resumed(scene):
    authority = Authority(scene)
    files = authority.make("site", "www.example.com")
    origin, = scene.origins("a")
    secure = scene.port()
    back = scene.martlet(service(scene.port(), None, [origin], workers=1, probe=None).replace(
        "routes:\n", f"  - {{ https: 127.0.0.1:{secure}, certificates: [{pair(files)}] }}\nroutes:\n"))
    tls = f"authorities: {authority.certificate}, name: www.example.com"
    http, martlet = front(scene, f"127.0.0.1:{secure}", tls)
    ask(http, 10)
    expect_equal(counts(martlet), (10, 9), "handshakes, and those resumed")
    expect_equal(back.metric("martlet_tls_resumptions_total"), 9, "resumed, as the endpoint sees it")
    # What was agreed on without a look at the certificate is worth nothing where it is looked at.
    martlet.reload(martlet.text().replace(f"tls: {{ {tls}", f"tls: {{ verify: false, {tls}"))
    ask(http, 2)
    expect_equal(counts(martlet), (12, 10), "after the reload to verify: false")
    martlet.reload(martlet.text().replace("verify: false, ", ""))
    ask(http, 2)
    expect_equal(counts(martlet), (14, 11), "after the reload back")
    # An endpoint that has lost its keys has a full handshake, and no request is lost.
    back.kill_serving()
    eventually("the endpoint is back", lambda: curl(
        f"https://www.example.com:{secure}/", "--cacert", authority.certificate, "--resolve",
        f"www.example.com:{secure}:127.0.0.1")[0] == 200)
    ask(http, 2)
    handshakes, resumed = counts(martlet)
    expect_equal(handshakes, 16, "handshakes")
    expect(resumed in (12, 13), f"{resumed} resumed")


@scenario("nginx is resumed by TLS 1.3 and 1.2, by ticket and by session number", 30)
def others(scene):
    authority = Authority(scene)
    files = authority.make("site", "www.example.com")
    ports, servers = [scene.port() for _ in range(3)], ""
    for port, more in zip(ports, ("ssl_protocols TLSv1.3;", "ssl_protocols TLSv1.2;",
                                  "ssl_protocols TLSv1.2; ssl_session_tickets off; "
                                  "ssl_session_cache shared:all:1m;")):
        servers += f"""
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {files[0]};
    ssl_certificate_key {files[1]};
    {more}
    return 200 "$ssl_session_reused";
  }}
"""
    nginx(scene, ports[0], servers)
    for port in ports:
        http, martlet = front(scene, f"127.0.0.1:{port}",
                              f"authorities: {authority.certificate}, name: www.example.com")
        seen = [curl(f"http://127.0.0.1:{http}/")[2] for _ in range(4)]
        expect_equal(seen, [b".", b"r", b"r", b"r"], f"as the server {ports.index(port)} sees it")
        expect_equal(counts(martlet), (4, 3), "as it is counted")


@scenario("a client's session ends with its certificate, however often it was resumed", 30)
def ended(scene):
    authority = Authority(scene)
    origin, = scene.origins("a")
    secure = scene.port()
    scene.martlet(service(scene.port(), None, [origin]).replace(
        "routes:\n", f"""  - https: 127.0.0.1:{secure}
    certificates: [{pair(authority.make("site", "www.example.com"))}]
    tls: {{ client-authorities: {authority.certificate} }}
routes:
"""))

    def visit(version, *more):
        return openssl("s_client", "-connect", f"127.0.0.1:{secure}", "-servername",
                       "www.example.com", "-CAfile", authority.certificate, "-ign_eof",
                       f"-tls1_{version}", *more, text="GET / HTTP/1.1\r\n"
                       "Host: www.example.com\r\nConnection: close\r\n\r\n")[1]

    crt, key = authority.ending("brief", "brief.example.com", 6)
    ends = time.monotonic() + 6
    saved = {version: scene.path(f"session{version}") for version in (2, 3)}
    for version, path in saved.items():
        text = visit(version, "-cert", crt, "-key", key, "-sess_out", path)
        expect("X-Origin" in text, f"TLS 1.{version}, a first time: {text[-600:]}")
        # Resumed without the certificate, and with a ticket for the next time.
        text = visit(version, "-sess_in", path, "-sess_out", path)
        expect("Reused" in text and "X-Origin" in text, f"TLS 1.{version}, resumed: {text[-600:]}")
    expect(time.monotonic() < ends, "this machine is too slow to tell")
    time.sleep(ends + 1.5 - time.monotonic())  # until the certificate has ended
    for version, path in saved.items():
        text = visit(version, "-sess_in", path)
        expect("X-Origin" not in text, f"TLS 1.{version}: let in after the end: {text[-600:]}")


@scenario("a session of a listener that asks for nothing is no way into one that asks", 20)
def other_listener(scene):
    authority = Authority(scene)
    origin, = scene.origins("a")
    files = pair(authority.make("site", "www.example.com"))
    ports = {"open": scene.port(), "asking": scene.port()}
    scene.martlet(service(scene.port(), None, [origin]).replace("routes:\n", f"""\
  - {{ https: 127.0.0.1:{ports["open"]}, certificates: [{files}] }}
  - https: 127.0.0.1:{ports["asking"]}
    certificates: [{files}]
    tls: {{ client-authorities: {authority.certificate} }}
routes:
"""))
    saved = scene.path("session")

    def visit(to, version, way):
        return openssl("s_client", "-connect", f"127.0.0.1:{ports[to]}", "-servername",
                       "www.example.com", "-CAfile", authority.certificate, "-ign_eof",
                       f"-tls1_{version}", way, saved, text="GET / HTTP/1.1\r\n"
                       "Host: www.example.com\r\nConnection: close\r\n\r\n")[1]
    for version in (2, 3):
        expect("X-Origin" in visit("open", version, "-sess_out"), "a session")
        text = visit("open", version, "-sess_in")
        expect("Reused" in text and "X-Origin" in text, "where it began it goes on")
        text = visit("asking", version, "-sess_in")
        expect("X-Origin" not in text, f"TLS 1.{version}: let in elsewhere: {text[-600:]}")
