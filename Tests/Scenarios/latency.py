# SPDX-License-Identifier: Apache-2.0
"""Answers by round trips: from a file, by the API, and as the HTTP door measures them itself.

Loopback has no latency to speak of, and networks are told apart by source addresses in 127/8: what
this site measures of them is next to nothing, so it wins against what a file says of another one.
"""
import os
import re
import time

from harness import eventually, expect, expect_equal, never, scenario
from harness.ask import curl, dig_text
from harness.martlet import martlet_command
from harness.service import service

L = "latency."


def subnet(dns, client, name="www"):
    """(addresses, scope) for a client's network."""
    text = dig_text(dns, f"{name}.a.test", "A", f"+subnet={client}")
    scope = re.search(r"CLIENT-SUBNET: \S+/\d+/(\d+)", text)
    return (re.findall(r"(?m)^\S+\s+\d+\s+IN\s+A\s+(\S+)", text), int(scope[1]) if scope else None)


def answer(dns, client):
    return subnet(dns, client)[0]


POLICY = """zones:
  a.test:
    soa: { primary: ns.a.test, mailbox: me@a.test }
    records: { www: { steer: www }, "*": { steer: www } }
steer:
  www:
    latency:
      - { address: 192.0.2.1, target: fra, at: DE }
      - { address: 192.0.2.2, target: iad, at: US }
      - { address: 192.0.2.3, target: lab }
"""


def plain(scene, latency):
    """Martlet with the policy alone, its DNS port and its text."""
    dns = scene.port()
    text = (f"workers: 1\nlisteners: [ {{ dns: 127.0.0.1:{dns} }} ]\n"
            f"latency: {{ interval: 100ms, {latency} }}\n"
            "geo: { networks: { 10.0.0.0/8: { country: DE }, 10.9.0.0/16: { country: US } } }\n"
            + POLICY)
    return scene.martlet(text), dns, text


def command(scene, martlet, *arguments):
    return martlet_command(scene, *arguments, "--admin", f"127.0.0.1:{martlet.admin}")


def explained(scene, martlet, client):
    status, out, err = command(scene, martlet, "explain-dns", "www.a.test", "--from", client)
    expect_equal(status, 0, f"explain-dns: {err}")
    return out


def measure(martlet, *rows, status=200):
    body = {"measurements": [dict(zip(("place", "target", "rttMilliseconds", "samples", "time"), row))
                             for row in rows]}
    return martlet.json("POST", "/api/v1/rtt", body, status)


@scenario("a file of round trips orders the answers, is followed, and a bad one changes nothing",
          covers=["steer.**.latency", "steer.**.target", L + "file", L + "interval"])
def file(scene):
    path = scene.write("rtt.csv", "place,target,rtt_ms\n10.1.2.0/24,iad,12\n10.1.2.0/24,fra,80\n"
                                  "country:US,fra,2\n10.1.3.0/24,lab,4\n")
    martlet, dns, text = plain(scene, f"file: {path}")
    for client, address, scope in (
            ("10.1.2.0/24", "192.0.2.2", 24), ("10.1.3.0/24", "192.0.2.3", 24),
            ("10.9.1.0/24", "192.0.2.1", None), ("10.200.0.0/16", "192.0.2.1", None)):
        found = subnet(dns, client)
        expect_equal(found[0], [address], f"client {client}")
        expect(scope is None or found[1] == scope, f"scope for {client}: {found}")
    # Elsewhere the nearest serves: of the country's middle, or in the order of the list.
    told = explained(scene, martlet, "10.1.2.7")
    for words in ("iad 12.0 ms for 10.1.2.0/24, from the file", "fra 80.0 ms", "lab, no measurement"):
        expect(words in told, f"`{words}`:\n{told}")
    expect("no measurement: by distance" in explained(scene, martlet, "10.200.0.7"), "by distance")
    expect_equal(martlet.metric("martlet_rtt_rows", source="file"), 4, "rows")
    # The file changes while it serves: by renaming, then by nonsense.
    os.replace(scene.write("new.csv", "10.1.2.0/24,fra,8\n10.1.2.0/24,iad,90\n"), path)
    eventually("the new file is in force", lambda: answer(dns, "10.1.2.0/24") == ["192.0.2.1"],
               within=8)
    os.replace(scene.write("new.csv", '{"place":"10.1.2.0/24","target":"fra"}\n'), path)
    eventually("it is told of", lambda: martlet.metric("martlet_rtt_file_current") == 0, within=8)
    expect("M1440" in martlet.log() and "rtt.csv':1:1: " in martlet.log(), lambda: martlet.log())
    expect_equal(answer(dns, "10.1.2.0/24"), ["192.0.2.1"], "the former rows serve on")
    expect("rtt.csv" in command(scene, martlet, "status")[1], "status shows it")
    status, _, data = martlet.api("POST", "/api/v1/reload")
    expect(status == 422 and b"M1440" in data, f"a reload is refused: {data}")
    martlet.reload(text.replace(f"file: {path}", "rows: 1000"))
    eventually("without the file", lambda: answer(dns, "10.1.3.0/24") == ["192.0.2.1"])

    def check(content, policy=POLICY):
        scene.write("checked.csv", content)
        config = scene.write("check.yaml", "listeners: [ { dns: '127.0.0.1:5300' } ]\n"
                             "latency: { file: checked.csv }\n" + policy)
        status, out, err = martlet_command(scene, "check", config)
        return status, out + err

    for content, words in (("10.0.0.0/8,fra,1\n\nnonsense,fra,1\n", ("M1440", "checked.csv:3:1")),
                           ("10.0.0.0/8,fra,x\n", ("M1440", "checked.csv:1:16")),
                           ("# none\n", ("M1451",)), ("10.0.0.0/8,mars,1\n", ("M1450", "mars"))):
        status, out = check(content)
        expect(all(word in out for word in words), f"{content!r}: {out}")
        expect_equal(status != 0, "M1440" in words, f"{content!r}: {out}")


