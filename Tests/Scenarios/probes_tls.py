# SPDX-License-Identifier: Apache-2.0
"""Probes that look at certificates: of pools, and of plain addresses, which have no pool."""
import time

from harness import eventually, expect, expect_equal, scenario
from harness.ask import ask_dns
from harness.certificates import Authority, openssl, pair
from harness.service import service
from harness.watch import why

RHYTHM = "interval: 100ms, timeout: 90ms, fast-interval: 100ms, jitter: 0%, rise: 2, fall: 2"
P = "probes.*."
C = P + "certificate."


def front(scene, origin, address, port, files):
    """A Martlet that speaks TLS at `address` with this certificate."""
    text = service(scene.port(), None, [origin], probe=None).replace(
        "routes:\n", f"  - {{ https: {address}:{port}, certificates: [{pair(files)}] }}\nroutes:\n")
    return scene.martlet(text.replace("host: www.example.com, ", ""))


def watcher(scene, probes, pools="", steer="", names=()):
    """A Martlet with these probes in front of both doors, and a steered name for each of `names`."""
    dns = scene.port()
    records = "".join(f"      {name}: {{ steer: {name}, ttl: 1s }}\n" for name in names)
    text = f"""workers: 1
probes:
{probes}pools:
  spare: {{ endpoints: [ {{ address: '127.0.0.1:{scene.port()}' }} ] }}
{pools}listeners:
  - {{ http: 127.0.0.1:{scene.port()} }}
  - {{ dns: 127.0.0.1:{dns} }}
routes: [ {{ pool: spare }} ]
zones:
  example.com:
    soa: {{ primary: ns1.example.com, mailbox: me.example.com }}
    records:
      ns1: {{ a: 127.0.0.1 }}
{records}steer:
  of-pool: {{ pool: spare }}
{steer}"""
    return dns, scene.martlet(text)


def becomes(martlet, pool, health, reason="", within=8):
    def settled():
        pools = martlet.snapshot()["pools"]
        endpoint = next(p for p in pools if p["name"].removeprefix("steer:") == pool)["endpoints"][0]
        return endpoint if endpoint["health"] == health and reason in why(endpoint) else None
    return eventually(f"{pool} is {health} {reason}", settled, within=within)


@scenario("plain addresses are asked by TLS, and their certificates must be right", 40, covers=[
    P + "tls", C + "name", C + "verify", C + "authorities"])
def addresses(scene):
    authority, other = Authority(scene), Authority(scene, "other")
    origin, = scene.origins("a")
    port = scene.port()
    right, wrong = "127.0.0.31", "127.0.0.32"
    front(scene, origin, right, port, authority.make("right", "www.example.com"))
    front(scene, origin, wrong, port, authority.make("wrong", "b.example.com"))
    ca = f"authorities: {authority.certificate}"
    cases = {
        "right": ("tls: on", f"{ca}, name: www.example.com"),
        "lax": ("tls: on", "verify: false"),
        "stranger": ("tls: on", f"authorities: {other.certificate}, name: www.example.com"),
        "system": ("tls: on", "name: www.example.com"),
        "nameless": ("tls: on", ca),
        "clear": ("tls: off", None),
    }
    probes, steer = "", ""
    for name, (tls, certificate) in cases.items():
        more = f", certificate: {{ {certificate} }}" if certificate else ""
        probes += f"  {name}: {{ http: /healthz, {tls}, port: {port}{more}, {RHYTHM} }}\n"
        steer += f"  {name}: {{ address: {right}, probe: {name} }}\n"
    # The name comes from `host` as well; a handshake alone is asked in the same way.
    probes += (f"  host: {{ http: /healthz, host: 'www.example.com:{port}', tls: on, port: {port}, "
               f"certificate: {{ {ca} }}, {RHYTHM} }}\n"
               f"  hands: {{ tcp: tls, tls: on, port: {port}, "
               f"certificate: {{ {ca}, name: www.example.com }}, {RHYTHM} }}\n")
    steer += (f"  host: {{ address: {right}, probe: host }}\n"
              f"  hands: {{ failover: [ {wrong}, {right} ], probe: hands }}\n")
    dns, martlet = watcher(scene, probes, "", steer, ["hands"])
    for name in ("right", "lax", "host"):
        becomes(martlet, name, "up")
    becomes(martlet, "stranger", "down", "tls-failed unknown-authority")
    becomes(martlet, "system", "down", "tls-failed unknown-authority")
    becomes(martlet, "nameless", "down", "tls-failed name-mismatch")
    becomes(martlet, "clear", "down")
    becomes(martlet, "hands", "down", "tls-failed name-mismatch")
    eventually("DNS leaves the wrong one out",
               lambda: ask_dns(dns, "hands.example.com").addresses == [right])
    # A reload with another name asks anew.
    martlet.reload(martlet.text().replace(
        f"{ca}, name: www.example.com }}, {RHYTHM} }}\n  lax", f"{ca}, name: no.example.com }}, {RHYTHM} }}\n  lax"))
    becomes(martlet, "right", "down", "tls-failed name-mismatch")


