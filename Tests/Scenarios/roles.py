# SPDX-License-Identifier: Apache-2.0
"""Leaders and replicas: who gets what may change something, and what happens while nobody leads."""
import os
import signal
import threading
import time

from harness import eventually, expect, expect_equal, scenario
from harness.ask import Browser, curl, field
from harness.martlet import martlet_command
from harness.service import service

R = "probes.*.role."
BY_FIELD = ("{ http: /healthz/role, interval: 100ms, timeout: 80ms, fast-interval: 100ms, "
            "role: { field: replication.role%s } }")
BY_STATUS = ("{ http: /healthz/primary, expect: [ 200, 503 ], interval: 100ms, timeout: 80ms, "
             "role: { status: 200 } }")


def ask(http, method="GET", path="/"):
    """(status, origin, the body's beginning)"""
    status, head, body = Browser(http).ask(path, method)
    return status, field(head, "X-Origin"), body.decode()[:60]


def picks(http, method, count=12):
    return {ask(http, method)[1] for _ in range(count)}


@scenario("writes follow the leader, reads the replicas, through failover and split", 60, covers=[
    R + "field", R + "leader", "pools.*.writes", "pools.*.reads"])
def follows(scene):
    a, b, c = origins = scene.origins("a", "b", "c")
    a.role("leader")
    http = scene.port()
    text = service(http, None, origins, probe=BY_FIELD % "", pool="writes: leader\nreads: replicas")
    martlet = scene.martlet(text)
    eventually("a leads", lambda: martlet.endpoint("web", a.at)["role"] == "leader")
    eventually("the others follow", lambda: martlet.endpoint("web", c.at)["role"] == "replica")
    expect_equal(picks(http, "POST"), {"a"}, "writes")
    expect_equal(picks(http, "DELETE"), {"a"}, "writes")
    expect_equal(picks(http, "GET"), {"b", "c"}, "reads")
    # By HTTP/2 as well.
    out = curl(f"http://127.0.0.1:{http}/", "--http2-prior-knowledge", "-X", "POST",
               "-H", "Host: www.example.com")[2].decode()
    expect("x-origin: a" in out, out)

    def explain(method):
        return martlet_command(scene, "explain", "http://www.example.com/", "--method", method,
                               "--admin", f"127.0.0.1:{martlet.admin}")[1]
    expect("it leads, and the request may change something" in explain("POST"), explain("POST"))
    expect("replicas alone" in explain("GET"), explain("GET"))
    out = martlet_command(scene, "status", "--admin", f"127.0.0.1:{martlet.admin}")[1]
    expect("ROLE" in out and "leader" in out and "replica" in out, out)
    expect_equal(martlet.metric("martlet_endpoint_role", endpoint="a", state="leader"), 1, "metric")

    # Failover under load: a write is answered by whoever leads, or refused; never by a replica.
    seen, over = [], threading.Event()

    def write():
        while not over.is_set():
            seen.append(ask(http, "POST"))
    writer = threading.Thread(target=write)
    writer.start()
    time.sleep(0.3)
    a.role("replica")
    eventually("nobody leads", lambda: ask(http, "POST")[0] == 503)
    status, origin, body = ask(http, "POST")
    expect((status, origin) == (503, None) and "no-leader" in body, f"{status} {body}")
    expect("no endpoint that is up and ready says" in explain("POST"), explain("POST"))
    expect_equal(ask(http)[0], 200, "reads go on")
    b.role("leader")
    eventually("writes go to b", lambda: ask(http, "POST")[:2] == (200, "b"))
    over.set()
    writer.join()
    order = [origin for status, origin, _ in seen if status == 200]
    expect({"a", "b"} >= set(order) and order == sorted(order), f"a, then b: {set(order)}")
    expect({status for status, _, _ in seen} <= {200, 503}, "answered or refused")
    expect(any("role" in line and "leader" in line for line in martlet.log().splitlines()), "logged")

    # The old leader comes back and still believes in itself: nobody writes until that is settled.
    a.role("leader")
    eventually("two claim it", lambda: ask(http, "POST")[0] == 503)
    expect("2 endpoints claim to lead" in explain("POST"), explain("POST"))
    a.kill()
    eventually("the one that is left", lambda: ask(http, "POST")[:2] == (200, "b"))
    expect(martlet.metric("martlet_http_ended_by_door_total", reason="no-leader") > 0, "counted")

    # Reads come back to the leader when nobody else is left; a restart knows who led.
    martlet.patch("web", c.at, {"administrative": "maintenance"})
    eventually("the leader reads", lambda: ask(http)[:2] == (200, "b"))
    eventually("the role is saved", lambda: '"leader"' in open(f"{martlet.state}/health.json").read())
    # A page about an overload says nothing about who leads.
    b.failing("/healthz/role")
    eventually("b fails", lambda: martlet.endpoint("web", b.at)["health"] == "down")
    expect_equal(martlet.endpoint("web", b.at)["role"], "leader", "and still has its role")
    b.failing()
    eventually("b is back", lambda: ask(http, "POST")[:2] == (200, "b"))
    # Nobody can be asked, so what is known is what was saved.
    os.kill(b.process.pid, signal.SIGSTOP)
    martlet.kill_serving()
    eventually("who led is known",
               lambda: martlet.endpoint("web", b.at)["role"] == "leader", within=4)
    os.kill(b.process.pid, signal.SIGCONT)
    eventually("it serves again", lambda: ask(http, "POST")[:2] == (200, "b"), within=10)

    # Other words for it, and without `writes` the role is only shown.
    b.role("Chef")
    martlet.reload(service(http, None, [b, c], probe=BY_FIELD % ", leader: chef"))
    eventually("another word", lambda: martlet.endpoint("web", b.at)["role"] == "leader")
    martlet.patch("web", c.at, {"administrative": "ready"})
    eventually("all", lambda: picks(http, "POST") == {"b", "c"})


@scenario("a role by status, and what check says of roles that nobody tells", 40,
          covers=[R + "status"])
def by_status(scene):
    a, b = origins = scene.origins("a", "b")
    b.role("leader")
    http = scene.port()
    martlet = scene.martlet(service(http, None, origins, probe=BY_STATUS, pool="writes: leader"))
    eventually("b leads", lambda: martlet.endpoint("web", b.at)["role"] == "leader")
    expect_equal(martlet.endpoint("web", a.at)["health"], "up", "a replica is up")
    expect_equal(picks(http, "PUT"), {"b"}, "writes")
    expect_equal(picks(http, "GET"), {"a", "b"}, "reads go to all")

    for parts, code in (({"pool": "writes: leader"}, "M1350"),
                        ({"pool": "reads: replicas", "probe": ""}, "M1350"),
                        ({"probe": "{ http: /, role: { status: 200, field: a } }"}, "M1105"),
                        ({"probe": "{ http: /, role: { leader: a } }"}, "M1106"),
                        ({"probe": "{ http: /, method: HEAD, role: { field: a } }"}, "M1105"),
                        ({"probe": "{ tcp: connect, role: { status: 200 } }"}, "M1106"),
                        ({"probe": BY_STATUS, "pool": "writes: leader\nsticky: { cookie: A }"},
                         "M1105")):
        path = scene.write("check.yaml", service(http, None, origins, **parts))
        status, out, err = martlet_command(scene, "check", path)
        expect(status == 1 and code in out + err, f"{parts}: {out}{err}")
