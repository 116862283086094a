# SPDX-License-Identifier: Apache-2.0
"""SVCB and HTTPS records: the same zone file at Knot DNS, and what neither of the two takes."""
from harness import eventually, expect, expect_equal, scenario
from harness.ask import ask_dns, dig
from harness.martlet import martlet_command
from harness.peer import knot
from harness.service import service

ZONE = r"""$ORIGIN services.test.
$TTL 300
@       SOA ns hostmaster 1 2h 15m 2w 5m
        NS ns
        HTTPS 0 www
ns      A 192.0.2.53
www     HTTPS 1 . alpn=h3,h2 ipv4hint=192.0.2.80 ipv6hint="2001:db8::80"
        HTTPS 2 far.example.net. ( alpn=h2
                port=8443 ) ; a second one
        A 192.0.2.80
        AAAA 2001:db8::80
*.w     HTTPS 1 . alpn=h2 no-default-alpn
alias   CNAME www
chain   SVCB 0 ns
v1      HTTPS 0 foo.example.com.
v2      SVCB 1 .
v3      SVCB 16 foo.example.com. port=53
v4      SVCB 1 foo.example.com. key667=hello
v5      SVCB 1 foo.example.com. key667="hello\210qoo"
v6      SVCB 1 foo.example.com. ipv6hint="2001:db8::1,2001:db8::53:1"
v7      SVCB 1 example.com. ipv6hint="2001:db8:122:344::192.0.2.33"
v8      SVCB 16 foo.example.org. alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1
v9      SVCB 16 foo.example.org. alpn="f\\\\oo\\,bar,h2"
v10     SVCB 16 foo.example.org. alpn=f\\\092oo\092,bar,h2
v11     HTTPS 1 . ech=AAEC/w== key65534 key3="\001\187"
v12     TYPE65 \# 10 0001 00 0001 0003 026832
v13     TYPE64 1 a.b alpn="a b" port="1"
"""

REFUSED = ["key123=abc key123=def", "mandatory", "alpn", "port", "ipv4hint", "ipv6hint",
           "no-default-alpn=abc", "mandatory=key123", "mandatory=mandatory",
           "mandatory=key123,key123 key123=abc", "alpn=h2,", "port=65536", "ipv4hint=1.2.3",
           "ipv6hint=1.2.3.4", "ech=A", "apln=h2", "key65536=x", '"alpn=h2"']


def start(scene, zones):
    dns = scene.port()
    text = service(scene.port(), None, scene.origins("a"), more="zones:\n" + zones)
    return dns, text.replace("routes:\n", f"  - {{ dns: 127.0.0.1:{dns} }}\nroutes:\n")


@scenario("SVCB and HTTPS of a zone file are answered as Knot answers them, octet by octet")
def beside_knot(scene):
    file = scene.write("services.zone", ZONE)
    peer = knot(scene, {"services.test": file}).port
    dns, text = start(scene, f"  services.test: {{ file: {file} }}\n")
    scene.martlet(text)
    names = ["services.test", "www.services.test", "x.y.w.services.test", "alias.services.test",
             "chain.services.test", "ns.services.test", "none.services.test"]
    names += [f"v{number}.services.test" for number in range(1, 14)]
    answered = 0
    for name in names:
        for kind in ("HTTPS", "SVCB"):
            ours, theirs = ask_dns(dns, name, kind), ask_dns(peer, name, kind)
            # Names in an SOA may be compressed in more ways than one.
            seen, wanted = ((answer.rcode, sorted(answer.answers),
                             [(kind, ttl) for kind, ttl, _ in answer.authority])
                            for answer in (ours, theirs))
            expect_equal(seen, wanted, f"{name} {kind}")
            expect_equal(sorted(dig(dns, name, kind)), sorted(dig(peer, name, kind)),
                         f"{name} {kind} as dig shows it")
            answered += len(ours.answers)
    expect(answered > 20, f"only {answered} records were compared")
    # An alias: its addresses and its services (RFC 9460 §4.1), at both.
    for port in (dns, peer):
        along = ask_dns(port, "services.test", "HTTPS").additional
        expect_equal(sorted(kind for kind, _, _ in along if kind != 41), [1, 28, 65, 65],
                     "types that go along with an alias")
    # A service of the owner's: its addresses save a question.
    along = ask_dns(dns, "www.services.test", "HTTPS").additional
    expect_equal(sorted(kind for kind, _, _ in along if kind != 41), [1, 28], "with a service")


