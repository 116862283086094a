# SPDX-License-Identifier: Apache-2.0
"""Spans of traces: what they say, that they join, and that no request ever waits for them."""
import os
import re
import struct
import time
from socket import SO_LINGER, SOL_SOCKET

from harness import eventually, expect, expect_equal, never, scenario
from harness.ask import Browser, curl
from harness.certificates import Authority
from harness.collector import Collector, attributes, judge_by_protocol
from harness.martlet import martlet_command
from harness.service import service
from harness.websocket import Socket

O = "tracing.otlp."
PARENT = "b7ad6b7169203331"


def traceparent(number, flags="01"):
    return f"{number:032x}", f"traceparent: 00-{number:032x}-{PARENT}-{flags}\r\n"


def export(collector, options="", scheme="http"):
    port = getattr(collector, "port", collector)
    more = f", {options}" if options else ""
    return (f"tracing: {{ otlp: {{ endpoint: '{scheme}://127.0.0.1:{port}/v1/traces', "
            f"every: 100ms{more} }} }}\n")


def text(scene, http, origins, collector, options="share: 100%", **parts):
    return service(http, None, origins, listener="tracing: true", probe="",
                   more=export(collector, options), **parts)


def told(origin):
    """The parents that an origin was told, with their traces and flags."""
    lines = [re.search(r"(?im)^traceparent: 00-(\w+)-(\w+)-(\w+)", head)
             for head in origin.seen()["heads"]]
    return [line.groups() for line in lines if line]


@scenario("spans: the client's trace goes on, and endpoints know the spans that are exported", 60,
          covers=[O + "endpoint", O + "headers.*", O + "every", O + "service", O + "attributes.*"])
