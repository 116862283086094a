# SPDX-License-Identifier: Apache-2.0
"""What is said about a configuration before it holds, and what a reload makes of it."""
import json
import os

from harness import eventually, expect, expect_equal, scenario
from harness.ask import Browser, curl, dig, raw, statuses
from harness.martlet import martlet_command
from harness.service import service

HEAD = "$TTL 60\n@ IN SOA ns1 host 1 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.1\n"


@scenario("findings in zones are told by check and in the log, with file, line and code")
def zone_findings(scene):
    origin, = scene.origins("a")
    os.mkdir(scene.path("zones"))
    scene.write("zones/more.inc", "; first line\ntwo 60 A 192.0.2.2\ntwo 90 A 192.0.2.3\n")
    scene.write("zones/a.zone", HEAD + "alias CNAME ns1\n@ MX 10 alias\nsub NS ns.sub\n"
                "deep.sub TXT never\n$INCLUDE more.inc\n")
    dns = scene.port()
    martlet = scene.martlet(service(scene.port(), dns, [origin]).replace(
        "zones:\n", "zones:\n  a.test: { file: zones/a.zone }\n").replace(
        "      ns1: {", "      cut: { ns: ns.cut.example.com }\n      ns1: {"))
    line = 1 + open(martlet.config).read().split("      cut:")[0].count("\n")
    wanted = [("zones/a.zone", 6, "M1654"), ("zones/a.zone", 7, "M1652"),
              ("zones/a.zone", 8, "M1653"), ("zones/more.inc", 3, "M1650"),
              ("martlet0.yaml", line, "M1652")]
    status, out, _ = martlet_command(scene, "check", martlet.config)
    expect_equal(status, 0, f"warnings do not refuse a file:\n{out}")
    for file, number, code in wanted:
        expect(f"{file}:{number}:" in out and f"M1357]: {code}: " in out, f"{file} {code}:\n{out}")
    expect("7 | sub NS ns.sub\n" in out, f"the line itself is shown:\n{out}")
    status, out, _ = martlet_command(scene, "check", "--json", martlet.config)
    found = json.loads(out)
    expect(found["valid"] and found["warnings"] == len(wanted), f"as data: {out}")
    places = {(os.path.basename(d["file"]), d["line"]) for d in found["diagnostics"]}
    expect_equal(places, {(os.path.basename(f), n) for f, n, _ in wanted}, "places as data")

    def logged(times):
        return all(martlet.log().count(f" {code} ") >= times
                   and martlet.log().count(f"{file}:{n}: ") >= times for file, n, code in wanted)

    expect(logged(1), f"the start tells them:\n{martlet.log()}")
    martlet.reload()
    expect(logged(2), f"and so does a reload:\n{martlet.log()}")


@scenario("a finding about an SOA points to it in the configuration, with the right file")
def start_of_authority(scene):
    dns = scene.port()
    text = f"""listeners: [ {{ dns: 127.0.0.1:{dns} }} ]
zones:
  c.test:
    records: {{ www: {{ a: 192.0.2.1 }} }}
    soa: {{ primary: ns.example.net, mailbox: me@c.test, refresh: 2h, expire: 1h }}
"""
    martlet = scene.martlet(text)
    line = 1 + open(martlet.config).read().split("    soa:")[0].count("\n")
    status, out, _ = martlet_command(scene, "check", martlet.config)
    expect(status == 0 and f"martlet0.yaml:{line}:" in out and "M1661: secondaries give up" in out
           and "c.test.:1" not in out, out)
    expect(f" M1661 {martlet.config}:{line}: secondaries give up" in martlet.log(), martlet.log())


@scenario("all that is wrong with zones is found at once, in each file and in others")
def zones_at_once(scene):
    os.mkdir(scene.path("zones"))
    semantic = "c CNAME ns\nc A 192.0.2.1\n"
    scene.write("zones/a.zone", HEAD + semantic + "x A 192.0.2\n")
    scene.write("zones/b.zone", HEAD + semantic)
    scene.write("zones/c.zone", HEAD + "x A 192.0.2\n")
    text = "listeners: [ { dns: ':53' } ]\nzones:\n" + "".join(
        f"  {name}.test: {{ file: zones/{name}.zone }}\n" for name in "abcd")
    scene.write("zones.yaml", text)
    status, out, _ = martlet_command(scene, "check", scene.path("zones.yaml"))
    expect_equal(status, 1, out)
    found = [("a.zone", "M1603"), ("a.zone", "M1515"), ("b.zone", "M1603"), ("c.zone", "M1515"),
             ("d.zone", "M1316")]
    blocks = out.split("\n\n")
    for file, code in found:
        expect_equal(len([b for b in blocks if file in b and code in b]), 1, f"{file} {code}:\n{out}")
    expect("5 errors" in out, out)


