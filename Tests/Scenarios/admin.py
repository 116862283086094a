# SPDX-License-Identifier: Apache-2.0
"""The admin listener: metrics that real parsers accept, the API, and its errors."""
import json
import os
import socket
import subprocess
import sys

from harness import Skip, eventually, expect, expect_equal, scenario
from harness.ask import Browser, ask_dns, curl
from harness.martlet import martlet_command
from harness.runner import ROOT
from harness.service import service

VENV = os.path.join(ROOT, ".build", "venv", "bin", "python")


def start(scene, names=("a", "b"), **options):
    origins = scene.origins(*names)
    http, dns = scene.port(), scene.port()
    martlet = scene.martlet(service(http, dns, origins, **options))
    browser = Browser(http)
    for _ in range(10):
        browser.ask()
        ask_dns(dns, "www.example.com")
    return origins, http, dns, martlet


@scenario("/metrics is clean under promtool and counts what happened")
def metrics(scene):
    _, _, _, martlet = start(scene)
    eventually("what was asked is counted", lambda: martlet.metric("martlet_dns_queries_total") >= 10)
    text = martlet.metrics()
    try:
        done = subprocess.run(["promtool", "check", "metrics"], input=text.encode(),
                              capture_output=True, timeout=20)
    except FileNotFoundError:
        raise Skip("promtool is not installed")
    expect(done.returncode == 0 and not done.stderr, f"promtool: {done.stderr.decode()[:1500]}")
    requests = [l for l in text.splitlines() if "requests_total{" in l]
    queries = [l for l in text.splitlines() if "queries_total" in l and not l.startswith("#")]
    expect(sum(float(l.rpartition(" ")[2]) for l in requests) >= 10, f"requests: {requests}")
    expect(sum(float(l.rpartition(" ")[2]) for l in queries) >= 10, f"queries: {queries}")


