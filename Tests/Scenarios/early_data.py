# SPDX-License-Identifier: Apache-2.0
"""Requests in TLS 1.3 early data (RFC 8470), with OpenSSL's client and the kinds of HTTP that it lets through."""
import os

from harness import eventually, expect, expect_equal, scenario
from harness.ask import field
from harness.certificates import Authority, openssl, pair
from harness.http2 import PREFACE, frame, literal
from harness.service import service

L = "listeners[]."


class Client:
    """Asks by a session that it keeps; each request goes with the first packet."""

    def __init__(self, scene, authority, port):
        self.scene, self.authority, self.port = scene, authority, port
        self.session = scene.path(f"session{port}")

    def run(self, *more, text=""):
        return openssl("s_client", "-connect", f"127.0.0.1:{self.port}", "-servername",
                       "www.example.com", "-CAfile", self.authority.certificate, "-ign_eof", *more,
                       text=text)[1]

    def remember(self):
        """A whole handshake, for a ticket."""
        self.run("-sess_out", self.session, text=request("GET", "/"))
        expect(os.path.exists(self.session), "a ticket")

    def early(self, method, path, fields="", body=""):
        """(whether the early data was taken, the answer)."""
        name = self.scene.path("early")
        with open(name, "w") as file:
            file.write(request(method, path, fields, body))
        said = self.run("-sess_in", self.session, "-early_data", name)
        return "Early data was accepted" in said, said[said.find("HTTP/1.1 "):]


def request(method, path, fields="", body=""):
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    return (f"{method} {path} HTTP/1.1\r\nHost: www.example.com\r\n{fields}{length}"
            f"Connection: close\r\n\r\n{body}")


def start(scene, tls):
    authority = Authority(scene)
    files = authority.make("site", "www.example.com")
    origin, = scene.origins("a")
    secure = scene.port()
    martlet = scene.martlet(service(scene.port(), None, [origin]).replace(
        "routes:\n", f"  - {{ https: 127.0.0.1:{secure}, certificates: [{pair(files)}], "
        f"tls: {{ {tls} }} }}\nroutes:\n"))
    client = Client(scene, authority, secure)
    client.remember()
    return origin, client, martlet


@scenario("early data: safe requests are served and told to the endpoint, others get 425", 40,
          covers=[L + "tls.early-data"])
def served(scene):
    origin, client, martlet = start(scene, "early-data: true")
    for _ in range(3):
        taken, answer = client.early("GET", "/head")
        expect_equal((taken, answer[:12]), (True, "HTTP/1.1 200"), "a GET")
        expect_equal(field(answer, "Early-Data"), "1", f"what the endpoint is told: {answer}")
    _, answer = client.early("GET", "/head", "Early-Data: 0\r\n")
    expect_equal(answer.count("arly-"), 1, "what a client says of it is not copied")
    expect_equal(client.early("OPTIONS", "/")[1][:12], "HTTP/1.1 200", "OPTIONS")
    expect_equal(client.early("QUERY", "/echo", body="question")[1][:12], "HTTP/1.1 200", "QUERY")
    expect_equal(client.early("GET", "/status/425")[1][:12], "HTTP/1.1 425", "the endpoint's own 425")
    large = client.early("GET", "/bytes/300000")[1]
    expect(len(large) > 300_000, f"a large answer: {len(large)} bytes")
    before = origin.seen()["requests"]
    for method, body in (("POST", "x=1"), ("PUT", "x"), ("DELETE", ""), ("PATCH", "x")):
        taken, answer = client.early(method, "/echo", body=body)
        expect_equal((taken, answer[:12]), (True, "HTTP/1.1 425"), method)
    upgrade = "Upgrade: websocket\r\n"
    answer = client.early("GET", "/ws", upgrade + "Connection: upgrade\r\n")[1]
    expect_equal(answer[:12], "HTTP/1.1 425", "a change of protocol")
    entry = martlet.access_entry("of the POST", lambda e: e.get("reason") == "too-early")
    expect_equal(entry["status"], 425, "the log line")
    expect(martlet.metric("martlet_tls_early_requests_total") >= 13, "they are counted")
    # The same requests, after the handshake.
    said = client.run("-sess_in", client.session, text=request("POST", "/head", body="x=1"))
    expect("HTTP/1.1 200" in said and "arly-" not in said[said.find("HTTP/1.1 "):], "a POST in time")


@scenario("early data by HTTP/2: a stream that comes so is served, and one that must not is 425", 30)
def by_http2(scene):
    _, client, martlet = start(scene, "early-data: true")

    def early(method, ticket):
        fields = ((":method", method), (":scheme", "https"), (":path", f"/{method}"),
                  (":authority", "www.example.com"))
        block = b"".join(literal(name, value) for name, value in fields)
        # GOAWAY: the connection ends with the stream, and the client with it.
        name = scene.path("frames")
        with open(name, "wb") as file:
            file.write(PREFACE + frame(4) + frame(1, 5, 1, block) + frame(7, 0, 0, b"\0" * 8))
        if not ticket:
            return client.run("-alpn", "h2", "-sess_out", client.session,
                              text=PREFACE.decode() + (frame(4) + frame(7, 0, 0, b"\0" * 8)).decode())
        return client.run("-alpn", "h2", "-sess_in", client.session, "-early_data", name)
    early("GET", ticket=False)
    for method, status in (("GET", 200), ("POST", 425)):
        expect("Early data was accepted" in early(method, ticket=True), f"{method} is taken")
        entry = martlet.access_entry(f"of {method}", lambda e: f"/{method}" in str(e))
        expect_equal(entry["status"], status, method)
    expect_equal(martlet.metric("martlet_tls_early_requests_total"), 2, "counted")


@scenario("early data is refused as shipped, and after a reload that switches it off; nothing is lost", 40)
def refused(scene):
    _, client, martlet = start(scene, "early-data: true")
    expect_equal(client.early("GET", "/head")[0], True, "taken at first")
    martlet.reload(martlet.text().replace("early-data: true", "min-version: '1.2'"))

    def asked():
        # The client sends it again by itself only with a request that it is given anew.
        said = client.run("-sess_in", client.session, "-early_data", scene.path("early"),
                          text=request("GET", "/head"))
        return said
    eventually("a new connection follows the reload", lambda: "Early data was rejected" in asked())
    answer = asked()
    answer = answer[answer.find("HTTP/1.1 "):]
    expect("HTTP/1.1 200" in answer and "arly-" not in answer, "an answer after the handshake")
    expect_equal(martlet.metric("martlet_tls_early_requests_total"), 1, "counted")