@scenario("what RFC 9460 forbids is refused with file, line and column, by Knot too")
def refused(scene):
    head = "$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"
    zones = {}
    for number, parameters in enumerate(REFUSED):
        name = f"z{number}.test"
        zones[name] = scene.write(f"{name}.zone", f"{head}@ SVCB 1 x.test. {parameters}\n")
    zones["good.test"] = scene.write("good.zone", head + "@ SVCB 1 x.test. alpn=h2\n")
    peer = knot(scene, zones).port
    served = [name for name in zones if ask_dns(peer, name, "SOA").rcode == 0]
    expect_equal(served, ["good.test"], "zones that Knot takes")
    dns, text = start(scene, "".join(f"  {n}: {{ file: {f} }}\n" for n, f in zones.items()))
    status, out, err = martlet_command(scene, "check", scene.write("bad.yaml", text))
    expect(status != 0, f"check:\n{out}{err}")
    # The one that stands twice is named where it stands again.
    columns = [29] + [18] * (len(REFUSED) - 1)
    missing = [name for name, column in zip(zones, columns)
               if f"--> {zones[name]}:5:{column}\n" not in out + err]
    expect_equal((out + err).count("error[M1316]"), len(REFUSED), "errors")
    expect(not missing, lambda: f"not refused in their places: {missing}\n{out}{err}")
    expect("good.zone" not in out + err, f"the good one is not:\n{out}{err}")


@scenario("services of names: checked parameter by parameter, warned of where they are not meant")
def checked(scene):
    records = """
  a.test:
    soa: { primary: ns.a.test, mailbox: me@a.test }
    records:
      ns: { a: 192.0.2.1 }
      www:
        a: 192.0.2.2
        https:
          - 1 . alpn=h2,h3
          - 2 far.example.net. %s
"""
    _, text = start(scene, records % "port=https")
    status, out, err = martlet_command(scene, "check", scene.write("bad.yaml", text))
    expect(status != 0 and "M1214" in out + err and "'https' is not a port" in out + err,
           f"check:\n{out}{err}")
    dns, text = start(scene, records % 'port=8443 key667="a b"' + """\
      mixed: { https: [ 0 www, 1 . ] }
      several: { svcb: [ 0 www, 0 ns ] }
      idle: { https: 0 www alpn=h2 }
""")
    path = scene.write("odd.yaml", text)
    status, out, err = martlet_command(scene, "check", path)
    expect(status == 0, f"check:\n{out}{err}")
    for code in ("M1655", "M1656", "M1657"):
        expect(code in out + err, f"{code} is missing:\n{out}{err}")
    martlet = scene.martlet(text)
    expect_equal(sorted(dig(dns, "www.a.test", "HTTPS")), [
        '1 . alpn="h2,h3"', '2 far.example.net. port=8443 key667="a b"'], "HTTPS")
    status, out, err = martlet_command(
        scene, "explain-dns", "www.a.test", "--type", "HTTPS",
        "--admin", f"127.0.0.1:{martlet.admin}")
    expect(status == 0 and 'HTTPS 1 . alpn="h2,h3"' in out, f"explain:\n{out}{err}")


@scenario("HTTPS of a steered name: its hints are the addresses of the policy, and follow health")
def steered(scene):
    origins = scene.origins("a", "b")
    dns = scene.port()
    text = service(scene.port(), None, origins, more="""zones:
  a.test:
    soa: { primary: ns.a.test, mailbox: me@a.test }
    records:
      www:
        steer: web
        https:
          - 1 . alpn=h2 port=8443
          - 2 far.example.net. ipv4hint=192.0.2.9
steer:
  web: { pool: web, ttl: 7s, all-down: none }
""").replace("routes:\n", f"  - {{ dns: 127.0.0.1:{dns} }}\nroutes:\n")
    scene.martlet(text)

    def hints():
        """The hints of the service at the name itself; none when there are no services."""
        lines = dig(dns, "www.a.test", "HTTPS")
        if not lines:
            return None
        own, far = sorted(lines)
        expect_equal(far, "2 far.example.net. ipv4hint=192.0.2.9", "a service elsewhere")
        expect(own.startswith('1 . alpn="h2" port=8443'), own)
        return set(own.partition(" ipv4hint=")[2].split(","))

    a, b = origins
    eventually("both endpoints are hints", lambda: hints() == {a.address, b.address})
    expect(all(ttl <= 7 for _, ttl, _ in ask_dns(dns, "www.a.test", "HTTPS").answers), "TTL")
    expect_equal(set(dig(dns, "www.a.test")), {a.address, b.address}, "A")
    b.health("fail")
    eventually("only a is one", lambda: hints() == {a.address})
    a.health("fail")
    eventually("none: no services", lambda: hints() is None)
    expect_equal(dig(dns, "www.a.test"), [], "A")
    # Hints of one's own would outlive what the policy says.
    bad = scene.write("bad.yaml", text.replace("port=8443", "ipv4hint=192.0.2.1"))
    status, out, err = martlet_command(scene, "check", bad)
    expect(status != 0 and "M1608" in out + err and "hints" in out + err, f"check:\n{out}{err}")
