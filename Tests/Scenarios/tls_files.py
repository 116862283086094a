# SPDX-License-Identifier: Apache-2.0
"""What lies beside certificates: ticket keys that nodes share, and stapled OCSP responses."""
import os
import re
import time

from harness import eventually, expect, expect_equal, scenario
from harness.certificates import Authority, openssl, pair
from harness.martlet import martlet_command
from tls import L, https, metric


def client(port, *more):
    """The output of openssl's client, which waits for the answer and with it for the ticket."""
    return openssl("s_client", "-connect", f"127.0.0.1:{port}", "-servername", "www.example.com",
                   "-ign_eof", *more,
                   text="GET / HTTP/1.1\r\nHost: www.example.com\r\nConnection: close\r\n\r\n")[1]


def put(path, data, mode=0o600):
    with open(path + ".new", "wb") as file:
        file.write(data)
    os.chmod(path + ".new", mode)
    os.replace(path + ".new", path)
    return path


@scenario("a session of one node is resumed at another with the same file of ticket keys", covers=[
    L + "tls.ticket-keys"], limit=120)
def shared_tickets(scene):
    authority = Authority(scene)
    files = [authority.make("www", "www.example.com")]
    first, second, third = os.urandom(80), os.urandom(80), os.urandom(80)
    ours, theirs = put(scene.path("ours"), first), put(scene.path("theirs"), second)

    def node(path):
        _, _, port, martlet = https(scene, authority, files, more=f"tls: {{ ticket-keys: {path} }}")
        return port, martlet

    a, b, c = node(ours), node(ours), node(theirs)
    for version in ("-tls1_3", "-tls1_2"):
        saved = scene.path("session" + version)
        expect("New, " in client(a[0], version, "-sess_out", saved), f"{version}: a first session")
        text = client(b[0], version, "-sess_in", saved)
        expect("Reused, " in text, f"{version}: resumed at another node: {text[-900:]}")
        expect("Reused, " not in client(c[0], version, "-sess_in", saved),
               f"{version}: not with other keys")
    saved = scene.path("session-tls1_3")

    def log_says(martlet, words):
        eventually(f"the log says '{words}'", lambda: words in martlet.log(), within=15)

    # Rotation: a new key issues, the old one is still taken; then it is gone.
    put(ours, third + first)
    log_says(a[1], "new ticket keys are in force")
    log_says(b[1], "new ticket keys are in force")
    expect("Reused, " in client(b[0], "-sess_in", saved), "the old key is still taken")
    fresh = scene.path("fresh")
    client(a[0], "-sess_out", fresh)
    expect("Reused, " in client(b[0], "-sess_in", fresh), "a ticket of the new key")
    # A bad file keeps the keys and says so.
    put(ours, os.urandom(79))
    log_says(b[1], "M1231")
    expect("Reused, " in client(b[0], "-sess_in", fresh), "bad keys leave the former ones there")
    loaded = metric(b[1], "martlet_tls_ticket_keys_loaded_timestamp_seconds")
    expect(time.time() - 100 < loaded <= time.time(), f"loaded at {loaded}")
    put(ours, third)
    eventually("the oldest key is gone", lambda: "Reused, " not in client(
        b[0], "-sess_in", saved), within=15)
    expect("Reused, " in client(b[0], "-sess_in", fresh), "the key that stayed")
    # A reload without the option takes the node's own keys again.
    b[1].reload(b[1].text().replace(f"tls: {{ ticket-keys: {ours} }}", "tls: { min-days: 1 }"))
    eventually("without the option: own keys", lambda: "Reused, " not in client(
        b[0], "-sess_in", fresh))


@scenario("martlet check looks at ticket keys and OCSP responses")
def checked(scene):
    authority = Authority(scene)
    files, other = authority.make("www", "www.example.com"), authority.make("b", "b.example.com")
    keys = put(scene.path("keys"), os.urandom(160))
    good = authority.response(files, scene.path("good.der"))

    def check(tls="", ocsp=None):
        text = (f"listeners:\n  - https: 127.0.0.1:8443\n    certificates:\n"
                f"      - {pair(files, ocsp)}\n    tls: {{ min-days: 1 {tls} }}\n")
        status, out, err = martlet_command(scene, "check", scene.write("check.yaml", text))
        return status, out + err

    expect_equal(check(f", ticket-keys: {keys}", good)[0], 0, "good files")
    expect("M13" not in check(f", ticket-keys: {keys}", good)[1].replace("M1353", ""),
           "and nothing to say")
    put(keys, os.urandom(160), 0o644)
    status, text = check(f", ticket-keys: {keys}")
    expect(status == 0 and "M1371" in text, f"keys open to all: {text}")
    for size in (0, 79, 81, 400):
        put(keys, os.urandom(size))
        status, text = check(f", ticket-keys: {keys}")
        expect(status != 0 and "M1231" in text, f"{size} bytes: {text}")
    put(keys, bytes(80))
    expect("M1231" in check(f", ticket-keys: {keys}")[1], "a key of zeroes")
    put(keys, os.urandom(80))
    status, text = check(f", tickets: false, ticket-keys: {keys}")
    expect(status != 0, f"keys without tickets: {text}")
    for name, response in (
            ("another certificate", authority.response(other, scene.path("other.der"))),
            ("does not call", authority.response(files, scene.path("bad.der"), status="R")),
            ("no OCSP response", scene.write("text.der", "hello")),
            ("cannot be read", scene.path("absent.der"))):
        status, text = check(ocsp=response)
        expect(status == 0 and "M1372" in text and name in text, f"{name}: {text}")


@scenario("OCSP responses are stapled while they hold, and swapped when their file changes", covers=[
    L + "certificates[].ocsp"], limit=180)
def stapled(scene):
    authority = Authority(scene)
    files = authority.make("www", "www.example.com")
    path = authority.response(files, scene.path("www.der"))
    _, _, port, martlet = https(scene, authority, [files])
    expect("OCSP response: no response sent" in client(port, "-status"), "without the option")
    martlet.reload(martlet.text().replace(pair(files), pair(files, path)))

    def staple():
        text = client(port, "-status", "-CAfile", authority.certificate)
        found = re.search(r"Next Update: (.*)", text)
        good = "OCSP Response Status: successful" in text and "Cert Status: good" in text
        return found.group(1) if found and good else None

    first = eventually("stapled after a reload", staple)
    expect("Next Update: " + first in client(port, "-status", "-tls1_2"), "and in TLS 1.2")
    expect(metric(martlet, "martlet_tls_staple_expiry_timestamp_seconds") > time.time(), "metric")
    authority.response(files, path, days=5)
    eventually("the new response is stapled", lambda: staple() not in (None, first), within=15)
    now = staple()
    authority.response(files, path, status="R")
    eventually("a bad one is told", lambda: "the former response stays" in martlet.log(), within=15)
    expect_equal(staple(), now, "and the former one is stapled on")
    if scene.full:  # openssl counts in whole minutes
        authority.response(files, path, minutes=1)
        eventually("a short one is stapled", lambda: staple() not in (None, now), within=15)
        eventually("and no more once it is over", lambda: staple() is None, within=75)
        eventually("as the log says", lambda: "the OCSP response is over" in martlet.log(), within=5)
    # A renewed certificate makes the response one about another certificate.
    authority.make("www", "www.example.com")
    eventually("nothing is stapled to a certificate that it is not about",
               lambda: staple() is None, within=15)
    expect("nothing is stapled" in martlet.log(), "and the log says so")
    authority.response(files, path)
    eventually("until there is one", staple, within=15)