def joined(scene):
    a, b = scene.origins("a", "b")
    collector = Collector(scene)
    http = scene.port()
    martlet = scene.martlet(text(
        scene, http, [a, b], collector, "share: 100%, headers: { X-Tenant: shop }, service: edge, "
        "attributes: { deployment.environment.name: test }", pool="balance: first-available"))
    name, line = traceparent(1)
    browser = Browser(http)
    expect_equal(browser.ask("/some/path?secret=1", headers=line)[0], 200, "status")
    server, client = collector.trace(name, 2)
    expect_equal((server["parentSpanId"], server["kind"], server["name"]), (PARENT, 2, "GET /*"),
                 "the server's span")
    expect_equal((client["parentSpanId"], client["kind"]), (server["spanId"], 3), "the client's")
    expect_equal(told(a), [(name, client["spanId"], "01")], "what the endpoint was told")
    seen = attributes(server)
    wanted = {"http.request.method": "GET", "url.path": "/some/path", "url.scheme": "http",
              "http.response.status_code": "200", "server.address": "www.example.com",
              "client.address": "127.0.0.1", "network.protocol.version": "1.1",
              "http.route": "/*", "martlet.pool": "web", "martlet.endpoint": "a",
              "martlet.reason": "ok"}
    expect_equal({key: seen.get(key) for key in wanted}, wanted, "attributes")
    expect("secret" not in str(server), server)
    expect_equal(attributes(client)["server.port"], str(a.port), "the endpoint's port")
    expect_equal(attributes(client)["url.full"],
                 f"http://{attributes(client)['server.address']}:{a.port}/some/path", "the URL")
    expect("secret" not in str(client), client)
    lasted = int(server["endTimeUnixNano"]) - int(server["startTimeUnixNano"])
    expect(0 < lasted < 2e9 and abs(int(server["endTimeUnixNano"]) / 1e9 - time.time()) < 30, server)
    expect(int(client["startTimeUnixNano"]) >= int(server["startTimeUnixNano"]), client)
    status, out, _ = martlet_command(scene, "why", seen["martlet.request_id"], "--admin",
                                     f"127.0.0.1:{martlet.admin}")
    expect(status in (0, 1), out)

    # The batch as a whole.
    path, fields = collector.requests[0]
    expect_equal((path, fields["X-Tenant"]), ("/v1/traces", "shop"), "the request")
    resource = attributes(collector.documents[0]["resourceSpans"][0]["resource"])
    expect_equal(resource, {"service.name": "edge", "deployment.environment.name": "test"}, "who")
    if os.environ.get("MARTLET_NEEDS_OTLP"):
        expect(judge_by_protocol(collector.documents[0]), "the protocol's definition is not here")

    # A failed attempt and its retry are two spans, each known to its endpoint.
    a.forget()
    a.fault("reset")
    name, line = traceparent(2)
    expect_equal(Browser(http).ask("/", headers=line)[0], 200, "after a retry")
    server, first, second = collector.trace(name, 3)
    expect_equal(told(a), [(name, first["spanId"], "01")], "the first attempt")
    expect_equal(told(b)[-1], (name, second["spanId"], "01"), "the second attempt")
    first, second = attributes(first), attributes(second)
    expect_equal([x.get("http.request.resend_count") for x in (first, second)], [None, "1"], "count")
    expect(first["error.type"] in ("origin-reset", "origin-closed"), first)
    expect_equal(second["http.response.status_code"], "200", "the second")
    expect_equal((server["status"], attributes(server)["martlet.endpoint"]), ({}, "b"), "the whole")

    # An error of the endpoint, and one of the door.
    a.fault(None)
    name, line = traceparent(3)
    Browser(http).ask("/status/500", headers=line)
    server, client = collector.trace(name, 2)
    expect_equal((server["status"]["code"], attributes(server)["error.type"]), (2, "500"), "500")
    expect_equal(client["status"]["code"], 2, "the attempt")
    name, line = traceparent(4)
    Browser(http, host="nobody").ask("/", headers=line)
    server, = collector.trace(name, 1)
    expect_equal((server["name"], server["status"], attributes(server)["martlet.reason"]),
                 ("GET", {}, "no-route"), "an answer of the door")

    # By HTTP/2, and through a WebSocket, whose span ends with it.
    name, line = traceparent(5)
    curl(f"http://127.0.0.1:{http}/h2", "--http2-prior-knowledge", "-H", line.strip(),
         "-H", "Host: www.example.com")
    server, client = collector.trace(name, 2)
    expect_equal(attributes(server)["network.protocol.version"], "2", "the version")
    expect_equal(told(a)[-1], (name, client["spanId"], "01"), "what the endpoint was told")
    name, line = traceparent(6)
    socket = Socket(http, fields=line)
    expect(socket.echo(), "an echo")
    never("a span while it is open", lambda: any(
        span["traceId"] == name for span in collector.spans), during=0.4)
    # A reset, since the origin would keep its side open.
    socket.sock.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
    socket.sock.close()
    server, client = collector.trace(name, 2)
    expect_equal(attributes(server)["http.response.status_code"], "101", "the status")
    expect_equal((server["name"], server["status"]), ("GET /*", {}), "the span")
    expect_equal(told(a)[-1], (name, client["spanId"], "01"), "what the endpoint was told")
    eventually("all is counted", lambda: martlet.metric("martlet_trace_spans_exported_total") == 12)
    expect_equal(len(collector.peers), 1, "connections for all these batches")
    expect(martlet.metric("martlet_trace_last_success_timestamp_seconds") > time.time() - 30, "when")
    expect_equal(martlet.snapshot()["tracing"]["exported"], 12, "the snapshot")


@scenario("spans: who is sampled", 60, covers=[O + "share"])
def sampled(scene):
    a, = scene.origins("a")
    collector = Collector(scene)
    http = scene.port()
    martlet = scene.martlet(text(scene, http, [a], collector, "share: 0%"))
    browser = Browser(http)
    for _ in range(20):
        browser.ask("/")
    name, line = traceparent(5, "00")
    browser.ask("/", headers=line)
    expect_equal({flags for _, _, flags in told(a)}, {"00"}, "nobody is sampled")
    name, line = traceparent(6)
    browser.ask("/", headers=line)
    collector.trace(name, 2)
    expect_equal({span["traceId"] for span in collector.spans}, {name}, "the client has asked")

    martlet.reload(text(scene, http, [a], collector, "share: 30%"))
    collector.documents.clear()
    a.forget()
    for _ in range(400):
        browser.ask("/")
    flags = [flags for _, _, flags in told(a)]
    share = flags.count("01") / len(flags)
    expect(0.15 < share < 0.45, f"{share} of the new traces")
    eventually("those are exported, and no others", lambda: len(
        {span["traceId"] for span in collector.spans}) > 60)
    expect(len({span["traceId"] for span in collector.spans}) < 180, "others as well")


