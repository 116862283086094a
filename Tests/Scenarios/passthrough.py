# SPDX-License-Identifier: Apache-2.0
"""TLS that is passed on by its name: openssl's server behind, curl and openssl in front."""
import os
import socket
import subprocess
import threading
import time

from harness import eventually, expect, expect_equal, scenario
from harness.ask import curl
from harness.certificates import Authority, openssl, pair
from harness.martlet import martlet_command
from tls import L, session


class Server:
    """`openssl s_server`, which answers any request with a page about itself."""

    def __init__(self, scene, files, port=None):
        self.port = port or scene.port()
        self.process = subprocess.Popen(
            ["openssl", "s_server", "-accept", f"127.0.0.1:{self.port}", "-cert", files[0],
             "-key", files[1], "-www", "-quiet"], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        scene.started.append(self)
        eventually("openssl s_server listens", self.listens)

    def listens(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            return True
        except OSError:
            return False

    def stop(self):
        self.process.kill()
        self.process.wait()

    def end(self):
        self.stop()
        return ""


def ask(authority, port, host, *options):
    return curl(f"https://{host}:{port}/", "--resolve", f"{host}:{port}:127.0.0.1",
                "--cacert", authority.certificate, *options)


@scenario("names are passed on to their pools, exact before wildcard, others are terminated", covers=[
    L + "passthrough[].name", L + "passthrough[].pool"], limit=120)
def by_name(scene):
    ours, theirs = Authority(scene), Authority(scene, "theirs")
    mail = theirs.make("mail", "mail.example.com")
    apps = theirs.make("apps", "*.apps.example.com")
    front = ours.make("front", "www.example.com")
    origin = scene.origin("a")
    port, only = scene.port(), scene.port()
    one, two = Server(scene, mail), Server(scene, apps)
    martlet = scene.martlet(f"""workers: 2
pools:
  web: {{ endpoints: [ {{ address: 127.0.0.1:{origin.port} }} ] }}
  mail: {{ endpoints: [ {{ address: 127.0.0.1:{one.port} }} ] }}
  apps:
    balance: source-ip-hash
    endpoints: [ {{ address: 127.0.0.1:{two.port} }} ]
listeners:
  - https: 127.0.0.1:{port}
    certificates: [ {pair(front)} ]
    passthrough:
      - {{ name: mail.example.com, pool: mail }}
      - {{ name: "*.apps.example.com", pool: apps }}
  - https: 127.0.0.1:{only}
    passthrough: [ {{ name: mail.example.com, pool: mail }} ]
routes: [ {{ host: "*", path: /, pool: web }} ]
""")
    for host, authority in (("mail.example.com", theirs), ("x.apps.example.com", theirs)):
        for version in (("--tlsv1.3",), ("--tls-max", "1.2")):
            status, _, body = ask(authority, port, host, *version)
            expect(status == 200 and b"s_server" in body, f"{host} {version}: {status}")
    status, _, body = ask(ours, port, "www.example.com")
    expect(status == 200 and b"s_server" not in body, f"a terminated name: {status}")
    expect_equal(ask(ours, port, "mail.example.com")[0], 0, "the endpoint's certificate shows")
    expect_equal(ask(theirs, only, "mail.example.com")[0], 200, "without certificates")
    expect_equal(ask(theirs, only, "x.apps.example.com")[0], 0, "another name there")
    text = openssl("s_client", "-connect", f"127.0.0.1:{only}", "-servername", "else.where")[1]
    expect("unrecognized name" in text, f"an alert for an unknown name: {text[-500:]}")
    text = openssl("s_client", "-connect", f"127.0.0.1:{only}", "-noservername")[1]
    expect("no peer certificate available" in text, f"nobody is served who names nobody: {text}")

    # The hello in many records, in single octets.
    many = openssl("s_client", "-connect", f"127.0.0.1:{port}", "-servername",
                   "mail.example.com", "-max_send_frag", "512", "-alpn",
                   ",".join(f"proto{i}" for i in range(200)), "-CAfile", theirs.certificate)[1]
    expect("Verify return code: 0 (ok)" in many, f"a hello of many records: {many[-700:]}")

    entry = martlet.access_entry("of a passed connection", lambda line: line.get(
        "sni") == "mail.example.com" and line.get("tls") == "passthrough")
    expect_equal((entry["pool"], entry["endpoint"], entry["reason"], entry["status"]),
                 ("mail", f"127.0.0.1:{one.port}", "tunnel-closed", 0), "the line")
    expect(entry["in"] > 100 and entry["out"] > 1000, f"its bytes: {entry}")
    expect(martlet.metric("martlet_tls_passthrough_connections_total") >= 6, "counted")

    out = subprocess.run(
        [scene.options.martlet, "explain", "https://x.apps.example.com/", "--admin",
         f"127.0.0.1:{martlet.admin}"], capture_output=True, timeout=10, text=True).stdout
    expect("passes this name on to pool apps, unread" in out, f"explain: {out}")

    # A reload that changes the table leaves what is open alone.
    session = subprocess.Popen(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername",
         "mail.example.com", "-quiet"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL)
    time.sleep(0.3)
    martlet.reload(martlet.text().replace("mail.example.com, pool: mail }\n      -",
                                        "post.example.com, pool: mail }\n      -"))
    expect_equal(ask(theirs, port, "mail.example.com")[0], 0, "the name is no more passed on")
    session.stdin.write(b"GET / HTTP/1.0\r\n\r\n")
    session.stdin.flush()
    out = session.stdout.read(2000)
    session.kill()
    session.wait()
    expect(b"HTTP/1.0 200" in out, f"an open connection lives on: {out[:200]}")


@scenario("passed connections find another endpoint, and bytes both ways are whole", limit=120)
def endpoints(scene):
    authority = Authority(scene)
    files = authority.make("mail", "mail.example.com")
    port, dead = scene.port(), scene.port()
    server = Server(scene, files)
    martlet = scene.martlet(f"""workers: 1
pools:
  mail:
    timeouts: {{ tunnel-idle: 1s }}
    endpoints: [ {{ address: 127.0.0.1:{dead} }}, {{ address: 127.0.0.1:{server.port} }} ]
listeners:
  - https: 127.0.0.1:{port}
    passthrough: [ {{ name: "*", pool: mail }} ]
""")
    for _ in range(12):
        expect_equal(ask(authority, port, "mail.example.com")[0], 200, "with a dead endpoint")
    began = time.monotonic()
    with session(authority, port, "mail.example.com", timeout=10) as silent:
        expect_equal(silent.recv(1), b"", "it is closed")
    expect(0.8 < time.monotonic() - began < 8, "tunnel-idle ends a silent one")
    server.stop()
    expect_equal(ask(authority, port, "mail.example.com")[0], 0, "nobody is there")
    expect(martlet.serving(), "and nothing is broken")

    # An echo behind instead of TLS: what comes back is what was sent, to the last octet.
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", server.port))
    listener.listen()

    def echo():
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            while piece := sock.recv(65536):
                sock.sendall(piece)
            sock.shutdown(socket.SHUT_WR)
            sock.close()

    threading.Thread(target=echo, daemon=True).start()
    sock = socket.create_connection(("127.0.0.1", port), timeout=10)
    sent = bytes.fromhex(hello_of("mail.example.com")) + os.urandom(3_000_000)
    threading.Thread(target=lambda: (sock.sendall(sent), sock.shutdown(socket.SHUT_WR)),
                     daemon=True).start()
    got = b""
    while piece := sock.recv(1 << 20):
        got += piece
    expect(got == sent, f"{len(got)} of {len(sent)} bytes came back")
    listener.close()


def hello_of(name):
    name = name.encode()
    entry = b"\0" + len(name).to_bytes(2, "big") + name
    names = len(entry).to_bytes(2, "big") + entry
    extensions = b"\0\0" + len(names).to_bytes(2, "big") + names
    body = (b"\3\3" + bytes(32) + b"\0" + b"\0\2\xc0\x2f" + b"\1\0"
            + len(extensions).to_bytes(2, "big") + extensions)
    message = b"\1" + len(body).to_bytes(3, "big") + body
    return (b"\x16\3\1" + len(message).to_bytes(2, "big") + message).hex()


@scenario("martlet check looks at what is passed on")
def checked(scene):
    authority = Authority(scene)
    files = authority.make("www", "www.example.com")

    def check(listener):
        text = f"pools: {{ a: {{ endpoints: [ {{ address: 127.0.0.1:1 }} ] }} }}\nlisteners:\n{listener}"
        status, out, err = martlet_command(scene, "check", scene.write("check.yaml", text))
        return status, out + err

    head = "  - https: 127.0.0.1:8443\n"
    passing = '    passthrough: [ {{ name: "{}", pool: {} }} ]\n'
    expect_equal(check(head + passing.format("a.example", "a"))[0], 0, "no certificate is needed")
    for text, code in (
            (head + passing.format("a.example", "b"), "M1302"),
            (head, "M1104"),
            (head + "    passthrough: []\n", "M1305"),
            (head + passing.format("a/b", "a"), "M12"),
            ("  - http: 127.0.0.1:8080\n" + passing.format("a.example", "a"), "M1"),
            (head + '    passthrough: [ { name: a, pool: a }, { name: a, pool: a } ]\n', "M1102")):
        status, out = check(text)
        expect(status != 0 and code in out, f"{text}: {out}")
    status, out = check(head + f"    certificates: [ {pair(files)} ]\n" + passing.format("*", "a"))
    expect(status == 0 and "M1354" in out, f"certificates that nobody sees: {out}")