@scenario("a certificate that ends soon is named, or takes the endpoint down", 40, covers=[
    C + "min-days", C + "ending"])
def ending(scene):
    authority = Authority(scene)
    origin, = scene.origins("a")
    port = scene.port()
    files = authority.make("site", "www.example.com", days=5)
    front(scene, origin, "127.0.0.1", port, files)
    tls = f"tls: {{ authorities: {authority.certificate}, name: www.example.com }}"
    own = f"authorities: {authority.certificate}, name: www.example.com"
    probes = "".join(f"  {name}: {{ {rest}, {RHYTHM} }}\n" for name, rest in {
        "enough": "http: /healthz, certificate: { min-days: 4, ending: down }",
        "warned": "http: /healthz, certificate: { min-days: 14 }",
        "ended": "http: /healthz, certificate: { min-days: 14, ending: down }",
        "hands": "tcp: tls, certificate: { min-days: 14, ending: down }",
        "address": f"tcp: tls, tls: on, port: {port}, certificate: {{ {own}, min-days: 14 }}",
    }.items())
    pools = "".join(
        f"  {name}: {{ probe: {name}, {tls}, endpoints: [ {{ address: '127.0.0.1:{port}' }} ] }}\n"
        for name in ("enough", "warned", "ended", "hands"))
    steer = "  address: { address: 127.0.0.1, probe: address }\n" + "".join(
        f"  {name}-too: {{ pool: {name} }}\n" for name in ("enough", "warned", "ended", "hands"))
    late = scene.port()
    old = authority.ending("old", "www.example.com", -3600)
    front(scene, origin, "127.0.0.1", late, old)
    probes += f"  over: {{ tcp: tls, tls: on, port: {late}, certificate: {{ {own} }}, {RHYTHM} }}\n"
    steer += "  over: { address: 127.0.0.1, probe: over }\n"
    _, martlet = watcher(scene, probes, pools, steer)
    becomes(martlet, "enough", "up")
    # Refused, and its end is told all the same: an alert on it must not go silent.
    becomes(martlet, "over", "down", "tls-failed certificate-expired")
    over = martlet.metric("martlet_probe_certificate_expiry_timestamp_seconds", pool="steer:over")
    expect(time.time() - 7200 < over < time.time(), f"the end that is over: {over}")
    for name in ("ended", "hands"):
        becomes(martlet, name, "down", "certificate-ending certificate ends in")
    for name in ("warned", "address"):
        becomes(martlet, name, "up", "certificate ends in")
    expect("warned/127.0.0.1:" in martlet.log() and "reports certificate ends in"
           in martlet.log(), "the log warns")
    latest = martlet.pool("ended")["endpoints"][0]["latestProbe"]
    told = openssl("x509", "-in", files[0], "-noout", "-enddate", "-dateopt", "iso_8601")[1]
    expect(latest["certificateEnds"][:19] == told.strip().split("=")[1].replace(" ", "T")[:19],
           f"{latest} and {told}")
    ends = martlet.metric("martlet_probe_certificate_expiry_timestamp_seconds", pool="ended")
    shown = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ends))
    expect_equal(shown, latest["certificateEnds"][:19], "the metric")
    # A new certificate is seen at the next handshake.
    authority.make("site", "www.example.com", days=29)
    for name in ("ended", "hands", "warned", "enough"):
        becomes(martlet, name, "up")
    eventually("the warning is over", lambda: martlet.pool("warned")["endpoints"][0]["detail"] == "")