@scenario("spans: a collector that is gone, slow or busy costs no request anything", 90,
          covers=[O + "timeout", O + "queue", O + "batch"])
def failing(scene):
    a, = scene.origins("a")
    collector = Collector(scene)
    http = scene.port()
    martlet = scene.martlet(text(
        scene, http, [a], collector, "share: 100%, queue: 64, batch: 16, timeout: 400ms"))
    browser = Browser(http)

    def ask(count):
        slowest = 0
        for _ in range(count):
            began = time.monotonic()
            expect_equal(browser.ask("/")[0], 200, "status")
            slowest = max(slowest, time.monotonic() - began)
        return slowest

    def log(word):
        return [line for line in martlet.log().splitlines() if " tracing " in line and word in line]

    def dropped(reason):
        return martlet.metric("martlet_trace_spans_dropped_total", reason=reason)
    ask(4)
    eventually("spans arrive", lambda: len(collector.spans) == 8)

    # Busy, with a time to come back: nothing is lost, and the time is kept.
    collector.arrivals.clear()
    collector.fail((503, {"Retry-After": "2"}))
    ask(4)
    eventually("the batch comes again", lambda: len(collector.spans) == 16)
    gap = collector.arrivals[1] - collector.arrivals[0]
    expect(1.9 < gap < 4, f"{gap} s, where 2 s were asked for")
    eventually("it is said that they are taken", lambda: log("spans again"))
    expect_equal((len(log("takes no spans")), len(log("spans again"))), (1, 1), "once each")
    expect("status 503" in log("takes no spans")[0], log("")[0])

    # What will not pass is given up.
    collector.fail((400, {}))
    ask(2)
    eventually("the batch is given up", lambda: dropped("rejected") == 4)
    ask(2)
    eventually("later ones are taken", lambda: len(collector.spans) == 20)
    collector.fail((200, {"body": b'{"partialSuccess":{"rejectedSpans":"1"}}'}))
    ask(1)
    eventually("what it did not take is counted", lambda: dropped("rejected") == 5)

    # Hanging: the time of each request is bounded, the queue too, and clients notice nothing.
    collector.fail("hang", "ever")
    before = len(log("takes no spans"))
    failed = martlet.metric("martlet_trace_failed_sends_total")
    slowest = ask(300)
    expect(slowest < 0.3, f"a request took {slowest} s")
    eventually("spans are dropped and counted", lambda: dropped("queue-full") > 400)
    expect(martlet.metric("martlet_trace_spans_waiting") <= 64 + 16, "the queue is bounded")
    eventually("sends fail", lambda: martlet.metric("martlet_trace_failed_sends_total") > failed + 1)
    expect_equal(len(log("takes no spans")), before + 1, "one line, not one for each batch")
    expect("no answer came in time" in martlet.snapshot()["tracing"]["problem"], "the snapshot")
    out = martlet_command(scene, "status", "--admin", f"127.0.0.1:{martlet.admin}")[1]
    expect("the collector takes no spans: no answer came in time" in out, out)

    # Gone, and back.
    collector.fail("close", "ever")
    collector.stop()
    slowest = ask(200)
    expect(slowest < 0.3, f"a request took {slowest} s")
    count = len(collector.spans)
    collector.fail()
    collector.start()
    eventually("what waited arrives", lambda: len(collector.spans) > count, within=40)
    eventually("it is said", lambda: len(log("spans again")) == len(log("takes no spans")), within=5)
    eventually("nothing waits", lambda: martlet.metric("martlet_trace_spans_waiting") == 0)
    total = sum(dropped(reason) for reason in ("ring-full", "queue-full", "rejected", "stopped"))
    exported = martlet.metric("martlet_trace_spans_exported_total")
    expect_equal(exported + total, 2 * (4 + 4 + 2 + 2 + 1 + 300 + 200), "every span is in the books")
    expect_equal(martlet.metric("martlet_http_requests_total"), 513, "requests")