@scenario("measurements by the API move answers by a gain only, age, give way, and outlive a crash",
          covers=[L + part for part in ("min-samples", "max-age", "margin", "min-gain", "rows")])
def by_request(scene):
    martlet, dns, text = plain(scene, "rows: 64, min-samples: 4, max-age: 1h, min-gain: 1ms")
    net = "10.1.2.0/24"
    expect_equal(answer(dns, net), ["192.0.2.1"], "nothing known: the nearest")
    measure(martlet, (net, "iad", 1, 3), ("10.1.3.9", "iad", 1, 9))
    eventually("a row of enough samples", lambda: answer(dns, "10.1.3.0/24") == ["192.0.2.2"])
    expect_equal(answer(dns, net), ["192.0.2.1"], "three samples are too few")
    status, _, data = martlet.api("POST", "/api/v1/rtt", {"measurements": [
        {"place": net, "target": "iad", "rttMilliseconds": 1},
        {"place": net, "target": "mars", "rttMilliseconds": 1}]})
    expect(status == 422 and b"mars" in data, f"an unknown target: {data}")
    # 100 ms against 91 ms is less than a tenth better; against 50 ms it is more.
    measure(martlet, (net, "iad", 91, 50), (net, "fra", 100, 50), ("10.1.4.0/24", "iad", 1, 9))
    eventually("a table of all", lambda: answer(dns, "10.1.4.0/24") == ["192.0.2.2"])
    first = answer(dns, net)
    other, near = ("iad", "fra") if first == ["192.0.2.1"] else ("fra", "iad")
    measure(martlet, (net, near, 100, 200), (net, other, 92, 200), ("10.1.5.0/24", "iad", 1, 9))
    eventually("another table", lambda: answer(dns, "10.1.5.0/24") == ["192.0.2.2"])
    expect_equal(answer(dns, net), first, "less than the margin")
    loose = text.replace("max-age: 1h", "max-age: 1h, margin: 1%")
    martlet.reload(loose)
    eventually("more than a smaller margin", lambda: answer(dns, net) not in (first, []))
    expect(martlet.metric("martlet_rtt_order_changes_total") >= 1, "counted")
    # Too old when it arrives, and a table that is full.
    old = int(time.time()) - 7200
    measure(martlet, ("10.1.6.0/24", "iad", 1, 9, old), ("10.1.7.0/24", "iad", 1, 9))
    eventually("a young row", lambda: answer(dns, "10.1.7.0/24") == ["192.0.2.2"])
    expect_equal(answer(dns, "10.1.6.0/24"), ["192.0.2.1"], "an old row")
    measure(martlet, *[(f"10.2.{n}.0/24", "lab", 1, 1) for n in range(200)])
    shown = martlet.json("GET", "/api/v1/rtt?count=1000")
    expect_equal([shown["total"], len(shown["rows"]), shown["next"]], [64, 64, None], "bounded")
    expect(martlet.metric("martlet_rtt_rows_evicted_total") >= 100, "evictions are counted")
    expect_equal(answer(dns, "10.1.5.0/24"), ["192.0.2.2"], "rows of many samples stay")
    # What is shown can be written down, and fed again.
    status, lines, err = command(scene, martlet, "rtt", "export")
    expect(status == 0 and "10.1.5.0/24,iad,1.0,9," in lines, lines + err)
    status, out, err = command(scene, martlet, "rtt", "import", scene.write("all.csv", lines))
    expect(status == 0 and "0 measurements were taken, 64 known already" in out, out + err)
    status, out, err = command(scene, martlet, "rtt", "import", scene.write(
        "more.csv", "10.3.1.0/24,iad,1\n10.3.2.0/24,mars,1\n"))
    expect(status == 1 and "more.csv:2:1: M1450" in err, out + err)
    shown = martlet.json("GET", "/api/v1/rtt?count=1000")
    expect("10.3.1.0/24" not in [row["place"] for row in shown["rows"]], "all of a file, or none")
    expect_equal(shown["targets"], ["fra", "iad", "lab"], "targets")
    status, out, err = command(scene, martlet, "rtt", "import", "x.csv", "--source", "file")
    expect(status == 2 and "--source" in err, out + err)
    status, out, err = command(scene, martlet, "rtt")
    expect("10.1.5.0/24" in out and "does not count" in out, out + err)
    status, out, err = command(scene, martlet, "rtt", "import", scene.write("bad.csv", "x,iad,1\n"))
    expect(status == 1 and "bad.csv:1:1: M1440" in err, out + err)
    # An orderly end saves what was learnt; it comes back with its age.
    martlet.stop()
    martlet.start()
    martlet.wait_ready()
    expect_equal(answer(dns, "10.1.5.0/24"), ["192.0.2.2"], "after a restart")
    expect("s old" in explained(scene, martlet, "10.1.5.7"), "with its age")