@scenario("one zone file is checked by itself, its findings at once, as text and as data")
def zone_check(scene):
    os.mkdir(scene.path("zones"))
    scene.write("zones/a.zone", HEAD + "$GENERATE 1-3 h$ A 192.0.2.$\nk SSHFP 4 2 00\n@ MX 1 192.0.2.9\n"
                "$INCLUDE ../other.inc\n")
    scene.write("other.inc", "x A 192.0.2.2\n")
    path = scene.path("zones/a.zone")
    status, out, err = martlet_command(scene, "zone", "check", path, "a.test")
    expect_equal(status, 1, f"it is refused:\n{out}{err}")
    for place, code in (("6:", "error M1515"), ("7:", "warning M1658"), ("8:", "error M1506")):
        expect(f"a.zone:{place}" in out and code in out, f"{place} {code}:\n{out}")
    status, out, _ = martlet_command(scene, "zone", "check", path, "a.test", "--json")
    found = json.loads(out)
    expect_equal((status, found["valid"], found["errors"], found["warnings"]), (1, False, 2, 1), out)
    scene.write("zones/a.zone", HEAD + "$GENERATE 1-3 h$ A 192.0.2.$\n")
    status, out, err = martlet_command(scene, "zone", "check", path, "a.test")
    expect_equal((status, out), (0, "zone a.test.: good, 0 errors, 0 warnings\n"), err)
    expect_equal(martlet_command(scene, "zone", "check", path)[0], 2, "an origin is needed")


@scenario("zone files: included from where they stand, never a pipe; a bad one keeps its former version")
def zone_files(scene):
    origin, = scene.origins("a")
    os.makedirs(scene.path("zones/parts"))
    scene.write("zones/parts/one.inc", "$INCLUDE two.inc\n")
    scene.write("zones/parts/two.inc", "there A 192.0.2.7\n")
    scene.write("zones/a.zone", HEAD + "$INCLUDE parts/one.inc\n")
    http, dns = scene.port(), scene.port()
    text = service(http, dns, [origin])
    martlet = scene.martlet(text.replace(
        "zones:\n", "zones:\n  a.test: { file: zones/a.zone }\n"))
    expect_equal(dig(dns, "there.a.test"), ["192.0.2.7"], "an include inside an include")
    status, out, err = martlet_command(scene, "diff", martlet.config)
    expect(status == 0 and "zone a.test (its file is read again)" in out, f"diff: {out}{err}")
    scene.write("zones/parts/two.inc", "there A 192.0.2.7\n\nthere A nonsense\n")
    status, out, _ = martlet_command(scene, "check", martlet.config)
    expect(status == 1 and "zones/parts/two.inc:3:9" in out and "3 | there A nonsense" in out,
           f"a fault is shown where it stands:\n{out}")
    scene.write("zones/a.zone", HEAD + "here A 192.0.2.8\n")
    martlet.reload()
    expect_equal((dig(dns, "here.a.test"), dig(dns, "there.a.test")), (["192.0.2.8"], []),
                 "the file was read again")
    os.mkfifo(scene.path("zones/pipe"))
    for bad, word in ((HEAD + "x A nonsense\n", "M1515"), (HEAD + "$INCLUDE pipe\n", "M1506"),
                      (HEAD + HEAD, "M1602"), (None, "regular")):
        if bad is None:
            os.remove(scene.path("zones/a.zone"))
            os.mkfifo(scene.path("zones/a.zone"))
        else:
            scene.write("zones/a.zone", bad)
        status, _, body = martlet.api("POST", "/api/v1/reload")
        fault = json.loads(body)["zoneFaults"][0]
        expect(status == 200 and fault["state"] == "former" and word in body.decode(),
               f"{word}: {status} {body!r}")
        status, out, _ = martlet_command(scene, "check", martlet.config)
        expect(status == 1 and word in out, f"check finds {word}: {status}\n{out}")
        expect_equal(dig(dns, "here.a.test"), ["192.0.2.8"], "the zone as it was")
        expect_equal(dig(dns, "www.example.com") != [], True, "and the others")