@scenario("spans: a reload changes the collector, and switches the export off and on", 60)
def reloaded(scene):
    a, = scene.origins("a")
    first, second = Collector(scene), Collector(scene)
    http = scene.port()
    first.fail("hang", "ever")
    martlet = scene.martlet(text(scene, http, [a], first))
    browser = Browser(http)
    browser.ask("/")
    eventually("the first collector is asked", lambda: first.arrivals)
    martlet.reload(text(scene, http, [a], second))
    eventually("the second has what the first did not take", lambda: len(second.spans) == 2)
    # Without export traces go on as they did before.
    martlet.reload(service(http, None, [a], listener="tracing: true", probe=""))
    expect_equal(martlet.snapshot()["tracing"], None, "no export")
    expect("martlet_trace_" not in martlet.metrics(), "no metrics without one")
    name, line = traceparent(7)
    browser.ask("/", headers=line)
    expect_equal(told(a)[-1][::2], (name, "01"), "the trace goes on")
    never("a span", lambda: len(second.spans) > 2, during=0.6)
    martlet.reload(text(scene, http, [a], second))
    name, line = traceparent(8)
    browser.ask("/", headers=line)
    second.trace(name, 2)
    expect_equal(len(second.spans), 4, "nothing of the time between")


@scenario("spans: what is left is sent at the end, within a bound", 60)
def flushed(scene):
    a, = scene.origins("a")
    collector = Collector(scene)
    http = scene.port()
    slow = "share: 100%, every: 1m"
    lines = text(scene, http, [a], collector, slow).replace("every: 100ms, ", "")
    martlet = scene.martlet(lines)
    browser = Browser(http)
    for _ in range(5):
        browser.ask("/")
    expect_equal(collector.spans, [], "nothing is due")
    began = time.monotonic()
    expect_equal(martlet.stop(), 0, "exit status")
    expect(time.monotonic() - began < 3, "no longer than it takes")
    expect_equal(len(collector.spans), 10, "all spans")

    # A collector that hangs has three seconds, and none after a second TERM.
    collector.fail("hang", "ever")
    for least, most, signals in [(2.5, 5, 1), (0, 2, 2)]:
        martlet.start()
        Browser(http).ask("/")
        collector.arrivals.clear()
        began = time.monotonic()
        martlet.signal(15)
        if signals == 2:
            eventually("the last spans are on their way", lambda: collector.arrivals)
            martlet.signal(15)
        martlet.exit_status(within=10)
        took = time.monotonic() - began
        expect(least < took < most, f"{took} s, after {signals} signals")


@scenario("spans: a collector by TLS is verified", 60, covers=[O + "authorities"])
def verified(scene):
    a, = scene.origins("a")
    authority, other = Authority(scene), Authority(scene, "other")
    good = Collector(scene, files=authority.make("collector", "localhost"))
    http = scene.port()

    def lines(ca):
        return text(scene, http, [a], good, f"share: 100%, authorities: {ca}").replace(
            "http://127.0.0.1", "https://localhost")
    martlet = scene.martlet(lines(authority.certificate))
    browser = Browser(http)
    name, line = traceparent(9)
    browser.ask("/", headers=line)
    good.trace(name, 2)
    eventually("its answer is read", lambda: martlet.snapshot()["tracing"]["exported"] == 2)
    martlet.reload(lines(other.certificate))
    browser.ask("/")
    eventually("another authority's word counts nothing", lambda: "unknown-authority" in (
        martlet.snapshot()["tracing"]["problem"] or ""))
    named = lines(authority.certificate).replace("https://localhost", "https://127.0.0.1")
    martlet.reload(named)
    eventually("nor a certificate for another name", lambda: "name-mismatch" in (
        martlet.snapshot()["tracing"]["problem"] or ""))
    martlet.reload(lines(authority.certificate))
    eventually("and then all that waited arrives", lambda: len(good.spans) == 4)
    expect_equal(martlet.snapshot()["tracing"]["problem"], None, "all is well")
    scene.write("bad.crt", "nonsense")
    scene.write("bad.yaml", lines(scene.path("bad.crt")))
    status, out, err = martlet_command(scene, "check", scene.path("bad.yaml"))
    expect(status != 0 and "M1219" in out + err, out + err)
