# SPDX-License-Identifier: Apache-2.0
"""Health that an operator forces for a while, through the API and the command line."""
import json
import os
import threading

from harness import eventually, expect, expect_equal, never, scenario
from harness.ask import ask_dns
from harness.martlet import martlet_command
from harness.service import service


def command(scene, martlet, *words):
    return martlet_command(scene, *words, "--admin", f"127.0.0.1:{martlet.admin}")


def start(scene):
    origins = scene.origins("a", "b")
    http, dns = scene.port(), scene.port()
    martlet = scene.martlet(service(http, dns, origins, steer="all-down: none"))
    a, b = origins

    def addresses():
        return set(ask_dns(dns, "www.example.com").addresses)

    eventually("both are up", lambda: addresses() == {a.address, b.address})
    return a, b, addresses, martlet


@scenario("an endpoint is forced down and up, seen at the doors, and ends by itself", 40)
def forced(scene):
    a, b, addresses, martlet = start(scene)
    a.health("fail")
    eventually("a is down", lambda: addresses() == {b.address})
    answer = martlet.patch("web", "a", {"force": "up", "forceSeconds": 2})["endpoints"][0]
    expect_equal((answer["health"], answer["reason"]), ("up", "forced-up"), "the answer")
    expect(0 < answer["forced"]["seconds"] <= 2, answer["forced"])
    expect_equal(answer["forced"]["health"], "up", "forced")
    eventually("a answers at once", lambda: addresses() == {a.address, b.address}, within=0.5)
    expect(martlet.metric("martlet_endpoint_forced_remaining_seconds", endpoint="a", state="up") > 0,
           "metric")
    eventually("it ends by itself", lambda: addresses() == {b.address}, within=4)
    seen = martlet.endpoint("web", "a")
    expect_equal((seen["health"], seen["forced"]), ("down", None), "afterwards")
    expect("web/a is forced up for 2 s" in martlet.log(), "the log line at the beginning")
    expect("web/a is no longer forced up" in martlet.log(), "the log line at the end")
    a.health("ok")
    eventually("a is up", lambda: addresses() == {a.address, b.address})

    # The command line, with the default of an hour, and its end by `auto`.
    status, out, err = command(scene, martlet, "force", "web/b", "down")
    expect(status == 0 and "b" in out, f"{status} {out} {err}")
    eventually("b is out", lambda: addresses() == {a.address}, within=0.5)
    shown = martlet.endpoint("web", "b")
    expect(3500 < shown["forced"]["seconds"] <= 3600, shown["forced"])
    status, out, err = command(scene, martlet, "status")
    expect("forced-down: 59 min" in out or "forced-down: 1 h" in out, out)
    status, out, _ = command(scene, martlet, "explain", "http://www.example.com/")
    expect("down: forced-down, 59 min" in out or "down: forced-down, 1 h" in out, out)
    # It outlives a restart of the serving process, with its end on the wall clock.
    martlet.kill_serving()
    eventually("it serves again", lambda: addresses() == {a.address}, within=8)
    again = martlet.endpoint("web", "b")
    expect_equal(again["reason"], "forced-down", "after the restart")
    expect(abs(again["forced"]["seconds"] - shown["forced"]["seconds"]) < 30, again["forced"])
    never("the probe brings it back", lambda: addresses() != {a.address}, during=0.5)
    status, out, err = command(scene, martlet, "force", "web/b", "auto")
    expect_equal(status, 0, f"{out} {err}")
    eventually("b is back", lambda: addresses() == {a.address, b.address})
    overlay = json.dumps(martlet.json("GET", "/api/v1/pools/web"))
    expect('"forced": {' not in overlay, overlay)


@scenario("answers live no longer than what is forced", 20)
def counted(scene):
    origins = scene.origins("a", "b")
    http, dns = scene.port(), scene.port()
    text = service(http, dns, origins, probe=None, steer="min-ttl: 1s")
    martlet = scene.martlet(text.replace("ttl: 1s, steer", "ttl: 60s, steer"))
    expect_equal(ask_dns(dns, "www.example.com").ttl, 60, "nothing is in sight")
    martlet.patch("web", "a", {"force": "down", "forceSeconds": 3})
    ttls = []

    def is_back():
        answer = ask_dns(dns, "www.example.com")
        if len(answer.addresses) == 1:
            ttls.append(answer.ttl)
        return len(answer.addresses) == 2

    eventually("it ends", is_back, within=6)
    expect(set(ttls) >= {1, 2} and max(ttls) <= 3, f"the TTL counts down: {ttls}")
    expect_equal(sorted(ttls, reverse=True), ttls, "and never up")


@scenario("a disk that does not answer keeps no verdict waiting, and what it does not keep does not hold", 40)
def slow_disk(scene):
    a, b, addresses, martlet = start(scene)
    # Where the new text is written first: opening it waits for a reader.
    place = os.path.join(martlet.state, "overlay.json.new")
    os.mkfifo(place)
    os.chmod(place, 0o666)
    told = []

    def drain():
        told.append(command(scene, martlet, "drain", "web/b"))

    thread = threading.Thread(target=drain)
    thread.start()
    never("the change ends", lambda: told, during=0.3)
    a.health("fail")
    eventually("a is out meanwhile", lambda: addresses() == {b.address}, within=2)
    expect_equal(martlet.endpoint("web", "b")["administrative"], "ready", "b meanwhile")
    expect(not told, "who asked for the change waits")
    # It can be written, and not synced: pipes cannot.
    with open(place, "rb") as pipe:
        expect(b"draining" in pipe.read(), "the text")
    thread.join(20)
    status, out, err = told[0]
    expect(status != 0 and "M3034" in out + err and "cannot be saved" in out + err, told)
    expect_equal(martlet.endpoint("web", "b")["administrative"], "ready", "b after it")
    expect("a change cannot be saved: overlay.json" in martlet.log(), "the log")
    os.remove(place)
    status, out, err = command(scene, martlet, "drain", "web/b")
    expect_equal(status, 0, f"{out}{err}")
    expect_equal(martlet.endpoint("web", "b")["administrative"], "draining", "b at last")


@scenario("what cannot be forced is refused with the reason", 20)
def refused(scene):
    *_, martlet = start(scene)
    for body in ({"force": "sideways"}, {"force": "up", "forceSeconds": 604801},
                 {"force": "up", "forceSeconds": 0}, {"forceSeconds": 5},
                 {"force": "auto", "forceSeconds": 5}):
        problem = martlet.patch("web", "a", body, status=422)
        expect_equal(problem["code"], "M3016", f"{body}")
    for words in (("web/a", "sideways"), ("web/a", "up", "--for", "8d"), ("web/a",),
                  ("web/a", "auto", "--for", "5s"), ("web/c", "up")):
        status, out, err = command(scene, martlet, "force", *words)
        expect(status != 0 and err, f"{words}: {status} {out} {err}")