@scenario("limits and the admin listener follow a reload")
def reloaded_limits(scene):
    origin, = scene.origins("a")
    http, dns = scene.port(), scene.port()
    text = service(http, dns, [origin])
    martlet = scene.martlet(text)
    requests = {
        "header-bytes: 2KiB": (b"X: " + b"a" * 3000 + b"\r\n", b"/", 431),
        "header-count: 20": (b"X: 1\r\n" * 50, b"/", 431),
        "request-line: 200B": (b"", b"/" + b"a" * 500, 414)}

    def answers():
        return [statuses(raw(http, b"GET " + path + b" HTTP/1.1\r\nHost: www.example.com\r\n" + more
                             + b"\r\n", timeout=0.3)) for more, path, _ in requests.values()]

    expect_equal(answers(), [[200]] * 3, "under the limits as shipped")
    for limit, (_, _, status) in requests.items():
        martlet.reload(f"limits: {{ {limit} }}\n" + text)
        wanted = [[status] if limit == other else [200] for other in requests]
        # A worker that is held up takes the new limits with its next turn.
        eventually(f"{limit}: {wanted}", lambda: answers() == wanted)
    martlet.reload("limits: { connections: 2 }\n" + text)
    held = [Browser(http), Browser(http)]
    expect_equal([browser.ask()[0] for browser in held], [200, 200], "two clients")
    third = Browser(http, timeout=8)
    third.sock.sendall(b"GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n")
    third.sock.settimeout(0.5)
    try:
        expect_equal(third.sock.recv(100), None, "a third client, who has to wait,")
    except TimeoutError:
        pass
    martlet.reload(text)
    third.sock.settimeout(3)
    expect(third.sock.recv(100).startswith(b"HTTP/1.1 200"), "more connections let the third in")
    expect_equal([browser.ask()[0] for browser in held], [200, 200], "and keep the two")
    expect("takes effect at the next restart" not in martlet.log(), martlet.log())

    old, martlet.admin = martlet.admin, scene.port()
    martlet.configure(text)
    martlet.signal(1)
    eventually("the admin listener is at its new place", lambda: martlet.api("GET", "/livez")[0] == 200)
    eventually("and gone from the old", lambda: curl(f"http://127.0.0.1:{old}/livez")[0] == 0)
    martlet.configure("admin: { listen: off }\n" + text)
    martlet.signal(1)
    eventually("off closes it", lambda: curl(f"http://127.0.0.1:{martlet.admin}/livez")[0] == 0)
    expect_equal(Browser(http).ask()[0], 200, "the doors serve on")
    martlet.configure(text)
    martlet.signal(1)
    eventually("and it comes back", lambda: martlet.api("GET", "/livez")[0] == 200)


@scenario("check, init, schema and diff: what a new user asks before running anything")
def commands(scene):
    status, _, _ = martlet_command(scene, "init", "martlet.yaml")
    expect_equal(status, 0, "init")
    status, _, _ = martlet_command(scene, "init", "martlet.yaml")
    expect_equal(status, 1, "init writes over nothing")
    status, out, _ = martlet_command(scene, "check", "martlet.yaml")
    expect(status == 0 and "valid" in out and "warning" not in out, f"the starter file: {out}")
    good = open(scene.path("martlet.yaml")).read()
    bad = good.replace("listeners:", "listners:").replace("interval: 5s", "interval: 5").replace(
        "rise: 2 ", "rise: 200 ")
    scene.write("bad.yaml", bad)
    status, out, _ = martlet_command(scene, "check", "bad.yaml")
    expect_equal(status, 1, "a bad file")
    for words in ("[M1101]: unknown key `listners`", "did you mean `listeners`?", "[M1201]",
                  "did you mean `5s`?", "[M1207]", "it must be 1 to 100", "^^^"):
        expect(words in out, f"{words!r} in\n{out}")
    status, out, _ = martlet_command(scene, "check", "--json", "bad.yaml")
    data = json.loads(out)
    expect(status == 1 and not data["valid"] and data["errors"] >= 3, f"as data: {out}")
    status, out, _ = martlet_command(scene, "schema")
    expect_equal(json.loads(out)["$schema"], "https://json-schema.org/draft/2020-12/schema", "schema")
    scene.write("new.yaml", good.replace("interval: 5s", "interval: 7s").replace(
        "  - dns: \":5300\"", "  - dns: \":5301\""))
    status, out, _ = martlet_command(scene, "diff", "--config", "martlet.yaml", "new.yaml")
    for words in ("~ probe web: interval 5s -> 7s", "+ listener dns :5301 added",
                  "- listener dns :5300 removed: it closes", "= unchanged: listener http :8080"):
        expect(words in out, f"{words!r} in\n{out}")
    status, out, _ = martlet_command(scene, "diff", "--config", "martlet.yaml", "martlet.yaml")
    expect_equal(out, "Nothing changes.\n", "no difference")