@scenario("/metrics by negotiation is OpenMetrics, clean under prometheus_client")
def openmetrics(scene):
    if not os.path.exists(VENV):
        raise Skip("prometheus_client is not there (scripts/setup could not reach PyPI)")
    _, _, _, martlet = start(scene)
    status, headers, data = martlet.api(
        "GET", "/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    expect_equal(status, 200, "status")
    expect("application/openmetrics-text" in headers["Content-Type"], headers["Content-Type"])
    expect(data.endswith(b"# EOF\n"), "ends with # EOF")
    code = ("import sys\nfrom prometheus_client.openmetrics.parser import "
            "text_string_to_metric_families as f\nprint(len(list(f(sys.stdin.read()))))")
    done = subprocess.run([VENV, "-c", code], input=data, capture_output=True, timeout=20)
    expect(done.returncode == 0, f"prometheus_client: {done.stderr.decode()[-1500:]}")
    expect(int(done.stdout) > 5, f"only {done.stdout!r} families")


@scenario("health of Martlet itself: /livez, /readyz, /startupz")
def own_health(scene):
    _, _, _, martlet = start(scene)
    for path in ("/livez", "/readyz", "/startupz"):
        expect_equal(martlet.api("GET", path)[0], 200, path)


@scenario("errors of the API are problem+json with a stable code")
def problems(scene):
    origins, _, _, martlet = start(scene)
    at = f"/api/v1/pools/web/endpoints/{origins[0].at}"
    asked = [
        ("GET", "/api/v1/nothing", None, (404,)),
        ("GET", "/nothing", None, (404,)),
        ("PATCH", "/api/v1/pools/none/endpoints/1.2.3.4:5", {"weight": 1}, (404,)),
        ("PATCH", "/api/v1/pools/web/endpoints/1.2.3.4:5", {"weight": 1}, (404,)),
        ("PATCH", at, {"administrative": "sleeping"}, (400, 422)),
        ("PATCH", at, {"weight": -1}, (400, 422)),
        ("PATCH", at, {"wieght": 1}, (400, 422)),
        ("PATCH", at, {}, (400, 422)),
        ("DELETE", "/api/v1/snapshot", None, (405,)),
        ("GET", "/api/v1/explain", None, (400, 422)),
        ("GET", "/api/v1/explain-dns?name=..", None, (400, 422)),
    ]
    wrong = []
    for method, path, body, accepted in asked:
        status, headers, data = martlet.api(method, path, body)
        kind = headers["Content-Type"] or ""
        try:
            problem = json.loads(data)
        except ValueError:
            problem = {}
        if status not in accepted or "application/problem+json" not in kind:
            wrong.append(f"{method} {path} {body}: {status} {kind}")
        elif not problem.get("title") or problem.get("status") != status:
            wrong.append(f"{method} {path} {body}: {data[:200]!r}")
    status, headers, data = martlet.api("PATCH", at, None)
    if status not in (400, 411, 422):
        wrong.append(f"PATCH without a body: {status}")
    expect(not wrong, lambda: "\n".join(wrong))


@scenario("an endpoint's state and weight change by PATCH, show everywhere, and outlive HUP")
def patch(scene):
    (a, b), http, dns, martlet = start(scene)
    martlet.patch("web", b.at, {"administrative": "draining"})
    expect_equal(set(ask_dns(dns, "www.example.com").addresses), {a.address}, "DNS while draining")
    expect_equal(martlet.endpoint("web", b.at)["administrative"], "draining", "API")
    martlet.reload(service(http, dns, [a, b], weights={"a": 2}))
    expect_equal(martlet.endpoint("web", b.at)["administrative"], "draining", "API after HUP")
    martlet.patch("web", b.at, {"administrative": "ready"})
    eventually("b is back in DNS", lambda: b.address in ask_dns(dns, "www.example.com").addresses)
    martlet.patch("web", b.at, {"weight": 0})
    browser = Browser(http)
    picks = {browser.ask()[2] for _ in range(12)}
    expect_equal(picks, {b"origin a\n"}, "picks with weight 0")
    expect_equal(martlet.endpoint("web", b.at)["weight"], 0, "weight in the API")


@scenario("explain says what would be chosen and why, for both doors, by API and by command")
def explain(scene):
    (a, b), _, _, martlet = start(scene)
    martlet.patch("web", b.at, {"administrative": "draining"})
    text = json.dumps(martlet.json("GET", "/api/v1/explain?url=http://www.example.com/x"))
    for part in ("web", a.at, b.at, "draining"):
        expect(part in text, f"{part!r} in {text}")
    text = json.dumps(martlet.json("GET", "/api/v1/explain-dns?name=www.example.com&from=192.0.2.9"))
    for part in ("www", a.address, b.address, "draining"):
        expect(part in text, f"{part!r} in {text}")
    admin = ["--admin", f"127.0.0.1:{martlet.admin}"]
    for command in (["explain", "http://www.example.com/x"], ["status"],
                    ["explain-dns", "www.example.com", "--from", "192.0.2.9"]):
        status, out, err = martlet_command(scene, *command, *admin)
        expect_equal(status, 0, f"{command}: {err}")
        expect(a.address in out and "draining" in out, f"{command} prints:\n{out}")


@scenario("clients of the admin listener that never finish, or only listen, keep nobody out")
def slow_admin_clients(scene):
    _, _, _, martlet = start(scene)
    at = ("127.0.0.1", martlet.admin)

    def clients(count, text):
        held = [socket.create_connection(at, 2) for _ in range(count)]
        for client in held:
            client.sendall(text)
        return held

    half = clients(200, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n")
    expect_equal(martlet.api("GET", "/livez")[0], 200, "beside 200 heads that do not end")
    readers = clients(60, b"GET /api/v1/events/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
    seen = [reader.recv(12) for reader in readers]
    expect_equal(seen.count(b"HTTP/1.1 200"), 32, f"readers of the stream: {set(seen)}")
    expect_equal(seen.count(b"HTTP/1.1 503"), 28, f"readers turned away: {set(seen)}")
    more = clients(200, b"GET /")
    expect_equal(martlet.api("GET", "/api/v1/snapshot")[0], 200, "beside all of them")
    text = martlet.metrics()
    expect("martlet_" in text, "the metrics are there")
    for client in half + readers + more:
        client.close()


@scenario("the status page shows pools and endpoints in a browser's terms")
def status_page(scene):
    origins, _, _, martlet = start(scene)
    status, head, body = curl(f"http://127.0.0.1:{martlet.admin}/")
    expect_equal(status, 200, "status")
    expect("text/html" in head, "it is HTML")
    expect(b"web" in body or b"/api/v1/" in body, "it shows pools, or asks the API for them")
    links = [word for word in (b"http://", b"https://", b"//cdn") if word in
             body.replace(b"http://www.w3.org/2000/svg", b"")]
    expect(not links, f"it needs nothing from elsewhere: {links}")
    expect(b'"Zones", ["Name", "State", "Serial", "Names", "Problem"]' in body, "zones with their states")
    expect(b'"Hits", "Bytes hit", "Misses by reason"' in body, "caches with their hit ratios")
    zone = martlet.snapshot()["zones"][0]
    expect(zone["names"] > 1 and zone["state"] == "served", f"what it shows of one: {zone}")
    doors = martlet.snapshot()["doors"]
    expect(doors["http"]["requests"] >= 10 and doors["dns"]["queries"] >= 10,
           f"the counts that its rates are made of: {doors}")