@scenario("the HTTP door measures its clients for its own site, and nobody behind a proxy",
          covers=[L + "site", "listeners[].measure-rtt"])
def own(scene):
    origins = scene.origins("a")
    http, dns = scene.port(), scene.port()
    path = scene.write("rtt.csv", "127.0.7.0/24,fra,30\n127.0.8.0/24,fra,30\n127.0.9.0/24,fra,30\n")
    text = service(http, None, origins, listener="measure-rtt: true, "
                   "trusted-proxies: [ 127.0.8.0/24 ]", more=(
                       f"latency: {{ file: {path}, site: iad, min-samples: 3, interval: 100ms }}\n"
                       + POLICY))
    text = text.replace("routes:\n", f"  - {{ dns: 127.0.0.1:{dns} }}\nroutes:\n", 1)
    martlet = scene.martlet(text)
    nets = [f"127.0.{n}.0/24" for n in (7, 8, 9)]
    expect_equal([answer(dns, net) for net in nets], [["192.0.2.1"]] * 3, "as the file says")

    def ask(source):
        status, _, _ = curl(f"http://127.0.0.1:{http}/", "-H", "Host: www.example.com",
                            "-H", "X-Forwarded-For: 127.0.9.1", "--interface", source)
        expect_equal(status, 200, f"asked from {source}")

    def come():
        ask("127.0.7.5")
        ask("127.0.8.5")
        return answer(dns, nets[0]) == ["192.0.2.2"]

    eventually("who comes here is measured", come, within=10)
    expect_equal([answer(dns, net) for net in nets[1:]], [["192.0.2.1"]] * 2, "nobody by a proxy")
    told = explained(scene, martlet, "127.0.7.9")
    expect("ms for 127.0.7.0/24, learnt, " in told and "from the file" in told, told)
    rows = martlet.json("GET", "/api/v1/rtt")["rows"]
    expect_equal({(row["place"], row["target"]) for row in rows}, {(nets[0], "iad")}, "rows")
    expect(rows[0]["rttMilliseconds"] < 20 and rows[0]["samples"] >= 3, f"{rows}")
    expect(martlet.metric("martlet_rtt_measurements_total", source="http") >= 3, "counted")
    status, out, err = martlet_command(scene, "check", scene.write(
        "check.yaml", text.replace("site: iad, ", "")))
    expect(status != 0 and "M1443" in out + err, out + err)
    # Without the option nothing is learnt any more.
    martlet.reload(text.replace("measure-rtt: true, ", ""))
    for _ in range(5):
        ask("127.0.9.5")
    never("another row", during=1.2, question=lambda: {
        row["place"] for row in martlet.json("GET", "/api/v1/rtt")["rows"]} != {nets[0]})


@scenario("the example of the documentation for round trips")
def documented(scene):
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "Documentation",
                          "examples")
    with open(os.path.join(folder, "latency.yaml")) as example:
        text = example.read()
    with open(os.path.join(folder, "round-trips.csv")) as rows:
        scene.write("round-trips.csv", rows.read())
    origin, http, dns = scene.origin("fra", "127.0.0.11"), scene.port(), scene.port()
    text = text.replace('":8080"', f"127.0.0.1:{http}").replace('":5300"', f"127.0.0.1:{dns}")
    text = text.replace("10.0.1.1:8080", origin.at)
    config = scene.write("latency.yaml", text)
    status, out, err = martlet_command(scene, "check", config)
    expect(status == 0 and "warning[" not in out + err, out + err)
    scene.martlet(text)
    found = dig_text(dns, "www.example.com", "A", "+subnet=198.51.100.0/24")
    expect("203.0.113.20" in found, found)
