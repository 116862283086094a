# SPDX-License-Identifier: Apache-2.0
"""Two servers that sign one zone with keys of their own (RFC 8901, model 2)."""
from dnssec import flags, status
from harness import expect, expect_equal, eventually, scenario
from harness.ask import dig, dig_text
from harness.peer import unbound

ZONE = """$TTL 60
@ SOA ns hostmaster 1 1h 15m 1w 60
@ NS ns
ns A 192.0.2.53
*.wild A 192.0.2.7
"""


def configuration(name, dns, option):
    return (f"workers: 1\nlisteners: [ {{ dns: 127.0.0.1:{dns} }} ]\n"
            f"zones: {{ a.test: {{ file: {name}.zone, dnssec: {{ {option} }} }} }}\n")


def failures(resolver):
    """The names of the zone that do not validate."""
    texts = {f"n{i}.wild.a.test": dig_text(resolver, f"n{i}.wild.a.test", "A", "+dnssec") for i in range(30)}
    return [name for name, text in texts.items() if status(text) != "NOERROR" or "ad" not in flags(text)]


@scenario("two signers of one zone validate with the keys of either", 90,
          covers=["zones.*.dnssec.other-signers"])
def two(scene):
    ports, servers = {}, {}
    for name in ("one", "two"):
        scene.write(f"{name}.zone", ZONE)
        ports[name] = scene.port()
        servers[name] = scene.martlet(configuration(name, ports[name], ""))
    keys = {name: dig(port, "a.test", "DNSKEY") for name, port in ports.items()}
    digests = {name: dig(port, "a.test", "CDS") for name, port in ports.items()}
    expect(all(len(found) == 1 for found in keys.values()) and keys["one"] != keys["two"], f"{keys}")
    anchors = "".join(f'  trust-anchor: "a.test. DNSKEY {key}"\n' for found in keys.values() for key in found)
    # A validator that has the keys from one and an answer from the other asks both again until something
    # fits, so that what is missing shows by chance alone: each set of keys is looked at by itself.
    for name, other in (("one", "two"), ("two", "one")):
        more = "".join(f"@ DNSKEY {key}\n" for key in keys[other]) + "".join(f"@ CDS {d}\n" for d in digests[other])
        scene.write(f"{name}.zone", ZONE + more)
        servers[name].reload(configuration(name, ports[name], "other-signers: true"))
    for name, port in ports.items():
        expect_equal(sorted(dig(port, "a.test", "DNSKEY")), sorted(keys["one"] + keys["two"]), f"the keys at {name}")
        expect_equal(sorted(dig(port, "a.test", "CDS")), sorted(digests["one"] + digests["two"]), f"CDS at {name}")
    together = scene.port()
    both = {"a.test": "{one}\n  stub-addr: 127.0.0.1@{two}".format(**ports)}
    unbound(scene, together, both, f"  module-config: \"validator iterator\"\n{anchors}")
    eventually("the resolver answers", lambda: status(dig_text(together, "ns.a.test")) != "none")
    expect_equal(failures(together), [], "with them all does, from whichever server")
